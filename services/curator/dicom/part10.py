"""DICOM files (PS3.10) opened with care: nothing is unpacked, no pixel is read, until the header has been looked at."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from services.curator.dicom.compressed import DECODERS
from services.curator.readable_file import ReadableFile
from shared.errors import InvalidImageError

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)

_PREAMBLE_BYTES = 128
_UNDEFINED_LENGTH = 0xFFFFFFFF
_FIRST_GROUPS = (0x0002, 0x0008)
_FLOAT_PIXEL_DATA, _DOUBLE_FLOAT_PIXEL_DATA, _PIXEL_DATA = 0x7FE00008, 0x7FE00009, 0x7FE00010

# All that is read. Names, dates and accession numbers are passed over in the file, not read and dropped.
_KEYWORDS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
    "ImageLaterality",
    "Laterality",
    "ViewPosition",
    "ViewCodeSequence",
    "PatientOrientation",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "PresentationIntentType",
    "SyntheticData",
    "BreastImplantPresent",
    "PartialView",
    "BurnedInAnnotation",
    "EstimatedRadiographicMagnificationFactor",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
)


@dataclass(frozen=True, kw_only=True)
class OpenedFile:
    """A DICOM file whose header was read and whose pixels were not."""

    file: BinaryIO
    """At the start of the pixels' data element, or of what follows the header."""
    header: Dataset
    transfer_syntax: UID
    pixel_bytes: int | None
    """Stated length of Pixel Data (7FE0,0010); None when it is undefined, as that of encapsulated pixels is."""
    has_pixels: bool


def is_dicom(path: ReadableFile) -> bool:
    """Whether a file is DICOM, by its content: a preamble (PS3.10, 7.1), or a data set of group 0002 or 0008."""
    with path.open("rb") as file:
        start = file.read(_PREAMBLE_BYTES + 4)
    if start[_PREAMBLE_BYTES:] == b"DICM":
        return True
    if len(start) < 8:
        return False
    little, big = (struct.unpack(order + "HH", start[:4]) for order in "<>")
    return any(group in _FIRST_GROUPS and element < 0x0100 for group, element in (little, big))


def open_dicom(file: BinaryIO) -> OpenedFile:
    """Read the header of a DICOM file, with or without preamble and file meta information.

    Raises:
        InvalidImageError: if its transfer syntax is not known, or is one that unpacks the whole data set.

    """
    file.seek(_PREAMBLE_BYTES)
    if file.read(4) != b"DICM":
        file.seek(0)
    stated = _read_transfer_syntax(file)
    syntax = _check_transfer_syntax(stated) if stated else _guess_transfer_syntax(file)
    found: list[tuple[int, int]] = []

    def at_pixels(tag: BaseTag, _vr: str | None, length: int) -> bool:
        if tag >= _FLOAT_PIXEL_DATA:
            found.append((int(tag), length))
        return bool(found)

    header = _read(file, at_pixels, syntax=syntax, keywords=_KEYWORDS)
    tag, length = found[0] if found else (0, 0)
    if tag in (_FLOAT_PIXEL_DATA, _DOUBLE_FLOAT_PIXEL_DATA):
        raise InvalidImageError("found pixels as floating point numbers, needed whole numbers")
    return OpenedFile(
        file=file,
        header=header,
        transfer_syntax=syntax,
        pixel_bytes=None if length == _UNDEFINED_LENGTH else length,
        has_pixels=tag == _PIXEL_DATA and length > 0,
    )


def read_pixel_data(opened: OpenedFile) -> Dataset:
    """Read Pixel Data (7FE0,0010), as it stands in the file.

    Raises:
        InvalidImageError: if the file ends before it does.

    """
    data = _read(opened.file, lambda tag, _vr, _length: tag > _PIXEL_DATA, syntax=opened.transfer_syntax)
    if "PixelData" not in data:
        raise InvalidImageError("truncated: the file ends before its pixels do")
    return data


def _read(
    file: BinaryIO,
    stop_when: Callable[[BaseTag, str | None, int], bool],
    *,
    syntax: UID = ExplicitVRLittleEndian,
    keywords: Sequence[str] = (),
) -> Dataset:
    """pydicom's reader, entered below the level at which it unpacks a deflated data set and follows file meta."""
    return read_dataset(
        file,
        syntax.is_implicit_VR,
        syntax.is_little_endian,
        stop_when=stop_when,
        specific_tags=[BaseTag(tag_for_keyword(keyword) or 0) for keyword in keywords],
    )


def _read_transfer_syntax(file: BinaryIO) -> UID | None:
    """Transfer Syntax UID (0002,0010) of the file meta information, which is passed."""
    meta = _read(file, lambda tag, _vr, _length: tag.group != 2, keywords=("TransferSyntaxUID",))
    stated = str(meta.get("TransferSyntaxUID") or "")
    return UID(stated) if stated else None


def _check_transfer_syntax(syntax: UID) -> UID:
    if syntax == DeflatedExplicitVRLittleEndian:
        raise InvalidImageError(
            f"refused: found transfer syntax {syntax.name}, of which a small file unpacks to gigabytes"
        )
    if syntax not in NATIVE and syntax not in DECODERS:
        name = f" ({syntax.name})" if syntax.name != syntax else ""
        raise InvalidImageError(f"found unknown transfer syntax {syntax}{name}")
    return syntax


def _guess_transfer_syntax(file: BinaryIO) -> UID:
    """Tell the encoding of a data set without file meta information by its first element."""
    start = file.read(6)
    file.seek(-len(start), 1)
    if start[4:6].isalpha() and start[4:6].isupper():
        return ExplicitVRBigEndian if start[:1] == b"\0" else ExplicitVRLittleEndian
    return ImplicitVRLittleEndian
