from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import pytest
import torch
from torch import Tensor

from services.stylizer.job import TransferJob
from services.stylizer.lbfgs import BLOCK, BatchedLBFGS
from services.stylizer.network import Trunk
from shared.recipe import Optimizer
from tests.services.stylizer.courses import TorchCourse, our_objective
from tests.services.stylizer.two_loop import TwoLoop, relative_difference

CPU = torch.device("cpu")
Objective = Callable[[Tensor], Tensor]


def quadratic(seed: int, size: int = 12) -> tuple[Objective, Tensor]:
    random = torch.Generator().manual_seed(seed)
    root = torch.randn(size, size, generator=random, dtype=torch.float64)
    matrix = root @ root.T + torch.eye(size, dtype=torch.float64)
    return lambda x: 0.5 * x @ matrix @ x, torch.randn(size, generator=random, dtype=torch.float64)


def rosenbrock(start: float, size: int = 12) -> tuple[Objective, Tensor]:
    def objective(x: Tensor) -> Tensor:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum() / 1000

    return objective, torch.linspace(-start, start, size, dtype=torch.float64)


def concave_then_convex(size: int = 12) -> tuple[Objective, Tensor]:
    """Starts where curvature is negative, so the first pairs have to be skipped."""
    return lambda x: -torch.cos(x).sum(), torch.full((size,), 2.5, dtype=torch.float64)


def unmoved(size: int = 12) -> tuple[Objective, Tensor]:
    """Starts at its minimum: the gradient is zero from the first step on."""
    return lambda x: (x * x).sum(), torch.zeros(size, dtype=torch.float64)


def gradient_of(objective: Objective, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(x), x)
    return gradient


def by_torch(problem: tuple[Objective, Tensor], evaluations: int, history: int) -> list[Tensor]:
    """Points at which torch.optim.LBFGS evaluates, in blocks of 20 as the tutorial makes them."""
    objective, start = problem
    x = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [x], lr=1, history_size=history, max_iter=20, tolerance_grad=0, tolerance_change=0, line_search_fn=None
    )
    points: list[Tensor] = []

    def closure() -> Tensor:
        points.append(x.detach().clone())
        optimizer.zero_grad()
        loss = objective(x)
        loss.backward()
        return loss

    for _ in range(10 * evaluations):
        if len(points) >= evaluations:
            break
        optimizer.step(closure)
    return points[:evaluations]


def by_us(problems: list[tuple[Objective, Tensor]], evaluations: int, history: int) -> list[list[Tensor]]:
    slots, pixels = len(problems), len(problems[0][1])
    optimizer = BatchedLBFGS(slots, pixels, history=history, device=CPU, dtype=torch.float64)
    for slot in range(slots):
        optimizer.reset(slot)
    x = torch.stack([start for _, start in problems])
    points: list[list[Tensor]] = [[] for _ in problems]
    for _ in range(evaluations):
        for slot in range(slots):
            points[slot].append(x[slot].clone())
        gradients = torch.stack([gradient_of(objective, x[slot]) for slot, (objective, _) in enumerate(problems)])
        x = x + optimizer.step(gradients)
    return points


