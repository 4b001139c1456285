from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from services.stylizer.job import TransferJob
from services.stylizer.network import Trunk
from services.stylizer.objective import Evaluation, Objective
from services.stylizer.targets import TargetCache
from shared.images import Film
from shared.recipe import LAYERS, LossConvention, Recipe, Region

JobMaker = Callable[..., TransferJob]
TrunkMaker = Callable[..., Trunk]

RECIPES = [
    pytest.param({}, id="defaults"),
    pytest.param({"content_layer": "conv_4", "content_weight": 0.1}, id="conv_4"),
    pytest.param({"content_layer": "conv_2", "style_layers": ("conv_1", "conv_4")}, id="some layers"),
    pytest.param({"style_weight": 0.0}, id="content only"),
    pytest.param({"content_weight": 0.0}, id="style only"),
]


def evaluate(trunk: Trunk, jobs: list[TransferJob | None], films: Tensor) -> Evaluation:
    objective = Objective(trunk, len(jobs))
    for slot, job in enumerate(jobs):
        if job is not None:
            objective.place(slot, job, TargetCache(10**8))
    return objective.evaluate(films)


def noisy(film: Film, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    noise = np.random.default_rng(seed).normal(0, 0.02, film.shape)
    return torch.tensor(film + noise, dtype=dtype).flatten()


@pytest.mark.parametrize("recipe", RECIPES)
def test_loss_and_gradient_are_those_of_the_tutorials_three_channel_objective(
    job: JobMaker, trunk: TrunkMaker, tutorial: type, recipe: dict[str, object]
) -> None:
    made = job(1, 2, 32, **recipe)
    point = noisy(made.content, 7)
    expected_at = point.view(32, 32).clone().requires_grad_()
    expected = tutorial(made.content, made.style, made.recipe)(expected_at)
    expected.backward()
    found = evaluate(trunk(32, torch.float64), [made], point[None])
    torch.testing.assert_close(found.loss[0], expected.detach(), rtol=1e-10, atol=0)
    assert expected_at.grad is not None
    torch.testing.assert_close(found.gradient[0].view(32, 32), expected_at.grad, rtol=1e-8, atol=1e-10)


def test_masked_losses_of_both_conventions_follow_the_formulas_position_by_position(
    job: JobMaker, trunk: TrunkMaker, tutorial: type
) -> None:
    point = noisy(job(1, 2, 32).content, 7)
    for convention in LossConvention:
        made = job(1, 2, 32, region=Region.BREAST, loss_convention=convention, content_layer="conv_3")
        content_loss, style_loss = masked_losses(tutorial, made, point.view(32, 32))
        found = evaluate(trunk(32, torch.float64), [made], point[None])
        torch.testing.assert_close(found.content_loss[0], content_loss, rtol=1e-9, atol=0)
        torch.testing.assert_close(found.style_loss[0], style_loss, rtol=1e-9, atol=0)
        weighted = made.recipe.content_weight * content_loss + made.recipe.style_weight * style_loss
        torch.testing.assert_close(found.loss[0], weighted, rtol=1e-9, atol=0)


def masked_losses(tutorial: type, job: TransferJob, film: Tensor) -> tuple[Tensor, Tensor]:
    """Content loss at conv_3 and style loss over all layers, weighed position by position, from their equations."""
    gatys = job.recipe.loss_convention is LossConvention.GATYS
    content_loss, style_loss = torch.zeros(()), torch.zeros((), dtype=torch.float64)
    films = (film, torch.tensor(job.content).double(), torch.tensor(job.style).double())
    for layer, features in enumerate(zip(*(tutorial.features(each) for each in films), strict=True)):
        size = 2 ** (0, 0, 1, 1, 2)[layer]
        inside, style_inside = (
            functional.avg_pool2d(torch.tensor(mask).double()[None, None], size)[0, 0].flatten()
            for mask in (job.content_mask, job.style_mask)
        )
        x, p, y = (feature[0].flatten(1) for feature in features)
        n, m = len(x), float(inside.sum())
        gram_x = torch.einsum("ip,p,jp->ij", x, inside, x) / (n * m)
        gram_y = torch.einsum("ip,p,jp->ij", y, style_inside, y) / (n * float(style_inside.sum()))
        # Gatys et al., Eq. 3, has unnormalised matrices: N^2 M^2 / (4 N^2 M^2) remains of its factor.
        style_loss = style_loss + ((gram_x - gram_y) ** 2).sum() * (1 / 4 if gatys else 1 / n**2)
        if layer == 2:
            total = (inside * (x - p) ** 2).sum()
            content_loss = total / 2 if gatys else total / (n * m)
    return content_loss, style_loss


@pytest.mark.parametrize("region", [Region.FILM, Region.BREAST])
def test_gradient_agrees_with_finite_differences(job: JobMaker, trunk: TrunkMaker, region: Region) -> None:
    made = job(1, 2, 32, region=region, content_layer="conv_4")
    objective = Objective(trunk(32, torch.float64), 1)
    objective.place(0, made, TargetCache(10**8))
    point = noisy(made.content, 7)[None]
    gradient = objective.evaluate(point).gradient[0]
    assert made.content_mask is not None
    inside = torch.tensor(made.content_mask.flatten())
    random = np.random.default_rng(3)
    checked = random.choice(np.flatnonzero(inside.numpy()), 6, replace=False)
    for pixel in (0, 31, 17 * 32, *checked):
        shift = torch.zeros_like(point)
        shift[0, pixel] = 1e-6
        difference = (objective.evaluate(point + shift).loss - objective.evaluate(point - shift).loss) / 2e-6
        expected = difference[0] if inside[pixel] or region is Region.FILM else torch.zeros_like(difference[0])
        torch.testing.assert_close(gradient[pixel], expected, rtol=1e-4, atol=1e-5)


def test_gradient_outside_the_contents_mask_is_exactly_zero(job: JobMaker, trunk: TrunkMaker) -> None:
    made = job(1, 2, 32, region=Region.BREAST)
    gradient = evaluate(trunk(32), [made], noisy(made.content, 7, torch.float32)[None]).gradient[0].view(32, 32)
    assert made.content_mask is not None
    assert not gradient[torch.tensor(~made.content_mask)].any()
    assert gradient[torch.tensor(made.content_mask)].all()


def test_terms_that_only_a_neighbour_uses_change_no_bit(job: JobMaker, trunk: TrunkMaker) -> None:
    made = job(1, 2, 32, style_layers=("conv_1", "conv_3"))
    neighbours = [
        None,
        job(3, 4, 32),
        job(3, 4, 32, content_layer="conv_4", region=Region.BREAST),
        job(3, 4, 32, content_layer="conv_1", loss_convention=LossConvention.GATYS),
    ]
    point = noisy(made.content, 7, torch.float32)
    films = torch.stack([point, noisy(job(3, 4, 32).content, 8, torch.float32)])
    alone, *beside = [evaluate(trunk(32), [made, neighbour], films) for neighbour in neighbours]
    for evaluation in beside:
        for field in ("loss", "content_loss", "style_loss", "gradient"):
            assert torch.equal(getattr(evaluation, field)[0], getattr(alone, field)[0]), field


def test_an_idle_slot_has_neither_loss_nor_gradient_also_after_a_film_left(job: JobMaker, trunk: TrunkMaker) -> None:
    objective = Objective(trunk(32), 2)
    for slot in range(2):
        objective.place(slot, job(1, 2, 32, region=Region.BREAST), TargetCache(10**8))
    objective.release(1)
    evaluation = objective.evaluate(torch.rand(2, 32 * 32, generator=torch.Generator().manual_seed(1)))
    assert evaluation.loss[1] == 0
    assert not evaluation.gradient[1].any()
    assert evaluation.loss[0] > 0


def test_a_film_that_is_its_own_style_has_no_loss(film: Callable[..., Film], trunk: TrunkMaker) -> None:
    made = TransferJob(content=film(1, 32), style=film(1, 32), recipe=Recipe(style_layers=LAYERS))
    evaluation = evaluate(trunk(32), [made], torch.tensor(made.content).flatten()[None])
    assert evaluation.loss[0] == 0
    assert not evaluation.gradient.any()
