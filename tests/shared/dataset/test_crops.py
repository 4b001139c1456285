"""A data set seen as crops around its lesions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.crops import cut
from shared.dataset import Dataset, Label, LesionCrops, Split
from shared.errors import DatasetError, NotFoundError
from tests.shared.dataset.made_lesions import lesion, write_films


def test_each_lesion_is_a_film_with_its_own_class_and_a_place_without_any_beside_it(tmp_path: Path) -> None:
    whole = write_films(tmp_path / "set", (lesion(24, 20), lesion(30, 38, "malignant")), (), (lesion(28, 30),))
    crops = LesionCrops.of(whole, size=32)
    assert [(film.image_id, film.label) for film in crops.films] == [
        ("film-0.0", Label.BENIGN),
        ("film-0.1", Label.MALIGNANT),
        ("film-2.0", Label.BENIGN),
    ]
    assert [(film.image_id, film.label) for film in crops.free] == [
        ("film-0.free", Label.BENIGN),
        ("film-2.free", Label.BENIGN),
    ]
    assert crops.size == 32
    assert crops.sha256 == whole.sha256
    assert crops.select(label=Label.MALIGNANT)[0].patient_id == "patient 0"


def test_a_crop_shows_the_lesions_place_at_the_films_own_resolution(tmp_path: Path) -> None:
    crops = LesionCrops.of(write_films(tmp_path / "set", (lesion(24, 20),)), size=32)
    crop = crops.crop("film-0.0")
    # 2.5 pixels of the film to one of the prepared film, which begins in its column 8.
    assert crop.box == (40.0, 50.0, 15.0, 15.0)
    assert (crop.window.top, crop.window.left, crop.window.side) == (42, 32, 32)
    original = crops.whole.original("film-0")
    np.testing.assert_array_equal(crops.pixels("film-0.0"), original[42:74, 32:64])
    mask = crops.mask("film-0.0")
    assert mask.shape == (32, 32)
    assert mask[16, 16]


def test_a_large_lesion_gets_a_large_window_brought_to_the_size(tmp_path: Path) -> None:
    crops = LesionCrops.of(write_films(tmp_path / "set", (lesion(24, 24, side=14),)), size=32)
    window = crops.crop("film-0.0").window
    assert window.side == 66
    np.testing.assert_array_equal(crops.pixels("film-0.0"), cut(crops.whole.original("film-0"), window, 32))


def test_what_is_left_out_is_counted_by_reason(tmp_path: Path) -> None:
    whole = write_films(tmp_path / "set", (lesion(24, 20), lesion(13, 20), lesion(24, 30, ""), lesion(24, 20, side=40)))
    crops = LesionCrops.of(whole, size=32)
    assert [film.image_id for film in crops.films] == ["film-0.0"]
    assert {str(reason): count for reason, count in crops.left_out.items()} == {
        "its window reaches over the edge of the breast": 1,
        "its pathology is not known": 1,
        "its window is larger than the film": 1,
    }


def test_a_free_place_is_as_large_inside_the_breast_away_from_lesions_and_drawn_by_the_seed(tmp_path: Path) -> None:
    whole = write_films(tmp_path / "set", (lesion(24, 20), lesion(32, 38, "malignant")))
    drawn = set()
    for seed in range(12):
        crops = LesionCrops.of(whole, size=32, seed=seed)
        free, first = crops.crop("film-0.free"), crops.crop("film-0.0")
        assert free.lesion is None
        assert free.window.side == first.window.side
        assert free.box[2:] == first.box[2:]
        assert whole.original_mask("film-0")[free.window.slices].all()
        assert not any(free.window.overlaps(crops.crop(f"film-0.{number}").box) for number in range(2))
        assert crops.mask("film-0.free").any()
        assert LesionCrops.of(whole, size=32, seed=seed).crop("film-0.free") == free
        drawn.add(free.window)
    assert len(drawn) > 2


def test_only_the_splits_asked_for_are_looked_at(tmp_path: Path) -> None:
    whole = write_films(tmp_path / "set", (lesion(24, 20),), (lesion(24, 20),))
    crops = LesionCrops.of(whole, size=32, splits=(Split.GENERATION,))
    assert [film.image_id for film in crops.films] == ["film-1.0"]


def test_a_data_set_without_originals_or_usable_lesions_is_refused(tmp_path: Path) -> None:
    plain = write_films(tmp_path / "plain", (lesion(24, 20),), originals=False)
    with pytest.raises(DatasetError, match="prepared with --keep-original"):
        LesionCrops.of(plain, size=32)
    edge = write_films(tmp_path / "edge", (lesion(13, 20),), ())
    with pytest.raises(DatasetError, match=r"no lesion that can be used .*\(1: its window reaches over the edge"):
        LesionCrops.of(edge, size=32)
    with pytest.raises(DatasetError, match="found 16 pixels a side, needed 32 or more"):
        LesionCrops.of(edge, size=16)
    with pytest.raises(NotFoundError, match="found 'film-0', needed a lesion"):
        LesionCrops.of(write_films(tmp_path / "good", (lesion(24, 20),)), size=32).pixels("film-0")


def test_what_the_originals_are_is_in_the_hash(tmp_path: Path) -> None:
    plain = write_films(tmp_path / "plain", (lesion(24, 20),), originals=False)
    kept = write_films(tmp_path / "kept", (lesion(24, 20),))
    other = Dataset(kept.path, kept.info, tuple(replace(film, original_sha256="ab") for film in kept.films))
    assert len({plain.sha256, kept.sha256, other.sha256}) == 3
