"""Which faults are met with another attempt, and for how long."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import stamina
from stamina.instrumentation import RetryDetails, get_on_retry_hooks, set_on_retry_hooks

from services.orchestrator.faults import Patience, is_fault
from shared import errors
from shared.errors import MammosynthError, OverloadedError, UnavailableError

WORTH_ANOTHER_ATTEMPT = {
    errors.OverloadedError,
    errors.UnavailableError,
    errors.DeadlineError,
    errors.InternalError,
    errors.ModelMismatchError,
    errors.CallCancelledError,
}


class Clock:
    """Moves on by a fixed time whenever it is looked at."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


async def attempted(faults: list[BaseException], patience: Patience) -> int:
    """Meet these faults one after another; returns the number of the attempt that met none."""
    made = 0
    async for attempt in patience.attempts_made():
        with attempt:
            made += 1
            if faults:
                raise faults.pop(0)
    return made


@pytest.mark.parametrize("kind", errors.error_classes(), ids=lambda kind: kind.code)
async def test_another_attempt_is_made_where_it_can_help(kind: type[MammosynthError]) -> None:
    assert is_fault(kind("away")) == (kind in WORTH_ANOTHER_ATTEMPT)
    if kind in WORTH_ANOTHER_ATTEMPT:
        assert await attempted([kind("away"), kind("away")], Patience()) == 3
    else:
        with pytest.raises(kind):
            await attempted([kind("wrong")], Patience())


@pytest.mark.parametrize("kind", [ZeroDivisionError, OSError, KeyboardInterrupt], ids=lambda kind: kind.__name__)
async def test_what_is_no_error_of_the_domain_is_not_repeated(kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        await attempted([kind("bug")], Patience())


async def test_attempts_end_after_so_many_faults() -> None:
    faults: list[BaseException] = [UnavailableError("away") for _ in range(9)]
    with pytest.raises(UnavailableError, match="away"):
        await attempted(faults, Patience(attempts=4))
    assert len(faults) == 5


async def test_a_series_of_attempts_begins_with_fresh_patience() -> None:
    patience = Patience(attempts=2)
    for _ in range(3):
        assert await attempted([UnavailableError("away")], patience) == 2


@pytest.fixture
def waiting() -> Iterator[None]:
    """Waits between attempts, and what bounds them, as they are outside of tests."""
    stamina.set_testing(False)
    yield
    stamina.set_testing(True, attempts=10_000)


async def test_a_long_attempt_does_not_use_up_the_patience(waiting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.time", SimpleNamespace(monotonic=Clock(1e6)))
    patience = Patience(wait_initial_s=0.0, clock=Clock(1e6))
    assert await attempted([UnavailableError("killed"), UnavailableError("killed")], patience) == 3


async def test_a_full_queue_is_no_fault_and_may_refuse_more_often_than_there_are_attempts(waiting: None) -> None:
    faults: list[BaseException] = [OverloadedError("full", 0.0) for _ in range(50)]
    assert await attempted(faults, Patience(attempts=2, refused_s=100.0, clock=Clock(1.0))) == 51


async def test_a_queue_that_stays_full_ends_the_attempts_after_its_time() -> None:
    faults: list[BaseException] = [OverloadedError("full", 0.0) for _ in range(50)]
    with pytest.raises(OverloadedError, match="full"):
        await attempted(faults, Patience(attempts=2, refused_s=10.0, clock=Clock(1.0)))
    assert len(faults) == 39


async def test_the_time_of_refusals_starts_anew_after_another_fault() -> None:
    faults: list[BaseException] = [OverloadedError("full", 0.0) for _ in range(6)]
    faults.insert(3, UnavailableError("away"))
    assert await attempted(faults, Patience(attempts=2, refused_s=3.0, clock=Clock(1.0))) == 8


async def test_a_full_queue_is_asked_again_when_it_said_and_a_little_later(waiting: None) -> None:
    waits = []

    def hook(details: RetryDetails) -> None:
        waits.append(details.wait_for)

    before = get_on_retry_hooks()
    set_on_retry_hooks([hook])
    try:
        await attempted([OverloadedError("full", 0.01) for _ in range(6)], Patience(wait_initial_s=5.0))
    finally:
        set_on_retry_hooks(before)
    assert all(0.01 <= wait <= 0.0126 for wait in waits)
    assert len(set(waits)) == 6
