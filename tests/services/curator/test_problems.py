import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.curator.check import find_problems
from services.curator.problems import Problem, Severity, check_table
from shared.dataset import Dataset, Film, Label, Laterality, Origin, Split
from shared.images import decode_png16, encode_mask_png, encode_png16

FOUR_SPLITS = tuple(Split)


def film(number: int, **values: object) -> Film:
    origin = Origin(path="x", rows=9, columns=9, crop_box=(0, 0, 9, 9), scale=1, mirrored=False, padding=(0, 0, 0, 0))
    made = Film(
        image_id=f"film{number}",
        patient_id=f"P{number}",
        source="A",
        laterality=Laterality.LEFT,
        view="CC",
        pathology="BENIGN",
        label=(Label.BENIGN, Label.MALIGNANT)[number % 2],
        split=FOUR_SPLITS[number // 2 % 4],
        sha256=f"{number:064d}",
        origin=origin,
    )
    return replace(made, **values)  # type: ignore[arg-type]


def good(count: int = 16) -> list[Film]:
    return [film(number) for number in range(count)]


def texts(problems: Sequence[Problem]) -> list[str]:
    return [f"{problem.severity}: {problem.where}: {problem.what}" for problem in problems]


def test_nothing_is_wrong_with_a_good_table() -> None:
    assert check_table(good()) == []


def test_a_patient_in_two_splits_is_an_error() -> None:
    films = [*good(), film(20, patient_id="P0", split=Split.TEST)]
    assert texts(check_table(films)) == ["error: P0: patient stands in 2 splits: test, train"]


def test_a_split_without_a_label_is_an_error() -> None:
    films = [each for each in good() if (each.split, each.label) != (Split.VALIDATION, Label.MALIGNANT)]
    assert texts(check_table(films)) == ["error: validation: split has no malignant film"]


def test_an_empty_split_is_an_error_unless_it_is_the_test_split() -> None:
    films = [each for each in good() if each.split not in (Split.TEST, Split.GENERATION)]
    assert texts(check_table(films)) == ["error: generation: split is empty"]


def test_a_source_that_predicts_the_label_is_a_warning() -> None:
    films = [film(number, source="AB"[number % 2]) for number in range(24)]
    assert texts(check_table(films)) == [
        "warning: source: source predicts the label: AUC 1.00 from the source alone",
        "warning: A: all 12 films of the source are benign",
        "warning: B: all 12 films of the source are malignant",
    ]


def test_a_part_of_a_source_that_predicts_the_label_is_a_warning_even_where_a_guess_gets_no_better() -> None:
    # As in CMMD: one part has both labels, the other is nearly all malignant; "malignant" is the best guess in both.
    films = [film(number) for number in range(48)]
    films = [
        replace(one, subset="D2" if one.label is Label.MALIGNANT and number % 4 == 1 else "D1")
        for number, one in enumerate(films)
    ]
    assert texts(check_table(films)) == ["warning: subset: subset predicts the label: AUC 0.75 from the subset alone"]


def test_sources_with_equal_shares_are_no_problem() -> None:
    assert check_table([film(number, source="AB"[number // 8 % 2]) for number in range(32)]) == []


def test_the_same_film_twice_is_an_error_between_splits_and_a_warning_within_one() -> None:
    films = good()
    films[1] = replace(films[1], sha256=films[0].sha256)
    assert texts(check_table(films)) == ["warning: film0: same film in one split: film0, film1"]
    films[2] = replace(films[2], sha256=films[0].sha256)
    assert texts(check_table(films)) == ["error: film0: same film in different splits: film0, film1, film2"]


def spoil_pixels(path: Path) -> None:
    pixels = decode_png16(path.read_bytes())
    pixels[16, 10] = 1.0 - pixels[16, 10]
    path.write_bytes(encode_png16(pixels))


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda images, masks: images.unlink(), "error: {id}: .*images.*cannot be read: No such file"),
        (lambda images, masks: masks.unlink(), "error: {id}: .*masks.*cannot be read: No such file"),
        (lambda images, masks: images.write_bytes(b"junk"), "error: {id}: {id}: PNG: cannot identify"),
        (lambda images, masks: spoil_pixels(images), "error: {id}: pixels have changed: sha256"),
        (
            lambda images, masks: images.write_bytes(encode_png16(np.zeros((8, 8), np.float32))),
            "error: {id}: {id}: found .8, 8. pixels, needed 32 x 32",
        ),
        (
            lambda images, masks: masks.write_bytes(encode_mask_png(np.zeros((32, 32), bool))),
            "error: {id}: mask is empty",
        ),
        (
            lambda images, masks: masks.write_bytes(encode_mask_png(np.ones((32, 32), bool))),
            "warning: {id}: mask covers 100.0% of the film",
        ),
        (
            lambda images, masks: masks.write_bytes(encode_mask_png(np.eye(32) * np.arange(32) > 20)),
            "warning: {id}: film is not black outside its mask",
        ),
        (
            lambda images, masks: (images.parent / "stray.png").write_bytes(b""),
            "warning: images: 1 files are not in the table, such as stray.png",
        ),
    ],
    ids=[
        "film missing",
        "mask missing",
        "film broken",
        "film changed",
        "film of another size",
        "mask empty",
        "mask full",
        "mask too small",
        "stray file",
    ],
)
def test_every_damage_to_the_files_is_found(prepared: Path, spoil: Callable[[Path, Path], None], expected: str) -> None:
    dataset = Dataset.open(prepared)
    assert find_problems(dataset) == []
    name = dataset.films[5].image_id
    spoil(prepared / "images" / f"{name}.png", prepared / "masks" / f"{name}.png")
    found = "\n".join(texts(find_problems(dataset)))
    assert re.search(expected.format(id=name), found), found


def test_errors_come_before_warnings(prepared: Path) -> None:
    (prepared / "images" / "aaa.png").write_bytes(b"")
    (prepared / "images" / f"{Dataset.open(prepared).films[-1].image_id}.png").unlink()
    severities = [problem.severity for problem in find_problems(Dataset.open(prepared), workers=2)]
    assert severities == [Severity.ERROR, Severity.WARNING]
