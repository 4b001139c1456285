"""Whoever has everything but the pixels does not know which film is which."""

import base64
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler

from services.evaluator.review.study import Kind, Study
from tests.services.evaluator.review.made import make_study
from tests.services.evaluator.run_writer import RunWriter

FILM = re.compile(r'<script type="text/plain" id="film-(\d+)">([^<]+)</script>')


def without_pixels(png: bytes) -> list[tuple[bytes, int, bytes]]:
    """Chunks of a PNG: kind, length, and content but for the pixels."""
    chunks, at = [], 8
    while at < len(png):
        length, kind = int.from_bytes(png[at : at + 4]), png[at + 4 : at + 8]
        chunks.append((kind, length, b"" if kind == b"IDAT" else png[at + 8 : at + 12 + length]))
        at += 12 + length
    return chunks


def header(path: Path, study: Study) -> dict[str, str]:
    """What an object says, but for the pixels, and for the number that its name says already."""
    dataset = pydicom.dcmread(path)
    assert dataset.InstanceNumber == int(path.stem)
    values = {element.keyword: str(element.value) for element in (*dataset.file_meta, *dataset)}
    for keyword in ("PixelData", "InstanceNumber", "SOPInstanceUID", "MediaStorageSOPInstanceUID"):
        del values[keyword]
    return values


def test_films_of_the_page_differ_in_their_pixels_alone(run: RunWriter, study: Study, tmp_path: Path) -> None:
    page = (tmp_path / "readers/review.html").read_text(encoding="utf-8")
    films = FILM.findall(page)

    assert [int(number) for number, _ in films] == [item.number for item in study.items]
    assert len({len(text) for _, text in films}) == 1
    assert all(
        without_pixels(base64.b64decode(text)) == without_pixels(base64.b64decode(films[0][1])) for _, text in films
    )


def test_the_rest_of_the_page_follows_from_name_and_number_of_films(
    run: RunWriter, study: Study, tmp_path: Path
) -> None:
    other = make_study(run, tmp_path / "others", seed=1, repeats=4)
    rest = [
        FILM.sub("", (tmp_path / folder / "review.html").read_text(encoding="utf-8")).replace(name, "NAME")
        for folder, name in (("readers", study.study), ("others", other.study))
    ]

    assert rest[0] == rest[1]
    for told in ("placebo", "accepted", "patient-", "benign-", "malignant-", run.dataset.sha256, str(run.path)):
        assert told not in rest[0]


def test_nothing_but_the_page_lies_in_the_folder(study: Study, tmp_path: Path) -> None:
    assert [path.name for path in (tmp_path / "readers").rglob("*")] == ["review.html"]


def test_objects_differ_in_pixels_and_number_alone(run: RunWriter, tmp_path: Path) -> None:
    study = make_study(run, tmp_path / "dicom-too", dicom=True)
    files = sorted((tmp_path / "dicom-too/dicom").iterdir())

    assert [int(path.stem) for path in files] == [item.number for item in study.items]
    assert len({path.stat().st_size for path in files}) == 1
    headers = [header(path, study) for path in files]
    assert all(found == headers[0] for found in headers)
    assert "MAY BE SYNTHETIC" in headers[0]["StudyDescription"]


def test_a_classifier_on_everything_but_pixels_guesses(run: RunWriter, tmp_path: Path) -> None:
    rows, labels = [], []
    for seed in range(8):
        folder = tmp_path / f"study-{seed}"
        study = make_study(run, folder, seed=seed, dicom=True, repeats=6)
        films = dict(FILM.findall((folder / "review.html").read_text(encoding="utf-8")))
        for item in study.items:
            path = folder / f"dicom/{item.number:04d}.dcm"
            uid = int(pydicom.dcmread(path).SOPInstanceUID.rsplit(".", 1)[1])
            png = without_pixels(base64.b64decode(films[str(item.number)]))
            rows.append(
                [
                    item.number,
                    item.number / len(study.items),
                    item.number % 2,
                    len(films[str(item.number)]),
                    sum(length for _, length, _ in png),
                    path.stat().st_size,
                    uid % 1000,
                    len(str(uid)),
                ]
            )
            labels.append(item.film.kind is Kind.REAL)
    features = StandardScaler().fit_transform(np.array(rows, dtype=float))

    guessed = cross_val_predict(LogisticRegression(), features, labels, cv=8, method="predict_proba")[:, 1]

    # 192 places: the AUC of guesses has a standard error of 0.04.
    assert len(labels) == 192
    assert roc_auc_score(labels, guessed) == pytest.approx(0.5, abs=0.13)
