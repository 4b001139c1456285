"""Whole trajectories: losses and films of every evaluation, by a batch and by `torch.optim.LBFGS`."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from services.stylizer.batch import Batch
from services.stylizer.job import TransferJob
from services.stylizer.network import Trunk
from services.stylizer.objective import Objective
from services.stylizer.targets import TargetCache
from shared.recipe import Optimizer


@dataclass
class Course:
    """Losses of a trajectory's evaluations, and its clamped film after each of them."""

    losses: list[float] = field(default_factory=list)
    films: list[np.ndarray] = field(default_factory=list)


def follow(batch: Batch, slot: int, steps: int, course: Course | None = None) -> Course:
    course = course or Course()
    for _ in range(steps):
        batch.step()
        state = batch.read(slot)
        course.losses.append(state.loss)
        course.films.append(state.film)
    return course


class TorchCourse(Course):
    """The tutorial's loop: torch.optim.LBFGS in blocks of 20, in float64. `films` are those that are evaluated."""

    def __init__(self, job: TransferJob, objective: Callable[[Tensor], tuple[float, Tensor]], evaluations: int) -> None:
        super().__init__()
        x = torch.tensor(job.content, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([x], lr=1, history_size=100, tolerance_grad=0, tolerance_change=0)

        def closure() -> float:
            with torch.no_grad():
                self.films.append(x.clamp(0, 1).numpy().copy())
                if job.recipe.optimizer is Optimizer.COMPAT:
                    x.clamp_(0, 1)
            loss, x.grad = objective(x.detach())
            self.losses.append(loss)
            return loss

        while len(self.losses) < evaluations:
            optimizer.step(closure)  # type: ignore[arg-type, no-untyped-call]


def tutorials_objective(tutorial: type, job: TransferJob) -> Callable[[Tensor], tuple[float, Tensor]]:
    loss_of = tutorial(job.content, job.style, job.recipe)

    def objective(film: Tensor) -> tuple[float, Tensor]:
        film = film.clone().requires_grad_()
        loss = loss_of(film)
        (gradient,) = torch.autograd.grad(loss, film)
        return loss.item(), gradient

    return objective


def our_objective(trunk: Trunk, job: TransferJob) -> Callable[[Tensor], tuple[float, Tensor]]:
    placed = Objective(trunk, 1)
    placed.place(0, job, TargetCache(10**8))

    def objective(film: Tensor) -> tuple[float, Tensor]:
        evaluation = placed.evaluate(film.flatten()[None])
        return evaluation.loss.item(), evaluation.gradient.view_as(film)

    return objective
