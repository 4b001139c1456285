import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from services.curator.dicom import is_dicom, read_dicom_film, read_dicom_header
from services.curator.dicom.compressed import DECODERS
from shared.errors import InvalidImageError

WriteDicom = Callable[..., Path]
Image = NDArray[np.uint16]

REPOSITORY = Path(__file__).parents[4]

# Reads a film in a process of its own and prints the reason why it cannot, and the memory that it took above that of a
# good film, in MiB.
READ_ALONE = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from services.curator.film_file import read_film_file
from shared.errors import InvalidImageError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

read_film_file(Path(sys.argv[2]))
before = peak()
try:
    read_film_file(Path(sys.argv[3]))
    reason = "none"
except InvalidImageError as error:
    reason = error.message
print(peak() - before, reason)
"""


def read_alone(good: Path, bad: Path) -> tuple[int, str]:
    command = [sys.executable, "-c", READ_ALONE, str(REPOSITORY), str(good), str(bad)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    memory, reason = printed.strip().split(" ", 1)
    return int(memory), reason


def strip_preamble(path: Path, *, meta: bool = True) -> None:
    content = path.read_bytes()
    start = 132 if meta else 132 + 12 + pydicom.dcmread(path).file_meta.FileMetaInformationGroupLength
    path.write_bytes(content[start:])


@pytest.mark.parametrize("meta", [True, False], ids=["with meta", "without meta"])
@pytest.mark.parametrize(
    "syntax",
    [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian],
    ids=lambda syntax: syntax.name,
)
def test_a_file_without_preamble_is_read(write_dicom: WriteDicom, ramp: Image, syntax: uid.UID, meta: bool) -> None:
    path = write_dicom(ramp, syntax=syntax)
    strip_preamble(path, meta=meta)
    assert is_dicom(path)
    np.testing.assert_array_equal(read_dicom_film(path).stored, ramp)


def test_the_header_is_read_and_nothing_that_names_a_person_or_a_day(
    write_dicom: WriteDicom, ramp: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_dicom(ramp, ImageLaterality="L", ViewPosition="CC")
    read: list[Dataset] = []
    original = pydicom.filereader.read_dataset

    def spy(*args: object, **options: object) -> Dataset:
        read.append(original(*args, **options))  # type: ignore[arg-type]
        return read[-1]

    monkeypatch.setattr("services.curator.dicom.part10.read_dataset", spy)
    header = read_dicom_header(path)
    assert (header.patient_id, header.laterality.value, header.view) == ("P1", "left", "CC")
    keywords = {element.keyword for data in read for element in data}
    assert "PatientID" in keywords
    assert not keywords & {"PatientName", "StudyDate", "AccessionNumber", "PixelData"}


def test_windows_of_implicit_vr_and_padding_are_read(write_dicom: WriteDicom, ramp: Image) -> None:
    path = write_dicom(
        ramp,
        syntax=uid.ImplicitVRLittleEndian,
        WindowCenter=[1000, 5],
        WindowWidth=[500, 5],
        PixelPaddingValue=7,
        PixelPaddingRangeLimit=9,
    )
    film = read_dicom_film(path)
    assert film.grey_levels == "12 bit, window 1000 500 LINEAR (first of 2), padding 7 to 9"
    np.testing.assert_allclose(film.film, np.clip((ramp - 999.5) / 499 + 0.5, 0, 1), atol=1e-6)


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian], ids=lambda uid: uid.name)
def test_negative_padding_is_black(write_dicom: WriteDicom, syntax: uid.UID) -> None:
    pixels = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64)
    film = read_dicom_film(write_dicom(pixels, syntax=syntax, PixelPaddingValue=-2000)).film.ravel()
    np.testing.assert_array_equal(film == 0, (pixels.ravel() == -2000) | (pixels.ravel() == -2048))


@pytest.mark.parametrize(
    "syntax",
    [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian],
    ids=lambda syntax: syntax.name,
)
@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
def test_look_up_tables_are_read(write_dicom: WriteDicom, syntax: uid.UID, keyword: str) -> None:
    curve = np.sqrt(np.linspace(0, 1, 3000)) * 65535
    item = Dataset()
    item.add_new("LUTDescriptor", "SS", [3000, -1500, 16])
    item.add_new("LUTData", "OW", curve.astype("<u2" if syntax.is_little_endian else ">u2").tobytes())
    pixels = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64)
    film = read_dicom_film(write_dicom(pixels, syntax=syntax, **{keyword: Sequence([item])}))
    expected = np.floor(curve)[np.clip(pixels + 1500, 0, 2999)] / 65535
    np.testing.assert_allclose(film.film, expected, atol=1e-6)


def test_every_pixel_of_a_large_film_gets_its_grey_level(write_dicom: WriteDicom) -> None:
    pixels = np.random.default_rng(1).integers(0, 4096, (601, 33)).astype(np.uint16)
    film = read_dicom_film(write_dicom(pixels))
    np.testing.assert_array_equal(film.film, pixels.astype(np.float32) / np.float32(4095))


BAD = {
    "several frames": (
        {"NumberOfFrames": 3, "SOPClassUID": uid.BreastTomosynthesisImageStorage},
        r"found 3 frames \(Breast Tomosynthesis Image Storage\), needed one film",
    ),
    "one frame of tomosynthesis": (
        {"SOPClassUID": uid.BreastTomosynthesisImageStorage},
        "found 1 frames .Breast Tomosynthesis",
    ),
    "colour": ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "found 3 samples a pixel, RGB, needed grey"),
    "palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "found 1 samples a pixel, PALETTE COLOR"),
    "no kind": ({"PhotometricInterpretation": None}, "found 1 samples a pixel, of no kind"),
    "no pixels": (
        {"PixelData": None},
        r"found no pixels \(Digital Mammography X-Ray Image Storage - For Presentation\), though the header tells",
    ),
    "empty pixels": ({"PixelData": b""}, "found no pixels"),
    "no rows": ({"Rows": None}, "found Rows None, needed a whole number"),
    "0 rows": ({"Rows": 0}, "found 0 x 128 pixels"),
    "more rows than pixels": ({"Rows": 40}, "found 8192 bytes of pixels, needed 10240 for 40 x 128"),
    "32 bit": ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "found 32 bits"),
    "more stored than allocated": ({"BitsStored": 17, "HighBit": 16}, "found 17 bits"),
    "high bit elsewhere": ({"HighBit": 15}, "found 12 bits, the highest at 15, in 16"),
    "no sign": ({"PixelRepresentation": 2}, r"found Pixel Representation \(0028,0103\) 2"),
    "no window width": ({"WindowCenter": 5, "WindowWidth": 0}, "found Window Width"),
}


@pytest.mark.parametrize(("elements", "reason"), BAD.values(), ids=BAD)
def test_a_file_that_is_no_film_is_refused_with_its_reason(
    write_dicom: WriteDicom, ramp: Image, elements: dict[str, object], reason: str
) -> None:
    with pytest.raises(InvalidImageError, match=reason):
        read_dicom_film(write_dicom(ramp, **elements))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("reportsi.dcm", r"found no pixels \(Basic Text SR Storage\), needed Pixel Data"),
        ("rtplan.dcm", r"found no pixels \(RT Plan Storage\)"),
        ("waveform_ecg.dcm", r"found no pixels \(12-lead ECG Waveform Storage\)"),
        ("rtdose.dcm", r"found 15 frames \(RT Dose Storage\)"),
        ("image_dfl.dcm", "refused: found transfer syntax Deflated Explicit VR Little Endian"),
        ("MR_truncated.dcm", "truncated: found 8130 bytes of pixels, needed 8192"),
        ("liver_1frame.dcm", "found 1 bits"),
    ],
)
def test_files_that_come_with_pydicom_and_are_no_films_are_refused(name: str, reason: str) -> None:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    with pytest.raises(InvalidImageError, match=reason):
        read_dicom_film(Path(path))


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ("1.2.840.10008.1.2.4.102", r"unknown transfer syntax 1.2.840.10008.1.2.4.102 \(MPEG-4 AVC/H.264 High Profile"),
        ("1.2.3.4", "unknown transfer syntax 1.2.3.4$"),
        ("1.2.840.10008.1.2.1.99", "refused: found transfer syntax Deflated"),
    ],
    ids=["video", "private", "deflated"],
)
def test_other_transfer_syntaxes_are_refused_by_name(
    write_dicom: WriteDicom, ramp: Image, stated: str, reason: str
) -> None:
    path = write_dicom(ramp)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = uid.UID(stated)
    header = pydicom.filebase.DicomBytesIO()
    pydicom.filewriter.write_file_meta_info(header, dataset.file_meta)
    path.write_bytes(b"\0" * 128 + b"DICM" + header.getvalue() + b"\0" * 64)
    with pytest.raises(InvalidImageError, match=reason):
        read_dicom_film(path)


def test_floating_point_pixels_are_refused(write_dicom: WriteDicom, ramp: Image) -> None:
    path = write_dicom(ramp, PixelData=None, FloatPixelData=np.zeros(ramp.size, "<f4").tobytes())
    with pytest.raises(InvalidImageError, match="found pixels as floating point numbers"):
        read_dicom_film(path)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "RLE"])
def test_a_truncated_file_is_refused_wherever_it_ends(write_dicom: WriteDicom, ramp: Image, compressed: bool) -> None:
    if compressed:
        dataset = pydicom.dcmread(write_dicom(ramp))
        dataset.compress(uid.RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        path = write_dicom(ramp, syntax=uid.RLELossless, frame=b"x", PixelData=dataset.PixelData)
    else:
        path = write_dicom(ramp)
    content = path.read_bytes()
    read_dicom_film(path)
    # What ends a compressed frame are the last eight bytes, of which pydicom needs four.
    last = len(content) - (5 if compressed else 1)
    for cut in np.linspace(132, last, 20).astype(int):
        path.write_bytes(content[:cut])
        with pytest.raises(InvalidImageError, match=r"truncated|found no pixels|cannot be decoded"):
            read_dicom_film(path)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, *DECODERS], ids=lambda syntax: syntax.name)
def test_a_header_that_tells_of_far_too_many_pixels_costs_no_memory(
    write_dicom: WriteDicom, ramp: Image, syntax: uid.UID
) -> None:
    good = write_dicom(ramp, name="good.dcm")
    bad = write_dicom(ramp, syntax=syntax, frame=b"" if syntax == uid.ExplicitVRLittleEndian else b"\0" * 64)
    content = bad.read_bytes()
    old = struct.pack("<HH2sHH", 0x28, 0x10, b"US", 2, 32), struct.pack("<HH2sHH", 0x28, 0x11, b"US", 2, 128)
    new = [struct.pack("<HH2sHL", 0x28, element, b"UL", 4, 100_000) for element in (0x10, 0x11)]
    for before, after in zip(old, new, strict=True):
        assert content.count(before) == 1
        content = content.replace(before, after)
    bad.write_bytes(content)
    with pytest.raises(InvalidImageError, match="refused as a decompression bomb: 100000 x 100000 pixels"):
        read_dicom_film(bad)
    if syntax == uid.ExplicitVRLittleEndian:
        memory, reason = read_alone(good, bad)
        assert "bomb" in reason
        assert memory < 16


def test_a_deflated_bomb_is_not_unpacked(write_dicom: WriteDicom, ramp: Image) -> None:
    good = write_dicom(ramp, name="good.dcm")
    bad = write_dicom(ramp)
    dataset = pydicom.dcmread(bad)
    dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    header = pydicom.filebase.DicomBytesIO()
    pydicom.filewriter.write_file_meta_info(header, dataset.file_meta)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    zeros = bytes(1 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(200)) + packer.flush()
    bad.write_bytes(b"\0" * 128 + b"DICM" + header.getvalue() + bomb)
    memory, reason = read_alone(good, bad)
    assert "Deflated" in reason
    assert memory < 16


def test_a_small_rle_file_that_unpacks_to_much_costs_no_memory(write_dicom: WriteDicom, ramp: Image) -> None:
    good = write_dicom(ramp, name="good.dcm")
    segment = bytes((0x81, 0)) * 200_000
    frame = struct.pack("<16I", 2, 64, 64 + len(segment), *[0] * 13) + segment + segment
    memory, _ = read_alone(good, write_dicom(ramp, syntax=uid.RLELossless, frame=frame))
    assert memory < 16


@pytest.mark.parametrize(
    ("content", "dicom"),
    [
        (b"\0" * 128 + b"DICM", True),
        (b"II*\0" + b"\0" * 124 + b"DICM", True),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", True),
        (b"\0\x08\0\x05CS\0\x0aISO_IR 100", True),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 200, False),
        (b"II*\0" + b"\0" * 200, False),
        (b"PK\x03\x04" + b"\0" * 200, False),
        (b"some words", False),
        (b"", False),
    ],
    ids=[
        "nothing else",
        "TIFF as well",
        "no preamble",
        "no preamble, big endian",
        "PNG",
        "TIFF",
        "zip",
        "text",
        "empty",
    ],
)
def test_dicom_is_told_by_content(tmp_path: Path, content: bytes, dicom: bool) -> None:
    (tmp_path / "file").write_bytes(content)
    assert is_dicom(tmp_path / "file") is dicom


def test_damaged_files_are_read_or_refused_and_nothing_else(write_dicom: WriteDicom, ramp: Image) -> None:
    path = write_dicom(ramp, WindowCenter=2048, WindowWidth=4096, ImageLaterality="L")
    content = path.read_bytes()
    header = len(content) - ramp.nbytes
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in generator.integers(0, header, 3):
            damaged[place] = generator.integers(0, 256)
        path.write_bytes(damaged)
        try:
            film = read_dicom_film(path).film
        except InvalidImageError:
            refused += 1
        else:
            assert 0 <= film.min() <= film.max() <= 1
    assert 20 < refused < 280
