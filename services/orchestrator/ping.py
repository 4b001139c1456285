"""`mammosynth ping`: whether services answer, and what they serve."""

from collections.abc import Callable
from typing import Any

from mammosynth.client import AnomalyDetector, Classifier, Generator, ServiceError, Stylizer
from rich.console import Console

from services.orchestrator.configuration import PingConfiguration
from services.orchestrator.connection import security
from shared.errors import EXIT_FAULT, ConfigurationError

_SERVICES: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "stylizer": (Stylizer, lambda info: f"{_model(info.trunk)}, {info.numerics.slots} slots"),
    "anomaly": (AnomalyDetector, lambda info: _model(info.model)),
    "classifier": (Classifier, lambda info: _model(info.model)),
    "orchestrator": (Generator, lambda info: f"data set {info.dataset_sha256[:12]}, policy {info.default_policy}"),
}


def run(configuration: PingConfiguration) -> int:
    """Ask each service that an address is given of; returns the exit code: 1 where one does not answer.

    Raises:
        ConfigurationError: if no address is given, or a file cannot be read.

    """
    addresses = {name: getattr(configuration, name) for name in _SERVICES if getattr(configuration, name)}
    if not addresses:
        raise ConfigurationError(f"found no address, needed one of {', '.join(f'--{name}' for name in _SERVICES)}")
    silent = [name for name, address in addresses.items() if not _answers(name, address, configuration)]
    return EXIT_FAULT if silent else 0


def _answers(name: str, address: str, configuration: PingConfiguration) -> bool:
    client, said = _SERVICES[name]
    try:
        with client(address, security(configuration, token=name == "orchestrator")) as service:
            line = f"{name}: {said(service.info(timeout=configuration.timeout_s))}"
    except ServiceError as error:
        Console(stderr=True).print(f"{name} at {address}: {error}", markup=False, soft_wrap=True)
        return False
    Console().print(line, markup=False, soft_wrap=True, highlight=False)
    return True


def _model(identity: Any) -> str:
    return f"{identity.name} {identity.sha256[:12]}"
