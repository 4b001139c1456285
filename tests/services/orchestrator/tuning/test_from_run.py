"""A policy reordered by a run's own records."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from services.orchestrator.configuration import TuneConfiguration
from services.orchestrator.ledger import Ledger
from services.orchestrator.policy import load_policy
from services.orchestrator.tuning import command
from services.orchestrator.tuning.from_run import outcomes_of_run
from shared.errors import InvalidInputError, NotFoundError
from shared.record import Reason, Source
from shared.store import Store
from tests.services.orchestrator.made import BENIGN, pins, policy, record, trial

POLICY = policy({"steps": 10}, {"steps": 20}, {"steps": 30, "style_weight": 1e3})


def write(ledger: Ledger, pair: int, taken_at: int | None, content: str, *, placebo: bool) -> None:
    """The record of a pair, or its twin, that was accepted at a trial, or at none."""
    trials = tuple(trial(number, Reason.STILL_BENIGN) for number in range(1, taken_at or 4))
    trials += (trial(taken_at),) if taken_at else ()
    found = record(
        pair,
        accepted=taken_at is not None,
        trials=trials,
        accepted_trial=taken_at,
        content=Source(image_id=content, patient_id="p", sha256="b" * 64, scores=BENIGN),
        placebo=placebo,
    )
    (ledger.twins if placebo else ledger).write(found, None)


@pytest.fixture
def ledger(memory: str) -> Ledger:
    """Pairs 0 to 4, of which 3 has no twin, and the content of 4 was not called benign."""
    found = Ledger(Store(memory))
    found.pin(pins(policy=POLICY.model_dump(mode="json"), policy_sha256=POLICY.sha256, placebo=(0, 1, 2, 4), pairs=5))
    for pair, (ours, theirs) in enumerate([(3, None), (1, 2), (None, None)]):
        write(found, pair, ours, f"b{pair}", placebo=False)
        write(found, pair, theirs, f"b{pair}", placebo=True)
    write(found, 3, 1, "b3", placebo=False)
    for ledger, placebo in ((found, False), (found.twins, True)):
        not_benign = record(4, accepted=False, trials=(), reason=Reason.CONTENT_NOT_BENIGN, placebo=placebo)
        ledger.write(not_benign, None)
    return found


def test_trials_that_a_pair_did_not_come_to_are_not_known(ledger: Ledger) -> None:
    found = outcomes_of_run(ledger.store)
    nan = np.nan
    assert found.outcomes.contents == ("b0", "b1", "b2")
    assert found.outcomes.settings == tuple(POLICY.recipe(number) for number in (1, 2, 3))
    np.testing.assert_array_equal(found.outcomes.malignant.accepted, [[0, 0, 1], [1, nan, nan], [0, 0, 0]])
    np.testing.assert_array_equal(found.outcomes.placebo.accepted, [[0, 0, 0], [0, 1, nan], [0, 0, 0]])
    assert found.outcomes.malignant.logit[0].tolist() == [-2.2, -2.2, 2.2]
    assert (found.size, found.policy.sha256, found.models["anomaly"]) == (64, POLICY.sha256, "a" * 64)


def test_the_reordered_policy_says_that_it_is_for_other_films(ledger: Ledger, tmp_path: Path) -> None:
    values: dict[str, Any] = {"from_run": ledger.store.address, "output": tmp_path / "new"}
    assert command.run(TuneConfiguration(**values)) == 0
    new = load_policy(str(tmp_path / "new" / "policy.yaml"))
    # of 3 pairs: trial 1 takes one for 10 evaluations; trial 3 then one of two for 30; trial 2 takes a twin alone
    assert [new.recipe(number).steps for number in (1, 2)] == [10, 30]
    assert len(new.recipes) == 2
    assert "For other films than that run's" in new.description
    assert POLICY.sha256 in new.description
    assert new.size == 64
    assert yaml.safe_load((tmp_path / "new" / "policy.yaml").read_text())["gates"] == POLICY.gates.model_dump()
    assert (tmp_path / "new" / "table.csv").read_text().count("\n") == 4


def test_a_run_without_twins_is_refused(memory: str) -> None:
    found = Ledger(Store(memory))
    found.pin(pins(policy=POLICY.model_dump(mode="json"), pairs=1))
    write(found, 0, 1, "b0", placebo=False)
    with pytest.raises(InvalidInputError, match="found no pair with a placebo twin that was tried"):
        outcomes_of_run(found.store)


def test_a_folder_that_is_no_run_is_refused(memory: str) -> None:
    with pytest.raises(NotFoundError, match=r"found no run\.json"):
        outcomes_of_run(Store(memory))
