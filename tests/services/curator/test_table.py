from pathlib import Path

import pytest

from services.curator.entry import Entry
from services.curator.table import read_table
from shared.dataset import Label, Laterality
from shared.errors import DatasetError

HEADER = "path,patient_id,laterality,view,pathology\n"
GOOD = HEADER + "a.png,P1,LEFT,CC,BENIGN\nb.png,P2,R,MLO,MALIGNANT\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, text: str | bytes, *, drop: bool = False) -> list[Entry]:
    return read_table(write(folder, text), source="clinic", drop_without_callback=drop)


def test_rows_become_films_in_their_order(tmp_path: Path) -> None:
    first, second = read(tmp_path, GOOD)
    assert first == Entry(
        path="a.png",
        patient_id="P1",
        pathology="BENIGN",
        laterality=Laterality.LEFT,
        view="CC",
        source="clinic",
        row=2,
    )
    assert (second.label, second.laterality, second.view) == (Label.MALIGNANT, Laterality.RIGHT, "MLO")


def test_optional_columns_may_be_missing_and_others_are_ignored(tmp_path: Path) -> None:
    films = read(tmp_path, "density,pathology,path,patient_id\n3,benign,a.png,P1\n4,malignant,b.png,P2\n")
    assert [(film.laterality, film.view, film.pathology) for film in films] == [
        (Laterality.UNKNOWN, "", "BENIGN"),
        (Laterality.UNKNOWN, "", "MALIGNANT"),
    ]


def test_a_byte_order_mark_and_newlines_at_the_end_of_cells_do_no_harm(tmp_path: Path) -> None:
    films = read(tmp_path, "\ufeff" + HEADER + '"a.png\n",P1,LEFT,CC,BENIGN\nb.png,P2,R,MLO,MALIGNANT\n\n')
    assert [film.path for film in films] == ["a.png", "b.png"]


def test_the_source_column_wins_over_the_option(tmp_path: Path) -> None:
    text = "path,patient_id,pathology,source\na.png,P1,BENIGN,D1\nb.png,P2,MALIGNANT,\n"
    assert [film.source for film in read(tmp_path, text)] == ["D1", "clinic"]


@pytest.mark.parametrize(
    ("rows", "pathology"),
    [
        (["BENIGN", "MALIGNANT"], "MALIGNANT"),
        (["MALIGNANT", "BENIGN"], "MALIGNANT"),
        (["BENIGN_WITHOUT_CALLBACK", "BENIGN"], "BENIGN"),
        (["benign without callback"], "BENIGN_WITHOUT_CALLBACK"),
    ],
)
def test_several_rows_of_a_film_count_as_the_worst(tmp_path: Path, rows: list[str], pathology: str) -> None:
    text = GOOD + "".join(f"c.png,P3,LEFT,CC,{row}\n" for row in rows)
    film = read(tmp_path, text)[-1]
    assert (film.path, film.pathology, film.row) == ("c.png", pathology, 4)


def test_benign_without_callback_is_benign_unless_it_is_dropped(tmp_path: Path) -> None:
    text = GOOD + "c.png,P3,LEFT,CC,BENIGN_WITHOUT_CALLBACK\n"
    assert read(tmp_path, text)[-1].label is Label.BENIGN
    assert [film.path for film in read(tmp_path, text, drop=True)] == ["a.png", "b.png"]


def test_films_may_be_named_by_their_sop_instance_uid_and_leave_the_patient_to_the_header(tmp_path: Path) -> None:
    text = "path,sop_uid,pathology\n,1.2.3,BENIGN\na.dcm,1.2.4,BENIGN\n,1.2.3,MALIGNANT\n"
    films = read(tmp_path, text)
    assert [(film.path, film.sop_uid, film.patient_id, film.pathology) for film in films] == [
        ("", "1.2.3", "", "MALIGNANT"),
        ("a.dcm", "", "", "BENIGN"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "row 1: found nothing"),
        ("path,patient_id\na.png,P1\n", "row 1, column pathology: missing; found path, patient_id"),
        ("patient_id,pathology\nP1,BENIGN\n", "row 1, column path: missing; found patient_id, pathology"),
        ("path,path,patient_id,pathology\n", "row 1, column path: found 2 of that name"),
        (HEADER, "row 2: found no film"),
        (GOOD + "c.png,P3,LEFT,CC\n", "row 4: found 4 cells, needed 5"),
        (GOOD + ",P3,LEFT,CC,BENIGN\n", "row 4, column path: found '', needed a value"),
        ("sop_uid,pathology\n,BENIGN\n", "row 2, column sop_uid: found '', needed a value"),
        ("sop_uid,pathology\n1.2.x,BENIGN\n", "row 2, column sop_uid: found '1.2.x', needed a SOP Instance UID"),
        (GOOD + "c.png,P3,LEFT,CC,UNKNOWN\n", "row 4, column pathology: found 'UNKNOWN', needed one of BENIGN_WITH"),
        (GOOD + "c.png,P3,UP,CC,BENIGN\n", "row 4, column laterality: found 'UP', needed LEFT, RIGHT or nothing"),
        (GOOD + "c.png,P3,LEFT,C/C,BENIGN\n", "row 4, column view: found 'C/C'"),
        (GOOD + "../c.png,P3,LEFT,CC,BENIGN\n", "row 4, column path: found '../c.png', needed a path inside"),
        (GOOD + "/c.png,P3,LEFT,CC,BENIGN\n", "row 4, column path: found '/c.png', needed a path inside"),
        (GOOD + "a.png,P3,LEFT,CC,BENIGN\n", "row 4, column patient_id: found 'P3', needed 'P1' as in row 2"),
        (GOOD + "a.png,P1,RIGHT,CC,BENIGN\n", "row 4, column laterality: found 'right', needed 'left' as in row 2"),
        (GOOD + 'c.png,"P3,LEFT,CC,BENIGN\n', "found no CSV in UTF-8"),
        (GOOD.encode() + b"\xff\xfe\n", "found no CSV in UTF-8"),
    ],
    ids=[
        "empty file",
        "column missing",
        "neither path nor UID",
        "column twice",
        "no rows",
        "cell missing",
        "no path",
        "no UID",
        "no UID but a word",
        "unknown pathology",
        "unknown laterality",
        "unknown view",
        "path leaves the folder",
        "absolute path",
        "film of two patients",
        "film of two sides",
        "open quote",
        "not UTF-8",
    ],
)
def test_a_malformed_table_is_refused_with_file_row_and_column(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DatasetError) as error:
        read(tmp_path, text)
    assert str(tmp_path / "table.csv") in error.value.message
    assert message in error.value.message


def test_a_missing_table_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"table\.csv: cannot be read"):
        read_table(tmp_path / "table.csv", source="clinic")
