"""Works on one pair until it has ended by its own scores: the first trial that both gates let pass, or none."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from services.orchestrator.decision import (
    Accept,
    AwaitSnapshot,
    GiveUp,
    ScoreContent,
    StartTrajectory,
    Thresholds,
    TrialResult,
    judge,
    next_step,
)
from services.orchestrator.faults import Patience
from services.orchestrator.insets import Inset, PairFilms
from services.orchestrator.policy import Policy, TrajectoryPlan
from services.orchestrator.sampler import Pair
from services.orchestrator.scoring import Gates, Look, Numerics, Scored, look
from shared.dataset import Film as FilmEntry
from shared.errors import NumericalError
from shared.images import Film, sha256_pixels
from shared.record import Decision, LesionTransfer, Model, PairRecord, Reason, Scores, Source, Trial


@dataclass(frozen=True)
class Snapshot:
    """A trajectory's film at one of the numbers of steps asked for."""

    steps: int
    evaluations: int
    film: Film
    loss: float
    content_loss: float
    style_loss: float
    mean_absolute_change: float
    numerics: Numerics


class Peers(Gates, Protocol):
    """The model services, as the loop sees them."""

    def stylize(self, films: PairFilms, plan: TrajectoryPlan) -> AbstractAsyncContextManager[AsyncIterator[Snapshot]]:
        """Start a trajectory; leaving the context stops it within one step."""


@dataclass(frozen=True)
class RunFacts:
    """What every record of a run says alike."""

    policy: Policy
    thresholds: Thresholds
    seed: int
    dataset_sha256: str
    models: dict[str, Model]


@dataclass(frozen=True)
class Outcome:
    """A pair that has ended."""

    record: PairRecord
    film: Film | None
    """(size, size) float32 in [0, 1], where it was accepted."""
    original: Film | None = None
    """(rows, columns) the same at its own resolution, where its lesion was changed."""


@dataclass
class _Progress:
    """What is known of a pair so far; a trajectory that fails leaves no trace in it."""

    content: Scored | None = None
    trials: tuple[Trial, ...] = ()
    looks: dict[int, Look] = field(default_factory=dict)
    numerics: dict[str, list[Numerics]] = field(default_factory=dict)

    @property
    def results(self) -> tuple[TrialResult, ...]:
        return tuple(
            TrialResult(trial.trial, trial.scores, trial.mean_absolute_change, trial.film_scores)
            for trial in self.trials
        )

    def saw(self, numerics: dict[str, Numerics]) -> None:
        for service, kind in numerics.items():
            kinds = self.numerics.setdefault(service, [])
            if kind not in kinds:
                kinds.append(kind)
                kinds.sort(key=repr)


