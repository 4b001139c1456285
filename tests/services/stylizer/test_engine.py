import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import structlog
import torch

from services.stylizer.batch import Batch
from services.stylizer.engine import Engine
from services.stylizer.job import TransferJob
from services.stylizer.network import Trunk
from services.stylizer.numerics import REVISION
from services.stylizer.targets import TargetCache
from services.stylizer.trajectory import Snapshot
from services.stylizer.weights import TrunkWeights
from shared.errors import (
    CallCancelledError,
    DeadlineError,
    InternalError,
    InvalidImageError,
    MammosynthError,
    NumericalError,
    OverloadedError,
    UnavailableError,
)
from shared.recipe import Optimizer, Region

PATIENCE_S = 120
EngineMaker = Callable[..., Engine]
JobMaker = Callable[..., TransferJob]


class Receiver:
    """Collects what the engine tells about one film."""

    def __init__(self, *, block_at: int | None = None, fail_at: int | None = None) -> None:
        self.snapshots: list[Snapshot] = []
        self.error: MammosynthError | None = None
        self.ended = threading.Event()
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self._block_at = block_at
        self._fail_at = fail_at

    def on_snapshot(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)
        if snapshot.steps == self._fail_at:
            raise RuntimeError("the receiver is broken")
        if snapshot.steps == self._block_at:
            self.reached.set()
            self.go_on.wait(PATIENCE_S)

    def on_end(self, error: MammosynthError | None) -> None:
        assert not self.ended.is_set()
        self.error = error
        self.ended.set()

    def wait(self) -> "Receiver":
        assert self.ended.wait(PATIENCE_S)
        return self

    def succeeded(self) -> "Receiver":
        assert self.wait().error is None
        return self


@pytest.fixture
def engine(weights: TrunkWeights) -> Iterator[EngineMaker]:
    made: list[Engine] = []

    def make(**options: object) -> Engine:
        given = {"slots": 2, "queue": 4, "history": 20, "device": torch.device("cpu"), "threads": 1} | options
        made.append(Engine(weights, **given))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.stop()


def submit(engine: Engine, job: TransferJob, receiver: Receiver | None = None) -> Receiver:
    receiver = receiver or Receiver()
    engine.submit(job, on_snapshot=receiver.on_snapshot, on_end=receiver.on_end)
    return receiver


def test_snapshots_come_in_order_at_the_asked_steps_and_at_the_end(engine: EngineMaker, job: JobMaker) -> None:
    made = job(1, 2, 32, steps=9, snapshots=(1, 4), region=Region.BREAST)
    receiver = submit(engine(), made).succeeded()
    assert [(snapshot.steps, snapshot.evaluations) for snapshot in receiver.snapshots] == [(1, 1), (4, 4), (9, 9)]
    recipe = made.recipe
    for snapshot in receiver.snapshots:
        assert snapshot.film.dtype == np.float32
        assert 0 <= snapshot.film.min() <= snapshot.film.max() <= 1
        weighted = recipe.content_weight * snapshot.content_loss + recipe.style_weight * snapshot.style_loss
        assert snapshot.loss == pytest.approx(weighted, rel=1e-5)
        change = np.abs(snapshot.film.astype(np.float64) - made.content)[made.content_mask].mean()
        assert snapshot.mean_absolute_change == pytest.approx(change, rel=1e-12)
    assert receiver.snapshots[-1].loss < receiver.snapshots[0].loss


def test_compat_rounds_steps_up_to_blocks_of_20_and_answers_every_asked_number(
    engine: EngineMaker, job: JobMaker
) -> None:
    made = job(1, 2, 32, steps=25, snapshots=(20, 21), optimizer=Optimizer.COMPAT)
    found = submit(engine(), made).succeeded().snapshots
    assert [(snapshot.steps, snapshot.evaluations) for snapshot in found] == [(20, 40), (21, 40), (25, 40)]
    assert found[0].film.tobytes() == found[2].film.tobytes()


