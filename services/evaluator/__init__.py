"""Shows what a run came to."""
