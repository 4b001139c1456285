"""A pair ends by its own scores, whatever happens to the services meanwhile."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from services.orchestrator.decision import Thresholds
from services.orchestrator.faults import Patience
from services.orchestrator.policy import Pairing, load_policy
from services.orchestrator.retry_loop import Outcome, RetryLoop, RunFacts
from services.orchestrator.sampler import Sampler
from shared.errors import (
    DeadlineError,
    InvalidInputError,
    MammosynthError,
    NumericalError,
    OverloadedError,
    UnavailableError,
    UnfinishedPairsError,
)
from shared.images import Film, sha256_pixels
from shared.record import Decision, Reason, Scores
from tests.services.orchestrator.made import BENIGN, KEPT, MODELS, cohort
from tests.services.orchestrator.scripted_peers import ScriptedPeers, read_films

PAPER = load_policy("paper")
FACTS = RunFacts(PAPER, Thresholds(0.5, 0.7, 0.5, 0.0), seed=7, dataset_sha256="e" * 64, models=MODELS)
PAIR = Sampler(cohort(3, 3), Pairing(), seed=7).pair(5)
ANOMALOUS = Scores(anomaly=9.0, probability=0.9, logit=2.2)


def kept_at(number: int) -> Callable[[int, int], Scores]:
    return lambda pair, trial: KEPT if trial == number else BENIGN


def loop_of(
    peers: ScriptedPeers,
    keep_rejected: Callable[[int, int, Film], None] | None = None,
    patience: Patience | None = None,
) -> RetryLoop:
    return RetryLoop(
        FACTS,
        peers,
        score_original=peers.score_original,
        read_films=read_films,
        keep_rejected=keep_rejected,
        patience=patience or Patience(),
    )


async def worked(peers: ScriptedPeers) -> Outcome:
    return await loop_of(peers).work(PAIR)


async def test_the_first_kept_trial_ends_the_pair_and_leaves_the_trajectory() -> None:
    peers = ScriptedPeers(kept_at(2))
    outcome = await worked(peers)
    assert peers.log == ["score original", "stylize 1", "snapshot 1", "score 1", "snapshot 2", "score 2", "left"]
    record = outcome.record
    assert (record.decision, record.reason, record.accepted_trial) == (Decision.ACCEPTED, None, 2)
    assert [trial.reasons for trial in record.trials] == [(Reason.STILL_BENIGN,), ()]
    assert [trial.recipe.steps for trial in record.trials] == [250, 300]
    assert outcome.film is not None
    assert sha256_pixels(outcome.film) == record.sha256 == record.trials[1].sha256
    assert (outcome.film[0] * 65535 == 2).all()


async def test_trials_that_share_a_trajectory_cost_one_call() -> None:
    peers = ScriptedPeers()
    outcome = await worked(peers)
    assert [entry for entry in peers.log if entry.startswith("stylize")] == [
        "stylize 1",
        "stylize 4",
        "stylize 6",
        "stylize 7",
    ]
    assert [entry for entry in peers.log if entry.startswith("score ")][1:] == [f"score {n}" for n in range(1, 8)]
    assert (outcome.record.decision, outcome.record.reason) == (Decision.REJECTED, Reason.EXHAUSTED)
    assert [trial.trial for trial in outcome.record.trials] == [1, 2, 3, 4, 5, 6, 7]
    assert (outcome.film, outcome.record.sha256, outcome.record.accepted_trial) == (None, "", None)


async def test_a_record_says_films_models_scores_and_numerics() -> None:
    record = (await worked(ScriptedPeers(kept_at(1)))).record
    assert record.pair == 5
    assert (record.content.image_id, record.content.patient_id) == (PAIR.content.image_id, PAIR.content.patient_id)
    assert (record.content.sha256, record.style.sha256) == (PAIR.content.sha256, PAIR.style.sha256)
    assert (record.content.scores, record.trials[0].scores) == (BENIGN, KEPT)
    assert (record.seed, record.policy, record.policy_sha256) == (7, "paper", PAPER.sha256)
    assert (record.dataset_sha256, record.models) == ("e" * 64, MODELS)
    assert sorted(record.numerics) == ["anomaly", "classifier", "stylizer"]
    assert not record.placebo


async def test_a_content_that_is_not_benign_ends_the_pair_without_a_trial() -> None:
    peers = ScriptedPeers()

    async def malignant(film: object) -> object:
        return type(await peers.score_original(PAIR.content))(KEPT, {})

    loop = RetryLoop(FACTS, peers, score_original=malignant, read_films=read_films)  # type: ignore[arg-type]
    outcome = await loop.work(PAIR)
    assert outcome.record.reason is Reason.CONTENT_NOT_BENIGN
    assert outcome.record.trials == ()
    assert not [entry for entry in peers.log if entry.startswith("stylize")]


FAULTS: dict[str, dict[str, list[BaseException]]] = {
    "refused at the start": {"stylize 1": [OverloadedError("full", 0.0)] * 20},
    "away at the start": {"stylize 1": [UnavailableError("away")] * 3},
    "killed before a snapshot": {"snapshot 2": [UnavailableError("killed")]},
    "killed twice": {"snapshot 1": [UnavailableError("killed")], "snapshot 2": [UnavailableError("killed")]},
    "late in a later trajectory": {"snapshot 5": [DeadlineError("late")]},
    "score away in the middle": {"score 2": [UnavailableError("away")]},
    "score away at the kept trial": {"score 5": [UnavailableError("away"), DeadlineError("late")]},
    "everything at once": {
        "stylize 1": [UnavailableError("away")],
        "snapshot 3": [UnavailableError("killed")],
        "score 1": [DeadlineError("late")],
        "score 4": [UnavailableError("away")],
    },
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
async def test_faults_leave_no_trace_in_the_record(faults: dict[str, list[BaseException]]) -> None:
    undisturbed = await worked(ScriptedPeers(kept_at(5)))
    peers = ScriptedPeers(kept_at(5))
    peers.faults.update({where: list(errors) for where, errors in faults.items()})
    disturbed = await worked(peers)
    assert not any(peers.faults.values())
    assert disturbed.record.to_json() == undisturbed.record.to_json()
    assert disturbed.film is not None
    assert undisturbed.film is not None
    assert np.array_equal(disturbed.film, undisturbed.film)
    assert peers.open == 0


async def test_a_fault_runs_the_trajectory_again_and_no_other() -> None:
    peers = ScriptedPeers(kept_at(5))
    peers.faults["score 5"] = [UnavailableError("away")]
    await worked(peers)
    assert [entry for entry in peers.log if entry.startswith("stylize")] == ["stylize 1", "stylize 4", "stylize 4"]
    assert peers.log.count("score original") == 1


async def test_numerics_of_an_attempt_that_failed_are_not_recorded() -> None:
    peers = ScriptedPeers(kept_at(2))
    peers.numerics["stylizer"] = {"device_kind": "another"}
    peers.faults["snapshot 2"] = [UnavailableError("killed")]
    loop = loop_of(peers)
    working = asyncio.ensure_future(loop.work(PAIR))
    while "left" not in peers.log:
        await asyncio.sleep(0)
    peers.numerics["stylizer"] = {"device_kind": "cpu"}
    assert (await working).record.numerics["stylizer"] == [{"device_kind": "cpu"}]


async def test_every_kind_of_numerics_that_took_part_is_recorded_in_a_fixed_order() -> None:
    recorded = []
    for kinds in (("a", "b"), ("b", "a")):
        peers = ScriptedPeers(kept_at(5))
        peers.numerics["stylizer"] = {"device_kind": kinds[0]}
        working = asyncio.ensure_future(loop_of(peers).work(PAIR))
        while "stylize 4" not in peers.log:
            await asyncio.sleep(0)
        peers.numerics["stylizer"] = {"device_kind": kinds[1]}
        recorded.append((await working).record.numerics["stylizer"])
    assert recorded[0] == recorded[1] == [{"device_kind": "a"}, {"device_kind": "b"}]


@pytest.mark.parametrize("where", ["stylize 1", "snapshot 2", "score 3"])
async def test_a_fault_that_outlasts_the_patience_is_an_error_and_no_rejection(where: str) -> None:
    peers = ScriptedPeers()
    peers.faults[where] = [UnavailableError("away") for _ in range(9)]
    with pytest.raises(UnavailableError, match="away"):
        await loop_of(peers, patience=Patience(attempts=3)).work(PAIR)
    assert len(peers.faults[where]) == 6
    assert peers.open == 0


@pytest.mark.parametrize("error", [InvalidInputError("wrong"), UnfinishedPairsError("away for long")], ids=str)
async def test_an_error_that_no_attempt_can_help_ends_the_work_at_once(error: MammosynthError) -> None:
    peers = ScriptedPeers()
    peers.faults["score 2"] = [error]
    with pytest.raises(type(error)):
        await worked(peers)
    assert [entry for entry in peers.log if entry.startswith("stylize")] == ["stylize 1"]


async def test_what_is_left_of_a_trajectory_that_diverges_counts_as_diverged_trials() -> None:
    peers = ScriptedPeers(kept_at(4))
    peers.faults["snapshot 2"] = [NumericalError("loss: found nan")]
    record = (await worked(peers)).record
    assert [trial.reasons for trial in record.trials] == [
        (Reason.STILL_BENIGN,),
        (Reason.DIVERGED,),
        (Reason.DIVERGED,),
        (),
    ]
    assert [(trial.scores is None, trial.loss is None, trial.sha256 == "") for trial in record.trials[1:3]] == [
        (True, True, True)
    ] * 2
    assert [entry for entry in peers.log if entry.startswith("stylize")] == ["stylize 1", "stylize 4"]


async def test_a_pair_whose_every_trajectory_diverges_is_exhausted() -> None:
    peers = ScriptedPeers()
    for trial in (1, 4, 6, 7):
        peers.faults[f"snapshot {trial}"] = [NumericalError("loss: found nan")]
    record = (await worked(peers)).record
    assert record.reason is Reason.EXHAUSTED
    assert {trial.reasons for trial in record.trials} == {(Reason.DIVERGED,)}
    assert len(record.trials) == 7


async def test_rejected_trials_are_handed_out_once_each_also_after_faults() -> None:
    kept: list[tuple[int, int, int]] = []
    peers = ScriptedPeers(kept_at(5))
    peers.faults["score 3"] = [UnavailableError("away")]
    peers.faults["snapshot 5"] = [UnavailableError("away")]
    loop = loop_of(peers, lambda pair, trial, film: kept.append((pair, trial, round(float(film[0, 0]) * 65535))))
    await loop.work(PAIR)
    assert kept == [(5, 1, 1), (5, 2, 2), (5, 3, 3), (5, 4, 4)]


async def test_diverged_trials_have_no_film_to_be_handed_out() -> None:
    kept: list[int] = []
    peers = ScriptedPeers()
    peers.faults["snapshot 2"] = [NumericalError("loss: found nan")]
    await loop_of(peers, lambda pair, trial, film: kept.append(trial)).work(PAIR)
    assert kept == [1, 4, 5, 6, 7]


async def test_both_gates_are_in_the_record_where_one_already_says_no() -> None:
    record = (await worked(ScriptedPeers(lambda pair, trial: ANOMALOUS))).record
    assert {trial.reasons for trial in record.trials} == {(Reason.ANOMALOUS,)}
    assert {trial.scores for trial in record.trials} == {ANOMALOUS}


@pytest.mark.parametrize("stop_at", ["score original", "stylize 1", "snapshot 2", "score 2", "stylize 4"])
async def test_a_cancelled_pair_has_no_outcome_and_leaves_its_trajectory(stop_at: str) -> None:
    peers = ScriptedPeers()
    working = asyncio.ensure_future(loop_of(peers).work(PAIR))
    while stop_at not in peers.log:
        await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert peers.open == 0
    stylized = peers.log.count("stylize 1")
    await asyncio.sleep(0.01)
    assert peers.log.count("stylize 1") == stylized


async def test_a_pair_that_hangs_can_be_cancelled() -> None:
    peers = ScriptedPeers()
    peers.blocked = asyncio.Event()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(loop_of(peers).work(PAIR), 0.05)
    assert peers.open == 0


async def test_many_pairs_at_once_do_not_touch_one_another() -> None:
    sampler = Sampler(cohort(3, 3), Pairing(), seed=7)
    pairs = [sampler.pair(index) for index in range(12)]

    def scores(pair: int, trial: int) -> Scores:
        return KEPT if trial == pair % 8 else BENIGN

    together = await asyncio.gather(*map(loop_of(ScriptedPeers(scores)).work, pairs))
    for pair, outcome in zip(pairs, together, strict=True):
        alone = await loop_of(ScriptedPeers(scores)).work(pair)
        assert outcome.record.to_json() == alone.record.to_json()
        assert outcome.record.accepted_trial == (pair.index % 8 or None)
