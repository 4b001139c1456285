"""Memory that a film takes in a batch."""

import torch

from services.stylizer.lbfgs import pairs_kept

_BYTES_PER_PIXEL = {torch.bfloat16: 1700, torch.float32: 2960, torch.float64: 5920}
"""Of what is alive at a step's peak beside the curvature pairs: features of five layers, what their gradients need,
gradients, targets, mask, film. Measured with a mask; a film without one takes a sixth less. float64: twice float32."""


def film_bytes(side: int, *, history: int, dtype: torch.dtype) -> int:
    """Bytes that one more film of `side` x `side` pixels adds to a batch at its peak, for features of that type."""
    value = 4 if dtype is torch.bfloat16 else dtype.itemsize
    return side * side * (2 * pairs_kept(history) * value + _BYTES_PER_PIXEL[dtype])
