"""The answer in a sentence."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from services.evaluator.uplift.analysis import Analysis
from services.evaluator.uplift.contrast import ALPHA, Contrast
from shared.roc import Labels, Patients

FEWEST_PATIENTS = 10
"""Patients with films of a class in the split test, below which nothing is tested."""


class Answer(StrEnum):
    """Whether the synthetic films helped."""

    HELPED = "helped"
    DID_NOT_HELP = "did not help"
    HARMED = "harmed"
    NOT_ENOUGH_DATA = "not enough data to say"


@dataclass(frozen=True)
class Verdict:
    """The answer, and what it rests on."""

    answer: Answer
    sentence: str
    placebo: str
    """What the placebo says of it; empty where there is none."""


def enough_to_test(labels: Labels, patients: Patients) -> str:
    """Say what is missing to test at all; empty if nothing."""
    for name, of_class in (("malignant", labels), ("benign", ~labels)):
        count = len(np.unique(patients[of_class]))
        if count < FEWEST_PATIENTS:
            return f"the split test has {count} patients with {name} films, {FEWEST_PATIENTS} are needed"
    return ""


def verdict(analysis: Analysis | None, *, worthwhile: float, missing: str = "") -> Verdict:
    """Read an analysis; None where something was `missing` to make one.

    Harmed needs a primary interval below 0; helped needs one above 0, and that of the films alone too. That films did
    not help needs either interval to leave out a help of `worthwhile` or more; all else is too little data.
    """
    primary, alone = (analysis.primary, analysis.alone) if analysis is not None else (None, None)
    if analysis is None or primary is None or alone is None:
        reason = missing or "there are not synthetic films enough for any amount that was asked for"
        return Verdict(Answer.NOT_ENOUGH_DATA, f"Not enough data to say: {reason}.", "")
    answer = _answer(primary, alone, worthwhile)
    detectable = max(primary.detectable, alone.detectable)
    amounts = ", ".join(f"{amount:g}" for amount in analysis.chosen)
    level = f"{100 * (1 - primary.alpha):.3g} %"
    sentence = (
        f"{answer.capitalize()}: with synthetic films the area under the curve on the split test changed by "
        f"{_interval(primary, level)} against the best real arm, mean over {amounts} % of the real malignant films "
        f"(p = {primary.p:.3g}{_corrected(primary)}), and by {_interval(alone, level)} against the same arm without "
        f"them. The smallest change that this much data could have shown is {detectable:.3f}"
        f"{_worthwhile(answer, worthwhile)}."
    )
    return Verdict(answer, sentence, _placebo(answer, analysis))


def _answer(primary: Contrast, alone: Contrast, worthwhile: float) -> Answer:
    if primary.high < 0:
        return Answer.HARMED
    if min(primary.low, alone.low) > 0:
        return Answer.HELPED
    return Answer.DID_NOT_HELP if min(primary.high, alone.high) < worthwhile else Answer.NOT_ENOUGH_DATA


def _interval(found: Contrast, level: str) -> str:
    return f"{found.difference:+.3f} ({level} interval {found.low:+.3f} to {found.high:+.3f})"


def _corrected(primary: Contrast) -> str:
    looks = round(ALPHA / primary.alpha)
    return f"; {min(1.0, primary.p * looks):.3g} corrected for {looks} plans tried on this run" if looks > 1 else ""


def _worthwhile(answer: Answer, worthwhile: float) -> str:
    if answer is Answer.DID_NOT_HELP:
        return f"; a help of {worthwhile:g} or more is ruled out"
    if answer is Answer.NOT_ENOUGH_DATA:
        return f"; a help of {worthwhile:g} is not ruled out"
    return ""


def _placebo(answer: Answer, analysis: Analysis) -> str:
    placebo, over = analysis.placebo, analysis.over_placebo
    if placebo is None:
        return "There are too few placebo films to be an arm: nothing says whether malignant texture did it."
    said = f"Placebo films, labelled malignant, changed it by {_interval(placebo, '95 %')}"
    if over is None:
        return f"{said}."
    said = f"{said}; synthetic less as many placebo films: {_interval(over, '95 %')}."
    if answer is Answer.HELPED and not (over.p < ALPHA and over.difference > 0):
        said += " So it cannot be put down to malignant texture: films of benign style did not do demonstrably worse."
    return said
