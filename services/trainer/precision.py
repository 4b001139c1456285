"""In which precision losses are computed."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from shared.errors import ConfigurationError


def choose_precision(device: torch.device, *, mixed: bool) -> Callable[[], AbstractContextManager[object]]:
    """Return what losses are computed within: autocast to bfloat16 where `mixed`, else nothing.

    Weights, gradients and the optimizer's memory stay float32 either way, and so do the exported graph and its scores.
    bfloat16 has float32's range, so the loss needs no scaling. Raises ConfigurationError where `mixed` without a GPU.
    """
    if not mixed:
        return nullcontext
    if device.type != "cuda":
        raise ConfigurationError(
            f"--mixed-precision: training would run on the {device.type}, which gains nothing: needed is a GPU"
        )
    return lambda: torch.autocast(device.type, dtype=torch.bfloat16)
