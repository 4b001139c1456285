"""A worker gives every pair a record or names it, and leaves nothing half done."""

import asyncio
import json
from collections.abc import Callable, Iterable

import pytest

from services.orchestrator.batch_run import BatchRun, Tally
from services.orchestrator.decision import Thresholds
from services.orchestrator.faults import Patience
from services.orchestrator.ledger import Ledger
from services.orchestrator.policy import Pairing
from services.orchestrator.retry_loop import Outcome, RetryLoop, RunFacts
from services.orchestrator.sampler import Pair, Sampler
from shared.errors import DatasetError, UnavailableError
from shared.images import Film, sha256_pixels
from shared.progress import ProgressReporter
from shared.record import PairRecord, Scores
from shared.store import Store
from tests.services.orchestrator.made import BENIGN, KEPT, MODELS, cohort, policy
from tests.services.orchestrator.scripted_peers import ScriptedPeers, read_films

POLICY = policy({"steps": 10}, {"steps": 20}, {"steps": 20, "content_weight": 5})
FACTS = RunFacts(POLICY, Thresholds(0.5, 0.7, 0.5, 0.0), seed=7, dataset_sha256="e" * 64, models=MODELS)
PAIRS = range(12)


def scores(pair: int, trial: int) -> Scores:
    """Pairs are kept at their first, second or third trial, or never, in turn."""
    return KEPT if trial == pair % 4 + 1 else BENIGN


class Broken(RetryLoop):
    """Cannot finish some pairs."""

    def __init__(self, peers: ScriptedPeers, broken: Callable[[int], Exception | None]) -> None:
        super().__init__(FACTS, peers, score_original=peers.score_original, read_films=read_films, patience=Patience())
        self._broken = broken
        self.begun: list[int] = []

    async def work(self, pair: Pair) -> Outcome:
        self.begun.append(pair.index)
        error = self._broken(pair.index)
        if error is not None:
            await asyncio.sleep(0)
            raise error
        return await super().work(pair)


class Run:
    """One worker, and what it is made of."""

    def __init__(
        self, address: str, *, in_flight: int = 3, broken: Callable[[int], Exception | None] = lambda pair: None
    ) -> None:
        self.ledger = Ledger(Store(address))
        self.peers = ScriptedPeers(scores)
        self.loop = Broken(self.peers, broken)
        self.reporter = ProgressReporter(lambda done, note: None, len(PAIRS), 0)
        sampler = Sampler(cohort(4, 4), Pairing(), seed=7)
        self.batch = BatchRun(self.ledger, sampler, self.loop, in_flight=in_flight, reporter=self.reporter)
        self.stop = asyncio.Event()

    async def work(self, pairs: Iterable[int] = PAIRS, *, grace_s: float = 60.0) -> Tally:
        return await self.batch.work(pairs, self.stop, grace_s=grace_s)

    def files(self) -> dict[str, bytes]:
        """Records and accepted films, by name."""
        store = self.ledger.store
        names = [
            *(f"pairs/{name}.json" for name in store.names("pairs", ".json")),
            *(f"accepted/{name}.png" for name in store.names("accepted", ".png")),
        ]
        return {name: store.read(name) for name in names}


async def undisturbed(address: str) -> dict[str, bytes]:
    run = Run(address)
    await run.work()
    return run.files()


async def test_every_pair_gets_a_record_and_every_accepted_one_a_film(folder: str) -> None:
    run = Run(folder)
    tally = await run.work()
    assert (tally.accepted, tally.rejected, tally.failed) == (9, 3, {})
    assert run.ledger.recorded() == set(PAIRS)
    accepted = [pair for pair in PAIRS if pair % 4 != 3]
    assert run.ledger.store.names("accepted", ".png") == [f"{pair:06d}" for pair in accepted]
    for pair in accepted:
        assert sha256_pixels(run.ledger.accepted_film(pair)) == run.ledger.record(pair).sha256
    assert run.reporter.done == len(PAIRS)


