"""Reads exports: class folders with a table, or Parquet files."""

import csv
import io
import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from PIL import Image

Row = dict[str, Any]
"""What an export says of a film, by column; `label` is 0 or 1."""
Film = npt.NDArray[np.float32]

_LABELS = {"benign": 0, "malignant": 1}
_NUMBERS: dict[str, type] = {"pair": int, "trial": int, "probability": float, "anomaly_score": float}
_FILE, _GROUP, _PLACE = "_file", "_group", "_place"


class ExportReader(Protocol):
    """Rows of an export, and the film of each."""

    rows: list[Row]

    def film(self, row: Row) -> Film:
        """Read a film: (rows, columns) float32 in [0, 1]."""


def open_export(path: Path) -> ExportReader:
    """Open what is in a folder.

    Raises:
        ValueError: if it is no complete export of films for training.

    """
    try:
        kind = json.loads((path / "export.json").read_text(encoding="utf-8"))["kind"]
    except FileNotFoundError:
        state = "it was interrupted" if (path / "exporting.json").exists() else "there is no export.json in it"
        raise ValueError(f"{path}: holds no complete export: {state}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path / 'export.json'}: cannot be read: {error}") from error
    if kind == "folder":
        return FolderReader(path)
    if kind == "parquet":
        return ParquetReader(path)
    raise ValueError(f"{path}: found an export of kind {kind!r}, needed folder or parquet")


class FolderReader:
    """Class folders of image files, and metadata.csv."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with (path / "metadata.csv").open(newline="", encoding="utf-8") as file:
            self.rows = [_from_text(row) for row in csv.DictReader(file)]

    def film(self, row: Row) -> Film:
        """Read a film: (rows, columns) float32 in [0, 1].

        Raises:
            ValueError: if its file is missing or broken.

        """
        name = row["file_name"]
        if not (self._path / name).resolve().is_relative_to(self._path.resolve()):
            raise ValueError(f"{name}: leads out of {self._path}")
        try:
            return _decode((self._path / name).read_bytes())
        except OSError as error:
            raise ValueError(f"{self._path / name}: cannot be read: {error}") from error


class ParquetReader:
    """Parquet files, in which a film is found by file, row group and place.

    Files are mapped into memory and have no position, so the reader may be forked; and sent to other processes, which
    open the files anew. A row group is kept until another is needed.
    """

    def __init__(self, path: Path) -> None:
        self._files = sorted((path / "data").glob("*.parquet"))
        self.rows: list[Row] = [row for number in range(len(self._files)) for row in self._read_rows(number)]
        self._opened: dict[int, pq.ParquetFile] = {}
        self._kept: tuple[tuple[int, int] | None, list[bytes]] = (None, [])

    def film(self, row: Row) -> Film:
        """Read a film: (rows, columns) float32 in [0, 1].

        Raises:
            ValueError: if it is broken.

        """
        place = row[_FILE], row[_GROUP]
        if self._kept[0] != place:
            self._kept = (place, self._read_group(*place))
        try:
            return _decode(self._kept[1][row[_PLACE]])
        except OSError as error:
            raise ValueError(f"{self._files[row[_FILE]]}: {row['image_id']}: cannot be read: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        return {"_files": self._files, "rows": self.rows, "_opened": {}, "_kept": (None, [])}

    def _read_rows(self, number: int) -> list[Row]:
        rows = []
        with pq.ParquetFile(self._files[number]) as file:
            columns = [name for name in file.schema_arrow.names if name != "image"]
            for group in range(file.num_row_groups):
                found = file.read_row_group(group, columns=columns, use_threads=False).to_pylist()
                rows += [{**row, _FILE: number, _GROUP: group, _PLACE: place} for place, row in enumerate(found)]
        return rows

    def _read_group(self, number: int, group: int) -> list[bytes]:
        if number not in self._opened:
            self._opened[number] = pq.ParquetFile(self._files[number], memory_map=True)
        table = self._opened[number].read_row_group(group, columns=["image"], use_threads=False)
        return [image["bytes"] for image in table.column("image").to_pylist()]


def _from_text(row: dict[str, str]) -> Row:
    read: Row = dict(row)
    for name, kind in _NUMBERS.items():
        read[name] = kind(row[name]) if row[name] else None
    return {**read, "label": _LABELS[row["label"]]}


def _decode(data: bytes) -> Film:
    """Read a 16-bit grey PNG, or an 8-bit grey JPEG."""
    with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as image:
        white = 255 if image.mode == "L" else 65535
        return np.asarray(image).astype(np.float32) / np.float32(white)
