"""What is drawn, as a hash of what it is drawn for: no generator's next version can change it."""

import hashlib


def draw(seed: int, *what: object) -> int:
    """A number of 256 bits that depends on the arguments alone."""
    text = ":".join(str(part) for part in (seed, *what))
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def chosen(share: float, seed: int, *what: object) -> bool:
    """Whether something belongs to a share of all such things, 0 to 1, by its hash."""
    return draw(seed, *what) < share * 2.0**256
