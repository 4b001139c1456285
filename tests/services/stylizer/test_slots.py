import pytest
import torch

from services.stylizer.memory import film_bytes
from services.stylizer.slots import CPU_SLOTS, choose_device, default_slots, slots_within
from shared.errors import ConfigurationError


def test_a_cpu_has_one_or_two_slots() -> None:
    assert default_slots(torch.device("cpu"), torch.float32, 100) == CPU_SLOTS
    assert CPU_SLOTS in (1, 2)


@pytest.mark.parametrize(
    ("gibibytes", "slots"),
    [
        pytest.param(1, 1, id="less than one film takes"),
        pytest.param(8, 4, id="8 GiB"),
        pytest.param(24, 8, id="24 GiB"),
        pytest.param(80, 32, id="80 GiB"),
        pytest.param(1000, 32, id="more than is useful"),
    ],
)
def test_a_gpus_slots_follow_from_its_memory(gibibytes: int, slots: int) -> None:
    assert slots_within(gibibytes * 2**30, film=film_bytes(512, history=100, dtype=torch.float32)) == slots


@pytest.mark.parametrize(
    ("name", "gpu", "kind"), [("auto", True, "cuda"), ("auto", False, "cpu"), ("cpu", True, "cpu")]
)
def test_auto_takes_a_gpu_where_there_is_one(name: str, gpu: bool, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert choose_device(name).type == kind


def test_a_gpu_that_is_asked_for_and_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigurationError, match="--device: found cuda"):
        choose_device("cuda")
