"""Whole trajectories: their snapshots, faults, divergence, and many at once."""

import asyncio

import pytest

from services.orchestrator.faults import Patience
from services.orchestrator.sampler import Pair
from services.orchestrator.trajectories import run_trajectory, work_through
from shared.dataset import Label
from shared.errors import NumericalError, UnavailableError
from tests.services.orchestrator.made import film, policy
from tests.services.orchestrator.scripted_peers import ScriptedPeers, read_films

PLAN = policy({"steps": 5}, {"steps": 9}).trajectories[0]
FILMS = read_films(Pair(3, film("b1", Label.BENIGN), film("m1", Label.MALIGNANT)))


async def test_all_snapshots_arrive() -> None:
    snapshots, diverged = await run_trajectory(ScriptedPeers(), FILMS, PLAN, Patience())
    assert [snapshot.steps for snapshot in snapshots] == [5, 9]
    assert diverged is None


async def test_a_fault_runs_the_trajectory_again_from_its_start() -> None:
    peers = ScriptedPeers()
    peers.faults["snapshot 2"] = [UnavailableError("away")]
    snapshots, diverged = await run_trajectory(peers, FILMS, PLAN, Patience())
    assert [snapshot.steps for snapshot in snapshots] == [5, 9]
    assert diverged is None
    assert peers.log.count("stylize 1") == 2


async def test_what_came_before_an_optimisation_left_the_numbers_is_kept() -> None:
    peers = ScriptedPeers()
    peers.faults["snapshot 2"] = [NumericalError("became NaN")]
    snapshots, diverged = await run_trajectory(peers, FILMS, PLAN, Patience())
    assert [snapshot.steps for snapshot in snapshots] == [5]
    assert diverged is not None
    assert peers.log.count("stylize 1") == 1


async def test_patience_ends() -> None:
    peers = ScriptedPeers()
    peers.faults["stylize 1"] = [UnavailableError("away")] * 5
    with pytest.raises(UnavailableError, match="away"):
        await run_trajectory(peers, FILMS, PLAN, Patience(attempts=3))
    assert peers.log == ["stylize 1"] * 3


async def test_no_more_than_so_many_are_worked_on_at_once() -> None:
    working, most, done = 0, 0, []

    async def work(item: int) -> None:
        nonlocal working, most
        working += 1
        most = max(most, working)
        await asyncio.sleep(0)
        working -= 1
        done.append(item)

    await work_through(range(10), work, in_flight=3)
    assert most == 3
    assert sorted(done) == list(range(10))


async def test_the_first_failure_stops_the_others() -> None:
    ended = []

    async def work(item: int) -> None:
        if item == 1:
            raise UnavailableError("away")
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(item)

    with pytest.raises(UnavailableError, match="away"):
        await work_through(range(10), work, in_flight=3)
    assert sorted(ended) == [0, 2]
