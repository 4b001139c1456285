from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from services.curator.entry import Box, Entry, Finding, SkippedFilm
from services.curator.phantom import make_phantom
from services.curator.phantom.dicom import write_dicom
from services.curator.preparation import FilmPreparation, PreparedFilm, name_images
from services.curator.source import SourceFilm
from shared.dataset import DatasetWriter, Laterality
from shared.images import decode_mask_png, decode_png16, encode_png16, sha256_pixels

Source = Callable[..., SourceFilm]

FAR = Box(x=500, y=500, width=8, height=9)


@pytest.fixture
def preparation(tmp_path: Path) -> FilmPreparation:
    images = tmp_path / "films"
    images.mkdir()
    film = make_phantom(seed=1, malignant=True, laterality="RIGHT", view="MLO", rows=128, columns=96).film
    (images / "film.png").write_bytes(encode_png16(film))
    writer = DatasetWriter(tmp_path / "dataset", size=48, options={}, seed=0)
    return FilmPreparation(writer=writer, size=48, mirror_right=True)


@pytest.fixture
def source(preparation: FilmPreparation) -> Callable[..., SourceFilm]:
    """A film of the folder, by its name, which need not be there."""
    folder = preparation.writer.path.parent / "films"
    return lambda name, **values: SourceFilm(entry=replace(entry(name), **values), file=folder / name)


def entry(path: str) -> Entry:
    return Entry(path=path, patient_id="P", pathology="BENIGN", laterality=Laterality.LEFT, view="", source="A", row=2)


def test_a_film_and_its_mask_are_written_and_described(preparation: FilmPreparation, source: Source) -> None:
    prepared = preparation.prepare(source("film.png"), "P1_RIGHT")
    assert isinstance(prepared, PreparedFilm)
    folder = preparation.writer.path
    film = decode_png16((folder / "images" / "P1_RIGHT.png").read_bytes())
    mask = decode_mask_png((folder / "masks" / "P1_RIGHT.png").read_bytes())
    assert film.shape == mask.shape == (48, 48)
    assert sha256_pixels(film) == prepared.sha256
    assert not film[~mask].any()
    assert (prepared.origin.path, prepared.origin.rows, prepared.origin.columns) == ("film.png", 128, 96)
    assert prepared.origin.mirrored
    assert prepared.origin.windowing == "16 bit"


def test_what_was_prepared_is_recalled_until_it_is_forgotten(preparation: FilmPreparation, source: Source) -> None:
    assert preparation.recall("P1") is None
    lesions = (Finding(label="malignant", box=Box(x=60, y=50, width=8, height=9)), Finding(label="", box=FAR))
    prepared = preparation.prepare(source("film.png", findings=lesions), "P1")
    assert isinstance(prepared, PreparedFilm)
    assert len(prepared.lesions) == len(prepared.remarks) == 1
    assert preparation.recall("P1") == prepared
    preparation.forget()
    assert preparation.recall("P1") is None
    assert not preparation.memory.exists()


def test_what_a_dicom_header_told_is_recalled(preparation: FilmPreparation, source: Source) -> None:
    phantom = make_phantom(seed=1, malignant=True, laterality="RIGHT", view="MLO", rows=128, columns=96)
    film = source("film.dcm")
    assert isinstance(film.file, Path)
    write_dicom(film.file, phantom, patient_id="P1", seed=0)
    prepared = preparation.prepare(film, "P1")
    assert isinstance(prepared, PreparedFilm)
    assert prepared.origin.pixel_spacing == (1.875, 1.875)
    assert prepared.flags == ("burned-in annotation",)
    assert preparation.recall("P1") == prepared


def test_a_film_whose_file_is_gone_is_not_recalled(preparation: FilmPreparation, source: Source) -> None:
    preparation.prepare(source("film.png"), "P1")
    (preparation.writer.path / "masks" / "P1.png").unlink()
    assert preparation.recall("P1") is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"junk", "found no image"),
        (np.zeros((64, 64), np.uint8), "found no breast"),
        (np.where(np.hypot(*np.mgrid[-32:32, -32:32]) < 9, 255, 0).astype(np.uint8), "found two grey levels"),
    ],
    ids=["missing", "no image", "black", "mask"],
)
def test_an_unusable_film_is_skipped_with_its_reason(
    preparation: FilmPreparation, source: Source, content: bytes | np.ndarray | None, reason: str
) -> None:
    path = preparation.writer.path.parent / "films" / "other.png"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        Image.fromarray(content).save(path)
    skipped = preparation.prepare(source("other.png"), "P2")
    assert isinstance(skipped, SkippedFilm)
    assert skipped.path == "other.png"
    assert reason in skipped.reason
    assert not preparation.writer.has_film("P2")


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/one.png", "b/two.jpg"], ["one", "two"]),
        (["a/one.png", "b/one.png", "c/two.png"], ["a-one.png", "b-one.png", "two"]),
        (["one.png", "one.jpg", "ONE.tif"], ["one.png", "one.jpg", "ONE.tif"]),
        (["f\u00fc\u00df e.png"], ["f___e"]),
        (["a b/x.png", "a_b/x.png"], ["a_b-x.png", "a_b-x.png-2"]),
        ([".png", "..hidden"], ["png", "film"]),
    ],
    ids=["unique names", "equal names", "names that differ in case", "odd letters", "clash once cleaned", "dots"],
)
def test_image_ids_are_unique_and_safe(paths: list[str], names: list[str]) -> None:
    found = name_images([entry(path) for path in paths])
    assert [found[path] for path in paths] == names
