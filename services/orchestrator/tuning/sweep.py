"""One sweep: every recipe on every pair and its placebo twin, at one size, with gates of that size."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

from services.orchestrator.decision import Thresholds, TrialResult, judge
from services.orchestrator.facts import PeerFacts
from services.orchestrator.faults import Patience
from services.orchestrator.generation import resolve_thresholds
from services.orchestrator.insets import PairFilms
from services.orchestrator.policy import Pairing, Policy, TrajectoryPlan
from services.orchestrator.retry_loop import Peers
from services.orchestrator.sampler import Pair, PlaceboSampler, Sampler
from services.orchestrator.stop_watch import StopWatch
from services.orchestrator.trajectories import run_trajectory, work_through
from services.orchestrator.tuning.grid import recipe_name
from services.orchestrator.tuning.outcomes import Arm, Outcomes, empty_arm
from services.orchestrator.tuning.records import Look, SweepFolder, TrajectoryRecord, file_name
from shared.dataset import Dataset, Label, Split
from shared.errors import ConfigurationError, DatasetError
from shared.images import Film, sha256_pixels
from shared.progress import progress
from shared.recipe import Recipe
from shared.record import Scores

SPLIT = Split.VALIDATION


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What is swept, on what, and how it is judged."""

    dataset: Dataset
    policy: Policy
    """Pairing, gates, optimiser."""
    recipes: tuple[Recipe, ...]
    """Each with the most steps of `steps`."""
    steps: tuple[int, ...]
    """Ascending: where films are looked at."""
    films: int
    """Contents that are drawn."""
    pictures: int
    """Contents whose films are kept to be looked at."""
    seed: int
    facts: PeerFacts
    thresholds: Thresholds

    def pins(self) -> dict[str, Any]:
        """What a sweep is begun with, and must be continued with.

        How many contents, and which recipes, is free: pairs follow from their number alone, and a trajectory's record
        holds for itself, so a sweep may be narrowed, or widened, at any time.
        """
        return {
            "dataset_sha256": self.dataset.sha256,
            "size": self.dataset.size,
            "split": SPLIT,
            "seed": self.seed,
            "policy": self.policy.model_dump(mode="json", exclude={"recipes", "name", "description", "size"}),
            "steps": list(self.steps),
            "thresholds": asdict(self.thresholds),
            "models": {name: asdict(model) for name, model in self.facts.models.items()},
            "dtype": self.facts.dtype,
            "version": version("mammosynth"),
        }


@dataclass(frozen=True)
class Contents:
    """Pairs of a sweep, and why contents are none of them."""

    pairs: tuple[tuple[Pair, Pair], ...]
    """A pair and its placebo twin, each content once."""
    not_benign: int
    """Contents that the classifier does not call benign."""
    without_twin: int
    """Contents that the rules allow no benign style for."""


def make_sweep(
    dataset: Dataset,
    policy: Policy,
    recipes: Sequence[Recipe],
    steps: Iterable[int],
    *,
    films: int,
    pictures: int,
    seed: int,
    facts: PeerFacts,
    any_size: bool,
) -> Sweep:
    """Check that data set, gates and policy fit together.

    Raises:
        ConfigurationError: naming the gate, what was found and what is needed.

    """
    for service, size in facts.input_sizes.items():
        if size > dataset.size or (size != dataset.size and not any_size):
            raise ConfigurationError(
                f"{service}: its model was trained at {size} pixels, the films of {dataset.path} have {dataset.size}: "
                f"needed are gates of that size, or this size asked for by name (--any-size; never below the model's)"
            )
    if policy.gates.detector not in ("any", facts.detector):
        raise ConfigurationError(
            f"policy {policy.name}: gates.detector: needed {policy.gates.detector}, found a model that is "
            f"{facts.detector or 'of no known kind'}"
        )
    return Sweep(
        dataset=dataset,
        policy=policy,
        recipes=tuple(recipes),
        steps=tuple(sorted(steps)),
        films=films,
        pictures=pictures,
        seed=seed,
        facts=facts,
        thresholds=resolve_thresholds(policy, facts),
    )


