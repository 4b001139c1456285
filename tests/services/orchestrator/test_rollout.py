"""A run that finds other models than it was begun with waits for its own, as long as it may."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from services.orchestrator import rollout
from services.orchestrator.configuration import PeersConfiguration
from services.orchestrator.facts import PeerFacts
from services.orchestrator.ledger import Ledger
from services.orchestrator.peers import GrpcPeers
from shared.record import Model
from shared.store import Store

OLD, NEW = ("a" * 64, "b" * 64)
RUNNING = {"stylizer": "one:1", "anomaly": "two:2", "classifier": "three:3"}


class Served:
    """Services whose classifier changes with each question; the last one stays."""

    def __init__(self, *classifiers: str) -> None:
        self._classifiers = list(classifiers)
        self.asked = 0

    async def facts(self, *, timeout_s: float) -> PeerFacts:
        assert timeout_s > 0
        self.asked += 1
        classifier = self._classifiers.pop(0) if len(self._classifiers) > 1 else self._classifiers[0]
        return PeerFacts(
            models={
                "stylizer": Model(name="vgg16", sha256="c" * 64),
                "anomaly": Model(name="texture", sha256="d" * 64),
                "classifier": Model(name="resnet50", sha256=classifier),
                "film_classifier": Model(name="resnet50", sha256=classifier),
            },
            thresholds={},
            default_thresholds={},
            input_sizes={},
            training_sets={},
            slots=1,
            queue_limit=1,
        )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A run that was begun with the old classifier."""
    begun = asyncio.run(Served(OLD).facts(timeout_s=1)).models
    pins = {"models": {name: {"name": model.name, "sha256": model.sha256} for name, model in begun.items()}}
    (tmp_path / "run.json").write_text(json.dumps(pins))
    return Ledger(Store(str(tmp_path)))


@pytest.fixture(autouse=True)
def _asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "EVERY_S", 0.01)


def classifier_found(served: Served, ledger: Ledger, **values: Any) -> str:
    configuration = PeersConfiguration.model_validate(RUNNING | values)
    peers = cast(GrpcPeers, served)
    return asyncio.run(rollout.awaited_facts(configuration, ledger, peers)).models["classifier"].sha256


def test_a_run_waits_until_its_own_models_are_back_and_says_so_once(
    ledger: Ledger, capfd: pytest.CaptureFixture[str]
) -> None:
    served = Served(NEW, NEW, NEW, OLD)
    assert classifier_found(served, ledger) == OLD
    assert served.asked == 4
    said = "".join(capfd.readouterr())
    assert said.count(f"serves resnet50 {NEW[:12]}, begun with resnet50 {OLD[:12]}") == 1


def test_it_waits_no_longer_than_for_services_that_do_not_come(ledger: Ledger) -> None:
    served = Served(NEW)
    assert classifier_found(served, ledger, start_timeout_s=0.2) == NEW
    assert served.asked > 2


def test_services_that_are_started_here_will_not_change(ledger: Ledger) -> None:
    served = Served(NEW, OLD)
    assert classifier_found(served, ledger, anomaly=None, classifier=None) == NEW
    assert served.asked == 1


def test_a_new_run_takes_what_is_served(tmp_path: Path) -> None:
    served = Served(NEW, OLD)
    assert classifier_found(served, Ledger(Store(str(tmp_path)))) == NEW


def test_gates_of_whole_films_are_waited_for_too(ledger: Ledger) -> None:
    served = Served(NEW, OLD)
    film_gates = {"film_anomaly": "four:4", "film_classifier": "five:5"}
    assert classifier_found(served, ledger, classifier=None, **film_gates) == OLD
    assert served.asked == 2
