"""Reads a prepared data set."""

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from shared.dataset.schema import INFO_KEYS, LATER_COLUMNS, SCHEMA_VERSION, Film, Label, Split, from_row, to_row
from shared.errors import DatasetError, InvalidImageError, NotFoundError
from shared.images import Film as Pixels
from shared.images import Mask, decode_mask_png, decode_png16

_Pixels = TypeVar("_Pixels", Pixels, Mask)


class Dataset:
    """A complete prepared data set. Open it with `Dataset.open`."""

    def __init__(self, path: Path, info: dict[str, Any], films: tuple[Film, ...]) -> None:
        self.path = path
        self.info = info
        """`dataset.json`: counts, options, seed, version of the tool."""
        self.films = films
        """All films, in the order of their image_id."""
        self.size: int = info["size"]
        """Rows and columns of each film, in pixels."""
        self._by_id = {film.image_id: film for film in films}

    @classmethod
    def open(cls, path: Path) -> "Dataset":
        """Open a data set and check its table.

        Raises:
            DatasetError: if there is none, it is unfinished, of another schema, or a patient stands in two splits.

        """
        info = _read_info(path)
        try:
            table = pq.read_table(path / "dataset.parquet")
        except (OSError, pa.ArrowInvalid) as error:
            raise DatasetError(f"{path / 'dataset.parquet'}: cannot be read: {error}") from error
        films = tuple(
            from_row(row, where=f"{path / 'dataset.parquet'}, row {number}")
            for number, row in enumerate(table.to_pylist(), start=1)
        )
        if not films:
            raise DatasetError(f"{path}: holds no film")
        _check_patients(path, films)
        return cls(path, info, tuple(sorted(films, key=lambda film: film.image_id)))

    @property
    def notes(self) -> dict[str, Any]:
        """What of `info` the preparation noted beside what every data set has."""
        return {key: value for key, value in self.info.items() if key not in INFO_KEYS}

    def select(self, *, split: Split | None = None, label: Label | None = None) -> tuple[Film, ...]:
        """Films of a split and a label, in the order of their image_id; None takes all."""
        return tuple(
            film
            for film in self.films
            if (split is None or film.split == split) and (label is None or film.label == label)
        )

    def film(self, image_id: str) -> Film:
        """Return what is known of a film.

        Raises:
            NotFoundError: if there is no such film.

        """
        if image_id not in self._by_id:
            raise NotFoundError(f"image_id: found {image_id!r}, needed a film of {self.path}")
        return self._by_id[image_id]

    def pixels(self, image_id: str) -> Pixels:
        """Read a film: (size, size) float32 in [0, 1].

        Raises:
            DatasetError: if its file is missing, broken or of another size.

        """
        film = self._read("images", image_id)
        decoded = self._decode(film, image_id, decode_png16)
        if decoded.shape != (self.size, self.size):
            raise DatasetError(f"{image_id}: found {decoded.shape} pixels, needed {self.size} x {self.size}")
        return decoded

    def mask(self, image_id: str) -> Mask:
        """Read a film's breast mask: (size, size) bool.

        Raises:
            DatasetError: if its file is missing, broken or of another size.

        """
        decoded = self._decode(self._read("masks", image_id), image_id, decode_mask_png)
        if decoded.shape != (self.size, self.size):
            raise DatasetError(f"{image_id}: mask: found {decoded.shape} pixels, needed {self.size} x {self.size}")
        return decoded

    def original(self, image_id: str) -> Pixels:
        """Read a film at its own resolution, cut and mirrored as the prepared one: (rows, columns) float32 in [0, 1].

        Raises:
            DatasetError: if it was not kept, or its file is missing or broken.

        """
        self._require_original(image_id)
        return self._decode(self._read("originals", image_id), image_id, decode_png16)

    def original_mask(self, image_id: str) -> Mask:
        """Read the breast mask of a film at its own resolution: (rows, columns) bool.

        Raises:
            DatasetError: if it was not kept, or its file is missing or broken.

        """
        self._require_original(image_id)
        return self._decode(self._read("original-masks", image_id), image_id, decode_mask_png)

    def _require_original(self, image_id: str) -> None:
        if not self.film(image_id).original_sha256:
            raise DatasetError(
                f"{image_id}: {self.path} keeps no film at its own resolution; needed is a data set that was prepared "
                "with --keep-original"
            )

    @cached_property
    def sha256(self) -> str:
        """Hash over the films and all that is known of them; equal hashes mean the same data set."""
        rows = [
            {column: value for column, value in to_row(film).items() if value or column not in LATER_COLUMNS}
            for film in self.films
        ]
        text = json.dumps({"size": self.size, "films": rows}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def _read(self, folder: str, image_id: str) -> bytes:
        path = self.path / folder / f"{self.film(image_id).image_id}.png"
        try:
            return path.read_bytes()
        except OSError as error:
            raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error

    @staticmethod
    def _decode(data: bytes, image_id: str, decode: Callable[[bytes], _Pixels]) -> _Pixels:
        try:
            return decode(data)
        except InvalidImageError as error:
            raise DatasetError(f"{image_id}: {error.message}") from error


def _read_info(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise DatasetError(f"{path}: no such folder; a prepared data set is needed (mammosynth dataset prepare)")
    if not (path / "dataset.json").exists():
        state = "its preparation has not ended" if (path / "preparing.json").exists() else "no dataset.json in it"
        raise DatasetError(f"{path}: no complete prepared data set: {state}")
    try:
        info = json.loads((path / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise DatasetError(f"{path / 'dataset.json'}: cannot be read: {error}") from error
    if not isinstance(info, dict) or info.get("schema_version") != SCHEMA_VERSION:
        found = info.get("schema_version") if isinstance(info, dict) else type(info).__name__
        raise DatasetError(f"{path / 'dataset.json'}: found schema version {found}, needed {SCHEMA_VERSION}")
    if type(info.get("size")) is not int:
        raise DatasetError(f"{path / 'dataset.json'}: found size {info.get('size')!r}, needed pixels a side")
    return info


def _check_patients(path: Path, films: tuple[Film, ...]) -> None:
    splits: dict[str, Split] = {}
    for film in films:
        first = splits.setdefault(film.patient_id, film.split)
        if first != film.split:
            raise DatasetError(
                f"{path / 'dataset.parquet'}: patient {film.patient_id!r} stands in two splits, "
                f"{first} and {film.split}; each patient must be in one"
            )
