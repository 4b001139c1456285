"""Where films are computed, and how many together where nobody says."""

import torch

from services.stylizer.memory import film_bytes
from shared.errors import ConfigurationError

CPU_SLOTS = 1
"""The convolutions of one film already fill a CPU's cores. On one core a step of a film takes, with 1 and with 2 slots,
31 and 27 ms at 64 px, 96 and 91 ms at 128 px, 372 and 418 ms at 256 px; and idle slots cost as much as taken ones."""

MAXIMUM_SLOTS = 32
"""More would only make the end of a run dear: idle slots are computed too."""

REFERENCE_SIDE = 512


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; with "auto" the GPU where there is one, else the CPU.

    Raises:
        ConfigurationError: if a GPU is asked for and there is none.

    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("--device: found cuda, needed cpu or auto: torch sees no GPU here")
    return torch.device(name)


def default_slots(device: torch.device, dtype: torch.dtype, history: int) -> int:
    """Slots for a device: 1 on a CPU; on a GPU the power of two whose films of 512 px fill half of its memory."""
    if device.type == "cpu":
        return CPU_SLOTS
    memory = torch.cuda.get_device_properties(device).total_memory
    return slots_within(memory, film=film_bytes(REFERENCE_SIDE, history=history, dtype=dtype))


def slots_within(memory: int, *, film: int) -> int:
    """Largest power of two, 1 to 32, whose films of `film` bytes each take at most half of `memory` bytes."""
    fitting = max(1, memory // 2 // film)
    return int(min(MAXIMUM_SLOTS, 2 ** (fitting.bit_length() - 1)))