async def run_sweep(
    sweep: Sweep, folder: SweepFolder, peers: Peers, *, name: str, patience: Patience | None = None
) -> Contents:
    """Run every trajectory that has no record yet; gives the pairs that were tried.

    Args:
        sweep: what is swept.
        folder: where its records go.
        peers: the three services.
        name: what the progress bar calls the trajectories.
        patience: how often a trajectory is run again after a fault.

    Raises:
        DatasetError: if the split has no pair, or no content is called benign.
        RefusedRunError: if the folder holds a sweep that was begun otherwise.
        MammosynthError: a fault that outlasted the patience; the same sweep goes on where it was.

    """
    drawn, without_twin = draw_pairs(sweep)
    folder.pin(sweep.pins())
    scores = folder.contents()
    unknown = [pair for pair, _ in drawn if pair.content.image_id not in scores]
    if unknown:
        scores |= await _score_contents(sweep, peers, unknown)
        folder.write_contents(scores)
    contents = tried(drawn, scores, sweep.thresholds, without_twin)
    if not contents.pairs:
        raise DatasetError(
            f"{sweep.dataset.path}: found {contents.not_benign} contents in the split {SPLIT}, none of which the "
            f"classifier calls benign (below {sweep.thresholds.benign_below:g}); needed one or more"
        )
    items = [
        (recipe, pair, number < sweep.pictures)
        for number, twins in enumerate(contents.pairs)
        for recipe in sweep.recipes
        for pair in twins
    ]
    waiting = [
        item
        for item in items
        if not folder.has(recipe_name(item[0]), file_name(item[1].index, placebo=item[1].placebo))
    ]
    workshop = _Workshop(sweep, folder, peers, patience or Patience())
    with progress(name, total=len(items), done=len(items) - len(waiting)) as reporter:

        async def work(item: tuple[Recipe, Pair, bool]) -> None:
            await workshop.run(*item)
            reporter.advance(note=recipe_name(item[0]))

        await work_through(waiting, work, in_flight=2 * max(1, sweep.facts.slots))
    return contents


def draw_pairs(sweep: Sweep) -> tuple[list[tuple[Pair, Pair]], int]:
    """Draw so many contents of the split, each once, with a malignant and a benign style by the policy's rules.

    Returns pairs with their twins, and how many contents have no twin. Fewer are drawn where there are fewer films.

    Raises:
        DatasetError: if a class is empty, or no two films may be paired.

    """
    pairing = Pairing(content="shuffled", style=sweep.policy.pairing.style)
    films = sweep.dataset.films
    sampler = Sampler(films, pairing, seed=sweep.seed, split=SPLIT)
    twins = PlaceboSampler(films, pairing, seed=sweep.seed, pairs=sampler, split=SPLIT)
    benign = sum(film.split is SPLIT and film.label is Label.BENIGN for film in films)
    indices = range(min(sweep.films, benign - sampler.left_out))
    return [(sampler.pair(i), twins.pair(i)) for i in indices if twins.has(i)], sum(not twins.has(i) for i in indices)


def tried(
    drawn: Sequence[tuple[Pair, Pair]], scores: dict[str, Scores], thresholds: Thresholds, without_twin: int
) -> Contents:
    """Leave out the contents that are not called benign, as a run does."""
    benign = tuple(twins for twins in drawn if scores[twins[0].content.image_id].probability < thresholds.benign_below)
    return Contents(benign, len(drawn) - len(benign), without_twin)


async def _score_contents(sweep: Sweep, peers: Peers, pairs: Sequence[Pair]) -> dict[str, Scores]:
    found: dict[str, Scores] = {}
    with progress("scoring contents", total=len(pairs)) as reporter:

        async def work(pair: Pair) -> None:
            image_id = pair.content.image_id
            film = await asyncio.to_thread(sweep.dataset.pixels, image_id)
            mask = await asyncio.to_thread(sweep.dataset.mask, image_id)
            found[image_id] = (await peers.score(film, mask)).scores
            reporter.advance()

        await work_through(pairs, work, in_flight=4)
    return found


