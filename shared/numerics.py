"""What the bits of a result depend on, beside the films: device, type, shape of the batch, threads, libraries."""

import ctypes
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

CPU = "cpu"

Precision = Literal["auto", "float32", "float64", "bfloat16"]
"""Floating point types by name; `auto` is bfloat16 where that pays, else float32."""

_MULTIPLIES_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})

# In order of preference, as ONNX Runtime (MLAS) and torch pick their float32 kernels: the first whose flags are all
# there. Finer differences (vendor, cache sizes) may still choose another kernel: equal names make equal bits likely,
# they prove nothing.
_LEVELS = (
    ("AVX512", frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl"})),
    ("AVX2", frozenset({"avx2", "fma"})),
    ("AVX", frozenset({"avx"})),
    ("SSE2", frozenset({"sse2"})),
    ("SVE", frozenset({"sve"})),
    ("NEON", frozenset({"asimd"})),
)


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """What results of a process depend on; two processes with equal numerics are expected to agree to the bit."""

    device_kind: str
    """"cpu", or the name of the GPU."""
    dtype: str
    """Floating point type of the computation: "float32", "float64" or "bfloat16"."""
    slots: int
    """Films computed together: the fixed shape of a batch."""
    threads: int
    """Threads within one operation; 0 where the device has none."""
    instruction_set: str
    """As `instruction_set` names it; empty on a GPU."""
    versions: dict[str, str] = field(default_factory=dict)
    """Version of each library that computes, by name."""


def instruction_set(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Name the widest vector instructions of this CPU: AVX512, AVX2, AVX, SSE2, SVE or NEON.

    Read from the flags that the kernel shows to this process, so a virtual machine that hides some is told truly.
    Where there is no such file, or none of them is in it, the machine's architecture is returned ("arm64").
    """
    flags = _flags(cpuinfo)
    return next((name for name, needed in _LEVELS if needed <= flags), platform.machine())


def multiplies_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU has instructions that multiply bfloat16, AVX-512 BF16 or AMX, and the kernel shows them."""
    return bool(_flags(cpuinfo) & _MULTIPLIES_BFLOAT16)


def _flags(cpuinfo: Path) -> set[str]:
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return set()
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return set(value.split())
    return set()


def gpu_name() -> str:
    """Name of the first GPU that this process sees, as the driver tells it ("NVIDIA H100 80GB HBM3").

    Raises:
        OSError: if there is no NVIDIA driver, or it shows no GPU.

    """
    driver = ctypes.CDLL("libcuda.so.1")
    device = ctypes.c_int()
    name = ctypes.create_string_buffer(256)
    for result in (driver.cuInit(0), driver.cuDeviceGet(ctypes.byref(device), 0)):
        if result != 0:
            raise OSError(f"the CUDA driver shows no GPU (error {result})")
    if driver.cuDeviceGetName(name, len(name), device) != 0:
        raise OSError("the CUDA driver does not tell the GPU's name")
    return name.value.decode()
