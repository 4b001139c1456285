"""Writes a prepared data set: films first, from as many processes as one likes, the table last."""

import io
import json
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shared.dataset import schema
from shared.dataset.schema import Film
from shared.errors import DatasetError
from shared.files import write_atomically
from shared.images import Film as Pixels
from shared.images import Mask, encode_mask_png, encode_png16, sha256_pixels, validate_film, validate_mask


class DatasetWriter:
    """Writes the folder of a prepared data set.

    A data set is complete once `dataset.json` is there, which `finish` writes last; everything is written whole or
    not at all, so a killed preparation can go on where it was.
    """

    def __init__(self, path: Path, *, size: int, options: dict[str, Any], seed: int, originals: bool = False) -> None:
        """Begin or continue a data set.

        Args:
            path: its folder.
            size: rows and columns of each film, in pixels.
            options: what it is prepared with, JSON values; a data set begun with others is refused.
            seed: of the split.
            originals: whether each film comes at its own resolution too.

        Raises:
            DatasetError: if the folder holds a data set of another size, or one begun with other options.

        """
        self.path = path
        self.size = size
        self._folders = ("images", "masks", *(("originals", "original-masks") if originals else ()))
        self._begun = {"size": size, "options": options, "seed": seed}
        marker = path / "preparing.json"
        finished = path / "dataset.json"
        found = next((file for file in (marker, finished) if file.exists()), None)
        if found is not None:
            before = json.loads(found.read_text(encoding="utf-8"))
            for key, value in self._begun.items():
                if before.get(key) != json.loads(json.dumps(value)):
                    raise DatasetError(
                        f"{path}: was begun with {key} {before.get(key)!r}, now {value!r}; take another folder"
                    )
        for folder in self._folders:
            (path / folder).mkdir(parents=True, exist_ok=True)
        write_atomically(marker, json.dumps(self._begun, indent=1).encode())

    def has_film(self, image_id: str) -> bool:
        """Whether film and mask are there, and the originals where they are kept; what is there is whole."""
        return all(self._file(folder, image_id).exists() for folder in self._folders)

    def write_film(self, image_id: str, film: Pixels, mask: Mask) -> str:
        """Write a film and its breast mask; returns the film's sha256.

        Args:
            image_id: letters, digits, "_", "-" and "." only.
            film: (size, size) float32 in [0, 1].
            mask: (size, size) bool, at least one pixel inside.

        Raises:
            InvalidImageError: if film or mask are no such arrays.
            DatasetError: if the image_id is none, or the film has another size.

        """
        schema.check_image_id(image_id)
        validate_film(film, name=image_id, square=True)
        if film.shape[0] != self.size:
            raise DatasetError(f"{image_id}: found {film.shape[0]} pixels a side, needed {self.size}")
        validate_mask(mask, film.shape, name=f"{image_id}: mask")
        return self._write("images", "masks", image_id, film, mask)

    def write_original(self, image_id: str, film: Pixels, mask: Mask) -> str:
        """Write a film at its own resolution and its breast mask; returns the film's sha256.

        Args:
            image_id: as in `write_film`.
            film: (rows, columns) float32 in [0, 1].
            mask: the film's shape, bool, at least one pixel inside.

        Raises:
            InvalidImageError: if film or mask are no such arrays.
            DatasetError: if the image_id is none.

        """
        schema.check_image_id(image_id)
        validate_film(film, name=f"{image_id}: original")
        validate_mask(mask, film.shape, name=f"{image_id}: original's mask")
        return self._write("originals", "original-masks", image_id, film, mask)

    def discard_film(self, image_id: str) -> None:
        """Remove a film and its mask, if they are there, and their originals."""
        for folder in self._folders:
            self._file(folder, image_id).unlink(missing_ok=True)

    def finish(
        self, films: Sequence[Film], *, merged: int = 0, skipped: int = 0, notes: dict[str, Any] | None = None
    ) -> None:
        """Write the table, then `dataset.json`; files that a kill left half-written are removed.

        Args:
            films: all films; each must have been written.
            merged: how many physically identical films became one.
            skipped: how many files were left out.
            notes: more to be kept in `dataset.json`, JSON values.

        Raises:
            DatasetError: if a film of the table was not written, or an image_id stands there twice.

        """
        rows = [schema.to_row(film) for film in sorted(films, key=lambda film: film.image_id)]
        seen = Counter(film.image_id for film in films)
        for image_id, count in seen.items():
            if count > 1:
                raise DatasetError(f"{self.path}: image_id {image_id!r} stands {count} times in the table")
            if not self.has_film(image_id):
                raise DatasetError(f"{self.path}: film {image_id!r} was not written")
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=schema.TABLE_SCHEMA), buffer)
        counts = Counter((film.source, str(film.label), str(film.split)) for film in films)
        info = {
            "schema_version": schema.SCHEMA_VERSION,
            **self._begun,
            "films": len(films),
            "patients": len({film.patient_id for film in films}),
            "merged": merged,
            "skipped": skipped,
            "counts": [
                {"source": source, "label": label, "split": split, "films": number}
                for (source, label, split), number in sorted(counts.items())
            ],
            "tool_version": version("mammosynth"),
            **(notes or {}),
        }
        for left in self.path.rglob(".*.part"):
            left.unlink(missing_ok=True)
        write_atomically(self.path / "dataset.parquet", buffer.getvalue())
        write_atomically(self.path / "dataset.json", json.dumps(info, indent=1).encode())
        (self.path / "preparing.json").unlink(missing_ok=True)

    def _write(self, films: str, masks: str, image_id: str, film: Pixels, mask: Mask) -> str:
        write_atomically(self._file(masks, image_id), encode_mask_png(mask))
        write_atomically(self._file(films, image_id), encode_png16(film))
        return sha256_pixels(film)

    def _file(self, folder: str, image_id: str) -> Path:
        return self.path / folder / f"{image_id}.png"
