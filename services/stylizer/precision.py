"""Which floating point type the features have where nobody says."""

import statistics
import time

import torch
from torch.nn import functional

from shared.log import get_logger
from shared.numerics import Precision, multiplies_bfloat16

WORTHWHILE = 1.3
"""Times that bfloat16 must be faster in the trunk's convolutions to be taken, as it rounds what float32 keeps."""

_CHANNELS, _SIDE, _REPEATS = 64, 128, 5


def choose_dtype(name: Precision, device: torch.device) -> torch.dtype:
    """The type of that name; with "auto" bfloat16 on a processor that multiplies it and is measured to gain by it.

    Else, and on a GPU, float32. What was measured and chosen is logged in one line.
    """
    if name != "auto":
        return getattr(torch, name)  # type: ignore[no-any-return]
    log = get_logger("stylizer")
    if device.type != "cpu" or not multiplies_bfloat16():
        log.info("floating point type chosen", dtype="float32", reason="bfloat16 is for CPUs that multiply it")
        return torch.float32
    seconds = {dtype: _seconds(dtype) for dtype in (torch.float32, torch.bfloat16)}
    faster = seconds[torch.float32] / seconds[torch.bfloat16]
    chosen = torch.bfloat16 if faster >= WORTHWHILE else torch.float32
    log.info(
        "floating point type chosen", dtype=str(chosen).removeprefix("torch."), bfloat16_is_faster=f"{faster:.2f} times"
    )
    return chosen


def _seconds(dtype: torch.dtype) -> float:
    """Processor time of a convolution as the trunk's second, which other work on the machine changes little."""
    features = torch.ones(1, _CHANNELS, _SIDE, _SIDE, dtype=dtype).contiguous(memory_format=torch.channels_last)
    kernel = torch.ones(_CHANNELS, _CHANNELS, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
    taken = []
    for _ in range(_REPEATS + 1):
        started = time.process_time()
        functional.conv2d(features, kernel, padding=1)
        taken.append(time.process_time() - started)
    return statistics.median(taken[1:])
