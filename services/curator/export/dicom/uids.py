"""UIDs of exported objects: new ones, and the same ones each time the same film is exported the same way."""

import hashlib
import uuid

_NAMESPACE = uuid.UUID("8e0f7c1e-4f0a-5d6b-9c35-5e7a0a1d2b94")
_LENGTH = 64
_HASH_DIGITS = 39


def make_uid(root: str | None, *parts: str) -> str:
    """Make a UID that follows from `parts` alone.

    Args:
        root: of an organisation, without a dot at its end, at most 38 characters; None gives a UID made of a
            name-based UUID (PS3.5, B.2), below 2.25.
        parts: what tells the object from all others.

    """
    name = "\0".join(parts)
    if root is None:
        return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"
    digits = min(_HASH_DIGITS, _LENGTH - len(root) - 1)
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()) % 10**digits
    return f"{root}.{number}"
