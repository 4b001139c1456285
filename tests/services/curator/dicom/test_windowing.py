import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing as pydicom_windowing

from services.curator.dicom.windowing import Window, WindowFunction, apply_windowing, read_window
from shared.errors import InvalidImageError


@pytest.mark.parametrize("function", WindowFunction)
@pytest.mark.parametrize(
    ("center", "width"),
    [(2048.0, 4096.0), (1000.0, 500.0), (0.0, 1.0), (100.5, 3.0), (2048.0, 2.0), (-50.0, 300.0), (5000.0, 100.0)],
    ids=["all", "part", "one value", "three values", "two values", "from below", "beyond"],
)
def test_values_are_windowed_as_pydicom_does_it(function: WindowFunction, center: float, width: float) -> None:
    values = np.arange(4096)
    header = Dataset()
    header.PhotometricInterpretation, header.BitsStored, header.PixelRepresentation = "MONOCHROME2", 12, 0
    header.WindowCenter, header.WindowWidth, header.VOILUTFunction = center, width, function.value
    with np.errstate(over="ignore"):
        expected = pydicom_windowing(values, header) / 4095
    window, count = read_window(header)
    assert window is not None
    assert (window.function, count) == (function, 1)
    np.testing.assert_allclose(apply_windowing(values, window), expected, atol=1e-12)


def test_of_several_windows_the_first_counts() -> None:
    header = Dataset()
    header.WindowCenter, header.WindowWidth = [100, 200, 300], [50, 60, 70]
    assert read_window(header) == (Window(center=100, width=50), 3)


@pytest.mark.parametrize(
    "elements", [{}, {"WindowCenter": 5}, {"WindowWidth": 5}, {"WindowCenter": "", "WindowWidth": ""}]
)
def test_half_a_window_is_none(elements: dict[str, object]) -> None:
    header = Dataset()
    header.update({})
    for keyword, value in elements.items():
        setattr(header, keyword, value)
    assert read_window(header) == (None, 0)


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"WindowWidth": 0}, r"found Window Width \(0028,1051\) 0, needed 1 or more"),
        ({"WindowWidth": 0.5}, "found Window Width .* 0.5, needed 1 or more"),
        ({"WindowWidth": -4, "VOILUTFunction": "SIGMOID"}, "found Window Width .* -4, needed more than 0"),
        ({"WindowWidth": 0, "VOILUTFunction": "LINEAR_EXACT"}, "needed more than 0"),
        ({"VOILUTFunction": "CUBIC"}, "found VOI LUT Function .* 'CUBIC', needed one of LINEAR, LINEAR_EXACT, SIGMOID"),
    ],
    ids=["no width", "less than a value", "negative sigmoid", "no exact width", "unknown function"],
)
def test_a_window_that_cannot_be_used_is_refused(elements: dict[str, object], message: str) -> None:
    header = Dataset()
    for keyword, value in ({"WindowCenter": 10, "WindowWidth": 10} | elements).items():
        setattr(header, keyword, value)
    with pytest.raises(InvalidImageError, match=message):
        read_window(header)
