"""Exports as PyTorch data sets, with real workers."""

import json
import multiprocessing
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mammosynth.torch import ExportedFilms
from torch.utils.data import DataLoader

from services.curator.export import folder, parquet
from services.curator.export.configuration import (
    DicomExportConfiguration,
    FolderExportConfiguration,
    ParquetExportConfiguration,
)
from services.curator.export.dicom import command
from shared.images import decode_png16
from tests.services.curator.export.made_run import SIZE, accepted_png, write_dataset, write_run
from tests.services.evaluator.run_writer import RunWriter


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunWriter:
    path = tmp_path_factory.mktemp("torch")
    return write_run(path / "run", write_dataset(path / "dataset"))


@pytest.fixture(scope="module")
def exports(run: RunWriter) -> dict[str, Path]:
    """Real and accepted films in either layout; Parquet in files of three films."""
    paths = {name: run.path.parent / name for name in ("folder", "parquet")}
    given = {"run": str(run.path), "real": True}
    folder.run(FolderExportConfiguration.resolve(given | {"output": str(paths["folder"])}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "_BYTES_PER_FILE", 5 * 2 * SIZE * SIZE)
        patch.setattr(parquet, "_ROWS_PER_GROUP", 2)
        parquet.run(ParquetExportConfiguration.resolve(given | {"output": str(paths["parquet"])}))
    return paths


@pytest.fixture(params=["folder", "parquet"])
def export(request: pytest.FixtureRequest, exports: dict[str, Path]) -> Path:
    return exports[request.param]


def kinds(films: ExportedFilms) -> Counter[str]:
    return Counter(row["kind"] for row in films.rows)


def test_all_films_are_there_with_every_bit_and_their_labels(export: Path, run: RunWriter) -> None:
    films = ExportedFilms(export)

    assert len(films) == 14
    assert kinds(films) == {"real": 8, "synthetic": 6}
    for index, row in enumerate(films.rows):
        film, label = films[index]
        assert (film.shape, film.dtype) == ((1, SIZE, SIZE), torch.float32)
        if row["kind"] == "synthetic":
            expected = decode_png16(accepted_png(run, row["pair"]))
            assert label == 1
        else:
            expected = run.dataset.pixels(row["image_id"])
            assert label == (run.dataset.film(row["image_id"]).label == "malignant")
        np.testing.assert_array_equal(film[0].numpy(), expected)


def test_both_layouts_say_the_same(exports: dict[str, Path]) -> None:
    by_layout = [
        [
            {key: value or None for key, value in row.items() if not key.startswith("_") and key != "label"}
            for row in films
        ]
        for films in (ExportedFilms(path).rows for path in exports.values())
    ]
    assert by_layout[0] == by_layout[1]
    assert ExportedFilms(exports["folder"]).labels == ExportedFilms(exports["parquet"]).labels


@pytest.mark.parametrize(("ratio", "synthetic"), [(0, 0), (0.25, 2), (0.5, 4), (0.75, 6)])
def test_the_ratio_says_how_many_synthetic_films_stand_against_a_real_one(
    export: Path, ratio: float, synthetic: int
) -> None:
    assert kinds(ExportedFilms(export, synthetic_per_real=ratio))["synthetic"] == synthetic
    assert kinds(ExportedFilms(export, synthetic_per_real=ratio))["real"] == 8


def test_a_smaller_ratio_takes_a_part_and_another_seed_others(export: Path) -> None:
    def chosen(ratio: float, seed: int = 0) -> set[str]:
        rows = ExportedFilms(export, synthetic_per_real=ratio, seed=seed).rows
        return {row["image_id"] for row in rows if row["kind"] == "synthetic"}

    assert chosen(0.25) < chosen(0.5) < chosen(0.75)
    assert chosen(0.25) == chosen(0.25)
    assert len({frozenset(chosen(0.25, seed)) for seed in range(20)}) > 3


@pytest.mark.parametrize(
    ("ratio", "message"), [(1.0, "found 6 synthetic films, needed 8 for 8 real ones"), (-0.5, "needed 0 or more")]
)
def test_a_ratio_that_cannot_be_had_is_refused(export: Path, ratio: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExportedFilms(export, synthetic_per_real=ratio)


def test_a_split_by_patient_keeps_both_patients_of_a_synthetic_film_together(export: Path) -> None:
    everyone = ExportedFilms(export).patients
    mine = {patient for patient in everyone if not patient.endswith("malignant-1")}

    taken, left = ExportedFilms(export, patients=mine), ExportedFilms(export, patients=everyone - mine)

    assert not taken.patients & left.patients
    assert kinds(taken) == {"real": 7, "synthetic": 3}
    assert kinds(left) == {"real": 1}


def test_a_transform_is_called_on_each_film(export: Path) -> None:
    plain, turned = ExportedFilms(export), ExportedFilms(export, transform=lambda film: film.flip(-1))

    torch.testing.assert_close(turned[0][0], plain[0][0].flip(-1))


@pytest.mark.parametrize("context", ["fork", "forkserver"])
def test_workers_read_every_film_once_an_epoch(export: Path, context: str) -> None:
    films = ExportedFilms(export)
    films[3]  # files that are open here must not be used there
    alone = torch.stack([film for film, _ in films])
    made_by = multiprocessing.get_context(context)
    if context == "forkserver":
        made_by.set_forkserver_preload(["mammosynth.torch"])
    loader = DataLoader(films, batch_size=4, num_workers=2, multiprocessing_context=made_by)

    for _ in range(2):
        batches = list(loader)
        torch.testing.assert_close(torch.cat([batch for batch, _ in batches]), alone, rtol=0, atol=0)
        assert torch.cat([labels for _, labels in batches]).tolist() == films.labels


def test_a_data_set_may_be_sent_to_another_process(export: Path) -> None:
    films = ExportedFilms(export, synthetic_per_real=0.5, seed=3)
    films[0]

    sent = pickle.loads(pickle.dumps(films))  # noqa: S301  made two lines above

    assert sent.rows == films.rows
    torch.testing.assert_close(sent[5][0], films[5][0])


def _no_summary(path: Path) -> None:
    (path / "export.json").unlink()


def _interrupted(path: Path) -> None:
    (path / "export.json").rename(path / "exporting.json")


def _of_another_kind(path: Path) -> None:
    (path / "export.json").write_text(json.dumps({"kind": "dicom"}), encoding="utf-8")


def _broken(path: Path) -> None:
    (path / "export.json").write_text("[", encoding="utf-8")


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "no export": (_no_summary, r"holds no complete export: there is no export\.json"),
    "interrupted": (_interrupted, "holds no complete export: it was interrupted"),
    "of another kind": (_of_another_kind, "found an export of kind 'dicom', needed folder or parquet"),
    "broken": (_broken, r"export\.json: cannot be read"),
}


@pytest.mark.parametrize(("spoil", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_complete_export_is_refused(
    run: RunWriter, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    folder.run(FolderExportConfiguration.resolve({"run": str(run.path), "output": str(tmp_path / "out")}))
    spoil(tmp_path / "out")

    with pytest.raises(ValueError, match=message):
        ExportedFilms(tmp_path / "out")


def test_dicom_objects_are_no_training_set(run: RunWriter, tmp_path: Path) -> None:
    command.run(DicomExportConfiguration.resolve({"run": str(run.path), "output": str(tmp_path / "out")}))

    with pytest.raises(ValueError, match="found an export of kind 'dicom'"):
        ExportedFilms(tmp_path / "out")


@pytest.mark.parametrize("data", [None, b"", b"\x89PNG\r\n\x1a\n"], ids=["missing", "empty", "truncated"])
def test_a_film_that_cannot_be_read_is_named(run: RunWriter, tmp_path: Path, data: bytes | None) -> None:
    folder.run(FolderExportConfiguration.resolve({"run": str(run.path), "output": str(tmp_path / "out")}))
    file = tmp_path / "out/malignant/synthetic-000000.png"
    file.unlink() if data is None else file.write_bytes(data)

    with pytest.raises(ValueError, match=r"synthetic-000000\.png: cannot be read"):
        ExportedFilms(tmp_path / "out")[0]


def test_a_table_leads_nowhere_else(run: RunWriter, tmp_path: Path) -> None:
    folder.run(FolderExportConfiguration.resolve({"run": str(run.path), "output": str(tmp_path / "out")}))
    table = tmp_path / "out/metadata.csv"
    text = table.read_text(encoding="utf-8").replace("malignant/synthetic-000000.png", "../secret.png")
    table.write_text(text, encoding="utf-8")

    with pytest.raises(ValueError, match=r"\.\./secret\.png: leads out of"):
        ExportedFilms(tmp_path / "out")[0]


def test_jpeg_films_are_read_at_8_bit(run: RunWriter, tmp_path: Path) -> None:
    given = {"run": str(run.path), "output": str(tmp_path / "out"), "format": "jpeg"}
    folder.run(FolderExportConfiguration.resolve(given))

    film, _ = ExportedFilms(tmp_path / "out")[1]

    np.testing.assert_allclose(film[0].numpy(), run.output(1, 2), atol=0.03)
