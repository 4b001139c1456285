"""What the classifier service is started with."""

from shared.scoring.configuration import ScoringConfiguration


class ClassifierConfiguration(ScoringConfiguration, env_prefix="MAMMOSYNTH_CLASSIFIER_"):
    """Options of the classifier service."""