def test_the_engine_gives_the_films_that_a_batch_gives_step_by_step(
    engine: EngineMaker, job: JobMaker, trunk: Callable[..., Trunk]
) -> None:
    made = job(1, 2, 32, steps=12)
    batch = Batch(trunk(32), slots=2, history=20, targets=TargetCache(10**8))
    batch.place(0, made)
    for _ in range(12):
        batch.step()
    end = submit(engine(), made).succeeded().snapshots[-1]
    assert end.film.tobytes() == batch.read(0).film.tobytes()
    assert end.loss == batch.read(0).loss


def test_many_films_pass_through_few_slots_with_the_same_bits_as_alone(engine: EngineMaker, job: JobMaker) -> None:
    jobs = [job(seed, seed + 20, 32, steps=3 + seed, snapshots=(2,)) for seed in range(6)]
    alone = [submit(engine(), made).succeeded() for made in jobs]
    together = engine()
    for receiver, expected in zip([submit(together, made) for made in jobs], alone, strict=True):
        found = receiver.succeeded().snapshots
        assert [one.film.tobytes() for one in found] == [one.film.tobytes() for one in expected.snapshots]
        assert [one.loss for one in found] == [one.loss for one in expected.snapshots]


def test_films_of_several_sizes_run_and_batches_are_bounded(engine: EngineMaker, job: JobMaker) -> None:
    one = engine(sizes=1, queue=8)
    receivers = [submit(one, job(1, 2, side, steps=4)) for side in (32, 40, 32, 48, 40)]
    assert [receiver.succeeded().snapshots[-1].film.shape[0] for receiver in receivers] == [32, 40, 32, 48, 40]
    assert len(one._batches) == 1
    two = engine(sizes=2, queue=8)
    for receiver in [submit(two, job(1, 2, side, steps=4)) for side in (32, 40, 48)]:
        receiver.succeeded()
    assert len(two._batches) == 2


def test_a_film_that_waits_takes_the_slot_of_one_that_ends(engine: EngineMaker, job: JobMaker) -> None:
    single = engine(slots=1)
    first = submit(single, job(1, 2, 32, steps=5), Receiver(block_at=5))
    second = submit(single, job(3, 4, 32, steps=5))
    assert first.reached.wait(PATIENCE_S)
    assert not second.snapshots
    first.go_on.set()
    first.succeeded()
    second.succeeded()


def test_a_cancelled_film_leaves_at_the_next_step_and_the_next_one_takes_its_slot(
    engine: EngineMaker, job: JobMaker
) -> None:
    single = engine(slots=1)
    receiver = Receiver(block_at=3)
    handle = single.submit(
        job(1, 2, 32, steps=10_000, snapshots=(3, 4)), on_snapshot=receiver.on_snapshot, on_end=receiver.on_end
    )
    assert receiver.reached.wait(PATIENCE_S)
    follower = submit(single, job(3, 4, 32, steps=2))
    handle.cancel()
    receiver.go_on.set()
    assert isinstance(receiver.wait().error, CallCancelledError)
    assert [snapshot.steps for snapshot in receiver.snapshots] == [3]
    follower.succeeded()
    handle.cancel()


def test_a_film_cancelled_while_it_waits_never_starts(engine: EngineMaker, job: JobMaker) -> None:
    single = engine(slots=1)
    first = submit(single, job(1, 2, 32, steps=3, snapshots=(1,)), Receiver(block_at=1))
    assert first.reached.wait(PATIENCE_S)
    waiting = Receiver()
    single.submit(job(3, 4, 32, steps=2), on_snapshot=waiting.on_snapshot, on_end=waiting.on_end).cancel()
    first.go_on.set()
    assert isinstance(waiting.wait().error, CallCancelledError)
    assert not waiting.snapshots
    first.succeeded()


def test_a_film_whose_deadline_passes_leaves_running_or_waiting(engine: EngineMaker, job: JobMaker) -> None:
    single = engine(slots=1)
    made = job(1, 2, 32, steps=10_000, snapshots=(3,))
    timely = TransferJob(
        content=made.content,
        style=made.style,
        recipe=made.recipe,
        snapshot_steps=made.snapshot_steps,
        deadline=time.monotonic() + 1e9,
    )
    running = Receiver(block_at=3)
    handle = single.submit(timely, on_snapshot=running.on_snapshot, on_end=running.on_end)
    assert running.reached.wait(PATIENCE_S)
    late = TransferJob(content=made.content, style=made.style, recipe=made.recipe, deadline=time.monotonic() - 1)
    waiting = submit(single, late)
    object.__setattr__(timely, "deadline", time.monotonic() - 1)
    running.go_on.set()
    for receiver in (running, waiting):
        assert isinstance(receiver.wait().error, DeadlineError)
    handle.cancel()


def test_a_full_queue_refuses_with_a_time_to_ask_again_and_takes_films_once_there_is_room(
    engine: EngineMaker, job: JobMaker
) -> None:
    small = engine(slots=1, queue=1)
    first = submit(small, job(1, 2, 32, steps=4, snapshots=(1,)), Receiver(block_at=1))
    assert first.reached.wait(PATIENCE_S)
    second = submit(small, job(3, 4, 32, steps=2))
    with pytest.raises(OverloadedError, match="found 2 films in 1 slots, 1 may wait") as caught:
        submit(small, job(5, 6, 32, steps=2))
    assert caught.value.retry_after_s > 0
    first.go_on.set()
    first.succeeded()
    second.succeeded()
    submit(small, job(5, 6, 32, steps=2)).succeeded()