@pytest.mark.parametrize("in_flight", [1, 2, 7, 50])
async def test_pairs_in_flight_change_nothing_and_are_bounded(folder: str, memory: str, in_flight: int) -> None:
    run = Run(folder, in_flight=in_flight)
    run.peers.blocked = asyncio.Event()
    working = asyncio.ensure_future(run.work())
    while run.peers.open < min(in_flight, len(PAIRS)):
        await asyncio.sleep(0.001)
    assert len(run.loop.begun) == min(in_flight, len(PAIRS))
    run.peers.blocked.set()
    await working
    assert run.files() == await undisturbed(memory)


async def test_a_restarted_run_works_on_pairs_without_a_record_only(folder: str, memory: str) -> None:
    await Run(folder).work([0, 5, 7])
    again = Run(folder)
    tally = await again.work()
    assert sorted(again.loop.begun) == sorted(set(PAIRS) - {0, 5, 7})
    assert tally.accepted + tally.rejected == 9
    assert again.reporter.done == len(PAIRS)
    assert again.files() == await undisturbed(memory)


async def test_shards_together_write_what_one_worker_writes(folder: str, memory: str) -> None:
    shards = [Run(folder) for _ in range(4)]
    await asyncio.gather(*(shard.work(range(index, len(PAIRS), 4)) for index, shard in enumerate(shards)))
    assert shards[0].files() == await undisturbed(memory)
    assert sorted(pair for shard in shards for pair in shard.loop.begun) == list(PAIRS)


async def test_two_workers_on_the_same_shard_write_the_same(folder: str, memory: str) -> None:
    workers = [Run(folder), Run(folder)]
    for worker in workers:
        worker.peers.blocked = asyncio.Event()
    working = asyncio.gather(*(worker.work() for worker in workers))
    while any(worker.peers.open < 3 for worker in workers):
        await asyncio.sleep(0.001)
    for worker in workers:
        assert worker.peers.blocked is not None
        worker.peers.blocked.set()
    await working
    both = set(workers[0].loop.begun) & set(workers[1].loop.begun)
    assert len(both) >= 3
    assert workers[0].files() == await undisturbed(memory)


FAULTS: dict[str, Exception] = {
    "a fault": UnavailableError("stylizer: away"),
    "a broken film": DatasetError("b1: cannot be read"),
    "something unforeseen": ZeroDivisionError("bug"),
}


@pytest.mark.parametrize("error", FAULTS.values(), ids=FAULTS.keys())
async def test_a_pair_that_fails_is_named_and_the_others_go_on(folder: str, error: Exception) -> None:
    run = Run(folder, broken=lambda pair: error if pair in (2, 9) else None)
    tally = await run.work()
    assert sorted(tally.failed) == [2, 9]
    assert str(error) in tally.failed[2]
    assert run.ledger.recorded() == set(PAIRS) - {2, 9}
    assert tally.accepted + tally.rejected == 10
    assert "2 unfinished" in tally.note


async def test_after_many_failures_in_a_row_no_more_pairs_are_begun(folder: str) -> None:
    run = Run(folder, in_flight=1, broken=lambda pair: UnavailableError("away") if pair >= 5 else None)
    tally = await run.work(range(100))
    assert len(tally.failed) == 8
    assert run.loop.begun == list(range(13))
    assert run.ledger.recorded() == set(range(5))


async def test_failures_with_successes_between_do_not_end_the_run(folder: str) -> None:
    run = Run(folder, in_flight=1, broken=lambda pair: UnavailableError("away") if pair % 2 else None)
    tally = await run.work(range(40))
    assert len(tally.failed) == 20
    assert len(run.ledger.recorded()) == 20


async def test_pairs_that_failed_are_done_by_the_next_start(folder: str, memory: str) -> None:
    await Run(folder, broken=lambda pair: UnavailableError("away") if pair in (2, 9) else None).work()
    again = Run(folder)
    await again.work()
    assert sorted(again.loop.begun) == [2, 9]
    assert again.files() == await undisturbed(memory)


