from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from services.stylizer.lbfgs import BatchedLBFGS

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


@pytest.mark.parametrize("history", [3, 100])
def test_every_film_of_a_batch_goes_the_way_of_torch_optim_lbfgs_alone(history: int) -> None:
    problems = [quadratic(1), rosenbrock(0.2), concave_then_convex(), quadratic(2), unmoved()]
    for problem, found in zip(problems, by_us(problems, 60, history), strict=True):
        for ours, theirs in zip(found, by_torch(problem, 60, history), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


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
