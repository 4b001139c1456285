"""What `uplift.json` holds."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from services.evaluator.uplift.analysis import PRIMARY, Analysis, ArmFigures, Look
from services.evaluator.uplift.arms import Condition, Films, LeftOut, training_set
from services.evaluator.uplift.contrast import Contrast
from services.evaluator.uplift.verdict import Verdict
from shared.roc import Labels, Patients


def as_result(
    analysis: Analysis | None, answer: Verdict, films: Films, left_out: Sequence[LeftOut], *, seed: int
) -> dict[str, Any]:
    """Everything that was measured, as plain JSON; `analysis` is None where nothing was."""
    found = analysis
    return {
        "verdict": asdict(answer),
        "primary": {"figure": PRIMARY, "contrast": _contrast(found.primary) if found else None},
        "alone": _contrast(found.alone) if found else None,
        "chosen": [
            {"amount": amount, "synthetic": ours.name, "real": theirs.name}
            for amount, (ours, theirs) in (found.chosen if found else {}).items()
        ],
        "placebo": _contrast(found.placebo) if found else None,
        "over_placebo": _contrast(found.over_placebo) if found else None,
        "arms": [_arm(arm, films, seed) for arm in (found.arms if found else ())],
        "looks": [_look(look) for look in (found.looks if found else ())],
        "left_out": [missing.sentence for missing in left_out],
    }


def test_films(labels: Labels, patients: Patients) -> dict[str, int]:
    """How much there is to test on."""
    return {
        "films": len(labels),
        "malignant": int(labels.sum()),
        "patients": len(np.unique(patients)),
        "malignant_patients": len(np.unique(patients[labels])),
    }


def _arm(arm: ArmFigures, films: Films, seed: int) -> dict[str, Any]:
    training = training_set(films, arm.condition, seed)
    return {
        **_condition(arm.condition),
        "benign": len(training.benign),
        "malignant": len(training.malignant),
        "added": len(training.added),
        "validation_auc": arm.validation_auc,
        "auc": _finite(asdict(arm.auc)),
        "auc_by_seed": list(arm.auc_by_seed),
        "sensitivity": _finite(asdict(arm.sensitivity)),
        "precision": _finite(asdict(arm.precision)),
    }


def _look(look: Look) -> dict[str, Any]:
    return {
        "amount": look.amount,
        "ours": look.ours.name,
        "theirs": look.theirs.name,
        "contrast": _contrast(look.contrast),
        "corrected_p": look.corrected_p,
    }


def _condition(condition: Condition) -> dict[str, Any]:
    return {"name": condition.name, **asdict(condition)}


def _contrast(found: Contrast | None) -> dict[str, Any] | None:
    return None if found is None else _finite(asdict(found))


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Put None for what JSON has no word for."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }
