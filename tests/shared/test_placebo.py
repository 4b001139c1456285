import math
from dataclasses import replace

import pytest

from shared.placebo import FEWEST_CONTENTS, compare
from shared.record import PairRecord, Reason, Scores, Source
from tests.services.orchestrator.made import record, trial


def made(pair: int, content: str, *logits: float, accepted: bool = False, placebo: bool = False) -> PairRecord:
    trials = tuple(
        trial(number, Reason.ANOMALOUS, scores=Scores(anomaly=0.2, probability=0.5, logit=logit))
        for number, logit in enumerate(logits, start=1)
    )
    source = Source(image_id=content, patient_id="p1", sha256="b" * 64)
    return record(pair, accepted=accepted, content=source, trials=trials, placebo=placebo)


def test_differences_are_taken_within_a_content() -> None:
    pairs = [made(0, "a", 1.0, 2.0, accepted=True), made(1, "b", 0.5), made(2, "c", 9.0)]
    twins = [made(0, "a", 0.0, 1.5, 7.0, placebo=True), made(1, "b", 1.0, accepted=True, placebo=True)]
    found = compare(pairs, twins)
    assert (found["twins"], found["accepted"], found["compared"], found["contents"]) == (2, 1, 2, 2)
    assert (found["pairs_accepted"], found["twins_accepted"]) == (1, 1)
    assert found["acceptance_difference"] == {"mean": 0.0}
    # The first: mean of 1.0 and 0.5 over the trials that both made; the second: -0.5.
    assert found["logit_difference"] == {"mean": pytest.approx((0.75 - 0.5) / 2)}


def test_several_pairs_of_one_content_count_once() -> None:
    pairs = [made(number, "a" if number < 3 else "b", 1.0) for number in range(4)]
    twins = [made(number, "a" if number < 3 else "b", 0.0 if number < 3 else 1.0, placebo=True) for number in range(4)]
    assert compare(pairs, twins)["logit_difference"] == {"mean": 0.5}


def test_enough_contents_give_an_interval_that_holds_the_mean() -> None:
    contents = [f"c{number}" for number in range(FEWEST_CONTENTS)]
    pairs = [made(number, content, float(number), accepted=True) for number, content in enumerate(contents)]
    twins = [made(number, content, 0.0, placebo=True) for number, content in enumerate(contents)]
    found = compare(pairs, twins)
    logit = found["logit_difference"]
    assert logit["low"] < logit["mean"] == 2.0 < logit["high"]
    assert found["acceptance_difference"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert compare(pairs, twins) == found, "the same bytes each time"


def test_pairs_that_were_not_tried_say_nothing() -> None:
    untried = replace(made(0, "a", accepted=False), trials=(), reason=Reason.CONTENT_NOT_BENIGN)
    found = compare([untried], [replace(untried, placebo=True)])
    assert (found["twins"], found["compared"]) == (1, 0)
    assert found["acceptance_difference"] is None
    assert found["logit_difference"] is None


def test_trials_that_diverged_are_left_out_of_the_logit() -> None:
    diverged = replace(made(0, "a"), trials=(trial(1, Reason.DIVERGED, scores=None),))
    found = compare([diverged], [made(0, "a", 1.0, placebo=True)])
    assert found["acceptance_difference"] == {"mean": 0.0}
    assert found["logit_difference"] is None
    assert not any(isinstance(value, float) and math.isnan(value) for value in found.values())


def test_without_twins_there_is_nothing_to_compare() -> None:
    found = compare([made(0, "a", 1.0)], [])
    assert (found["twins"], found["accepted"], found["compared"]) == (0, 0, 0)


def test_a_twin_that_was_not_tried_is_not_taken_for_one_that_failed() -> None:
    untried = replace(made(0, "a", placebo=True), trials=(), reason=Reason.CONTENT_NOT_BENIGN)
    found = compare([made(0, "a", 1.0, accepted=True)], [untried])
    assert (found["compared"], found["pairs_accepted"]) == (0, 0)
