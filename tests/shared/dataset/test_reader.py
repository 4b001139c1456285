"""A prepared data set is read whole, or refused by what is wrong with it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from shared import images
from shared.dataset import Dataset, DatasetWriter, Film, Label, Split, schema
from shared.errors import DatasetError, NotFoundError


@pytest.fixture
def folder(made: Callable[..., Film], write: Callable[..., DatasetWriter]) -> Path:
    films = [
        made("c", label=Label.BENIGN),
        made("a", split=Split.TEST),
        made("b", label=Label.BENIGN, split=Split.TEST),
    ]
    return write(*films).path


def test_films_come_in_the_order_of_their_ids(folder: Path) -> None:
    dataset = Dataset.open(folder)
    assert [film.image_id for film in dataset.films] == ["a", "b", "c"]
    assert (dataset.size, dataset.film("b").origin.path) == (16, "films/b.dcm")


def test_films_are_chosen_by_split_and_label(folder: Path) -> None:
    dataset = Dataset.open(folder)
    chosen = {
        (split, label): [film.image_id for film in dataset.select(split=split, label=label)]
        for split in (None, Split.TEST, Split.GENERATION)
        for label in (None, Label.BENIGN)
    }
    assert chosen == {
        (None, None): ["a", "b", "c"],
        (None, Label.BENIGN): ["b", "c"],
        (Split.TEST, None): ["a", "b"],
        (Split.TEST, Label.BENIGN): ["b"],
        (Split.GENERATION, None): [],
        (Split.GENERATION, Label.BENIGN): [],
    }


def test_pixels_and_masks_are_those_that_were_written(folder: Path) -> None:
    dataset = Dataset.open(folder)
    written = np.random.default_rng(0).random((16, 16), dtype=np.float32)  # the first film that `write` was given
    np.testing.assert_array_equal(dataset.pixels("c"), images.from_uint16(images.to_uint16(written)))
    np.testing.assert_array_equal(dataset.mask("c"), written > 0.2)


def test_the_hash_changes_with_whatever_is_known_of_a_film(folder: Path, made: Callable[..., Film]) -> None:
    writer = DatasetWriter(folder, size=16, options={}, seed=1)
    before = Dataset.open(folder)
    assert before.sha256 == Dataset.open(folder).sha256
    writer.finish([film for film in before.films if film.image_id != "b"])
    without = Dataset.open(folder).sha256
    writer.finish([*before.films[:2], made("c", label=Label.BENIGN, sha256="cd" * 32)])
    changed = Dataset.open(folder).sha256
    assert len({before.sha256, without, changed}) == 3


def test_a_data_set_without_the_later_columns_is_read_and_keeps_its_hash(
    made: Callable[..., Film], write: Callable[..., DatasetWriter]
) -> None:
    folder = write(made("a", lesions=()), made("b", lesions=())).path
    before = Dataset.open(folder)
    table = pq.read_table(folder / "dataset.parquet").drop_columns(
        ["subset", "official_split", "flags", "original_sha256"]
    )
    pq.write_table(table, folder / "dataset.parquet")
    old = Dataset.open(folder)
    assert old.films == before.films
    first = schema.to_row(before.films[0])
    assert {column: first[column] for column in schema.LATER_COLUMNS} == {
        "subset": "",
        "official_split": "",
        "flags": (),
        "original_sha256": "",
    }
    rows = [
        {key: value for key, value in schema.to_row(film).items() if key not in schema.LATER_COLUMNS}
        for film in old.films
    ]
    text = json.dumps({"size": 16, "films": rows}, sort_keys=True, separators=(",", ":"))
    assert old.sha256 == before.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_the_hash_changes_with_the_later_columns(
    made: Callable[..., Film], write: Callable[..., DatasetWriter]
) -> None:
    writer = write(made("a"))
    hashes = {Dataset.open(writer.path).sha256}
    for change in ({"subset": "mass"}, {"official_split": "test"}, {"flags": ("implant",)}):
        writer.finish([made("a", **change)])
        hashes.add(Dataset.open(writer.path).sha256)
    assert len(hashes) == 4


def test_a_film_that_is_not_there_is_not_found(folder: Path) -> None:
    with pytest.raises(NotFoundError, match="image_id: found 'z'"):
        Dataset.open(folder).pixels("z")


def test_a_patient_in_two_splits_stops_everything(
    made: Callable[..., Film], write: Callable[..., DatasetWriter]
) -> None:
    writer = write(made("a", patient_id="P_1"), made("b", patient_id="P_1", split=Split.TEST))
    with pytest.raises(DatasetError, match="patient 'P_1' stands in two splits, train and test"):
        Dataset.open(writer.path)


def delete(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def overwrite(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


BROKEN = {
    "no description": (delete("dataset.json"), "no complete prepared data set: no dataset.json in it"),
    "broken description": (overwrite("dataset.json", b"{"), r"dataset\.json: cannot be read"),
    "another schema": (
        overwrite("dataset.json", json.dumps({"schema_version": 9}).encode()),
        "found schema version 9, needed 1",
    ),
    "no object": (overwrite("dataset.json", b"[]"), "found schema version list, needed 1"),
    "no size": (
        overwrite("dataset.json", json.dumps({"schema_version": 1}).encode()),
        r"dataset\.json: found size None, needed pixels a side",
    ),
    "no table": (delete("dataset.parquet"), r"dataset\.parquet: cannot be read"),
    "broken table": (overwrite("dataset.parquet", b"PAR1"), r"dataset\.parquet: cannot be read"),
}


@pytest.mark.parametrize(("harm", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_data_set_is_refused_by_its_file(harm: Callable[[Path], object], message: str, folder: Path) -> None:
    harm(folder)
    with pytest.raises(DatasetError, match=message):
        Dataset.open(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder; a prepared data set is needed"):
        Dataset.open(tmp_path / "nowhere")


SMALL = np.zeros((8, 8), dtype=np.float32)
HARMED = {
    "film lost": (delete("images/a.png"), "pixels", r"images/a\.png: cannot be read: No such file"),
    "mask lost": (delete("masks/a.png"), "mask", r"masks/a\.png: cannot be read: No such file"),
    "film broken": (overwrite("images/a.png", b"\x89PNG"), "pixels", "a: PNG: cannot identify"),
    "film of another size": (
        overwrite("images/a.png", images.encode_png16(SMALL)),
        "pixels",
        r"a: found \(8, 8\) pixels, needed 16 x 16",
    ),
    "mask of another size": (
        overwrite("masks/a.png", images.encode_mask_png(SMALL > 0)),
        "mask",
        r"a: mask: found \(8, 8\) pixels, needed 16 x 16",
    ),
}


@pytest.mark.parametrize(("harm", "read", "message"), HARMED.values(), ids=HARMED.keys())
def test_a_film_that_is_lost_or_broken_is_refused_by_its_name(
    harm: Callable[[Path], object], read: str, message: str, folder: Path
) -> None:
    dataset = Dataset.open(folder)
    harm(folder)
    with pytest.raises(DatasetError, match=message):
        getattr(dataset, read)("a")
