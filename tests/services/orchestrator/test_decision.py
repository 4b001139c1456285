"""Decisions follow from scores alone."""

import math
from typing import Any

import pytest

from services.orchestrator.decision import (
    Accept,
    AwaitSnapshot,
    GiveUp,
    ScoreContent,
    StartTrajectory,
    Step,
    Thresholds,
    TrialResult,
    judge,
    next_step,
)
from services.orchestrator.policy import load_policy
from shared.record import Reason, Scores
from tests.services.orchestrator.made import BENIGN, KEPT, THRESHOLDS

PAPER = load_policy("paper")


def result(*, anomaly: float = 0.2, probability: float = 0.9, change: float = 0.05, trial: int = 1) -> TrialResult:
    return TrialResult(trial, Scores(anomaly, probability, logit=0.0), change)


NAN = float("nan")
JUDGED: dict[str, tuple[TrialResult, tuple[Reason, ...]]] = {
    "both gates pass": (result(), ()),
    "anomaly at its threshold": (result(anomaly=0.5), ()),
    "anomaly just above": (result(anomaly=math.nextafter(0.5, 1)), (Reason.ANOMALOUS,)),
    "probability at the cut-off": (result(probability=0.7), ()),
    "probability just below the cut-off": (result(probability=math.nextafter(0.7, 0)), (Reason.LOW_CONFIDENCE,)),
    "probability where benign ends": (result(probability=0.5), (Reason.LOW_CONFIDENCE,)),
    "probability just below that": (result(probability=math.nextafter(0.5, 0)), (Reason.STILL_BENIGN,)),
    "change at the minimum": (result(change=0.01), (Reason.UNCHANGED,)),
    "change just above": (result(change=math.nextafter(0.01, 1)), ()),
    "no change": (result(change=0.0), (Reason.UNCHANGED,)),
    "everything is wrong": (
        result(anomaly=9.0, probability=0.0, change=0.0),
        (Reason.UNCHANGED, Reason.ANOMALOUS, Reason.STILL_BENIGN),
    ),
    "anomalous and unsure": (result(anomaly=9.0, probability=0.6), (Reason.ANOMALOUS, Reason.LOW_CONFIDENCE)),
    "anomaly no number": (result(anomaly=NAN), (Reason.ANOMALOUS,)),
    "probability no number": (result(probability=NAN), (Reason.STILL_BENIGN,)),
    "change no number": (result(change=NAN), (Reason.UNCHANGED,)),
    "anomaly infinite": (result(anomaly=math.inf), (Reason.ANOMALOUS,)),
    "diverged": (TrialResult(1, None, 0.0), (Reason.DIVERGED,)),
}


@pytest.mark.parametrize(("found", "reasons"), JUDGED.values(), ids=JUDGED.keys())
def test_a_trial_is_judged_with_every_reason_against_it(found: TrialResult, reasons: tuple[Reason, ...]) -> None:
    assert judge(found, THRESHOLDS) == reasons


@pytest.mark.parametrize(("change", "reasons"), [(0.0, ()), (1e-9, ()), (NAN, (Reason.UNCHANGED,))])
def test_a_minimum_of_zero_demands_no_change(change: float, reasons: tuple[Reason, ...]) -> None:
    anything = Thresholds(anomaly=0.5, classifier=0.7, benign_below=0.5, minimum_change=0.0)
    assert judge(result(change=change), anything) == reasons


def test_a_cut_off_below_the_benign_border_does_not_let_benign_films_pass() -> None:
    low = Thresholds(anomaly=0.5, classifier=0.3, benign_below=0.5, minimum_change=0.0)
    assert judge(result(probability=0.4), low) == (Reason.STILL_BENIGN,)


def rejected(count: int) -> tuple[TrialResult, ...]:
    return tuple(result(probability=0.1, trial=number) for number in range(1, count + 1))


DIVERGED = (TrialResult(1, None, 0.0), TrialResult(2, None, 0.0), TrialResult(3, None, 0.0))
STEPS: dict[str, tuple[Scores | None, tuple[TrialResult, ...], Step]] = {
    "nothing known": (None, (), ScoreContent()),
    "content benign": (BENIGN, (), StartTrajectory(PAPER.trajectories[0])),
    "content just benign": (
        Scores(0.2, math.nextafter(0.5, 0), 0.0),
        (),
        StartTrajectory(PAPER.trajectories[0]),
    ),
    "content at the border": (Scores(0.2, 0.5, 0.0), (), GiveUp(Reason.CONTENT_NOT_BENIGN)),
    "content malignant": (KEPT, (), GiveUp(Reason.CONTENT_NOT_BENIGN)),
    "content no number": (Scores(0.2, NAN, NAN), (), GiveUp(Reason.CONTENT_NOT_BENIGN)),
    "content anomalous but benign": (Scores(9.0, 0.1, 0.0), (), StartTrajectory(PAPER.trajectories[0])),
    "first trial kept": (BENIGN, (result(),), Accept(1)),
    "first trial rejected": (BENIGN, rejected(1), AwaitSnapshot(2)),
    "third trial rejected": (BENIGN, rejected(3), StartTrajectory(PAPER.trajectories[1])),
    "fourth trial kept": (BENIGN, (*rejected(3), result(trial=4)), Accept(4)),
    "first optimisation diverged": (BENIGN, DIVERGED, StartTrajectory(PAPER.trajectories[1])),
    "sixth trial rejected": (BENIGN, rejected(6), StartTrajectory(PAPER.trajectories[3])),
    "last trial kept": (BENIGN, (*rejected(6), result(trial=7)), Accept(7)),
    "all rejected": (BENIGN, rejected(7), GiveUp(Reason.EXHAUSTED)),
}


@pytest.mark.parametrize(("content", "trials", "step"), STEPS.values(), ids=STEPS.keys())
def test_the_next_step_follows_from_what_is_known(
    content: Scores | None, trials: tuple[TrialResult, ...], step: Step
) -> None:
    assert next_step(PAPER, THRESHOLDS, content, trials) == step


@pytest.mark.parametrize("changes", [{"anomaly": NAN}, {"probability": NAN}, {"change": NAN}], ids=str)
def test_what_is_no_number_is_never_accepted(changes: dict[str, Any]) -> None:
    assert next_step(PAPER, THRESHOLDS, BENIGN, (result(**changes),)) == AwaitSnapshot(2)
