"""Data set, policy and models are put together, or refused with what does not fit."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.orchestrator.decision import Thresholds
from services.orchestrator.facts import PeerFacts
from services.orchestrator.generation import Generation, OriginalScores, make_generation
from services.orchestrator.policy import load_policy
from services.orchestrator.scoring import Scored
from shared.dataset import Dataset, DatasetWriter, Film, Label, Split
from shared.errors import ConfigurationError, DatasetError, UnavailableError
from shared.images import Film as Pixels
from shared.images import Mask, from_uint16
from tests.services.orchestrator.made import BENIGN, MODELS, cohort, film, policy
from tests.services.orchestrator.scripted_peers import NUMERICS, ScriptedPeers

SIZE = 32
FACTS = PeerFacts(
    models=MODELS,
    thresholds={
        "anomaly": {"training_p95": 0.5, "validation_p95": 0.6},
        "classifier": {"cutoff": 0.7, "validation": 0.65},
    },
    default_thresholds={"anomaly": "validation_p95", "classifier": "cutoff"},
    input_sizes={"anomaly": SIZE, "classifier": SIZE},
    training_sets={"anomaly": "f" * 64, "classifier": "f" * 64},
    slots=1,
    queue_limit=4,
    detector="unet",
)


def written(path: Path, films: list[Film]) -> Dataset:
    writer = DatasetWriter(path, size=SIZE, options={}, seed=0)
    entries = []
    for number, entry in enumerate(films):
        pixels = from_uint16(np.full((SIZE, SIZE), 100 * number, dtype=np.uint16))
        mask = np.zeros((SIZE, SIZE), dtype=np.bool_)
        mask[:, : number + 1] = True
        entries.append(replace(entry, sha256=writer.write_film(entry.image_id, pixels, mask)))
    writer.finish(entries)
    return Dataset.open(path)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return written(tmp_path / "dataset", cohort(3, 3))


def generation(dataset: Dataset, *, any_size: bool = False, facts: PeerFacts = FACTS, **policy_: Any) -> Generation:
    return make_generation(dataset, policy(**policy_), 7, ScriptedPeers(), facts, any_size=any_size)


def test_a_generation_says_what_its_records_will_say(dataset: Dataset) -> None:
    made = generation(dataset)
    assert made.facts.policy == policy()
    assert (made.facts.seed, made.facts.dataset_sha256, made.facts.models) == (7, dataset.sha256, MODELS)


def test_films_of_another_size_than_the_policys_are_refused_unless_asked_for(dataset: Dataset) -> None:
    with pytest.raises(ConfigurationError, match="policy made: was tuned at 64 pixels, the films have 32"):
        generation(dataset, size=64)
    assert generation(dataset, size=64, any_size=True).dataset.size == SIZE
    assert generation(dataset, size=SIZE).dataset.size == SIZE


@pytest.mark.parametrize("service", ["anomaly", "classifier"])
@pytest.mark.parametrize("any_size", [False, True])
def test_films_smaller_than_a_model_are_refused(dataset: Dataset, service: str, any_size: bool) -> None:
    facts = replace(FACTS, input_sizes={**FACTS.input_sizes, service: 64})
    with pytest.raises(ConfigurationError, match=f"{service}: its model needs 64 pixels a side, the films have 32"):
        generation(dataset, facts=facts, any_size=any_size)


GATES: dict[str, tuple[dict[str, Any], Thresholds]] = {
    "defaults": ({}, Thresholds(0.6, 0.7, 0.5, 0.0)),
    "the models' own": ({"anomaly": "default", "classifier": "default"}, Thresholds(0.6, 0.7, 0.5, 0.0)),
    "names": ({"anomaly": "training_p95", "classifier": "validation"}, Thresholds(0.5, 0.65, 0.5, 0.0)),
    "numbers": ({"anomaly": 1, "classifier": 0.9, "minimum_change": 0.01}, Thresholds(1.0, 0.9, 0.5, 0.01)),
    "the paper's": (load_policy("paper").gates.model_dump(), Thresholds(0.5, 0.7, 0.5, 0.0)),
}


@pytest.mark.parametrize(("gates", "thresholds"), GATES.values(), ids=GATES.keys())
def test_gates_become_numbers(dataset: Dataset, gates: dict[str, Any], thresholds: Thresholds) -> None:
    assert generation(dataset, gates=gates).facts.thresholds == thresholds


UNKNOWN = {
    "anomaly": (
        "training_p99",
        "gates.anomaly: found 'training_p99', needed .* 'default' or one of training_p95, validation_p95",
    ),
    "classifier": ("training_p95", "gates.classifier: found 'training_p95', needed .* cutoff, validation"),
}


@pytest.mark.parametrize(("service", "named"), list(UNKNOWN.items()), ids=UNKNOWN.keys())
def test_a_threshold_that_the_model_has_not_is_refused_by_name(
    dataset: Dataset, service: str, named: tuple[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match=named[1]):
        generation(dataset, gates={service: named[0]})


@pytest.mark.parametrize(("wanted", "served"), [("texture", "unet"), ("unet", "texture"), ("texture", "")])
def test_another_detector_than_the_policys_is_refused_by_name(dataset: Dataset, wanted: str, served: str) -> None:
    found = served or "of no known kind"
    with pytest.raises(
        ConfigurationError, match=rf"policy made: gates\.detector: needed {wanted}, found a model that is {found}"
    ):
        generation(dataset, facts=replace(FACTS, detector=served), gates={"detector": wanted})


@pytest.mark.parametrize(("wanted", "served"), [("texture", "texture"), ("any", "texture"), ("any", "")])
def test_the_policys_detector_and_any_other_where_it_names_none_are_taken(
    dataset: Dataset, wanted: str, served: str
) -> None:
    made = generation(dataset, facts=replace(FACTS, detector=served), gates={"detector": wanted})
    assert made.facts.policy.gates.detector == wanted


def test_a_data_set_without_a_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="split generation: found no malignant film"):
        generation(written(tmp_path / "dataset", cohort(3, 0)))


def test_a_film_of_another_splits_patient_is_refused(tmp_path: Path) -> None:
    films = [*cohort(2, 2), film("t0", Label.BENIGN, "p-m1", split=Split.TRAIN)]
    with pytest.raises(DatasetError, match="patient 'p-m1' stands in two splits, generation and train"):
        written(tmp_path / "dataset", films)


def test_a_pairs_films_are_read_with_their_masks(dataset: Dataset) -> None:
    made = generation(dataset)
    pair = made.sampler.pair(3)
    films = made.read_films(pair)
    assert np.array_equal(films.content, dataset.pixels(pair.content.image_id))
    assert np.array_equal(films.content_mask, dataset.mask(pair.content.image_id))
    assert np.array_equal(films.style, dataset.pixels(pair.style.image_id))
    assert np.array_equal(films.style_mask, dataset.mask(pair.style.image_id))
    assert not np.array_equal(films.content_mask, films.style_mask)


async def test_a_pair_of_a_real_data_set_gets_a_record(dataset: Dataset) -> None:
    made = generation(dataset)
    outcome = await made.loop().work(made.sampler.pair(0))
    assert outcome.record.dataset_sha256 == dataset.sha256
    assert outcome.record.content.sha256 == dataset.film(outcome.record.content.image_id).sha256


class CountingPeers(ScriptedPeers):
    """Answers when it is told to, and fails as often as it is told to."""

    def __init__(self, faults: int = 0) -> None:
        super().__init__()
        self.asked: list[tuple[Pixels, Mask]] = []
        self.answer = asyncio.Event()
        self.remaining_faults = faults

    async def score(self, film: Pixels, mask: Mask) -> Scored:
        self.asked.append((film, mask))
        await self.answer.wait()
        if self.remaining_faults > 0:
            self.remaining_faults -= 1
            raise UnavailableError("away")
        return Scored(BENIGN, NUMERICS)


async def test_an_original_is_scored_once_however_many_ask(dataset: Dataset) -> None:
    peers = CountingPeers()
    originals = OriginalScores(dataset, peers)
    entry = dataset.film("b1")
    asking = [asyncio.ensure_future(originals.of(entry)) for _ in range(5)]
    peers.answer.set()
    assert {(await task).scores for task in asking} == {BENIGN}
    await originals.of(entry)
    ((pixels, mask),) = peers.asked
    assert np.array_equal(pixels, dataset.pixels("b1"))
    assert np.array_equal(mask, dataset.mask("b1"))


async def test_every_original_has_scores_of_its_own(dataset: Dataset) -> None:
    peers = CountingPeers()
    peers.answer.set()
    originals = OriginalScores(dataset, peers)
    await asyncio.gather(*(originals.of(entry) for entry in dataset.films))
    assert len(peers.asked) == len(dataset.films)


async def test_an_original_whose_scoring_failed_is_scored_again(dataset: Dataset) -> None:
    peers = CountingPeers(faults=1)
    peers.answer.set()
    originals = OriginalScores(dataset, peers)
    first = await asyncio.gather(*(originals.of(dataset.film("b1")) for _ in range(3)), return_exceptions=True)
    assert {type(error) for error in first} == {UnavailableError}
    assert (await originals.of(dataset.film("b1"))).scores == BENIGN
    assert len(peers.asked) == 2


async def test_one_who_is_cancelled_does_not_take_the_scores_from_the_others(dataset: Dataset) -> None:
    peers = CountingPeers()
    originals = OriginalScores(dataset, peers)
    leaves, stays = (asyncio.ensure_future(originals.of(dataset.film("b1"))) for _ in range(2))
    while not peers.asked:
        await asyncio.sleep(0.001)
    leaves.cancel()
    await asyncio.sleep(0)
    peers.answer.set()
    assert (await stays).scores == BENIGN
    assert leaves.cancelled()
    assert len(peers.asked) == 1


async def test_a_failure_that_nobody_waits_for_any_more_is_no_unhandled_error(dataset: Dataset) -> None:
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unhandled.append(context))
    peers = CountingPeers(faults=1)
    originals = OriginalScores(dataset, peers)
    leaves = asyncio.ensure_future(originals.of(dataset.film("b1")))
    while not peers.asked:
        await asyncio.sleep(0.001)
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    peers.answer.set()
    while peers.remaining_faults:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.001)
    del originals, leaves
    await asyncio.sleep(0.001)
    assert unhandled == []