def test_a_film_that_becomes_nan_ends_with_a_numerical_error_and_touches_no_neighbour(
    engine: EngineMaker, job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = job(1, 2, 32, steps=15, snapshots=(5,))
    expected = submit(engine(check_every=4), made).succeeded()
    place = Batch.place

    def poisoned(batch: Batch, slot: int, job: TransferJob) -> None:
        place(batch, slot, job)
        if job.recipe.steps == 9999:
            batch._films[slot, 100] = torch.nan

    monkeypatch.setattr(Batch, "place", poisoned)
    shared = engine(check_every=4)
    sick = submit(shared, job(3, 4, 32, steps=9999))
    healthy = submit(shared, made).succeeded()
    assert isinstance(sick.wait().error, NumericalError)
    assert not sick.snapshots
    assert [one.film.tobytes() for one in healthy.snapshots] == [one.film.tobytes() for one in expected.snapshots]


def test_a_snapshot_is_never_handed_out_of_a_film_that_is_not_finite(
    engine: EngineMaker, job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Batch.step

    def poisoned(batch: Batch) -> None:
        batch._films[0, 7] = torch.inf
        step(batch)

    monkeypatch.setattr(Batch, "step", poisoned)
    receiver = submit(engine(check_every=1000), job(1, 2, 32, steps=5, snapshots=(1,)))
    assert isinstance(receiver.wait().error, NumericalError)
    assert not receiver.snapshots


def test_a_receiver_that_fails_ends_its_own_film_only(engine: EngineMaker, job: JobMaker) -> None:
    shared = engine()
    broken = submit(shared, job(1, 2, 32, steps=5, snapshots=(2,)), Receiver(fail_at=2))
    healthy = submit(shared, job(3, 4, 32, steps=5))
    assert isinstance(broken.wait().error, InternalError)
    healthy.succeeded()


def test_an_unexpected_fault_ends_the_films_of_that_step_and_the_engine_goes_on(
    engine: EngineMaker, job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Batch) -> None:
        raise RuntimeError("a cosmic ray")

    shared = engine()
    with monkeypatch.context() as patch:
        patch.setattr(Batch, "step", fail)
        error = submit(shared, job(1, 2, 32, steps=5)).wait().error
    assert isinstance(error, InternalError)
    assert "cosmic" not in error.message
    submit(shared, job(1, 2, 32, steps=5)).succeeded()


def test_out_of_memory_halves_the_slots_and_asks_callers_to_start_again(
    engine: EngineMaker, job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Batch.step

    def too_small(batch: Batch) -> None:
        if len(batch._films) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        step(batch)

    monkeypatch.setattr(Batch, "step", too_small)
    shared = engine(slots=4)
    error = submit(shared, job(1, 2, 32, steps=3)).wait().error
    assert isinstance(error, UnavailableError)
    assert "4 slots, going on with 2" in error.message
    submit(shared, job(1, 2, 32, steps=3)).wait()
    submit(shared, job(1, 2, 32, steps=3)).succeeded()
    assert shared.numerics().slots == 1


def test_a_film_too_big_for_one_slot_is_refused_by_name(
    engine: EngineMaker, job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_big(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    single = engine(slots=1)
    with monkeypatch.context() as patch:
        patch.setattr(Batch, "place", too_big)
        error = submit(single, job(1, 2, 32, steps=3)).wait().error
    assert isinstance(error, InvalidImageError)
    assert "content: found 32 pixels a side" in error.message
    submit(single, job(1, 2, 32, steps=3)).succeeded()


def test_stop_ends_running_and_waiting_films_and_refuses_new_ones(engine: EngineMaker, job: JobMaker) -> None:
    single = engine(slots=1)
    running = submit(single, job(1, 2, 32, steps=10_000, snapshots=(1,)), Receiver(block_at=1))
    assert running.reached.wait(PATIENCE_S)
    waiting = submit(single, job(3, 4, 32))
    running.go_on.set()
    single.stop()
    for receiver in (running, waiting):
        assert isinstance(receiver.wait().error, UnavailableError)
    with pytest.raises(UnavailableError):
        submit(single, job(1, 2, 32))
    single.stop()


def test_targets_are_computed_once_for_films_that_come_again(
    engine: EngineMaker, job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    features = Trunk.features

    def counted(trunk: Trunk, films: torch.Tensor) -> tuple[torch.Tensor, ...]:
        passes.append(len(films))
        return features(trunk, films)

    monkeypatch.setattr(Trunk, "features", counted)
    shared = engine(slots=3)
    for receiver in [submit(shared, job(1, 2, 32, steps=2, content_weight=float(weight))) for weight in (1, 2, 3)]:
        receiver.succeeded()
    assert passes.count(1) == 2


def test_the_warm_up_waits_for_one_step_and_tells_what_went_wrong(
    engine: EngineMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Batch] = []
    step = Batch.step

    def counted(batch: Batch) -> None:
        steps.append(batch)
        step(batch)

    monkeypatch.setattr(Batch, "step", counted)
    shared = engine()
    shared.warm_up()
    assert len(steps) == 1
    shared.stop()
    with pytest.raises(UnavailableError):
        shared.warm_up()


def test_the_memory_of_a_film_is_told_at_start_and_when_a_batch_is_built(engine: EngineMaker, job: JobMaker) -> None:
    with structlog.testing.capture_logs() as logs:
        submit(engine(slots=2, history=100), job(1, 2, 32, steps=1)).succeeded()
    start, built = logs
    # 128 x 128 pixels: 200 vectors of float32 and 2960 bytes a pixel.
    assert (start["slots"], start["at_128"]) == (2, "59 MiB")
    assert (built["side"], built["slots"], built["each_film"]) == (32, 2, "4 MiB")


def test_numerics_say_what_the_bits_depend_on(engine: EngineMaker) -> None:
    numerics = engine(slots=3, dtype=torch.float64).numerics()
    assert (numerics.device_kind, numerics.dtype, numerics.slots, numerics.threads) == ("cpu", "float64", 3, 1)
    assert numerics.instruction_set == torch.backends.cpu.get_cpu_capability()
    assert numerics.versions["torch"] == torch.__version__
    assert numerics.versions["mammosynth"]
    assert numerics.versions["stylizer"] == REVISION
