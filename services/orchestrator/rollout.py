"""Waits while running services serve other models than a run was begun with: a rollout may yet be taken back."""

import asyncio
import time
from typing import Any

from services.orchestrator.configuration import PeersConfiguration
from services.orchestrator.facts import PeerFacts
from services.orchestrator.ledger import Ledger
from services.orchestrator.peers import GrpcPeers
from shared.log import get_logger

EVERY_S = 2.0


async def awaited_facts(configuration: PeersConfiguration, ledger: Ledger, peers: GrpcPeers) -> PeerFacts:
    """Ask the services what they serve; wait for the run's own models where running services have others.

    A service that is started here has the models that it was told, and is not waited for. Waits
    `configuration.start_timeout_s` seconds at most and returns what is served then: the ledger refuses it by name.

    Raises:
        MammosynthError: if a service is not ready within these seconds.

    """
    running = [name for name in configuration.services if getattr(configuration, name)]
    end = time.monotonic() + configuration.start_timeout_s
    facts = await peers.facts(timeout_s=configuration.start_timeout_s)
    begun = ledger.pins()["models"] if ledger.store.exists("run.json") else {}
    told: dict[str, str] = {}
    while (others := _others(begun, facts, running)) and time.monotonic() + EVERY_S < end:
        if others != told:
            get_logger("run").warning("waiting for the models that the run was begun with", **others)
            told = others
        await asyncio.sleep(EVERY_S)
        facts = await peers.facts(timeout_s=max(EVERY_S, end - time.monotonic()))
    return facts


def _others(begun: dict[str, dict[str, Any]], facts: PeerFacts, running: list[str]) -> dict[str, str]:
    """By service, what is served and what the run was begun with, where they differ."""
    return {
        name: f"serves {served.name} {served.sha256[:12]}, begun with {before['name']} {before['sha256'][:12]}"
        for name in running
        if (served := facts.models.get(name)) and (before := begun.get(name)) and before["sha256"] != served.sha256
    }