class RetryLoop:
    """Works on pairs of one run; many may be worked on at once."""

    def __init__(
        self,
        facts: RunFacts,
        peers: Peers,
        *,
        score_original: Callable[[FilmEntry], Awaitable[Scored]],
        read_films: Callable[[Pair], PairFilms],
        keep_rejected: Callable[[int, int, Film], None] | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Take what all pairs share.

        Args:
            facts: policy, thresholds and what else every record says.
            peers: the three services.
            score_original: scores of a film of the data set, kept by whoever gives them.
            read_films: pixels and masks of a pair.
            keep_rejected: called with pair, trial and film of each rejected trial.
            patience: how often a trajectory is run again after a fault.

        """
        self._facts = facts
        self._peers = peers
        self._score_original = score_original
        self._read_films = read_films
        self._keep_rejected = keep_rejected
        self._patience = patience or Patience()

    async def work(self, pair: Pair) -> Outcome:
        """Work on a pair until it has ended.

        Raises:
            MammosynthError: a fault that outlasted the patience; the pair is not decided.

        """
        progress = _Progress()
        films = await asyncio.to_thread(self._read_films, pair)
        while True:
            step = self._next(progress)
            if isinstance(step, ScoreContent):
                progress.content = await self._score_original(pair.content)
                progress.saw(progress.content.numerics)
            elif isinstance(step, StartTrajectory):
                await self._trajectory(pair, films, step.plan, progress)
            elif isinstance(step, Accept):
                return self._outcome(pair, films, progress, None, step.trial)
            elif isinstance(step, GiveUp):
                return self._outcome(pair, films, progress, step.reason, None)
            else:
                raise AssertionError(f"pair {pair.index}: a trajectory ended before trial {step.trial}")

    def _next(self, progress: _Progress) -> ScoreContent | StartTrajectory | AwaitSnapshot | Accept | GiveUp:
        content = progress.content
        return next_step(
            self._facts.policy,
            self._facts.thresholds,
            content.scores if content else None,
            progress.results,
            content_film=content.film_scores if content else None,
        )

    async def _trajectory(self, pair: Pair, films: PairFilms, plan: TrajectoryPlan, progress: _Progress) -> None:
        """Run a trajectory, again from its start after a fault, and add its trials to what is known."""
        async for attempt in self._patience.attempts_made():
            with attempt:
                attempted = _Progress(
                    progress.content,
                    progress.trials,
                    dict(progress.looks),
                    {name: list(kinds) for name, kinds in progress.numerics.items()},
                )
                await self._run(films, plan, attempted)
        progress.trials, progress.looks, progress.numerics = attempted.trials, attempted.looks, attempted.numerics
        if self._keep_rejected is not None:
            for trial in progress.trials:
                if trial.trial in plan.trials and trial.reasons and trial.trial in progress.looks:
                    film = progress.looks[trial.trial].film
                    await asyncio.to_thread(self._keep_rejected, pair.index, trial.trial, film)

    async def _run(self, films: PairFilms, plan: TrajectoryPlan, progress: _Progress) -> None:
        """Score snapshots as they arrive while the optimisation goes on; stop it when nothing more is needed."""
        waiting = dict(zip(plan.steps, plan.trials, strict=True))
        try:
            async with self._peers.stylize(films, plan) as snapshots:
                async for snapshot in snapshots:
                    seen = await look(self._peers, films, snapshot.film, self._facts.policy.lesion_rules)
                    number = waiting.pop(snapshot.steps)
                    progress.trials += (self._scored_trial(number, snapshot, seen),)
                    # One film at its own resolution may take a hundred megabytes: of rejected trials none is needed.
                    kept = seen if not progress.trials[-1].reasons else replace(seen, original=None)
                    progress.looks[number] = kept
                    progress.saw({"stylizer": snapshot.numerics, **seen.scored.numerics})
                    if not isinstance(self._next(progress), AwaitSnapshot):
                        return
        except NumericalError:
            # Not a fault: the same films and recipe diverge again. What is left of the trajectory is its outcome.
            progress.trials += tuple(self._diverged_trial(number) for number in waiting.values())

    def _scored_trial(self, number: int, snapshot: Snapshot, seen: Look) -> Trial:
        scored = seen.scored
        result = TrialResult(number, scored.scores, snapshot.mean_absolute_change, scored.film_scores)
        return Trial(
            trial=number,
            recipe=self._facts.policy.recipe(number),
            evaluations=snapshot.evaluations,
            loss=snapshot.loss,
            content_loss=snapshot.content_loss,
            style_loss=snapshot.style_loss,
            mean_absolute_change=snapshot.mean_absolute_change,
            scores=scored.scores,
            reasons=judge(result, self._facts.thresholds),
            sha256=sha256_pixels(seen.film),
            film_scores=scored.film_scores,
        )

    def _diverged_trial(self, number: int) -> Trial:
        return Trial(
            trial=number,
            recipe=self._facts.policy.recipe(number),
            evaluations=0,
            loss=None,
            content_loss=None,
            style_loss=None,
            mean_absolute_change=0.0,
            scores=None,
            reasons=(Reason.DIVERGED,),
            sha256="",
        )

    def _outcome(
        self, pair: Pair, films: PairFilms, progress: _Progress, reason: Reason | None, accepted: int | None
    ) -> Outcome:
        kept = progress.looks[accepted] if accepted else None
        film, original = (kept.film, kept.original) if kept else (None, None)
        scores = progress.content.scores if progress.content else None
        record = PairRecord(
            pair=pair.index,
            decision=Decision.ACCEPTED if accepted else Decision.REJECTED,
            reason=reason,
            content=_source(films.inset.content.film if films.inset else pair.content, scores),
            style=_source(films.inset.style.film if films.inset else pair.style, None),
            trials=progress.trials,
            accepted_trial=accepted,
            sha256=sha256_pixels(film) if film is not None else "",
            seed=self._facts.seed,
            policy=self._facts.policy.name,
            policy_sha256=self._facts.policy.sha256,
            dataset_sha256=self._facts.dataset_sha256,
            models=self._facts.models,
            numerics=progress.numerics,
            placebo=pair.placebo,
            lesion=_transfer(films.inset, progress.content, original) if films.inset else None,
        )
        return Outcome(record, film, original)


def _transfer(inset: Inset, content: Scored | None, original: Film | None) -> LesionTransfer:
    return replace(
        inset.transfer(),
        content_film_scores=content.film_scores if content else None,
        original_sha256=sha256_pixels(original) if original is not None else "",
    )


def _source(film: FilmEntry, scores: Scores | None) -> Source:
    return Source(image_id=film.image_id, patient_id=film.patient_id, sha256=film.sha256, scores=scores)
