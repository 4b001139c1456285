"""Which outputs are too near a real film."""
