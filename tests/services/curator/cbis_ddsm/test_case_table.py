import csv
from pathlib import Path

import pytest

from services.curator.cbis_ddsm.case_table import find_tables, read_case_table, read_case_tables
from shared.dataset import Laterality
from shared.errors import DatasetError

STUDY, SERIES, ROI_STUDY, ROI_SERIES = ("1.3.6.1.4.1.9590.100.1.2.11", "1.3.6.1.22", "1.3.6.1.33", "1.3.6.1.44")
ROW = {
    "patient_id": "P_00001",
    "breast_density": "3",
    "left or right breast": "LEFT",
    "image view": "CC",
    "abnormality id": "1",
    "mass shape": "OVAL",
    "mass margins": "ILL_DEFINED",
    "pathology": "MALIGNANT",
    "image file path": f"Mass-Training_P_00001_LEFT_CC/{STUDY}/{SERIES}/000000.dcm",
    "cropped image file path": f"Mass-Training_P_00001_LEFT_CC_1/{ROI_STUDY}/{ROI_SERIES}/000000.dcm\n",
    "ROI mask file path": f"Mass-Training_P_00001_LEFT_CC_1/{ROI_STUDY}/{ROI_SERIES}/000001.dcm\n",
}
OLD = {
    "left or right breast": "side",
    "image view": "view",
    "abnormality id": "abn_num",
    "image file path": "od_img_path",
    "cropped image file path": "od_crop_path",
    "ROI mask file path": "mask_path",
}


def write(path: Path, *rows: dict[str, str], names: dict[str, str] | None = None) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([(names or {}).get(name, name) for name in rows[0]])
        writer.writerows(row.values() for row in rows)
    return path


@pytest.mark.parametrize("names", [{}, OLD, {name: name.replace(" ", "_") for name in ROW}], ids=["new", "old", "_"])
def test_a_row_is_read_from_every_edition_with_line_ends_in_its_paths(tmp_path: Path, names: dict[str, str]) -> None:
    (row,) = read_case_table(write(tmp_path / "mass_case_description_train_set.csv", ROW, names=names))
    assert (row.patient_id, row.laterality, row.view, row.number) == ("P_00001", Laterality.LEFT, "CC", "1")
    assert (row.kind, row.part, row.pathology) == ("mass", "train", "MALIGNANT")
    assert row.image == (STUDY, SERIES)
    assert row.rois == ((ROI_STUDY, ROI_SERIES),)


def test_a_table_tells_by_its_name_where_its_paths_do_not_say_the_part(tmp_path: Path) -> None:
    plain = ROW | {"image file path": f"{STUDY}\\{SERIES}\\000000.dcm"}
    (row,) = read_case_table(write(tmp_path / "mass_case_description_test_set.csv", plain))
    assert (row.part, row.image) == ("test", (STUDY, SERIES))


BAD = {
    "patient": ({"patient_id": "00001"}, "row 3, column patient id: found '00001', needed a patient such as P_00001"),
    "side": ({"left or right breast": "BOTH"}, "column left or right breast: found 'BOTH', needed LEFT or RIGHT"),
    "pathology": ({"pathology": "NORMAL"}, "column pathology: found 'NORMAL', needed one of BENIGN_WITHOUT_CALLBACK"),
    "no UID": ({"image file path": "Mass-Training/1.dcm"}, "column image file path: found 'Mass-Training/1.dcm', need"),
    "no part": ({"image file path": f"a/{STUDY}/{SERIES}/1.dcm"}, "needed a path, or a table, that says Training or"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_a_malformed_row_is_refused_by_row_and_column(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_case_table(write(tmp_path / "cases.csv", ROW, ROW | changes))


def test_a_table_of_neither_masses_nor_calcifications_is_refused(tmp_path: Path) -> None:
    row = {name: value for name, value in ROW.items() if not name.startswith("mass ")}
    with pytest.raises(DatasetError, match="row 1: found neither or both of"):
        read_case_table(write(tmp_path / "cases.csv", row))


def test_a_missing_column_is_refused_by_name(tmp_path: Path) -> None:
    row = {name: value for name, value in ROW.items() if name != "image view"}
    with pytest.raises(DatasetError, match="row 1, column image view: found 0, needed one; found patient_id, "):
        read_case_table(write(tmp_path / "cases.csv", row))


def test_a_table_that_is_there_twice_counts_once_and_one_that_contradicts_is_refused(tmp_path: Path) -> None:
    first = write(tmp_path / "a_train.csv", ROW)
    second = write(tmp_path / "b_train.csv", ROW, ROW | {"abnormality id": "2"}, names=OLD)
    assert [row.number for row in read_case_tables([first, second])] == ["1", "2"]
    third = write(tmp_path / "c_train.csv", ROW | {"pathology": "BENIGN"})
    with pytest.raises(DatasetError, match=r"c_train\.csv, row 2: found P_00001 BENIGN, needed P_00001 MALIGNANT"):
        list(read_case_tables([first, third]))


def test_tables_are_told_by_their_columns(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    table = write(tmp_path / "deep" / "anything.csv", ROW, names=OLD)
    (tmp_path / "metadata.csv").write_text("Series UID,Collection\n1.2,CBIS-DDSM\n")
    (tmp_path / "binary.csv").write_bytes(bytes(range(200, 256)))
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "folder.csv").mkdir()
    assert find_tables(tmp_path) == [table]
