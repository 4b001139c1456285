"""Where a model runs."""

from enum import StrEnum


class Provider(StrEnum):
    """Where a model runs; `auto` takes a GPU where there is one."""

    AUTO = "auto"
    CUDA = "cuda"
    CPU = "cpu"
