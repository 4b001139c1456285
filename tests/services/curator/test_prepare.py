import csv
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.curator.configuration import PrepareConfiguration
from services.curator.entry import SkippedFilm
from services.curator.phantom import make_phantom
from services.curator.preparation import FilmPreparation, PreparedFilm
from services.curator.prepare import run
from services.curator.source import SourceFilm
from services.curator.split import PatientFilm, split_patients
from shared.dataset import Dataset, Label, Laterality, Split
from shared.errors import ConfigurationError, DatasetError, SkippedFilesError
from shared.images import encode_png16, sha256_pixels

Prepare = Callable[..., Path]

REPOSITORY = Path(__file__).parents[3]

# Prepares films in one process and kills that process while it is at the seventh.
KILLED_AT_THE_SEVENTH = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from services.curator.configuration import PrepareConfiguration
from services.curator.preparation import FilmPreparation
from services.curator.prepare import run
from services.curator.split import PatientFilm, split_patients

prepare, done = FilmPreparation.prepare, []

def die_at_the_seventh(self, path, image_id):
    if len(done) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(path)
    return prepare(self, path, image_id)

FilmPreparation.prepare = die_at_the_seventh
films, output = Path(sys.argv[2]), Path(sys.argv[3])
run(PrepareConfiguration(images=films, table=films / "table.csv", output=output, size=32, workers=1))
"""


@pytest.fixture
def films(phantoms: Path, tmp_path: Path) -> Path:
    """A copy of the phantoms that a test may spoil."""
    return Path(shutil.copytree(phantoms, tmp_path / "films"))


def table(films: Path) -> list[dict[str, str]]:
    with (films / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def write_table(films: Path, rows: list[dict[str, str]]) -> None:
    with (films / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def skipped(dataset: Path) -> dict[str, str]:
    with (dataset / "skipped.csv").open(newline="") as file:
        return {row["path"]: row["reason"] for row in csv.DictReader(file)}


def apart(films: Path, seed: int, first: str, second: str) -> bool:
    """Whether a seed puts two patients of a table into different splits."""
    splits = split_patients(
        [PatientFilm(row["patient_id"], "phantom", Label(row["pathology"].lower())) for row in table(films)], seed=seed
    )
    return splits[first] != splits[second]


def files(dataset: Path) -> dict[str, int]:
    """Every file of a data set with the time that it was written."""
    return {str(path.relative_to(dataset)): path.stat().st_mtime_ns for path in dataset.rglob("*") if path.is_file()}


def test_films_of_a_folder_become_a_data_set(prepared: Path, phantoms: Path) -> None:
    dataset = Dataset.open(prepared)
    rows = {Path(row["path"]).stem: row for row in table(phantoms)}
    assert len(dataset.films) == len(rows) == 48
    for film in dataset.films:
        row = rows[film.image_id]
        assert (film.patient_id, film.view, film.source) == (row["patient_id"], row["view"], "phantom")
        assert film.laterality is Laterality(row["laterality"].lower())
        assert film.label is Label(row["pathology"].lower())
        assert film.origin.mirrored == (film.laterality is Laterality.RIGHT)
        pixels, mask = dataset.pixels(film.image_id), dataset.mask(film.image_id)
        assert sha256_pixels(pixels) == film.sha256
        assert not pixels[~mask].any()
        assert 0.1 < mask.mean() < 0.9
    assert {film.split for film in dataset.films} == set(Split)
    assert sorted(path.name for path in dataset.path.iterdir()) == [
        "dataset.json",
        "dataset.parquet",
        "images",
        "masks",
        "skipped.csv",
    ]


def test_equal_input_gives_an_equal_data_set_whatever_the_number_of_processes(
    prepare_phantoms: Prepare, prepared: Path, tmp_path: Path
) -> None:
    second = prepare_phantoms(tmp_path / "two", workers=2)
    assert Dataset.open(second).sha256 == Dataset.open(prepared).sha256


def test_the_seed_moves_patients_between_splits_and_nothing_else(
    prepare_phantoms: Prepare, prepared: Path, tmp_path: Path
) -> None:
    first, second = Dataset.open(prepared), Dataset.open(prepare_phantoms(tmp_path / "other", seed=2))
    assert [film.sha256 for film in first.films] == [film.sha256 for film in second.films]
    assert [film.split for film in first.films] != [film.split for film in second.films]


def test_without_a_test_split_there_is_none(prepare_phantoms: Prepare, tmp_path: Path) -> None:
    dataset = Dataset.open(prepare_phantoms(tmp_path / "dataset", test="none"))
    assert {film.split for film in dataset.films} == {Split.TRAIN, Split.VALIDATION, Split.GENERATION}


def test_films_without_a_source_get_the_one_given(prepare_phantoms: Prepare, films: Path, tmp_path: Path) -> None:
    write_table(films, [{key: row[key] for key in ("path", "patient_id", "pathology")} for row in table(films)])
    dataset = Dataset.open(
        prepare_phantoms(tmp_path / "dataset", images=films, table=films / "table.csv", source="clinic")
    )
    assert {(film.source, film.laterality, film.view) for film in dataset.films} == {("clinic", Laterality.UNKNOWN, "")}


def test_unusable_files_are_skipped_and_listed_and_nothing_else_stops(
    prepare_phantoms: Prepare, films: Path, tmp_path: Path
) -> None:
    paths = [row["path"] for row in table(films)]
    (films / paths[0]).unlink()
    (films / paths[5]).write_bytes(b"junk")
    (films / paths[9]).write_bytes((films / paths[9]).read_bytes()[:500])
    (films / paths[13]).write_bytes(encode_png16(np.zeros((50, 40), np.float32)))
    dataset = Dataset.open(prepare_phantoms(tmp_path / "dataset", images=films))
    reasons = skipped(dataset.path)
    assert list(reasons) == sorted([paths[0], paths[5], paths[9], paths[13]])
    assert reasons[paths[0]] == "no such file"
    assert "found no image" in reasons[paths[5]]
    assert "found no breast" in reasons[paths[13]]
    assert len(dataset.films) == 44
    assert dataset.info["skipped"] == 4


def test_skipped_files_are_an_error_when_strict_but_the_data_set_is_there(
    prepare_phantoms: Prepare, films: Path, tmp_path: Path
) -> None:
    (films / table(films)[3]["path"]).unlink()
    with pytest.raises(SkippedFilesError, match="1 files were skipped"):
        prepare_phantoms(tmp_path / "dataset", images=films, strict=True)
    assert len(Dataset.open(tmp_path / "dataset").films) == 47
    with pytest.raises(SkippedFilesError, match="1 files were skipped"):
        prepare_phantoms(tmp_path / "dataset", images=films, strict=True)


def test_a_folder_without_any_usable_film_is_refused(prepare_phantoms: Prepare, films: Path, tmp_path: Path) -> None:
    shutil.rmtree(films / "films")
    with pytest.raises(DatasetError, match=r"no film could be prepared; .*: no such file"):
        prepare_phantoms(tmp_path / "dataset", images=films)


def test_physically_identical_films_become_one_with_the_worst_label(
    prepare_phantoms: Prepare, films: Path, tmp_path: Path
) -> None:
    rows = table(films)
    benign = next(row for row in rows if row["pathology"] == "BENIGN")
    shutil.copy(films / benign["path"], films / "films" / "zz_copy.png")
    copy = benign | {"path": "films/zz_copy.png", "pathology": "MALIGNANT"}
    write_table(films, [*rows, copy])
    dataset = Dataset.open(prepare_phantoms(tmp_path / "dataset", images=films, table=films / "table.csv"))
    assert len(dataset.films) == 48
    assert dataset.film(Path(benign["path"]).stem).label is Label.MALIGNANT
    assert dataset.info["merged"] == 1
    assert dataset.info["merged_films"] == {benign["path"]: ["films/zz_copy.png"]}
    assert not (dataset.path / "images" / "zz_copy.png").exists()


def test_patients_who_share_a_film_share_a_split(prepare_phantoms: Prepare, films: Path, tmp_path: Path) -> None:
    rows = table(films)
    first, last = rows[0], rows[-1]
    shutil.copy(films / first["path"], films / last["path"])
    seed = next(seed for seed in range(99) if apart(films, seed, first["patient_id"], last["patient_id"]))
    dataset = Dataset.open(prepare_phantoms(tmp_path / "dataset", images=films, seed=seed))
    splits = {film.patient_id: film.split for film in dataset.films}
    assert splits[first["patient_id"]] == splits[last["patient_id"]]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("pathology", "BAD", "row 4, column pathology: found 'BAD'"), ("path", "", "row 4, column path: found ''")],
    ids=["pathology", "path"],
)
def test_a_malformed_table_stops_before_any_work(
    prepare_phantoms: Prepare, films: Path, tmp_path: Path, column: str, value: str, message: str
) -> None:
    rows = table(films)
    rows[2][column] = value
    write_table(films, rows)
    with pytest.raises(DatasetError, match=message):
        prepare_phantoms(tmp_path / "dataset", images=films, table=films / "table.csv")
    assert not (tmp_path / "dataset").exists()


@pytest.mark.parametrize("missing", ["malignant", "benign"])
def test_a_table_without_one_of_the_classes_stops_before_any_work(
    prepare_phantoms: Prepare, films: Path, tmp_path: Path, missing: str
) -> None:
    write_table(films, [row for row in table(films) if row["pathology"].lower() != missing])
    with pytest.raises(
        DatasetError, match=rf"table\.csv, column pathology: found no {missing} film, needed films of b"
    ):
        prepare_phantoms(tmp_path / "dataset", images=films, table=films / "table.csv")
    assert not (tmp_path / "dataset").exists()


def test_films_of_no_source_are_refused_by_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="found no source of films, needed --cbis-ddsm, --cmmd, or --images"):
        run(PrepareConfiguration(output=tmp_path / "dataset"))


@pytest.mark.parametrize("option", ["table", "lesions"])
def test_a_table_without_its_folder_is_refused_by_option(tmp_path: Path, option: str) -> None:
    given = PrepareConfiguration(output=tmp_path / "dataset", cmmd=tmp_path, **{option: tmp_path / "a.csv"})
    with pytest.raises(ConfigurationError, match=rf"--{option}: found .*a\.csv without --images"):
        run(given)


def test_a_folder_without_a_table_is_refused_by_option(phantoms: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--table: found none, needed a CSV of the films in --images"):
        run(PrepareConfiguration(output=tmp_path / "dataset", images=phantoms))


@pytest.mark.parametrize("option", ["cbis_ddsm", "cmmd"])
def test_a_missing_folder_of_an_archive_is_refused_by_option(tmp_path: Path, option: str) -> None:
    given = PrepareConfiguration(output=tmp_path / "dataset", **{option: tmp_path / "nothing"})
    with pytest.raises(ConfigurationError, match=rf"--{option.replace('_', '-')}: found no folder .*nothing"):
        run(given)


def test_too_few_patients_stop_before_any_work(prepare_phantoms: Prepare, films: Path, tmp_path: Path) -> None:
    write_table(films, [row for row in table(films) if row["patient_id"] in ("PH_00001", "PH_00002")])
    with pytest.raises(DatasetError, match=r"(split|column pathology).*found no"):
        prepare_phantoms(tmp_path / "dataset", images=films, table=films / "table.csv")
    assert not (tmp_path / "dataset").exists()


def test_a_missing_folder_of_films_is_refused_by_name(prepare_phantoms: Prepare, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--images: found no folder"):
        prepare_phantoms(tmp_path / "dataset", images=tmp_path / "nothing")


@pytest.mark.parametrize("value", ["4/7", "0:7", "4:", "-4:7", "4:7:1"])
def test_a_malformed_aspect_ratio_is_refused_by_name(tmp_path: Path, value: str) -> None:
    given = {"images": tmp_path, "table": tmp_path, "output": tmp_path, "aspect_ratio": value}
    with pytest.raises(ConfigurationError, match=r"--aspect-ratio .*found '.*needed two whole numbers"):
        PrepareConfiguration.resolve(given)


def test_a_killed_preparation_goes_on_where_it_was(
    prepare_phantoms: Prepare, prepared: Path, phantoms: Path, tmp_path: Path
) -> None:
    output = tmp_path / "killed"
    command = [sys.executable, "-c", KILLED_AT_THE_SEVENTH, str(REPOSITORY), str(phantoms), str(output)]
    killed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = {name: written for name, written in files(output).items() if name.startswith(("images", "masks"))}
    assert len(before) == 12
    with pytest.raises(DatasetError, match="its preparation has not ended"):
        Dataset.open(output)
    prepare_phantoms(output)
    after = files(output)
    assert {name: after[name] for name in before} == before
    assert Dataset.open(output).sha256 == Dataset.open(prepared).sha256
    assert not (output / "preparing").exists()


def test_a_second_run_prepares_nothing(
    prepare_phantoms: Prepare, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Dataset.open(prepared)

    def refuse(self: FilmPreparation, film: SourceFilm, image_id: str) -> PreparedFilm | SkippedFilm:
        raise AssertionError(f"{film} was prepared again as {image_id}")

    monkeypatch.setattr(FilmPreparation, "prepare", refuse)
    prepare_phantoms(prepared)
    after = Dataset.open(prepared)
    assert (after.sha256, after.info) == (before.sha256, before.info)


def test_films_lost_from_a_complete_data_set_are_made_again(
    prepare_phantoms: Prepare, prepared: Path, films: Path
) -> None:
    lost = prepared / "images" / "PH_00001_LEFT_CC.png"
    content = lost.read_bytes()
    lost.unlink()
    prepare_phantoms(prepared, images=films)
    assert lost.read_bytes() == content
    lost.unlink()
    other = make_phantom(seed=99, malignant=True, rows=96, columns=72).film
    (films / "films" / "PH_00001_LEFT_CC.png").write_bytes(encode_png16(other))
    with pytest.raises(DatasetError, match=r"PH_00001_LEFT_CC: lost, and cannot be made again .* has changed"):
        prepare_phantoms(prepared, images=films)


def test_other_options_and_another_table_are_refused_in_the_same_folder(
    prepare_phantoms: Prepare, prepared: Path, films: Path
) -> None:
    with pytest.raises(DatasetError, match="was begun with size 32, now 64"):
        prepare_phantoms(prepared, size=64)
    with pytest.raises(DatasetError, match="was begun with options"):
        prepare_phantoms(prepared, mirror_right=False)
    write_table(films, table(films)[:-1])
    with pytest.raises(DatasetError, match="was begun with options"):
        prepare_phantoms(prepared, table=films / "table.csv")


def test_real_films_are_prepared(shared_films: Path, tmp_path: Path) -> None:
    with (shared_films / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[::31]
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    run(
        PrepareConfiguration(
            images=shared_films,
            table=tmp_path / "table.csv",
            output=tmp_path / "dataset",
            size=64,
            aspect_ratio="4:7",
            source="cbis-ddsm",
            workers=1,
        )
    )
    dataset = Dataset.open(tmp_path / "dataset")
    assert len(dataset.films) == len(rows)
    assert dataset.info["skipped"] == 0
