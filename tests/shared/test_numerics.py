"""What the bits of a result depend on."""

import platform
from pathlib import Path

import pytest

from shared.numerics import gpu_name, instruction_set, multiplies_bfloat16

CPUS = {
    "AVX512": "flags\t\t: sse2 avx fma avx2 avx512f avx512bw avx512dq avx512vl",
    "AVX2": "flags\t\t: sse2 avx fma avx2 avx512f",
    "AVX": "flags\t\t: sse2 avx avx2",
    "SSE2": "flags\t\t: fpu sse2",
    "SVE": "Features\t: fp asimd sve",
    "NEON": "Features\t: fp asimd",
}


@pytest.mark.parametrize(("name", "line"), CPUS.items(), ids=CPUS.keys())
def test_the_instruction_set_is_the_widest_whose_flags_are_all_there(name: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nvendor_id\t: x\n{line}\n\n")
    assert instruction_set(tmp_path / "cpuinfo") == name


def test_without_flags_the_architecture_must_do(tmp_path: Path) -> None:
    assert instruction_set(tmp_path / "nothing") == platform.machine()
    (tmp_path / "cpuinfo").write_text("processor\t: 0\n")
    assert instruction_set(tmp_path / "cpuinfo") == platform.machine()


@pytest.mark.parametrize(
    ("flags", "multiplies"),
    [
        pytest.param("sse2 avx512f avx512_bf16", True, id="AVX-512 BF16"),
        pytest.param("sse2 amx_bf16 amx_tile", True, id="AMX"),
        pytest.param("sse2 avx512f amx_tile", False, id="neither"),
    ],
)
def test_a_cpu_that_multiplies_bfloat16_is_known_by_its_flags(flags: str, multiplies: bool, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags\t: {flags}\n")
    assert multiplies_bfloat16(tmp_path / "cpuinfo") is multiplies
    assert not multiplies_bfloat16(tmp_path / "nothing")


def test_without_a_driver_there_is_no_gpu_to_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr("ctypes.CDLL", missing)
    with pytest.raises(OSError, match="libcuda"):
        gpu_name()
