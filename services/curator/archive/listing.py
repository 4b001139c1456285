"""Lists the DICOM files of an archive, with their headers: below a folder, in zips as well."""

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from services.curator.dicom import DicomHeader, is_dicom, read_dicom_header
from services.curator.entry import SkippedFilm
from services.curator.readable_file import ReadableFile, ZipMember
from services.curator.workers import map_in_processes
from shared.errors import ConfigurationError, InvalidImageError
from shared.progress import progress

_BATCH = 64
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class ArchiveFile:
    """A file of an archive."""

    name: str
    """What the data set calls it: the archive's name and the path below its folder."""
    file: ReadableFile
    header: DicomHeader | None = None
    """None when it is not DICOM, or cannot be read."""
    reason: str = ""
    """Why it cannot be read, where it should be DICOM."""


@dataclass
class Listing:
    """What lies in the folder of an archive."""

    films: list[ArchiveFile] = field(default_factory=list)
    """DICOM files, in the order of their names; of copies the first."""
    skipped: list[SkippedFilm] = field(default_factory=list)
    """What is no DICOM file though it should be, and what cannot be read."""
    copies: int = 0
    """Files that hold the same bytes as another."""


def list_archive(folder: Path, *, name: str, option: str, workers: int | None = 1) -> Listing:
    """Read the headers of all files below a folder; what is neither DICOM nor called so is passed over.

    Args:
        folder: the archive, however it was downloaded.
        name: of the archive, first part of the files' names.
        option: that named the folder, for errors.
        workers: processes; None means one a core.

    Raises:
        ConfigurationError: if there is no such folder.

    """
    check_folder(folder, option=option)
    listing = Listing()
    found = sorted(_walk(folder, name, listing.skipped), key=lambda file: file.name)
    with progress(f"reading headers of {name}", total=len(found)) as shown:
        for files in map_in_processes(_read_headers, list(_batch(found)), workers=workers):
            for file in files:
                if file.header is not None:
                    listing.films.append(file)
                elif file.reason:
                    listing.skipped.append(SkippedFilm(path=file.name, reason=file.reason))
            shown.advance(len(files), note=files[-1].name)
    listing.films.sort(key=lambda file: file.name)
    _drop_copies(listing)
    return listing


def check_folder(folder: Path, *, option: str) -> None:
    """Check that the folder of an archive is there.

    Raises:
        ConfigurationError: naming the option.

    """
    if not folder.is_dir():
        raise ConfigurationError(f"{option}: found no folder {folder}, needed a folder of DICOM files")


def _batch(files: Sequence[ArchiveFile]) -> Iterator[tuple[ArchiveFile, ...]]:
    for start in range(0, len(files), _BATCH):
        yield tuple(files[start : start + _BATCH])


def _walk(folder: Path, name: str, skipped: list[SkippedFilm]) -> Iterator[ArchiveFile]:
    root = folder.resolve()

    def refuse(error: OSError) -> None:
        below = Path(error.filename).relative_to(folder).as_posix()
        skipped.append(SkippedFilm(path=f"{name}/{below}", reason=f"cannot be read: {error.strerror}"))

    for place, _, files in os.walk(folder, onerror=refuse):
        for path in (Path(place) / file for file in files):
            below = f"{name}/{path.relative_to(folder).as_posix()}"
            if not path.resolve().is_relative_to(root):
                skipped.append(SkippedFilm(path=below, reason="refused: a link out of the folder"))
            elif path.suffix.lower() == ".zip":
                yield from _walk_zip(path, below, skipped)
            elif path.is_file():
                yield ArchiveFile(below, path)


def _walk_zip(path: Path, name: str, skipped: list[SkippedFilm]) -> Iterator[ArchiveFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member.filename for member in archive.infolist() if not member.is_dir()]
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        skipped.append(SkippedFilm(path=name, reason=f"found no zip archive: {error}"))
        return
    for member in members:
        yield ArchiveFile(f"{name}/{member}", ZipMember(path, member))


def _read_headers(files: Sequence[ArchiveFile]) -> list[ArchiveFile]:
    return [_read_header(file) for file in files]


def _read_header(file: ArchiveFile) -> ArchiveFile:
    try:
        if is_dicom(file.file):
            return ArchiveFile(file.name, file.file, header=read_dicom_header(file.file))
    except InvalidImageError as error:
        return ArchiveFile(file.name, file.file, reason=error.message)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        return ArchiveFile(file.name, file.file, reason=f"cannot be read: {error}")
    return ArchiveFile(file.name, file.file, reason=_say_what(file) if file.name.lower().endswith(".dcm") else "")


def _say_what(file: ArchiveFile) -> str:
    with file.file.open("rb") as opened:
        start = opened.read(4)
    if not start:
        return "found an empty file, needed DICOM"
    return f"found {'a zip archive' if start == _ZIP else 'another kind of file'}, needed DICOM"


def _drop_copies(listing: Listing) -> None:
    """Of files that claim to be the same object, keep one where their bytes are the same, and none where they differ.

    SOP Instance UIDs (0008,0018) are unique in the world; a file without one claims nothing.
    """
    by_uid: dict[str, list[ArchiveFile]] = {}
    for file in listing.films:
        by_uid.setdefault((file.header.sop_uid if file.header else "") or file.name, []).append(file)
    listing.films = []
    for files in by_uid.values():
        if all(_same_bytes(files[0].file, other.file) for other in files[1:]):
            listing.films.append(files[0])
            listing.copies += len(files) - 1
            continue
        names = ", ".join(file.name for file in files)
        reason = f"{len(files)} files have this SOP Instance UID and differ: {names}"
        listing.skipped += [SkippedFilm(path=file.name, reason=reason) for file in files]


def _same_bytes(first: ReadableFile, second: ReadableFile) -> bool:
    with first.open("rb") as one, second.open("rb") as two:
        blocks = zip(iter(partial(one.read, 1 << 20), b""), iter(partial(two.read, 1 << 20), b""), strict=False)
        return all(a == b for a, b in blocks) and not one.read(1) and not two.read(1)
