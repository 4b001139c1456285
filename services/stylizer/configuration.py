"""What the stylizer is started with."""

from typing import Literal

from pydantic import Field

from shared.numerics import Precision
from shared.rpc.server import ServerConfiguration


class StylizerConfiguration(ServerConfiguration, env_prefix="MAMMOSYNTH_STYLIZER_"):
    """Options of `mammosynth serve stylizer`."""

    trunk: str = "vgg16"
    """Weights of the trunk: vgg16 (ships with the package), vgg19 (torchvision's download), or a safetensors file."""
    slots: int | None = Field(default=None, ge=1, le=1024)
    """Films computed together; chosen from the device if not given."""
    threads: int | None = Field(default=None, ge=1, le=256)
    """Threads within one operation, on a CPU; all cores if not given."""
    queue_limit: int = Field(default=16, ge=1)
    """Films that may wait for a slot before more are refused with a time to ask again."""
    history: int = Field(default=100, ge=1, le=1000)
    """Curvature pairs that L-BFGS keeps for each film."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    dtype: Precision = "float32"
    """Floating point type; bfloat16 is that of the trunk's features alone, all else is float32 then: two to three times
    as fast where the processor multiplies it; auto measures that at start."""
