import csv
from pathlib import Path

import numpy as np
import pydicom
import pytest

from services.curator.configuration import PhantomConfiguration
from services.curator.phantom import make_phantom
from services.curator.phantom.cohort import plan_cohort
from services.curator.phantom.command import run
from shared.errors import ConfigurationError
from shared.images import decode_png16


def make(output: Path, **options: object) -> list[dict[str, str]]:
    given = {"output": output, "patients": 2, "rows": 64, "columns": 48, "workers": 1} | options
    run(PhantomConfiguration(**given))  # type: ignore[arg-type]
    with (output / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_films_are_16_bit_png_listed_in_the_table(tmp_path: Path) -> None:
    rows = make(tmp_path)
    assert list(rows[0]) == ["path", "patient_id", "laterality", "view", "pathology", "source"]
    assert len(rows) == 8
    assert {row["pathology"] for row in rows} == {"BENIGN", "MALIGNANT"}
    for row in rows:
        film = decode_png16((tmp_path / row["path"]).read_bytes())
        assert film.shape == (64, 48)
        assert len(np.unique(film)) > 300


def test_the_number_of_processes_changes_no_byte(tmp_path: Path) -> None:
    for row in make(tmp_path / "one", workers=1):
        make_two = tmp_path / "two"
        if not make_two.exists():
            make(make_two, workers=2)
        assert (tmp_path / "one" / row["path"]).read_bytes() == (make_two / row["path"]).read_bytes()
    for name in ("table.csv", "lesions.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (make_two / name).read_bytes()


def test_dicom_films_hold_12_bits_that_pydicom_reads_back(tmp_path: Path) -> None:
    rows = make(tmp_path, format="dicom", seed=7)
    planned = {film.path: film for film in plan_cohort(patients=2, malignant_share=0.5, seed=7, suffix=".dcm")}
    instances = set()
    for row in rows:
        dataset = pydicom.dcmread(tmp_path / row["path"])
        film = planned[row["path"]]
        drawn = make_phantom(
            seed=film.seed,
            malignant=film.malignant,
            laterality=film.laterality,
            view=film.view,
            rows=64,
            columns=48,
        )
        np.testing.assert_array_equal(dataset.pixel_array, np.rint(drawn.film * 4095))
        assert (dataset.BitsStored, dataset.PhotometricInterpretation) == (12, "MONOCHROME2")
        assert (dataset.Modality, dataset.PatientID) == ("MG", row["patient_id"])
        assert (dataset.ImageLaterality, dataset.ViewPosition) == (row["laterality"][0], row["view"])
        instances.add(dataset.SOPInstanceUID)
    assert len(instances) == len(rows)
    again = tmp_path / "again"
    make(again, format="dicom", seed=7)
    assert all((tmp_path / row["path"]).read_bytes() == (again / row["path"]).read_bytes() for row in rows)


def test_an_impossible_share_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--malignant-share"):
        PhantomConfiguration.resolve({"output": tmp_path, "malignant_share": 1.5})
