import shutil
from pathlib import Path

import pydicom
import pytest

from services.curator.entry import Entry, SkippedFilm
from services.curator.identification import Identified, identify
from services.curator.phantom import make_phantom
from services.curator.phantom.dicom import write_dicom
from shared.dataset import Laterality
from shared.errors import DatasetError

TABLE = Path("table.csv")


@pytest.fixture(scope="module")
def _phantom_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("phantom") / "film.dcm"
    phantom = make_phantom(seed=1, malignant=True, laterality="RIGHT", view="MLO", rows=64, columns=48)
    write_dicom(path, phantom, patient_id="PH_1", seed=0)
    return path


@pytest.fixture
def images(_phantom_file: Path, tmp_path: Path) -> Path:
    """A folder with right.dcm, the right MLO view of patient PH_1."""
    folder = tmp_path / "films"
    folder.mkdir()
    shutil.copy(_phantom_file, folder / "right.dcm")
    return folder


def uid_of(path: Path) -> str:
    return str(pydicom.dcmread(path).SOPInstanceUID)


def entry(path: str = "right.dcm", **values: object) -> Entry:
    given: dict[str, object] = {
        "path": path,
        "patient_id": "",
        "pathology": "BENIGN",
        "laterality": Laterality.UNKNOWN,
        "view": "",
        "source": "A",
        "row": 2,
    }
    return Entry(**(given | values))  # type: ignore[arg-type]


def run(images: Path, *films: Entry) -> Identified:
    return identify(films, images=images, table=TABLE)


def test_the_header_tells_what_the_table_does_not(images: Path) -> None:
    (film,) = run(images, entry()).films
    assert (film.patient_id, film.laterality, film.view) == ("PH_1", Laterality.RIGHT, "MLO")


def test_the_table_wins_over_the_header(images: Path) -> None:
    (film,) = run(images, entry(patient_id="Q", laterality=Laterality.LEFT, view="CC")).films
    assert (film.patient_id, film.laterality, film.view) == ("Q", Laterality.LEFT, "CC")
    (film,) = run(images, entry(patient_id="Q", view="CC")).films
    assert (film.patient_id, film.laterality, film.view) == ("Q", Laterality.RIGHT, "CC")


def test_a_film_is_found_by_its_sop_instance_uid(images: Path) -> None:
    (images / "note.txt").write_text("no film")
    (images / "sub").mkdir()
    (images / "right.dcm").rename(images / "sub" / "odd name")
    found = run(images, entry("", sop_uid=uid_of(images / "sub" / "odd name")))
    assert [film.path for film in found.films] == ["sub/odd name"]
    assert found.skipped == []


def test_copies_of_one_file_are_one_film(images: Path) -> None:
    shutil.copy(images / "right.dcm", images / "a.dcm")
    (film,) = run(images, entry("", sop_uid=uid_of(images / "a.dcm"))).films
    assert film.path == "a.dcm"


def test_files_that_differ_under_one_uid_are_skipped(images: Path) -> None:
    other = pydicom.dcmread(images / "right.dcm")
    other.PixelData = bytes(len(other.PixelData))
    other.save_as(images / "other.dcm")
    uid = uid_of(images / "right.dcm")
    assert run(images, entry("", sop_uid=uid)) == Identified(
        [], [SkippedFilm(path=uid, reason="2 files have this SOP Instance UID and differ")]
    )


def test_a_file_outside_the_folder_is_not_found_through_a_link(images: Path, tmp_path: Path) -> None:
    (images / "right.dcm").rename(tmp_path / "outside.dcm")
    (images / "link.dcm").symlink_to(tmp_path / "outside.dcm")
    uid = uid_of(tmp_path / "outside.dcm")
    assert run(images, entry("", sop_uid=uid)).skipped == [
        SkippedFilm(path=uid, reason="no file has this SOP Instance UID")
    ]


def test_rows_of_one_film_by_path_and_by_uid_are_joined(images: Path) -> None:
    uid = uid_of(images / "right.dcm")
    (film,) = run(images, entry(), entry("", sop_uid=uid, pathology="MALIGNANT", row=3)).films
    assert (film.path, film.pathology) == ("right.dcm", "MALIGNANT")
    with pytest.raises(DatasetError, match=r"table.csv, row 3, column patient_id: found 'PH_1', needed 'Q'"):
        run(images, entry(patient_id="Q"), entry("", sop_uid=uid, row=3))


def test_a_film_whose_patient_nobody_knows_is_refused_by_row_and_column(images: Path) -> None:
    nameless = pydicom.dcmread(images / "right.dcm")
    nameless.PatientID = ""
    nameless.save_as(images / "nameless.dcm")
    (images / "film.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for path in ("nameless.dcm", "film.png"):
        with pytest.raises(DatasetError, match=r"table\.csv, row 2, column patient_id: found '', needed a value"):
            run(images, entry(path))


@pytest.mark.parametrize("content", [None, b"\0" * 128 + b"DICM\x02"], ids=["missing", "damaged"])
def test_an_unreadable_file_is_skipped_only_where_its_patient_is_not_in_the_table(
    images: Path, content: bytes | None
) -> None:
    if content is not None:
        (images / "bad.dcm").write_bytes(content)
    known = run(images, entry("bad.dcm", patient_id="Q"))
    assert [film.path for film in known.films] == ["bad.dcm"]
    if content is None:
        assert run(images, entry("bad.dcm")).skipped == [SkippedFilm(path="bad.dcm", reason="no such file")]


def test_a_file_of_another_transfer_syntax_is_skipped_where_only_its_header_knows_the_patient(images: Path) -> None:
    content = (images / "right.dcm").read_bytes()
    assert content.count(b"1.2.840.10008.1.2.1\0") == 1
    (images / "right.dcm").write_bytes(content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.2.1\0"))
    (skipped,) = run(images, entry()).skipped
    assert skipped == SkippedFilm(path="right.dcm", reason="found unknown transfer syntax 1.2.840.10008.9.2.1")
