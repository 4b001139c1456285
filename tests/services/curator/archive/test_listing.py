"""Files of an archive are listed wherever they lie, and bad ones with their reasons."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest

from services.curator.archive import list_archive
from services.curator.configuration import PhantomConfiguration
from services.curator.phantom.command import run as make_phantoms


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DICOM films of phantoms."""
    folder = tmp_path_factory.mktemp("films")
    make_phantoms(
        PhantomConfiguration(output=folder, patients=12, rows=96, columns=72, seed=11, workers=1, format="dicom")
    )
    return folder


def wrap_in_zip(path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.write(path, "film.dcm")
    path.write_bytes(buffer.getvalue())


def test_bad_files_of_an_archive_have_reasons_of_their_own(films: Path, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(films / "films", folder / "films")
    names = sorted(path.name for path in (folder / "films").iterdir())
    first, second, third, fourth, fifth = (folder / "films" / name for name in names[:5])
    wrap_in_zip(first)
    first.rename(folder / "series.zip")
    second.write_bytes(b"")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    shutil.copy(third, folder / "copy.dcm")
    shutil.copy(fourth, folder / "other.dcm")
    other = pydicom.dcmread(folder / "other.dcm")
    other.PixelData = np.zeros((96, 72), np.uint16).tobytes()
    other.save_as(folder / "other.dcm")
    shutil.move(fifth, tmp_path / "outside.dcm")
    fifth.symlink_to(tmp_path / "outside.dcm")
    (folder / "LICENSE").write_text("no film")
    listing = list_archive(folder, name="x", option="--x")
    # Of 48 files one is in a zip, one empty, one linked, one twice with other pixels.
    assert len(listing.films) == 45
    assert listing.copies == 1
    assert [film.name for film in listing.films][-1] == "x/series.zip/film.dcm"
    reasons = {film.path: film.reason for film in listing.skipped}
    assert reasons.pop("x/broken.zip").startswith("found no zip archive: ")
    differ = f"2 files have this SOP Instance UID and differ: x/films/{names[3]}, x/other.dcm"
    assert reasons == {
        f"x/films/{names[1]}": "found an empty file, needed DICOM",
        f"x/films/{names[3]}": differ,
        "x/other.dcm": differ,
        f"x/films/{names[4]}": "refused: a link out of the folder",
    }


@pytest.mark.parametrize("large", [False, True], ids=["encrypted", "too large"])
def test_a_zip_that_is_encrypted_or_would_unpack_to_more_than_a_film_is_refused(tmp_path: Path, large: bool) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.dcm", "w") as member:
        for _ in range(257 if large else 1):
            member.write(bytes(1 << 20))
    if not large:
        content = bytearray((folder / "a.zip").read_bytes())
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            content[content.index(mark) + place] |= 1
        (folder / "a.zip").write_bytes(content)
    (film,) = list_archive(folder, name="x", option="--x").skipped
    assert film.path == "x/a.zip/a.dcm"
    assert ("refused: found 269484032 bytes within a zip" if large else "an encrypted file") in film.reason
