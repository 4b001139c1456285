"""What an uplift is going to do, written down before anything is trained, and the record of each fit."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from services.evaluator.configuration import Control
from services.evaluator.uplift.analysis import Fitted
from services.evaluator.uplift.arms import Condition
from shared.errors import DatasetError
from shared.files import write_atomically

SCHEMA_VERSION = 1
FOLDER = "uplift"
"""Beside the records of a run."""
_PLAN, _RESULT = "plan.json", "result.json"


class PlanFolder:
    """One plan beside a run: `uplift/<digest>/plan.json`, a record of each fit, the result."""

    def __init__(self, folder: Path, identity: Mapping[str, Any], *, control: bool) -> None:
        """Write the plan, or find it as it was written.

        `identity` is all that the numbers follow from, plain JSON. Raises DatasetError when the plan that is there is
        broken.
        """
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        self.path = folder / digest[:16]
        self.digest = digest
        plan = self.path / _PLAN
        if not plan.exists():
            before = 0 if control else _tried(folder)
            write_atomically(plan, _json({"identity": identity, "control": control, "plans_before": before}))
        try:
            self.plans_before = int(json.loads(plan.read_bytes())["plans_before"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{plan}: cannot be read: {error}; needed is the plan as it was written") from error

    def read(self, condition: Condition, seed: int) -> Fitted | None:
        """Read the record of a fit; None where there is none, or none that can be read."""
        try:
            values = json.loads(self._record(condition, seed).read_bytes())
            return Fitted(condition, seed, float(values["validation_auc"]), np.array(values["test_scores"], float))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, fitted: Fitted, kept_update: int) -> None:
        """Write the record of a fit in one piece."""
        values = {
            "validation_auc": fitted.validation_auc,
            "kept_update": kept_update,
            "test_scores": fitted.test_scores.tolist(),
        }
        write_atomically(self._record(fitted.condition, fitted.seed), _json(values))

    def finish(self, result: Mapping[str, Any], output: Path) -> None:
        """Write the result, here and for the report."""
        write_atomically(self.path / _RESULT, _json(result))
        write_atomically(output, _json(result))

    def _record(self, condition: Condition, seed: int) -> Path:
        return self.path / "fits" / f"{condition.name}-seed{seed}.json"


def output(run: Path, control: Control) -> Path:
    """Where the result of an uplift, or of one of its controls, lies for the report."""
    return run / (f"{FOLDER}.json" if control is Control.NONE else f"{FOLDER}-control-{control}.json")


def read_result(path: Path) -> dict[str, Any] | None:
    """Read what an uplift wrote; None where there is nothing, or nothing that can be read."""
    try:
        result = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.get("schema_version") == SCHEMA_VERSION else None


def _tried(folder: Path) -> int:
    """Plans with the run's own films that came to a result: each of them was a look at the same test films."""
    tried = 0
    for result in folder.glob(f"*/{_RESULT}"):
        values = read_result(result)
        tried += values is not None and values.get("control") == "none"
    return tried


def _json(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
