"""Bad files, each with its own reason, beside films that are prepared all the same."""

import csv
import io
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from services.curator.configuration import PhantomConfiguration
from services.curator.phantom.command import run as make_phantoms
from shared.dataset import Dataset


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DICOM films of phantoms with their table."""
    folder = tmp_path_factory.mktemp("films")
    make_phantoms(
        PhantomConfiguration(output=folder, patients=12, rows=96, columns=72, seed=11, workers=1, format="dicom")
    )
    return folder


def rewrite(path: Path, **elements: object) -> None:
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def swap_representation(path: Path) -> None:
    """Bits Allocated (0028,0100) as text."""
    content = path.read_bytes()
    assert content.count(b"\x28\x00\x00\x01US\x02\x00") == 1
    path.write_bytes(content.replace(b"\x28\x00\x00\x01US\x02\x00", b"\x28\x00\x00\x01LO\x02\x00"))


def lengthen(path: Path) -> None:
    """Patient ID (0010,0020) of 60,000 bytes, which eats the elements behind it."""
    content = path.read_bytes()
    place = content.index(b"\x10\x00\x20\x00LO") + 6
    path.write_bytes(content[:place] + (60_000).to_bytes(2, "little") + content[place + 2 :])


def drop_pixels(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)


def deflate_bomb(path: Path) -> None:
    """Half a GiB of zeros behind a deflated header, half a MiB as a file."""
    content = path.read_bytes()
    start = content.index(b"\x08\x00\x16\x00")
    meta = content[:start].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    length = meta.index(b"\x02\x00\x10\x00UI") + 6
    meta = meta[:length] + (22).to_bytes(2, "little") + meta[length + 2 :]
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = squeeze.compress(content[start:])
    for _ in range(512):
        body += squeeze.compress(bytes(1 << 20))
    path.write_bytes(meta + body + squeeze.flush())


def wrap_in_zip(path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.write(path, "film.dcm")
    path.write_bytes(buffer.getvalue())


def link_out(path: Path) -> None:
    outside = path.parents[2] / f"outside-{path.name}"
    shutil.move(path, outside)
    path.symlink_to(outside)


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-100]), "truncated: found 13724 bytes of pixels"),
    "truncated within the header": (lambda path: path.write_bytes(path.read_bytes()[:700]), "found no pixels"),
    "wrong VR": (swap_representation, "found BitsAllocated"),
    "wrong length": (lengthen, "found no pixels"),
    "missing pixels": (drop_pixels, "found no pixels"),
    "100,000 rows and columns": (lambda path: rewrite(path, Rows=65535, Columns=65535), "refused as a decompression b"),
    "deflate bomb": (deflate_bomb, "refused: found transfer syntax Deflated"),
    "zip": (wrap_in_zip, "found no image"),
    "text": (lambda path: path.write_text("<html>404</html>"), "found no image"),
    "empty": (lambda path: path.write_bytes(b""), "found no image"),
    "link out of the folder": (link_out, "refused: a link out of the folder"),
    "fifo": (make_fifo, "no such file"),
    "folder": (make_folder, "no such file"),
    "tomosynthesis": (
        lambda path: rewrite(path, SOPClassUID=pydicom.uid.BreastTomosynthesisImageStorage, NumberOfFrames=9),
        "found 9 frames (Breast Tomosynthesis Image Storage)",
    ),
    "colour": (lambda path: rewrite(path, PhotometricInterpretation="RGB", SamplesPerPixel=3), "found 3 samples"),
}


def test_each_bad_file_is_skipped_with_its_own_reason_and_the_others_are_prepared(
    films: Path, prepare_phantoms: Callable[..., Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(films, tmp_path / "films"))
    with (folder / "table.csv").open(newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)][:: 48 // len(BAD)][: len(BAD)]
    for path, (spoil, _) in zip(paths, BAD.values(), strict=True):
        spoil(folder / path)
    output = prepare_phantoms(tmp_path / "dataset", images=folder, table=folder / "table.csv")
    with (output / "skipped.csv").open(newline="") as file:
        reasons = {row["path"]: row["reason"] for row in csv.DictReader(file)}
    assert sorted(reasons) == sorted(paths)
    for path, (kind, (_, reason)) in zip(paths, BAD.items(), strict=True):
        assert reasons[path].startswith(reason), kind
    assert len(Dataset.open(output).films) == 48 - len(BAD)


def test_a_file_that_may_not_be_read_is_skipped_with_its_reason(
    films: Path, prepare_phantoms: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(films, tmp_path / "films"))
    closed = folder / "films" / "PH_00003_LEFT_CC.dcm"
    closed.chmod(0)
    # Root reads what nobody may.
    readable = Path.open

    def refuse(path: Path, *values: object, **named: object) -> object:
        if path.exists() and not stat.S_IMODE(path.stat().st_mode):
            raise PermissionError(13, "Permission denied", str(path))
        return readable(path, *values, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    output = prepare_phantoms(tmp_path / "dataset", images=folder, table=folder / "table.csv")
    with readable(output / "skipped.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row == {"path": "films/PH_00003_LEFT_CC.dcm", "reason": "cannot be read: Permission denied"}
