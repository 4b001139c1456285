"""What the model services say of themselves."""

from dataclasses import dataclass, field

from shared.record import Model

GATES = ("anomaly", "classifier")
FILM_GATES = ("film_anomaly", "film_classifier")
"""Those that look at whole films where the others look at crops around lesions."""
SERVICES = ("stylizer", *GATES)


@dataclass(frozen=True)
class PeerFacts:
    """What the services say of themselves when a run starts."""

    models: dict[str, Model]
    """By service."""
    thresholds: dict[str, dict[str, float]]
    """Of the gates, by service and name."""
    default_thresholds: dict[str, str]
    input_sizes: dict[str, int]
    training_sets: dict[str, str]
    slots: int
    """Films that one stylizer works on at once."""
    queue_limit: int
    """Trajectories that one stylizer lets wait."""
    dtype: str = ""
    """Floating point type of the stylizer's features; empty where it does not say."""
    detector: str = ""
    """How the anomaly detector works: "unet" or "texture"; empty where its service does not say."""
    trained_on: dict[str, str] = field(default_factory=dict)
    """By gate: "films", or "lesions"."""
