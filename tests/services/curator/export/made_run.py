"""A data set with films of every split, and a run on it with accepted, rejected and placebo films."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from services.curator.framing import FramedFilm, frame_film
from shared.dataset import Dataset, DatasetWriter, Film, Label, Laterality, Origin, Split
from shared.images import Film as Pixels
from shared.images import Mask, encode_png16
from tests.services.evaluator.run_writer import RunWriter

SIZE = 32
ROWS, COLUMNS = 70, 50
SPACING = (0.5, 0.5)
FILMS = {
    (Split.TRAIN, Label.BENIGN): 6,
    (Split.TRAIN, Label.MALIGNANT): 2,
    (Split.VALIDATION, Label.BENIGN): 1,
    (Split.VALIDATION, Label.MALIGNANT): 1,
    (Split.GENERATION, Label.BENIGN): 3,
    (Split.GENERATION, Label.MALIGNANT): 2,
    (Split.TEST, Label.BENIGN): 1,
    (Split.TEST, Label.MALIGNANT): 1,
}
ACCEPTED = (0, 1, 2, 4, 5, 7)


def original(seed: int, *, points_left: bool) -> tuple[Pixels, Mask]:
    """A film as it was scanned: a half ellipse of texture, and black around it."""
    rows, columns = (np.mgrid[:ROWS, :COLUMNS] + 0.5) / [[[ROWS]], [[COLUMNS]]]
    mask = (columns / 0.8) ** 2 + ((rows - 0.5) / 0.35) ** 2 < 1
    texture = 0.3 + 0.3 * rows + 0.2 * columns + 0.05 * np.random.default_rng(seed).random((ROWS, COLUMNS))
    film = np.where(mask, texture, 0.0).astype(np.float32)
    return (film[:, ::-1].copy(), mask[:, ::-1].copy()) if points_left else (film, mask)


def framed(seed: int, *, points_left: bool) -> FramedFilm:
    """The same as it is prepared."""
    film, mask = original(seed, points_left=points_left)
    return frame_film(film, mask, size=SIZE)


def write_dataset(
    path: Path,
    *,
    suffix: str = "dcm",
    name_patient: Callable[[str], str] = "patient-of-{}".format,
    film_changes: dict[str, Any] | None = None,
    **changes: Any,
) -> Dataset:
    """Write a data set; `film_changes` and `changes` are fields of `Film` and `Origin` that all its films get."""
    writer = DatasetWriter(path, size=SIZE, options={}, seed=0)
    films: list[Film] = []
    for (split, label), count in FILMS.items():
        for number in range(count):
            image_id = f"{split}-{label}-{number}"
            right = number % 2 == 1
            prepared = framed(len(films), points_left=right)
            origin = {
                "path": f"films/{image_id}.{suffix}",
                "rows": ROWS,
                "columns": COLUMNS,
                "crop_box": prepared.crop_box,
                "scale": prepared.scale,
                "mirrored": prepared.mirrored,
                "padding": prepared.padding,
                "pixel_spacing": SPACING,
                "sop_uid": f"1.2.3.{len(films)}",
            }
            film = Film(
                image_id=image_id,
                patient_id=name_patient(image_id),
                source="clinic",
                laterality=Laterality.RIGHT if right else Laterality.LEFT,
                view="MLO" if right else "CC",
                pathology=label.upper(),
                label=label,
                split=split,
                sha256=writer.write_film(image_id, prepared.film, prepared.mask),
                origin=Origin(**{**origin, **changes}),
            )
            films.append(replace(film, **(film_changes or {})))
    writer.finish(films)
    return Dataset.open(path)


def write_run(path: Path, dataset: Dataset) -> RunWriter:
    """Write a complete run of eight pairs, two of them rejected, one of which has an accepted placebo twin."""
    run = RunWriter(path, dataset, pairs=8)
    run.contents = dataset.select(split=Split.GENERATION, label=Label.BENIGN)
    run.styles = dataset.select(split=Split.GENERATION, label=Label.MALIGNANT)
    for pair in ACCEPTED:
        run.add_accepted(pair, at=1 + pair % 2)
    twin = run.add_accepted(3, placebo=True)
    (path / "pairs/000003-placebo.json").write_text(json.dumps(twin), encoding="utf-8")
    (path / "placebo").mkdir()
    (path / "accepted/000003.png").rename(path / "placebo/000003.png")
    run.add_rejected(3, "still_benign", keep=True)
    run.add(6, reason="content_not_benign")
    return run


def veto(run: RunWriter, pair: int, *, sha256: str | None = None) -> None:
    """Say that an accepted film must not leave the run."""
    record = json.loads((run.path / f"pairs/{pair:06d}.json").read_text(encoding="utf-8"))
    entry = {"pair": pair, "sha256": sha256 or record["sha256"], "reason": "doubled skin line"}
    text = json.dumps({"schema_version": 1, "vetoed": [entry]})
    (run.path / "vetoed.json").write_text(text, encoding="utf-8")


def folder_bytes(path: Path) -> dict[str, bytes]:
    """Every file of a folder, by its path in it."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def accepted_png(run: RunWriter, pair: int) -> bytes:
    """An accepted film as the run has it."""
    record = json.loads((run.path / f"pairs/{pair:06d}.json").read_text(encoding="utf-8"))
    return encode_png16(run.output(pair, record["accepted_trial"]))
