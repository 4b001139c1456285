"""What to do next with a pair, from its scores alone: never from clocks or faults."""

from dataclasses import dataclass

from services.orchestrator.policy import Policy, TrajectoryPlan
from shared.record import Reason, Scores


@dataclass(frozen=True)
class Thresholds:
    """What a trial must reach, as numbers."""

    anomaly: float
    classifier: float
    benign_below: float
    minimum_change: float
    film: "Thresholds | None" = None
    """What the whole film must reach too, where the others are for its crop."""


@dataclass(frozen=True)
class TrialResult:
    """One snapshot as the gates saw it; `scores` is None where the optimisation diverged."""

    trial: int
    scores: Scores | None
    mean_absolute_change: float
    film_scores: Scores | None = None
    """Of the whole film, where both it and its crop are scored."""


@dataclass(frozen=True)
class ScoreContent:
    """Score the content first."""


@dataclass(frozen=True)
class StartTrajectory:
    """Start this optimisation; its snapshots are the next trials."""

    plan: TrajectoryPlan


@dataclass(frozen=True)
class AwaitSnapshot:
    """Score the running trajectory's next snapshot."""

    trial: int


@dataclass(frozen=True)
class Accept:
    """Keep this trial's film."""

    trial: int


@dataclass(frozen=True)
class GiveUp:
    """End the pair without a film."""

    reason: Reason


Step = ScoreContent | StartTrajectory | AwaitSnapshot | Accept | GiveUp


def judge(result: TrialResult, thresholds: Thresholds) -> tuple[Reason, ...]:
    """Every reason against a trial, the weightiest first; none means that it is kept."""
    if result.scores is None:
        return (Reason.DIVERGED,)
    reasons = []
    # All written so that what is no number fails. A minimum of 0 demands no change at all.
    change, minimum = result.mean_absolute_change, thresholds.minimum_change
    if not (change > minimum or change >= minimum == 0.0):
        reasons.append(Reason.UNCHANGED)
    reasons += _against(result.scores, thresholds)
    if thresholds.film is not None:
        if result.film_scores is None:
            raise AssertionError(f"trial {result.trial}: its whole film was not scored")
        reasons += _against(result.film_scores, thresholds.film)
    return tuple(dict.fromkeys(reasons))


def _against(scores: Scores, thresholds: Thresholds) -> list[Reason]:
    """What both gates have against a film."""
    reasons = []
    if not scores.anomaly <= thresholds.anomaly:
        reasons.append(Reason.ANOMALOUS)
    if not scores.probability >= thresholds.benign_below:
        reasons.append(Reason.STILL_BENIGN)
    elif not scores.probability >= thresholds.classifier:
        reasons.append(Reason.LOW_CONFIDENCE)
    return reasons


def _is_benign(content: Scores | None, thresholds: Thresholds | None) -> bool:
    """Whether a content may be changed; what nobody asks for is no hindrance."""
    return thresholds is None or (content is not None and content.probability < thresholds.benign_below)


def next_step(
    policy: Policy,
    thresholds: Thresholds,
    content: Scores | None,
    trials: tuple[TrialResult, ...],
    *,
    content_film: Scores | None = None,
) -> Step:
    """What to do with a pair of which this much is known.

    Args:
        policy: the recipes in their order.
        thresholds: what the gates demand.
        content: scores of the content; None while they are not known.
        trials: the trials so far, in their order.
        content_film: scores of the content's whole film, where both it and its crop are scored.

    """
    if content is None:
        return ScoreContent()
    if not (_is_benign(content, thresholds) and _is_benign(content_film, thresholds.film)):
        return GiveUp(Reason.CONTENT_NOT_BENIGN)
    if trials and not judge(trials[-1], thresholds):
        return Accept(trials[-1].trial)
    following = len(trials) + 1
    for plan in policy.trajectories:
        if plan.trials[0] == following:
            return StartTrajectory(plan)
        if following in plan.trials:
            return AwaitSnapshot(following)
    return GiveUp(Reason.EXHAUSTED)
