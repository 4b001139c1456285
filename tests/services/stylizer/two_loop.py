"""L-BFGS's two-loop recursion for one film, pair by pair, which rounds as `torch.optim.LBFGS` with unfused products."""

from torch import Tensor


class TwoLoop:
    """Steps of `torch.optim.LBFGS` without line search and with learning rate 1 (Nocedal and Wright, Algorithm 7.4)."""

    def __init__(self, history: int) -> None:
        self._history = history
        self.pairs: list[tuple[Tensor, Tensor, Tensor]] = []
        """s, y and 1 / (y . s), oldest first."""
        self._before: tuple[Tensor, Tensor] | None = None
        self._scale: Tensor | float = 1.0

    def step(self, gradient: Tensor) -> Tensor:
        if self._before is None:
            step = -gradient * (1 / gradient.abs().sum()).clamp(max=1)
        else:
            taken, gradient_before = self._before
            self._remember(taken, gradient - gradient_before)
            step = self._recursion(gradient)
        self._before = (step, gradient)
        return step

    def taken(self, step: Tensor) -> None:
        """Say that another step was taken than the one that was given last."""
        if self._before is not None:
            self._before = (step, self._before[1])

    def _remember(self, step: Tensor, change: Tensor) -> None:
        curvature = (change * step).sum()
        if curvature > 1e-10:
            self.pairs = [*self.pairs, (step, change, 1 / curvature)][-self._history :]
            self._scale = curvature / (change * change).sum()

    def _recursion(self, gradient: Tensor) -> Tensor:
        direction = -gradient
        weights = []
        for step, change, rho in reversed(self.pairs):
            weights.append((step * direction).sum() * rho)
            direction = direction + change * -weights[-1]
        direction = direction * self._scale
        for (step, change, rho), weight in zip(self.pairs, reversed(weights), strict=True):
            direction = direction + step * (weight - (change * direction).sum() * rho)
        return direction


def relative_difference(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference over that of what was expected; zero where there is no difference."""
    difference = float((found - expected).norm())
    return difference / float(expected.norm()) if difference else 0.0
