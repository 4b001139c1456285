"""Prepares single films, and remembers what was prepared so that a killed preparation can go on."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from services.curator.breast_mask import find_breast
from services.curator.entry import Entry, SkippedFilm
from services.curator.film_file import FilmFile, read_film_file
from services.curator.finding_mask import is_mask
from services.curator.framing import FramedFilm, frame_film, original_film
from services.curator.lesions import place_findings
from services.curator.pseudonyms import Pseudonyms
from services.curator.source import SourceFilm
from shared.dataset import DatasetWriter, Lesion, Origin
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
    lesions: tuple[Lesion, ...] = ()
    flags: tuple[str, ...] = ()
    """What the file's header warns of."""
    remarks: tuple[str, ...] = ()
    """What was left out of the film."""
    original_sha256: str = ""
    """Of the film at its own resolution, where it is kept."""


@dataclass(frozen=True, kw_only=True)
class FilmPreparation:
    """Prepares films; can be sent to other processes."""

    writer: DatasetWriter
    size: int
    mirror_right: bool
    keep_original: bool = False
    """Whether films are kept at their own resolution too."""
    pseudonyms: Pseudonyms | None = None
    """What stands for UIDs in the data set, where they are secret."""

    @property
    def memory(self) -> Path:
        """Folder of what is known of the films prepared so far; it goes when the data set is complete."""
        return self.writer.path / "preparing"

    def prepare(self, film: SourceFilm, image_id: str) -> PreparedFilm | SkippedFilm:
        """Prepare and write one film; an unusable file is skipped."""
        entry = film.entry
        try:
            file = read_film_file(film.file, bits=film.bits)
            if is_mask(file.film):
                raise InvalidImageError("found two grey levels and no more, as a mask has")
            mask = find_breast(file.film)
        except InvalidImageError as error:
            return SkippedFilm(path=entry.path, reason=error.message)
        aspect_ratio = film.aspect_ratio or file.aspect_ratio
        framed = frame_film(file.film, mask, size=self.size, mirror_right=self.mirror_right, aspect_ratio=aspect_ratio)
        original_sha256 = ""
        if self.keep_original:
            original = original_film(file.film, mask, framed, aspect_ratio=aspect_ratio)
            original_sha256 = self.writer.write_original(image_id, original.film, original.mask)
        sha256 = self.writer.write_film(image_id, framed.film, framed.mask)
        placed = place_findings(entry.findings, framed, file.film.shape)
        prepared = PreparedFilm(
            image_id=image_id,
            source_sha256=file.sha256,
            sha256=sha256,
            origin=self._origin(film, file, framed),
            lesions=placed.lesions,
            flags=file.header.flags if file.header else (),
            remarks=placed.remarks,
            original_sha256=original_sha256,
        )
        write_atomically(self._remembered(image_id), json.dumps(asdict(prepared)).encode())
        return prepared

    def _origin(self, film: SourceFilm, file: FilmFile, framed: FramedFilm) -> Origin:
        header, pseudonyms = file.header, self.pseudonyms if film.secret else None

        def name_uid(uid: str) -> str:
            return pseudonyms.uid(uid) if pseudonyms else uid

        return Origin(
            path=film.entry.path,
            rows=file.film.shape[0],
            columns=file.film.shape[1],
            crop_box=framed.crop_box,
            scale=framed.scale,
            mirrored=framed.mirrored,
            padding=framed.padding,
            windowing=file.grey_levels,
            pixel_spacing=header.pixel_spacing if header else None,
            study_uid=name_uid(header.study_uid if header else ""),
            series_uid=name_uid(header.series_uid if header else ""),
            sop_uid=name_uid(header.sop_uid if header else ""),
        )

    def recall(self, image_id: str) -> PreparedFilm | None:
        """What an earlier, killed preparation did with a film; None when the film is still to be prepared."""
        path = self._remembered(image_id)
        if not (path.exists() and self.writer.has_film(image_id)):
            return None
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        origin = values.pop("origin")
        origin |= {key: tuple(origin[key]) for key in ("crop_box", "padding", "pixel_spacing") if origin[key]}
        lesions = tuple(Lesion(**lesion) for lesion in values.pop("lesions"))
        values |= {key: tuple(values[key]) for key in ("flags", "remarks")}
        return PreparedFilm(**values, origin=Origin(**origin), lesions=lesions)

    def forget(self) -> None:
        """Remove what was remembered."""
        if self.memory.is_dir():
            for path in self.memory.iterdir():
                path.unlink()
            self.memory.rmdir()

    def _remembered(self, image_id: str) -> Path:
        return self.memory / f"{image_id}.json"


def name_images(films: Sequence[Entry]) -> dict[str, str]:
    """Give each film an image_id: its own name or its file's, where that is unique, else the whole path.

    An image_id holds letters, digits, "_", "-" and "." only.
    """
    stems = {film.path: _clean(film.name or PurePosixPath(film.path).stem) for film in films}
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
