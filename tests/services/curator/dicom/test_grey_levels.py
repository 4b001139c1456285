import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence

from services.curator.dicom.grey_levels import make_grey_scale
from services.curator.dicom.pixel_format import PixelFormat
from shared.errors import InvalidImageError


def make_form(*, bits: int = 12, signed: bool = False, inverted: bool = False) -> PixelFormat:
    return PixelFormat(rows=1, columns=1, bits_allocated=16, bits_stored=bits, signed=signed, inverted=inverted)


def make_header(**elements: object) -> Dataset:
    header = Dataset()
    header.set_original_encoding(False, True)
    for keyword, value in elements.items():
        setattr(header, keyword, value)
    return header


def grey_levels(
    header: Dataset, form: PixelFormat, *, present: NDArray[np.int_] | None = None, bits: int = 16
) -> NDArray[np.float32]:
    """Grey level of each value from the lowest to the highest."""
    seen = np.ones(form.values, dtype=np.bool_)
    if present is not None:
        seen[:] = False
        seen[present] = True
    table = make_grey_scale(header, form, present=seen, bits=bits).table
    return np.roll(table, form.values // 2) if form.signed else table


def make_lut(descriptor: list[int], entries: list[int], vr: str = "US") -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", vr, descriptor)
    item.add_new("LUTData", "US", entries)
    return Sequence([item])


CURVE = (np.sqrt(np.linspace(0, 1, 1024)) * 4095).astype(int).tolist()
CASES = {
    "window": {"WindowCenter": 1500, "WindowWidth": 2000},
    "rescale and window": {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 1500, "WindowWidth": 2000},
    "falling rescale": {"RescaleSlope": -1, "RescaleIntercept": 4095, "WindowCenter": 1500, "WindowWidth": 900},
    "sigmoid": {"WindowCenter": 1500, "WindowWidth": 2000, "VOILUTFunction": "SIGMOID"},
    "exact": {"WindowCenter": 1500, "WindowWidth": 2000, "VOILUTFunction": "LINEAR_EXACT"},
    "rescale alone": {"RescaleSlope": 3, "RescaleIntercept": 7},
    "VOI LUT": {"VOILUTSequence": make_lut([1024, 500, 12], CURVE)},
    "VOI LUT before window": {
        "VOILUTSequence": make_lut([1024, 500, 12], CURVE),
        "WindowCenter": 1500,
        "WindowWidth": 2000,
    },
    "modality LUT and window": {
        "ModalityLUTSequence": make_lut([1024, 100, 16], CURVE),
        "WindowCenter": 1500,
        "WindowWidth": 2000,
    },
}


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("name", CASES)
def test_grey_levels_are_those_of_pydicom_brought_to_0_and_1(name: str, signed: bool) -> None:
    header = make_header(
        PhotometricInterpretation="MONOCHROME2", BitsStored=12, PixelRepresentation=int(signed), **CASES[name]
    )
    values = np.arange(-2048, 2048) if signed else np.arange(4096)
    expected = apply_voi_lut(apply_modality_lut(values, header).astype(np.int64), header).astype(float)
    if "ModalityLUTSequence" in header:
        black, white = 0, 65535
    elif "VOILUTSequence" in header:
        black, white = 0, 4095
    else:
        slope, intercept = float(header.get("RescaleSlope", 1)), float(header.get("RescaleIntercept", 0))
        black, white = sorted((values[0] * slope + intercept, values[-1] * slope + intercept))
        if "WindowCenter" in header and slope < 0:
            # pydicom maps a window of a falling rescale upside down; the standard knows no such turn (C.11.2.1.2).
            expected = black + white - expected
    levels = grey_levels(header, make_form(signed=signed))
    np.testing.assert_allclose(levels, (expected - black) / (white - black), atol=2e-7)


def test_monochrome1_is_inverted_after_the_window() -> None:
    header = make_header(WindowCenter=1000, WindowWidth=500)
    np.testing.assert_allclose(
        grey_levels(header, make_form(inverted=True)), 1 - grey_levels(header, make_form()), atol=1e-7
    )


@pytest.mark.parametrize("inverted", [False, True], ids=["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize(
    ("elements", "padded"),
    [
        ({"PixelPaddingValue": 4095}, range(4095, 4096)),
        ({"PixelPaddingValue": 10, "PixelPaddingRangeLimit": 20}, range(10, 21)),
        ({"PixelPaddingValue": 20, "PixelPaddingRangeLimit": 10}, range(10, 21)),
    ],
    ids=["value", "range", "range from above"],
)
def test_padding_is_black(elements: dict[str, int], padded: range, inverted: bool) -> None:
    form = make_form(inverted=inverted)
    plain = grey_levels(make_header(), form)
    levels = grey_levels(make_header(**elements), form)
    assert not levels[list(padded)].any()
    others = np.setdiff1d(np.arange(4096), list(padded))
    np.testing.assert_array_equal(levels[others], plain[others])


@pytest.mark.parametrize(("vr", "value"), [("SS", -2000), ("US", 63536)], ids=["signed", "as if it had no sign"])
def test_negative_padding_is_found_in_twos_complement(vr: str, value: int) -> None:
    header = make_header()
    header.add_new("PixelPaddingValue", vr, value)
    levels = grey_levels(header, make_form(signed=True))
    assert levels[48] == 0
    assert levels[47] > 0


def test_without_a_window_all_bits_are_used_unless_fewer_are_given() -> None:
    np.testing.assert_allclose(grey_levels(make_header(), make_form()), np.arange(4096) / 4095, atol=1e-7)
    levels = grey_levels(make_header(), make_form(bits=16), present=np.arange(4096), bits=12)
    np.testing.assert_allclose(levels[:4096], np.arange(4096) / 4095, atol=1e-7)
    with pytest.raises(InvalidImageError, match="found pixels up to 4096, needed 12 bit: 0 to 4095"):
        grey_levels(make_header(), make_form(bits=16), present=np.arange(4097), bits=12)


def test_raw_pixels_without_a_window_are_stretched_between_their_lowest_and_highest() -> None:
    header = make_header(PresentationIntentType="FOR PROCESSING", PixelPaddingValue=4095)
    levels = grey_levels(header, make_form(inverted=True), present=np.array([100, 300, 4095]))
    np.testing.assert_allclose(levels[[100, 200, 300, 4095]], [1, 0.5, 0, 0], atol=1e-7)


def test_what_was_done_is_told() -> None:
    header = make_header(
        RescaleSlope=2, RescaleIntercept=-10, WindowCenter=[5, 6], WindowWidth=[7, 8], PixelPaddingValue=0
    )
    form = make_form(inverted=True)
    scale = make_grey_scale(header, form, present=np.ones(form.values, dtype=np.bool_))
    assert scale.description == "12 bit, rescale 2 -10, window 5 7 LINEAR (first of 2), MONOCHROME1, padding 0"


@pytest.mark.parametrize(
    ("elements", "present", "message"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 1}, [0, 1], "found Rescale Slope"),
        ({"PresentationIntentType": "FOR PROCESSING"}, [7], "found no window, and no pixel but 7"),
    ],
    ids=["no slope", "one raw value"],
)
def test_grey_levels_that_cannot_be_told_apart_are_refused(
    elements: dict[str, object], present: list[int], message: str
) -> None:
    with pytest.raises(InvalidImageError, match=message):
        grey_levels(make_header(**elements), make_form(), present=np.array(present))
