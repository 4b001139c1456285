"""Pairs of a sweep, what diverges, and the stop watch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.orchestrator.decision import Thresholds
from services.orchestrator.facts import PeerFacts
from services.orchestrator.faults import Patience
from services.orchestrator.insets import PairFilms
from services.orchestrator.policy import Policy, TrajectoryPlan
from services.orchestrator.retry_loop import Snapshot
from services.orchestrator.scoring import Scored
from services.orchestrator.tuning.outcomes import empty_arm
from services.orchestrator.tuning.records import Look, SweepFolder
from services.orchestrator.tuning.sweep import Sweep, collect, draw_pairs, make_sweep, note, run_sweep
from shared.dataset import Dataset, Film, Label, Split
from shared.errors import ConfigurationError, NumericalError, UnavailableError
from shared.images import Film as Pixels
from shared.images import Mask
from shared.recipe import Recipe
from shared.record import Scores
from tests.services.orchestrator.made import BENIGN, KEPT, MODELS, cohort, film, policy
from tests.services.orchestrator.small_runs import write_dataset

FACTS = PeerFacts(
    models=MODELS,
    thresholds={"anomaly": {"validation_p95": 0.5}, "classifier": {}},
    default_thresholds={"anomaly": "validation_p95"},
    input_sizes={"anomaly": 48, "classifier": 48},
    training_sets={},
    slots=2,
    queue_limit=4,
)
RECIPES = (Recipe(steps=20), Recipe(steps=20, style_weight=1e3))


class Peers:
    """Snapshots that are the content; malignant styles are accepted from 10 steps on, placebos never."""

    def __init__(self) -> None:
        self.faults: list[Exception] = []
        self.started = 0

    @asynccontextmanager
    async def stylize(self, films: PairFilms, plan: TrajectoryPlan) -> AsyncIterator[AsyncIterator[Snapshot]]:
        self.started += 1
        yield self._snapshots(films, plan)

    async def _snapshots(self, films: PairFilms, plan: TrajectoryPlan) -> AsyncIterator[Snapshot]:
        for steps in plan.steps:
            if steps == plan.steps[-1] and self.faults:
                raise self.faults.pop(0)
            await asyncio.sleep(0.001)
            pixels = films.content.copy()
            pixels[0, 0] = 0.0 if films.style.mean() > 0.1 or steps < 10 else 1.0
            yield Snapshot(steps, steps, pixels, 1.0, 0.5, 0.5, 0.05, {"slots": 2})

    async def score(self, film: Pixels, mask: Mask) -> Scored:
        return Scored(KEPT if film[0, 0] == 1.0 else BENIGN, {"anomaly": {}, "classifier": {}})


def validation(films: list[Film]) -> list[Film]:
    return [replace(each, split=Split.VALIDATION) for each in films]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return write_dataset(tmp_path / "dataset", validation(cohort(4, 2)))


def make(dataset: Dataset, rules: Policy | None = None, **changes: Any) -> Sweep:
    values: dict[str, Any] = {"films": 3, "pictures": 1, "seed": 0, "facts": FACTS, "any_size": False}
    return make_sweep(dataset, rules or policy(), RECIPES, (20, 5), **(values | changes))


def test_contents_are_drawn_once_each_with_a_malignant_and_a_benign_style(dataset: Dataset) -> None:
    pairs, without = draw_pairs(make(dataset))
    assert (len(pairs), without) == (3, 0)
    assert len({pair.content.image_id for pair, _ in pairs}) == 3
    for pair, twin in pairs:
        assert pair.content == twin.content
        assert (pair.style.label, twin.style.label) == (Label.MALIGNANT, Label.BENIGN)
        assert twin.style.patient_id != twin.content.patient_id
        assert (pair.placebo, twin.placebo) == (False, True)


def test_no_more_contents_are_drawn_than_there_are(dataset: Dataset) -> None:
    pairs, _ = draw_pairs(make(dataset, films=100))
    assert len({pair.content.image_id for pair, _ in pairs}) == len(pairs) == 4


def test_contents_without_a_twin_are_counted(tmp_path: Path) -> None:
    films = validation([film("b1", Label.BENIGN), film("b2", Label.BENIGN, view="MLO"), film("b3", Label.BENIGN)])
    films += validation([film("m1", Label.MALIGNANT), film("m2", Label.MALIGNANT, view="MLO")])
    rules = policy(pairing={"style": "same_source_and_view"})
    pairs, without = draw_pairs(make(write_dataset(tmp_path / "dataset", films), rules, films=9))
    assert ({pair.content.image_id for pair, _ in pairs}, without) == ({"b1", "b3"}, 1)


async def test_a_sweep_judges_every_snapshot_of_both_arms(dataset: Dataset, tmp_path: Path) -> None:
    folder, peers = SweepFolder(tmp_path / "sweep"), Peers()
    found = make(dataset)
    contents = await run_sweep(found, folder, peers, name="sweep")
    assert peers.started == 3 * 2 * len(RECIPES)
    outcomes = collect(found, folder, contents)
    assert [recipe.steps for recipe in outcomes.settings] == [5, 20, 5, 20]
    np.testing.assert_array_equal(outcomes.malignant.accepted, [[0, 1, 0, 1]] * 3)
    np.testing.assert_array_equal(outcomes.placebo.accepted, np.zeros((3, 4)))
    assert outcomes.malignant.logit[0].tolist() == [-2.2, 2.2, -2.2, 2.2]


async def test_a_finished_sweep_is_not_run_again(dataset: Dataset, tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "sweep")
    await run_sweep(make(dataset), folder, Peers(), name="sweep")
    again = Peers()
    await run_sweep(make(dataset), folder, again, name="sweep")
    assert again.started == 0


async def test_a_sweep_may_go_on_with_other_contents_and_recipes(dataset: Dataset, tmp_path: Path) -> None:
    folder, peers = SweepFolder(tmp_path / "sweep"), Peers()
    first = make(dataset)
    await run_sweep(first, folder, peers, name="sweep")
    fewer = replace(first, films=1, recipes=RECIPES[:1])
    assert collect(fewer, folder, await run_sweep(fewer, folder, peers, name="sweep")).malignant.logit.shape == (1, 2)
    assert peers.started == 12
    more = replace(first, films=4, recipes=(*RECIPES, Recipe(steps=20, content_layer="conv_4")))
    assert collect(more, folder, await run_sweep(more, folder, peers, name="sweep")).malignant.logit.shape == (4, 6)
    assert peers.started == 4 * 2 * 3


async def test_a_fault_leaves_what_was_done_and_no_record_of_what_was_not(dataset: Dataset, tmp_path: Path) -> None:
    peers, folder = Peers(), SweepFolder(tmp_path / "sweep")
    peers.faults = [UnavailableError("away")]
    with pytest.raises(UnavailableError, match="away"):
        await run_sweep(make(dataset), folder, peers, name="sweep", patience=Patience(attempts=1))
    done = len(list((tmp_path / "sweep").glob("trajectories/*/*.json")))
    assert done < 12
    again = Peers()
    await run_sweep(make(dataset), folder, again, name="sweep")
    assert again.started == 12 - done


async def test_an_optimisation_that_leaves_the_numbers_is_a_rejection_from_there_on(
    dataset: Dataset, tmp_path: Path
) -> None:
    peers, folder = Peers(), SweepFolder(tmp_path / "sweep")
    peers.faults = [NumericalError("became NaN")] * 12
    found = make(dataset)
    outcomes = collect(found, folder, await run_sweep(found, folder, peers, name="sweep"))
    np.testing.assert_array_equal(outcomes.malignant.accepted, np.zeros((3, 4)))
    assert np.isnan(outcomes.malignant.logit[:, 1]).all()
    assert not np.isnan(outcomes.malignant.logit[:, 0]).any()
    record = folder.read("film-conv_5-c1-s100000-all", "000000-malignant")
    assert ([look.steps for look in record.looks], record.diverged) == ([5], "became NaN")


async def test_the_films_of_the_first_contents_are_kept(dataset: Dataset, tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "sweep")
    await run_sweep(make(dataset), folder, Peers(), name="sweep")
    kept = sorted(path.name for path in (tmp_path / "sweep" / "films" / "film-conv_5-c1-s1000-all").iterdir())
    assert kept == [f"000000-{arm}-{steps}.png" for arm in ("malignant", "placebo") for steps in (20, 5)]


async def test_the_cost_of_an_evaluation_is_measured_and_kept(dataset: Dataset, tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "sweep")
    await run_sweep(make(dataset), folder, Peers(), name="sweep")
    # 19 evaluations between the first and the last snapshot, a millisecond or more for each of two, shared by 2 slots
    cost = folder.cost(np.median)
    assert cost is not None
    assert cost >= 2 * 0.001 / 19 / 2
    (tmp_path / "sweep" / "timings" / "film-conv_5-c1-s1000-all" / "000000-placebo.json").unlink()
    assert folder.cost(max) == cost


def test_a_snapshot_is_judged_by_the_gates_and_by_how_far_it_moved() -> None:
    thresholds = Thresholds(anomaly=0.5, classifier=0.7, benign_below=0.5, minimum_change=0.01)
    arm = empty_arm(1, 4)
    looks = [(KEPT, 0.02), (KEPT, 0.005), (Scores(0.9, 0.9, 2.2), 0.02)]
    for column, (scores, change) in enumerate(looks):
        look = Look(
            steps=5,
            evaluations=5,
            loss=1.0,
            content_loss=1.0,
            style_loss=1.0,
            mean_absolute_change=change,
            scores=scores,
            sha256="",
        )
        note(arm, 0, column, look, thresholds)
    note(arm, 0, 3, None, thresholds)
    assert arm.accepted.tolist() == [[1.0, 0.0, 0.0, 0.0]]
    assert np.isnan(arm.change[0, 3])


@pytest.mark.parametrize(
    ("changes", "rules", "expected"),
    [
        ({"facts": replace(FACTS, input_sizes={"anomaly": 32})}, {}, "anomaly: its model was trained at 32 pixels"),
        (
            {"facts": replace(FACTS, input_sizes={"classifier": 64}), "any_size": True},
            {},
            "classifier: its model was trained at 64 pixels, the films of .* have 48",
        ),
        ({}, {"gates": {"detector": "texture"}}, "gates.detector: needed texture, found a model that is of no known"),
        ({}, {"gates": {"anomaly": "strict"}}, "gates.anomaly: found 'strict'"),
    ],
    ids=["smaller gates", "larger gates", "another detector", "an unknown threshold"],
)
def test_gates_that_do_not_fit_are_named(
    dataset: Dataset, changes: dict[str, Any], rules: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        make(dataset, policy(**rules), **changes)
