"""What is known of a film, as a row of the table."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shared.dataset import Film, Laterality, Lesion, schema
from shared.errors import DatasetError


def test_a_film_survives_the_table(made: Callable[..., Film]) -> None:
    films = [
        made("a"),
        made("b", lesions=(), laterality=Laterality.UNKNOWN, view=""),
        made("c", subset="mass", official_split="train, test", flags=("implant", "magnification")),
        made("d", lesions=(Lesion(1, 2, 3, 4, "", "masks/d.dcm"),)),
    ]
    table = pa.Table.from_pylist([schema.to_row(film) for film in films], schema=schema.TABLE_SCHEMA)
    assert [schema.from_row(row, where="row") for row in table.to_pylist()] == films


BAD = {
    "label": ({"label": "normal"}, "'normal' is not a valid Label"),
    "split": ({"split": "holdout"}, "'holdout' is not a valid Split"),
    "laterality": ({"laterality": "L"}, "'L' is not a valid Laterality"),
    "crop box": ({"crop_box": None}, "NoneType"),
    "a way out": ({"image_id": "../../etc/passwd"}, r"image_id: found '\.\./\.\./etc/passwd', needed letters"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD.keys())
def test_a_row_that_holds_something_else_is_refused_by_its_place(
    changes: dict[str, Any], message: str, made: Callable[..., Film]
) -> None:
    with pytest.raises(DatasetError, match=f"table, row 3: .*{message}"):
        schema.from_row(schema.to_row(made("a")) | changes, where="table, row 3")


def test_a_row_without_a_column_is_refused_by_its_name(made: Callable[..., Film]) -> None:
    row = schema.to_row(made("a"))
    del row["patient_id"]
    with pytest.raises(DatasetError, match="table, row 3: 'patient_id'"):
        schema.from_row(row, where="table, row 3")


@pytest.mark.parametrize("image_id", ["P_00001_LEFT-CC.2", "_"])
def test_letters_digits_and_marks_make_an_image_id(image_id: str) -> None:
    schema.check_image_id(image_id)


@pytest.mark.parametrize("image_id", ["", ".", "..", ".hidden", "a/b", "a b", "a\\b", "a\n", "Bürste"])
def test_what_cannot_name_a_file_is_no_image_id(image_id: str) -> None:
    with pytest.raises(DatasetError, match="image_id: found"):
        schema.check_image_id(image_id)
