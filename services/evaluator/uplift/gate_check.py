"""Whether the uplift's network is another one than the gate's."""

from pathlib import Path

from services.evaluator.configuration import UpliftNetwork
from services.evaluator.run_directory import RunDirectory
from services.evaluator.uplift.trunk import family
from shared.errors import ConfigurationError, MammosynthError
from shared.models import read_model


def check_architecture(directory: RunDirectory, gate: Path | None, network: UpliftNetwork) -> tuple[str, str]:
    """Architecture of the run's classifier, and what cannot be said of it; either is empty if there is nothing.

    Raises:
        ConfigurationError: if the network is of the gate's kind.
        ModelError: if a gate was given that is not the run's.

    """
    path = gate or Path(str(directory.options.get("models", ""))) / "classifier.onnx"
    try:
        found = read_model(path, "classifier", expected_sha256=directory.pins["models"]["classifier"]["sha256"])
    except MammosynthError as error:
        if gate is not None:
            raise
        return "", f"whether the gate has another architecture is not known: {error.message}; give it with --gate"
    backbone = str(found.metadata.options.get("backbone", ""))
    if not backbone:
        return "", "whether the gate has another architecture is not known: its file does not name one"
    if family(backbone) == family(network):
        others = ", ".join(other for other in UpliftNetwork if family(other) != family(backbone))
        raise ConfigurationError(
            f"--network: {network} is of the same kind as the gate, {backbone}, which chose the films: needed is "
            f"another one, such as {others}"
        )
    return backbone, ""
