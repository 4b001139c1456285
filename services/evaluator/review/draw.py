"""Drawing by hash: what a study takes and where it puts it follows from the run and a seed, and from nothing shown."""

import hashlib


def secret_of(pins: bytes, seed: int) -> bytes:
    """What ranks are drawn with; whoever has the page but not the run cannot repeat a draw.

    Args:
        pins: the run's `run.json`.
        seed: of the study.

    """
    return hashlib.sha256(b"review\0" + str(seed).encode() + b"\0" + pins).digest()


def rank(secret: bytes, purpose: str, name: str) -> int:
    """A number that looks random, the same whenever it is drawn."""
    drawn = hashlib.sha256(secret + purpose.encode() + b"\0" + name.encode()).digest()
    return int.from_bytes(drawn[:8], "big")
