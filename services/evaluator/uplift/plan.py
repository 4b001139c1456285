"""What an uplift is going to do, written down before anything is trained, and the record of each fit."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from services.evaluator.configuration import Control
from services.evaluator.uplift.analysis import Fitted
from services.evaluator.uplift.arms import Condition
from shared.errors import DatasetError
from shared.store import Store

SCHEMA_VERSION = 1
FOLDER = "uplift"
"""Beside the records of a run."""
_PLAN, _RESULT = "plan.json", "result.json"


class PlanFolder:
    """One plan beside a run: `uplift/<digest>/plan.json`, a record of each fit, the result."""

    def __init__(self, store: Store, identity: Mapping[str, Any], *, control: bool) -> None:
        """Write the plan into a run, or find it as it was written.

        `identity` is all that the numbers follow from, plain JSON. Raises DatasetError when the plan that is there is
        broken.
        """
        self.store = store
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        self._folder = f"{FOLDER}/{digest[:16]}"
        self.digest = digest
        plan = f"{self._folder}/{_PLAN}"
        if not store.exists(plan):
            before = 0 if control else _tried(store)
            store.write(plan, _json({"identity": identity, "control": control, "plans_before": before}))
        try:
            self.plans_before = int(json.loads(store.read(plan))["plans_before"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f"{store.address}/{plan}: cannot be read: {error}; needed is the plan as it was written"
            ) from error

    def read(self, condition: Condition, seed: int) -> Fitted | None:
        """Read the record of a fit; None where there is none, or none that can be read."""
        try:
            values = json.loads(self.store.read(self._record(condition, seed)))
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
        self.store.write(self._record(fitted.condition, fitted.seed), _json(values))

    def finish(self, result: Mapping[str, Any], output: str) -> None:
        """Write the result, here and, under the name `output`, for the report."""
        self.store.write(f"{self._folder}/{_RESULT}", _json(result))
        self.store.write(output, _json(result))

    def _record(self, condition: Condition, seed: int) -> str:
        return f"{self._folder}/fits/{condition.name}-seed{seed}.json"


def output(control: Control) -> str:
    """Name, in a run, of the result of an uplift or of one of its controls, as the report reads it."""
    return f"{FOLDER}.json" if control is Control.NONE else f"{FOLDER}-control-{control}.json"


def read_result(store: Store, name: str) -> dict[str, Any] | None:
    """Read what an uplift wrote; None where there is nothing, or nothing that can be read."""
    try:
        result = json.loads(store.read(name))
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.get("schema_version") == SCHEMA_VERSION else None


def _tried(store: Store) -> int:
    """Plans with the run's own films that came to a result: each of them was a look at the same test films."""
    tried = 0
    for folder in store.names(FOLDER, ""):
        values = read_result(store, f"{FOLDER}/{folder}/{_RESULT}")
        tried += values is not None and values.get("control") == "none"
    return tried


def _json(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
