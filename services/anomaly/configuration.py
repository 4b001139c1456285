"""What the anomaly service is started with."""

from shared.scoring.configuration import ScoringConfiguration


class AnomalyConfiguration(ScoringConfiguration, env_prefix="MAMMOSYNTH_ANOMALY_"):
    """Options of the anomaly service."""