# More amplifies rounding further: two forms of the same step that differ by 3e-15 are 5e-7 apart on Rosenbrock's
# function after 60 evaluations. Every single step is compared below.
@pytest.mark.parametrize("history", [3, 100])
def test_every_film_of_a_batch_goes_the_way_of_torch_optim_lbfgs_alone(history: int) -> None:
    problems = [quadratic(1), rosenbrock(0.2), concave_then_convex(), quadratic(2), unmoved()]
    for problem, found in zip(problems, by_us(problems, 50, history), strict=True):
        for ours, theirs in zip(found, by_torch(problem, 50, history), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


def largest_difference(objective: Callable[[Tensor], Tensor], start: Tensor, evaluations: int, history: int) -> float:
    """How far our steps are from those of the two-loop recursion with the same pairs, over a whole trajectory.

    The recursion goes on with its own steps, and so do we: what is told apart is every single step, not where rounding
    leads after many of them.
    """
    ours = BatchedLBFGS(1, len(start), history=history, device=CPU, dtype=start.dtype)
    ours.reset(0)
    theirs = TwoLoop(history)
    x, largest = start, 0.0
    for _ in range(evaluations):
        gradient = objective(x)
        step = theirs.step(gradient)
        largest = max(largest, relative_difference(ours.step(gradient[None])[0], step))
        ours._step[0, : len(start)] = step
        x = x + step
    return largest


@pytest.mark.parametrize("history", [1, 3, BLOCK, BLOCK + 1, 100])
@pytest.mark.parametrize(
    "problem", [quadratic(1), rosenbrock(0.2), concave_then_convex(), quadratic(2, 48)], ids=["1", "2", "3", "4"]
)
def test_every_step_is_that_of_the_two_loop_recursion(problem: tuple[Objective, Tensor], history: int) -> None:
    objective, start = problem
    assert largest_difference(lambda x: gradient_of(objective, x), start, 2 * BLOCK + 5, history) < 1e-12


@pytest.mark.parametrize("problem", [quadratic(1, 48), rosenbrock(0.2, 48)], ids=["quadratic", "rosenbrock"])
def test_in_float32_steps_are_as_near_to_those_in_float64_as_the_recursions_are(
    problem: tuple[Objective, Tensor],
) -> None:
    objective, x = problem
    exact, rounded = TwoLoop(100), TwoLoop(100)
    ours = BatchedLBFGS(1, 48, history=100, device=CPU, dtype=torch.float32)
    ours.reset(0)
    errors: dict[str, list[float]] = {"ours": [], "recursion": []}
    for _ in range(45):
        gradient = gradient_of(objective, x)
        step = exact.step(gradient)
        errors["recursion"].append(relative_difference(rounded.step(gradient.float()).double(), step))
        errors["ours"].append(relative_difference(ours.step(gradient.float()[None])[0].double(), step))
        ours._step[0] = step.float()
        rounded.taken(step.float())
        x = x + step
    assert sum(errors["ours"]) < 2 * sum(errors["recursion"])


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_every_step_of_260_on_films_is_that_of_torch_optim_lbfgs(
    job: Callable[..., TransferJob],
    trunk: Callable[..., Trunk],
    optimizer: Optimizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In two links, as `compat` multiplies rounding by 1e12: to the bit to the recursion, and from it step by step."""
    made = job(1, 2, optimizer=optimizer)
    objective = our_objective(trunk(64, torch.float64), made)
    compat = optimizer is Optimizer.COMPAT
    # The algorithm stays torch's own; its dot products and its multiply-adds become what can be written without fusing.
    with monkeypatch.context() as patch:
        patch.setattr(Tensor, "dot", lambda left, right: (left * right).sum())
        patch.setattr(Tensor, "add_", lambda to, other, *, alpha=1: to.copy_(to + other * alpha))
        torchs = TorchCourse(made, objective, 260)
    recursion = TwoLoop(100)
    ours = BatchedLBFGS(1, 64 * 64, history=100, device=CPU, dtype=torch.float64)
    ours.reset(0)
    x, losses, differences = torch.tensor(made.content, dtype=torch.float64).flatten(), [], []
    for _ in range(260):
        x = x.clamp(0, 1) if compat else x
        loss, gradient = objective(x.view(64, 64))
        step = recursion.step(gradient.flatten())
        differences.append(relative_difference(ours.step(gradient.flatten()[None])[0], step))
        ours._step[0] = step
        x = x + step
        losses.append(loss)
    assert losses == torchs.losses
    assert max(differences) < 1e-9
    assert (max(losses) > 10 * losses[0]) == compat


def test_a_pair_without_upward_curvature_is_skipped_and_leaves_the_scale() -> None:
    optimizer = BatchedLBFGS(1, 2, history=4, device=CPU, dtype=torch.float64)
    optimizer.reset(0)
    gradient = torch.tensor([[0.3, -0.4]], dtype=torch.float64)
    assert torch.equal(optimizer.step(gradient), -gradient)
    # The gradient did not change, y . s = 0: with no pair and the scale 1 the step is the negative gradient again.
    assert torch.equal(optimizer.step(gradient), -gradient)


def test_the_first_step_has_the_length_one_over_the_l1_norm_where_that_is_above_one() -> None:
    optimizer = BatchedLBFGS(2, 2, history=4, device=CPU, dtype=torch.float64)
    optimizer.reset(0)
    optimizer.reset(1)
    gradient = torch.tensor([[3.0, -1.0], [0.25, 0.25]], dtype=torch.float64)
    assert optimizer.step(gradient).tolist() == [[-0.75, 0.25], [-0.25, -0.25]]


def test_a_film_that_flies_off_comes_back_though_squares_of_its_gradient_overflow() -> None:
    ours = BatchedLBFGS(1, 16, history=5, device=CPU, dtype=torch.float32)
    ours.reset(0)
    recursion = TwoLoop(5)
    slope = torch.linspace(0.5, 1, 16)
    for gradient in (1e6 * slope, 1.5e6 * slope, -1e25 * slope.flip(0), 1e6 * slope, 2e6 * slope):
        step = recursion.step(gradient)
        torch.testing.assert_close(ours.step(gradient[None])[0], step, rtol=1e-5, atol=0)
        ours._step[0] = step
    assert len(recursion.pairs) == 2
    assert not torch.isfinite((1e25 * slope).square().sum())


def test_a_slot_that_is_taken_anew_starts_afresh_while_its_neighbour_goes_on() -> None:
    problems = [quadratic(1), quadratic(2)]
    alone = by_us([quadratic(1), quadratic(2)], 40, 5)
    optimizer = BatchedLBFGS(2, 12, history=5, device=CPU, dtype=torch.float64)
    optimizer.reset(0)
    optimizer.reset(1)
    x = torch.stack([start for _, start in problems])
    x[1] = 3.0
    for step in range(40):
        if step == 13:
            # What the film before leaves are infinite curvature pairs, and steps that are no numbers.
            x[1] = 1e200
        if step == 17:
            optimizer.reset(1)
            x[1] = problems[1][1]
        assert torch.equal(x[0], alone[0][step])
        if step >= 17:
            assert torch.equal(x[1], alone[1][step - 17])
        x = x + optimizer.step(torch.stack([gradient_of(problems[slot][0], x[slot]) for slot in range(2)]))
    optimizer.release(1)
    assert torch.isfinite(optimizer.step(torch.zeros(2, 12, dtype=torch.float64))[1]).all()


@pytest.mark.parametrize("threads_used", [1, 2])
@pytest.mark.parametrize("pixels", [35 * 35, 64 * 64])
def test_steps_are_the_same_to_the_bit_in_any_slot_beside_films_with_more_pairs(
    threads: Callable[[int], AbstractContextManager[None]], pixels: int, threads_used: int
) -> None:
    def objective(x: Tensor) -> Tensor:
        before = x.roll(1, dims=1)
        return x * torch.linspace(0.5, 3, pixels) + before / (1 + before * before)

    def course(slot: int, neighbours: Sequence[int]) -> list[Tensor]:
        optimizer = BatchedLBFGS(3, pixels, history=50, device=CPU, dtype=torch.float32)
        random = torch.Generator().manual_seed(1)
        x = torch.zeros(3, pixels)
        for neighbour in neighbours:
            optimizer.reset(neighbour)
            x[neighbour] = torch.randn(pixels, generator=random)
        for _ in range(30):
            x = x + optimizer.step(objective(x))
        optimizer.reset(slot)
        x[slot] = torch.randn(pixels, generator=torch.Generator().manual_seed(2))
        points = []
        for _ in range(45):
            x = x + optimizer.step(objective(x))
            points.append(x[slot].clone())
        return points

    with threads(threads_used):
        alone = course(0, [])
        for found in (course(2, []), course(1, [0, 2]), course(2, [0])):
            assert all(map(torch.equal, found, alone))
    assert len({float(point[0]) for point in alone}) > 30
