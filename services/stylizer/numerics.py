"""What the bits of a film depend on, beside the request."""

from importlib.metadata import version

import torch

from shared.numerics import Numerics

REVISION = "2"
"""Of the numbers that the stylizer makes of a request: raised when other code gives other bits. 2: one sum of pairs."""


def numerics_of(device: torch.device, dtype: torch.dtype, slots: int) -> Numerics:
    """Numerics of this process with that device, type and number of slots."""
    on_cpu = device.type == "cpu"
    versions = {"mammosynth": version("mammosynth"), "stylizer": REVISION, "torch": str(torch.__version__)}
    if not on_cpu:
        versions |= {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}  # type: ignore[no-untyped-call]
    return Numerics(
        device_kind="cpu" if on_cpu else torch.cuda.get_device_name(device),
        dtype=str(dtype).removeprefix("torch."),
        slots=slots,
        threads=torch.get_num_threads() if on_cpu else 0,
        instruction_set=torch.backends.cpu.get_cpu_capability() if on_cpu else "",
        versions=versions,
    )
