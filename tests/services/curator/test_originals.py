"""`--keep-original`: films at their own resolution beside the prepared ones."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.curator.check import find_problems
from shared.dataset import Dataset, LesionCrops, Split
from shared.errors import DatasetError
from shared.images import decode_png16, encode_mask_png, encode_png16, sha256_pixels

Prepare = Callable[..., Path]
NAME = "PH_00001_LEFT_CC"


@pytest.fixture(scope="session")
def _kept(prepare_phantoms: Prepare, phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "dataset"
    return prepare_phantoms(folder, keep_original=True, lesions=phantoms / "lesions.csv")


@pytest.fixture
def kept(_kept: Path, tmp_path: Path) -> Path:
    """A data set with originals, which a test may spoil."""
    return Path(shutil.copytree(_kept, tmp_path / "kept"))


def test_films_are_kept_at_their_own_resolution_and_the_prepared_ones_stay_as_they_are(
    kept: Path, prepared: Path, phantoms: Path
) -> None:
    dataset, plain = Dataset.open(kept), Dataset.open(prepared)
    for film, other in zip(dataset.films, plain.films, strict=True):
        assert film.sha256 == other.sha256
        original, mask = dataset.original(film.image_id), dataset.original_mask(film.image_id)
        assert sha256_pixels(original) == film.original_sha256
        assert original.shape == mask.shape == film.origin.crop_box[2:]
        assert not original[~mask].any()
    film = dataset.film(NAME)
    source = decode_png16((phantoms / film.origin.path).read_bytes())
    top, left, height, width = film.origin.crop_box
    inside = dataset.original_mask(NAME)
    assert not film.origin.mirrored
    np.testing.assert_array_equal(
        dataset.original(NAME)[inside], source[top : top + height, left : left + width][inside]
    )


def test_a_data_set_without_originals_says_how_to_get_them(prepared: Path) -> None:
    with pytest.raises(DatasetError, match=r"PH_00001_LEFT_CC: .*prepared with --keep-original"):
        Dataset.open(prepared).original(NAME)


def test_lesions_can_be_read_as_crops(kept: Path) -> None:
    crops = LesionCrops.of(Dataset.open(kept), size=32, splits=(Split.TRAIN,))
    assert crops.films
    for film in crops.films:
        assert crops.pixels(film.image_id).shape == crops.mask(film.image_id).shape == (32, 32)


@pytest.mark.parametrize("folder", ["originals", "original-masks"])
def test_lost_originals_are_made_again(kept: Path, prepare_phantoms: Prepare, phantoms: Path, folder: str) -> None:
    lost = kept / folder / f"{NAME}.png"
    content = lost.read_bytes()
    lost.unlink()
    prepare_phantoms(kept, keep_original=True, lesions=phantoms / "lesions.csv")
    assert lost.read_bytes() == content


def test_a_data_set_begun_without_originals_is_not_continued_with_them(
    prepared: Path, prepare_phantoms: Prepare
) -> None:
    with pytest.raises(DatasetError, match="was begun with options"):
        prepare_phantoms(prepared, keep_original=True)


def change_a_pixel(dataset: Path) -> None:
    path = dataset / "originals" / f"{NAME}.png"
    film = decode_png16(path.read_bytes())
    film[film.shape[0] // 2, 3] += 1 / 65535
    path.write_bytes(encode_png16(film))


def cut_the_mask(dataset: Path) -> None:
    (dataset / "original-masks" / f"{NAME}.png").write_bytes(encode_mask_png(np.ones((5, 5), bool)))


def lose_the_original(dataset: Path) -> None:
    (dataset / "originals" / f"{NAME}.png").unlink()


def leave_a_stray(dataset: Path) -> None:
    shutil.copy(dataset / "originals" / f"{NAME}.png", dataset / "originals" / "stray.png")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (change_a_pixel, f"error: {NAME}: original: pixels have changed"),
        (cut_the_mask, f"error: {NAME}: original: mask has (5, 5) pixels"),
        (lose_the_original, f"error: {NAME}: original: "),
        (leave_a_stray, "warning: originals: 1 files are not in the table, such as stray.png"),
    ],
    ids=["changed", "mask of another size", "lost", "stray"],
)
def test_every_damage_to_originals_is_found(kept: Path, spoil: Callable[[Path], None], told: str) -> None:
    before = find_problems(Dataset.open(kept))
    spoil(kept)
    new = [problem for problem in find_problems(Dataset.open(kept)) if problem not in before]
    assert [f"{problem.severity}: {problem.where}: {problem.what}".startswith(told) for problem in new] == [True]
