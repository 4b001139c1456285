from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest

from services.curator.cmmd.breast_table import find_breast_table
from shared.dataset import Laterality
from shared.errors import DatasetError

HEADER = ("ID1", "LeftRight", "Age", "number", "abnormality", "classification", "subtype")


def write(path: Path, *rows: Sequence[object], header: Sequence[str] = HEADER, first: bool = True) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    if not first:
        sheet.append(("nothing", "here"))
        sheet = book.create_sheet()
    for row in (header, *rows):
        sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("first", [True, False], ids=["first sheet", "second sheet"])
def test_breasts_are_read_and_those_without_a_classification_are_none(tmp_path: Path, first: bool) -> None:
    path = write(
        tmp_path / "any name.xlsx",
        ("D1-0001", "R", 44, 2, "mass", "Benign", None),
        ("D1-0001 ", " l", 44, 2, "mass", "malignant ", None),
        ("D1-0002", "L", 40, 2, None, None, None),
        (None,) * 7,
        first=first,
    )
    found, breasts = find_breast_table(tmp_path)
    assert found == path
    assert [(b.row, b.patient_id, b.laterality, b.pathology, b.images) for b in breasts] == [
        (2, "D1-0001", Laterality.RIGHT, "BENIGN", 2),
        (3, "D1-0001", Laterality.LEFT, "MALIGNANT", 2),
    ]


def test_of_two_rows_of_a_breast_the_worse_counts(tmp_path: Path) -> None:
    rows = [("D1-0001", "R", 44, 2, "mass", label, None) for label in ("Benign", "Malignant", "Benign")]
    write(tmp_path / "table.xlsx", *rows)
    assert [breast.pathology for breast in find_breast_table(tmp_path)[1]] == ["MALIGNANT"]


BAD = {
    "patient": (
        ("X1", "R", 1, 2, "", "Benign", None),
        "row 2, column id1: found 'X1', needed a patient such as D1-0001",
    ),
    "side": (("D1-0001", "B", 1, 2, "", "Benign", None), "row 2, column leftright: found 'B', needed L or R"),
    "label": (("D1-0001", "R", 1, 2, "", "Normal", None), "column classification: found 'Normal', needed Benign or"),
}


@pytest.mark.parametrize(("row", "message"), BAD.values(), ids=BAD)
def test_a_malformed_row_is_refused_by_row_and_column(tmp_path: Path, row: Sequence[object], message: str) -> None:
    write(tmp_path / "table.xlsx", row)
    with pytest.raises(DatasetError, match=message):
        find_breast_table(tmp_path)


def test_other_spreadsheets_and_what_is_none_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.xlsx").write_bytes(b"no spreadsheet")
    (tmp_path / "~$table.xlsx").write_bytes(b"lock")
    write(tmp_path / "other.xlsx", ("a", "b"), header=("film", "remark"))
    with pytest.raises(DatasetError, match=r"broken\.xlsx: found no spreadsheet: .*needed CMMD_clinicaldata"):
        find_breast_table(tmp_path)
    table = write(tmp_path / "table.xlsx", ("D1-0001", "R", 44, 2, "mass", "Benign", None))
    assert find_breast_table(tmp_path)[0] == table


def test_two_tables_that_differ_are_refused_and_a_copy_is_not(tmp_path: Path) -> None:
    row = ("D1-0001", "R", 44, 2, "mass", "Benign", None)
    write(tmp_path / "a.xlsx", row)
    write(tmp_path / "b.xlsx", row)
    assert find_breast_table(tmp_path)[0].name == "a.xlsx"
    write(tmp_path / "c.xlsx", (*row[:5], "Malignant", None))
    with pytest.raises(DatasetError, match=r"c\.xlsx: found another table of breasts than in .*a\.xlsx"):
        find_breast_table(tmp_path)
