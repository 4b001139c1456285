"""Prepares single films, and remembers what was prepared so that a killed preparation can go on."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from services.curator.breast_mask import find_breast
from services.curator.film_file import read_film_file
from services.curator.framing import frame_film
from services.curator.pseudonyms import Pseudonyms
from services.curator.table import TableFilm
from shared.dataset import DatasetWriter, Origin
from shared.errors import InvalidImageError
from shared.files import write_atomically


@dataclass(frozen=True, kw_only=True)
class PreparedFilm:
    """A film that was written to the data set."""

    image_id: str
    source_sha256: str
    """Of the pixels in the file; equal for physically identical films."""
    sha256: str
    """Of the prepared film."""
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class SkippedFilm:
    """A film that could not be prepared."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class FilmPreparation:
    """Prepares films; can be sent to other processes."""

    images: Path
    writer: DatasetWriter
    size: int
    mirror_right: bool
    aspect_ratio: float | None
    bits: int
    pseudonyms: Pseudonyms | None = None
    """What stands for paths and UIDs in the data set."""

    @property
    def memory(self) -> Path:
        """Folder of what is known of the films prepared so far; it goes when the data set is complete."""
        return self.writer.path / "preparing"

    def prepare(self, path: str, image_id: str) -> PreparedFilm | SkippedFilm:
        """Prepare and write one film, given as a path below the folder of films; an unusable file is skipped."""
        try:
            file = read_film_file(self.images / path, bits=self.bits)
            mask = find_breast(file.film)
        except InvalidImageError as error:
            return SkippedFilm(path=self.name_path(path), reason=error.message)
        framed = frame_film(
            file.film,
            mask,
            size=self.size,
            mirror_right=self.mirror_right,
            aspect_ratio=self.aspect_ratio or file.aspect_ratio,
        )
        sha256 = self.writer.write_film(image_id, framed.film, framed.mask)
        header = file.header
        origin = Origin(
            path=self.name_path(path),
            rows=file.film.shape[0],
            columns=file.film.shape[1],
            crop_box=framed.crop_box,
            scale=framed.scale,
            mirrored=framed.mirrored,
            padding=framed.padding,
            windowing=file.grey_levels,
            pixel_spacing=header.pixel_spacing if header else None,
            study_uid=self._name_uid(header.study_uid if header else ""),
            series_uid=self._name_uid(header.series_uid if header else ""),
            sop_uid=self._name_uid(header.sop_uid if header else ""),
        )
        prepared = PreparedFilm(image_id=image_id, source_sha256=file.sha256, sha256=sha256, origin=origin)
        write_atomically(self._remembered(image_id), json.dumps(asdict(prepared)).encode())
        return prepared

    def recall(self, image_id: str) -> PreparedFilm | None:
        """What an earlier, killed preparation did with a film; None when the film is still to be prepared."""
        path = self._remembered(image_id)
        if not (path.exists() and self.writer.has_film(image_id)):
            return None
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        origin = values.pop("origin")
        origin |= {key: tuple(origin[key]) for key in ("crop_box", "padding", "pixel_spacing") if origin[key]}
        return PreparedFilm(**values, origin=Origin(**origin))

    def name_path(self, path: str) -> str:
        """What stands for a path in the data set."""
        return self.pseudonyms.path(path) if self.pseudonyms else path

    def _name_uid(self, uid: str) -> str:
        return self.pseudonyms.uid(uid) if self.pseudonyms else uid

    def forget(self) -> None:
        """Remove what was remembered."""
        if self.memory.is_dir():
            for path in self.memory.iterdir():
                path.unlink()
            self.memory.rmdir()

    def _remembered(self, image_id: str) -> Path:
        return self.memory / f"{image_id}.json"


def name_images(films: Sequence[TableFilm]) -> dict[str, str]:
    """Give each film an image_id by its path: the file's name where that is unique, else the whole path.

    An image_id holds letters, digits, "_", "-" and "." only.
    """
    stems = {film.path: _clean(PurePosixPath(film.path).stem) for film in films}
    stem_counts = Counter(name.lower() for name in stems.values())
    names = {
        path: stem if stem_counts[stem.lower()] == 1 else _clean(path.replace("/", "-")) for path, stem in stems.items()
    }
    used: set[str] = set()
    for path in sorted(names):
        name, number = names[path], 1
        while names[path].lower() in used:
            number += 1
            names[path] = f"{name}-{number}"
        used.add(names[path].lower())
    return names


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip(".") or "film"
