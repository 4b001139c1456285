import pytest
import structlog
import torch

from services.stylizer import precision
from services.stylizer.precision import choose_dtype

CPU = torch.device("cpu")


def measured(monkeypatch: pytest.MonkeyPatch, *, multiplies: bool = True, faster: float = 3.0) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: multiplies)
    monkeypatch.setattr(precision, "_seconds", lambda dtype: 1.0 if dtype is torch.bfloat16 else faster)


def test_a_type_that_is_named_is_taken_whatever_the_processor_is(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch)
    assert choose_dtype("float32", CPU) is torch.float32
    measured(monkeypatch, multiplies=False)
    assert choose_dtype("bfloat16", CPU) is torch.bfloat16


@pytest.mark.parametrize(
    ("device", "multiplies", "faster", "chosen"),
    [
        pytest.param("cpu", True, 3.0, torch.bfloat16, id="faster"),
        pytest.param("cpu", True, 1.1, torch.float32, id="hardly faster"),
        pytest.param("cpu", False, 3.0, torch.float32, id="no such instructions"),
        pytest.param("cuda", True, 3.0, torch.float32, id="a GPU"),
    ],
)
def test_auto_is_bfloat16_on_a_cpu_that_multiplies_it_and_is_measured_to_gain(
    device: str, multiplies: bool, faster: float, chosen: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, multiplies=multiplies, faster=faster)
    assert choose_dtype("auto", torch.device(device)) is chosen


def test_what_is_measured_and_chosen_is_said_in_one_line() -> None:
    with structlog.testing.capture_logs() as logs:
        chosen = choose_dtype("auto", CPU)
    (line,) = logs
    assert (line["event"], line["dtype"]) == ("floating point type chosen", str(chosen).removeprefix("torch."))
