import pytest
import torch

from services.stylizer.slots import CPU_SLOTS, default_slots, slots_within


def test_a_cpu_has_one_or_two_slots() -> None:
    assert default_slots(torch.device("cpu"), torch.float32) == CPU_SLOTS
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
    assert slots_within(gibibytes * 2**30, bytes_per_value=4) == slots