async def test_a_record_that_cannot_be_written_fails_its_pair(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(folder)
    write = run.ledger.store.write

    def full(name: str, data: bytes) -> None:
        if name == "pairs/000004.json":
            raise UnavailableError("output: cannot write")
        write(name, data)

    monkeypatch.setattr(run.ledger.store, "write", full)
    tally = await run.work()
    assert list(tally.failed) == [4]
    assert run.ledger.recorded() == set(PAIRS) - {4}


async def test_once_told_to_stop_no_pair_is_begun_and_those_in_progress_end(folder: str) -> None:
    run = Run(folder)
    run.peers.blocked = asyncio.Event()
    working = asyncio.ensure_future(run.work())
    while run.peers.open < 3:
        await asyncio.sleep(0.001)
    run.stop.set()
    await asyncio.sleep(0.01)
    run.peers.blocked.set()
    tally = await working
    assert run.ledger.recorded() == {0, 1, 2}
    assert tally.accepted == 3
    assert sorted(run.loop.begun) == [0, 1, 2]


async def test_what_does_not_end_within_the_grace_time_is_left_without_a_record(folder: str, memory: str) -> None:
    run = Run(folder)
    run.peers.blocked = asyncio.Event()
    working = asyncio.ensure_future(run.work(grace_s=0.02))
    while run.peers.open < 3:
        await asyncio.sleep(0.001)
    run.stop.set()
    tally = await working
    assert (tally.accepted, tally.rejected, tally.failed) == (0, 0, {})
    assert run.files() == {}
    assert run.peers.open == 0
    again = Run(folder)
    await again.work()
    assert again.files() == await undisturbed(memory)


async def test_a_write_that_has_begun_ends_before_the_work_does(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(folder, in_flight=1)
    told = asyncio.Event()
    asked, go_on = asyncio.get_running_loop(), asyncio.Event()
    write = run.ledger.write

    def slow(record: PairRecord, film: Film | None, original: Film | None) -> None:
        asked.call_soon_threadsafe(told.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), asked).result(5)
        write(record, film, original)

    monkeypatch.setattr(run.ledger, "write", slow)
    working = asyncio.ensure_future(run.work(grace_s=0.0))
    await told.wait()
    run.stop.set()
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not working.done()
    go_on.set()
    await working
    assert run.ledger.recorded() == {0}
    assert set(run.files()) == {"pairs/000000.json", "accepted/000000.png"}


async def test_cancelling_the_work_leaves_whole_records_only(folder: str, memory: str) -> None:
    expected = await undisturbed(memory)
    for steps in range(0, 60, 7):
        run = Run(folder)
        working = asyncio.ensure_future(run.work())
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        files = run.files()
        for name, data in files.items():
            assert expected[name] == data
        for pair in run.ledger.recorded():
            assert run.ledger.record(pair).accepted_trial is None or f"accepted/{pair:06d}.png" in files
    last = Run(folder)
    await last.work()
    assert last.files() == expected


async def test_timings_lie_in_a_file_of_the_worker_and_not_in_the_records(folder: str) -> None:
    runs = [Run(folder), Run(folder)]
    for index, run in enumerate(runs):
        await run.work(range(index, 12, 2))
    store = runs[0].ledger.store
    names = store.names("timings", ".json")
    assert len(names) == 2
    timed = [entry for name in names for entry in json.loads(store.read(f"timings/{name}.json"))["pairs"]]
    assert sorted(entry["pair"] for entry in timed) == list(PAIRS)
    assert all(entry["trials"] >= 1 for entry in timed)


async def test_timings_that_cannot_be_written_do_not_end_the_run(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(folder)
    write = run.ledger.store.write

    def no_timings(name: str, data: bytes) -> None:
        if name.startswith("timings/"):
            raise UnavailableError("output: cannot write")
        write(name, data)

    monkeypatch.setattr(run.ledger.store, "write", no_timings)
    tally = await run.work()
    assert tally.failed == {}
    assert run.ledger.recorded() == set(PAIRS)


async def test_a_run_into_object_storage_writes_what_a_folder_gets(bucket: str, memory: str) -> None:
    run = Run(bucket)
    await run.work()
    assert run.files() == await undisturbed(memory)
