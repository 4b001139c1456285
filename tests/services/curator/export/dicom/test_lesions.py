"""Films whose lesion was changed, as DICOM objects."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import yaml

from services.curator.export.configuration import DicomExportConfiguration
from services.curator.export.dicom import command
from services.orchestrator.insets import WholeFilm, read_lesions
from services.orchestrator.ledger import Ledger
from shared.dataset import Dataset, LesionCrops, Split
from shared.images import sha256_pixels, to_uint16
from shared.record import Source
from shared.store import Store
from tests.services.orchestrator.made import pins, record
from tests.shared.dataset.made_lesions import COLUMNS, ROWS, lesion, write_films


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    kinds = ((lesion(24, 18),), (lesion(26, 20, "malignant"),))
    return write_films(tmp_path / "dataset", *kinds, split=lambda _: Split.GENERATION)


@pytest.fixture
def made(tmp_path: Path, dataset: Dataset) -> WholeFilm:
    """The film of a run with one accepted pair, the run beside it."""
    crops = LesionCrops.of(dataset, size=48)
    films = read_lesions(dataset, crops.crop("film-0.0"), crops.crop("film-1.0"), 48)
    assert films.inset is not None
    whole = films.inset.whole(films.inset.blend(films.style))
    trial = replace(record(0).trials[1], sha256=sha256_pixels(whole.prepared))
    content, style = (
        replace(source, image_id=image_id, patient_id=dataset.film(image_id).patient_id)
        for source, image_id in (
            (record(0).content, "film-0"),
            (Source(image_id="", patient_id="", sha256=""), "film-1"),
        )
    )
    written = record(
        0,
        content=content,
        style=style,
        trials=(trial,),
        sha256=trial.sha256,
        dataset_sha256=dataset.sha256,
        lesion=replace(films.inset.transfer(), original_sha256=sha256_pixels(whole.original)),
    )
    ledger = Ledger(Store(str(tmp_path / "run")))
    ledger.pin(pins(pairs=1, size=dataset.size, dataset_sha256=dataset.sha256))
    ledger.store.write("configuration.yaml", yaml.safe_dump({"dataset": str(dataset.path)}).encode())
    ledger.write(written, whole.prepared, whole.original)
    ledger.finalise()
    return whole


@pytest.mark.parametrize("grid", ["prepared", "original"])
def test_an_object_says_where_alone_it_differs_from_its_content(
    tmp_path: Path, dataset: Dataset, made: WholeFilm, grid: str
) -> None:
    given = {"run": str(tmp_path / "run"), "output": str(tmp_path / "dicom"), "grid": grid}
    options = {"sop_class": "secondary-capture", "transfer_syntax": "explicit"}
    assert command.run(DicomExportConfiguration.resolve(given | options)) == 0
    read = pydicom.dcmread(tmp_path / "dicom" / "000000.dcm")
    film = made.original if grid == "original" else made.prepared
    content = dataset.original("film-0") if grid == "original" else dataset.pixels("film-0")
    assert (read.Rows, read.Columns) == film.shape
    if grid == "original":
        assert film.shape == (ROWS, COLUMNS)
    pixels = read.pixel_array.astype(np.uint16)
    np.testing.assert_array_equal(pixels, to_uint16(film))
    told = json.loads(read.private_block(0x0099, "mammosynth")[0x03].value)
    x, y, width, height = told["changed_box"]
    outside = np.ones(film.shape, bool)
    outside[y : y + height, x : x + width] = False
    assert (pixels[outside] == to_uint16(content)[outside]).all()
    assert (pixels != to_uint16(content)).any()
    assert told["lesion"]["content"]["lesion"] == 0
    said = f"within one rectangle alone: {width} x {height} pixels (columns x rows) from column {x + 1}, row {y + 1}"
    assert said in read.DerivationDescription
    assert len(read.DerivationDescription) <= 1024