@dataclass(frozen=True)
class _Workshop:
    sweep: Sweep
    folder: SweepFolder
    peers: Peers
    patience: Patience

    async def run(self, recipe: Recipe, pair: Pair, keep_films: bool) -> None:
        """Run one trajectory, let both gates look at its snapshots, and write its record."""
        films = await asyncio.to_thread(self._films, pair)
        watch = StopWatch(self.peers)
        snapshots, diverged = await run_trajectory(watch, films, _plan(recipe, self.sweep.steps), self.patience)
        numerics: dict[str, Any] = {}
        looks = []
        asked = [snapshot for snapshot in snapshots if snapshot.steps in self.sweep.steps]
        for snapshot in asked:
            scored = await self.peers.score(snapshot.film, films.content_mask)
            numerics |= {"stylizer": snapshot.numerics, **scored.numerics}
            looks.append(Look.of(snapshot, scores=scored.scores, sha256=sha256_pixels(snapshot.film)))
        record = TrajectoryRecord(
            recipe=recipe,
            pair=pair.index,
            placebo=pair.placebo,
            content=pair.content.image_id,
            style=pair.style.image_id,
            looks=tuple(looks),
            diverged=diverged.message if diverged else "",
            numerics=numerics,
        )
        kept: dict[int, Film] = {snapshot.steps: snapshot.film for snapshot in asked} if keep_films else {}
        await asyncio.to_thread(
            self.folder.write,
            recipe_name(recipe),
            file_name(pair.index, placebo=pair.placebo),
            record,
            films=kept,
            seconds=watch.seconds_per_evaluation(self.sweep.facts.slots),
        )

    def _films(self, pair: Pair) -> PairFilms:
        dataset, content, style = self.sweep.dataset, pair.content.image_id, pair.style.image_id
        return PairFilms(dataset.pixels(content), dataset.mask(content), dataset.pixels(style), dataset.mask(style))


def _plan(recipe: Recipe, steps: tuple[int, ...]) -> TrajectoryPlan:
    """Look at the film after the first step too, where the stop watch starts; nobody scores that."""
    looked = tuple(sorted({1, *steps}))
    return TrajectoryPlan(recipe=recipe, trials=tuple(range(1, len(looked) + 1)), steps=looked)


def collect(sweep: Sweep, folder: SweepFolder, contents: Contents) -> Outcomes:
    """Read the records of a finished sweep: what every setting made of every pair, judged by the policy's gates.

    Raises:
        DatasetError: if a record is missing or broken.

    """
    settings = tuple(replace(recipe, steps=steps) for recipe in sweep.recipes for steps in sweep.steps)
    arms = {placebo: empty_arm(len(contents.pairs), len(settings)) for placebo in (False, True)}
    for row, twins in enumerate(contents.pairs):
        for pair in twins:
            for column, setting in enumerate(settings):
                record = folder.read(recipe_name(setting), file_name(pair.index, placebo=pair.placebo))
                note(arms[pair.placebo], row, column, record.look(setting.steps), sweep.thresholds)
    return Outcomes(tuple(pair.content.image_id for pair, _ in contents.pairs), settings, arms[False], arms[True])


def note(arm: Arm, row: int, column: int, look: Look | None, thresholds: Thresholds) -> None:
    """Enter one snapshot into the tables; where the optimisation left the numbers there is a rejection alone."""
    if look is None:
        arm.accepted[row, column] = 0.0
        return
    result = TrialResult(1, look.scores, look.mean_absolute_change)
    arm.accepted[row, column] = float(not judge(result, thresholds))
    arm.change[row, column] = look.mean_absolute_change
    arm.anomaly[row, column] = look.scores.anomaly
    arm.probability[row, column] = look.scores.probability
    arm.logit[row, column] = look.scores.logit
