"""Whether a run's films help a classifier that is trained on them: `mammosynth uplift`."""
