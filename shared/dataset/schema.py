"""What is known of a film in a prepared data set, and how it stands in `dataset.parquet`."""

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa

from shared.errors import DatasetError

SCHEMA_VERSION = 1

# What stands in `dataset.json` of every data set.
INFO_KEYS = (
    "schema_version",
    "size",
    "options",
    "seed",
    "films",
    "patients",
    "merged",
    "skipped",
    "counts",
    "tool_version",
)


class Label(StrEnum):
    """Worst pathology of a film's findings, in two classes."""

    BENIGN = "benign"
    MALIGNANT = "malignant"


class Split(StrEnum):
    """What a patient's films are for."""

    TRAIN = "train"
    VALIDATION = "validation"
    GENERATION = "generation"
    TEST = "test"


class Laterality(StrEnum):
    """Side of the breast, as DICOM's Image Laterality (0020,0062) tells it."""

    LEFT = "left"
    RIGHT = "right"
    UNKNOWN = ""


@dataclass(frozen=True)
class Lesion:
    """A box around one finding, in pixels of the prepared film."""

    x: float
    """Left edge."""
    y: float
    """Top edge."""
    width: float
    height: float
    label: str
    """"benign", "malignant", or empty where it is not known."""
    path: str = ""
    """Of the file with the finding's mask, as `Origin.path` tells that of a film; empty where only the box is known."""


@dataclass(frozen=True)
class Origin:
    """How to get from a prepared film back to the file that it was made from."""

    path: str
    """Of the file, relative to the folder that was prepared."""
    rows: int
    """Of the original, in pixels."""
    columns: int
    crop_box: tuple[int, int, int, int]
    """Part of the original that was kept: top, left, height, width, in pixels of the original."""
    scale: float
    """Prepared pixels per original pixel, along the rows."""
    mirrored: bool
    """Whether the film was flipped left to right."""
    padding: tuple[int, int, int, int]
    """Black pixels added after scaling: top, bottom, left, right."""
    pixel_spacing: tuple[float, float] | None = None
    """Of the original, row and column spacing in millimetres, where it is known."""
    windowing: str = ""
    """How grey levels were mapped to [0, 1]."""
    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""


@dataclass(frozen=True)
class Film:
    """One row of the data set."""

    image_id: str
    patient_id: str
    source: str
    """Archive or clinic that the film comes from."""
    laterality: Laterality
    view: str
    """"CC", "MLO" or another of DICOM's view codes; empty where it is not known."""
    pathology: str
    """As the source tells it."""
    label: Label
    split: Split
    sha256: str
    """`shared.images.sha256_pixels` of the prepared film."""
    origin: Origin
    lesions: tuple[Lesion, ...] = ()
    subset: str = ""
    """Part of the source, such as "mass", "calc", "D1" or "D2"."""
    official_split: str = ""
    """Where the source's own split has the film's patient: "train", "test", both, or empty where it has no split."""
    flags: tuple[str, ...] = ()
    """What the file's header warns of, such as "implant", "magnification" or "burned-in annotation"."""
    original_sha256: str = ""
    """Of the film at its own resolution; empty where it was not kept."""


_LESION = pa.struct(
    [
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("width", pa.float64()),
        ("height", pa.float64()),
        ("label", pa.string()),
        ("path", pa.string()),
    ]
)

TABLE_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("patient_id", pa.string()),
        ("source", pa.string()),
        ("laterality", pa.string()),
        ("view", pa.string()),
        ("pathology", pa.string()),
        ("label", pa.string()),
        ("split", pa.string()),
        ("sha256", pa.string()),
        ("path", pa.string()),
        ("rows", pa.int32()),
        ("columns", pa.int32()),
        ("crop_box", pa.list_(pa.int32())),
        ("scale", pa.float64()),
        ("mirrored", pa.bool_()),
        ("padding", pa.list_(pa.int32())),
        ("pixel_spacing", pa.list_(pa.float64())),
        ("windowing", pa.string()),
        ("study_uid", pa.string()),
        ("series_uid", pa.string()),
        ("sop_uid", pa.string()),
        ("lesions", pa.list_(_LESION)),
        ("subset", pa.string()),
        ("official_split", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("original_sha256", pa.string()),
    ]
)

# Columns that data sets of the first release lack; empty, they leave the hash of a data set as it was.
LATER_COLUMNS = ("subset", "official_split", "flags", "original_sha256")


def check_image_id(image_id: str) -> None:
    """Check that an image_id can be a file's name, and no way out of its folder.

    Raises:
        DatasetError: if it holds more than letters, digits, "_", "-" and ".", or begins with ".".

    """
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", image_id):
        raise DatasetError(f'image_id: found {image_id!r}, needed letters, digits, "_", "-" and ".", not "." at first')


def to_row(film: Film) -> dict[str, Any]:
    """Flatten a film to a row of `TABLE_SCHEMA`."""
    row = asdict(film)
    origin: dict[str, Any] = row.pop("origin")
    return row | origin


def from_row(row: dict[str, Any], *, where: str) -> Film:
    """Read a row of `TABLE_SCHEMA`.

    Raises:
        DatasetError: naming `where` and the column that holds something else.

    """
    try:
        check_image_id(row["image_id"])
        origin = Origin(
            path=row["path"],
            rows=row["rows"],
            columns=row["columns"],
            crop_box=tuple(row["crop_box"]),
            scale=row["scale"],
            mirrored=row["mirrored"],
            padding=tuple(row["padding"]),
            pixel_spacing=tuple(row["pixel_spacing"]) if row["pixel_spacing"] else None,
            windowing=row["windowing"],
            study_uid=row["study_uid"],
            series_uid=row["series_uid"],
            sop_uid=row["sop_uid"],
        )
        return Film(
            image_id=row["image_id"],
            patient_id=row["patient_id"],
            source=row["source"],
            laterality=Laterality(row["laterality"]),
            view=row["view"],
            pathology=row["pathology"],
            label=Label(row["label"]),
            split=Split(row["split"]),
            sha256=row["sha256"],
            origin=origin,
            lesions=tuple(Lesion(**(lesion | {"path": lesion.get("path") or ""})) for lesion in row["lesions"] or ()),
            subset=row.get("subset") or "",
            official_split=row.get("official_split") or "",
            flags=tuple(row.get("flags") or ()),
            original_sha256=row.get("original_sha256") or "",
        )
    except (KeyError, TypeError, ValueError, DatasetError) as error:
        raise DatasetError(f"{where}: {error}") from error
