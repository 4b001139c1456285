import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence

from services.curator.dicom.look_up_table import LookUpTable, apply_lut
from shared.errors import InvalidImageError


def make_item(descriptor: object, data: object, *, vr: str = "US") -> Dataset:
    item = Dataset()
    item.set_original_encoding(False, True)
    item.add_new("LUTDescriptor", "SS" if vr == "SS" else "US", descriptor)
    if data is not None:
        item.add_new("LUTData", "OW" if isinstance(data, bytes) else "US", data)
    return item


CURVE = np.sqrt(np.linspace(0, 1, 256))
TABLES = {
    "12 bit": ([256, 0, 12], (CURVE * 4095).astype(int).tolist(), "US"),
    "starts at 100": ([256, 100, 16], (CURVE * 65535).astype(int).tolist(), "US"),
    "starts at -50": ([256, -50, 12], (CURVE * 4095).astype(int).tolist(), "SS"),
    "as bytes": ([256, 20, 16], (CURVE * 65535).astype("<u2").tobytes(), "US"),
    "8 bit, one to a word": ([256, 0, 8], (CURVE * 255).astype("<u2").tobytes(), "US"),
    "inverted": ([256, 0, 12], ((1 - CURVE) * 4095).astype(int).tolist(), "US"),
}


# pydicom knows modality LUTs of 8 and 16 bit only.
@pytest.mark.parametrize(
    ("module", "descriptor", "data", "vr"),
    [
        pytest.param(module, *table, id=f"{module}, {name}")
        for module in ("modality", "VOI")
        for name, table in TABLES.items()
        if module == "VOI" or table[0][2] != 12
    ],
)
def test_values_are_looked_up_as_pydicom_does_it(
    module: str, descriptor: list[int], data: list[int] | bytes, vr: str
) -> None:
    values = np.arange(-200, 400) if vr == "SS" else np.arange(400)
    if descriptor[2] == 8:
        # pydicom looks higher values up modulo 256 (its index has the entries' type).
        values = values[:256]
    header = Dataset()
    header.set_original_encoding(False, True)
    item = make_item(descriptor, data, vr=vr)
    keyword, apply = (
        ("ModalityLUTSequence", apply_modality_lut) if module == "modality" else ("VOILUTSequence", apply_voi_lut)
    )
    setattr(header, keyword, Sequence([item]))
    lut = LookUpTable.read(item, signed=vr == "SS", name=module)
    np.testing.assert_array_equal(apply_lut(values, lut), apply(values, header))


def test_a_table_of_all_16_bit_says_0_entries() -> None:
    item = make_item([0, 0, 16], np.arange(65536).astype("<u2").tobytes())
    lut = LookUpTable.read(item, signed=False, name="VOI LUT")
    np.testing.assert_array_equal(apply_lut(np.arange(65536), lut), np.arange(65536))


def test_8_bit_entries_may_lie_two_to_a_word() -> None:
    lut = LookUpTable.read(make_item([4, 0, 8], bytes([0, 80, 160, 255])), signed=False, name="VOI LUT")
    np.testing.assert_array_equal(apply_lut(np.arange(5), lut), [0, 80, 160, 255, 255])


def test_a_descriptor_of_implicit_vr_is_understood() -> None:
    item = make_item([0, 0, 0], [5, 6, 7])
    item["LUTDescriptor"]._value = np.array([3, 65534, 8], "<u2").tobytes()
    lut = LookUpTable.read(item, signed=True, name="VOI LUT")
    assert (lut.first, lut.bits, lut.entries.tolist()) == (-2, 8, [5, 6, 7])


@pytest.mark.parametrize(
    ("descriptor", "data", "message"),
    [
        ([256, 0, 12], [1, 2, 3], "found a VOI LUT of 3 entries, needed 256 of 12 bit"),
        ([3, 0, 12], None, "found a VOI LUT of 0 entries, needed 3"),
        ([3, 0, 20], [1, 2, 3], "of 20 bit, 8 to 16"),
        ([3, 0, 8], [1, 2, 300], "needed 3 of 8 bit"),
        ([3, 0], [1, 2, 3], "found LUT Descriptor .* needed three numbers"),
    ],
    ids=["too short", "no data", "too many bits", "entry too high", "no descriptor"],
)
def test_a_table_that_does_not_fit_its_descriptor_is_refused(
    descriptor: list[int], data: list[int] | None, message: str
) -> None:
    with pytest.raises(InvalidImageError, match=message):
        LookUpTable.read(make_item(descriptor, data), signed=False, name="VOI LUT")
