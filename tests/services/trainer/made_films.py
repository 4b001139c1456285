"""Tiny made films; malignant ones are grainy, so that a small classifier can tell."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from shared.dataset import DatasetWriter, Film, Label, Laterality, Origin, Split

SIZE = 32


def made_film(index: int, *, grainy: bool) -> tuple[np.ndarray, np.ndarray]:
    """A half disc of tissue: float32 film and bool mask, (SIZE, SIZE)."""
    generator = np.random.default_rng([1, index])
    rows, columns = np.indices((SIZE, SIZE))
    radius = generator.uniform(12, 15)
    mask = (rows - SIZE / 2) ** 2 + columns**2 < radius**2
    film = 0.4 + 0.1 * np.cos(rows / generator.uniform(3, 6)) + 0.05 * generator.random()
    film = film + generator.normal(scale=0.12 if grainy else 0.01, size=film.shape)
    return np.where(mask, film.clip(0, 1), 0).astype(np.float32), mask


def write_dataset(
    path: Path,
    *,
    patients: dict[Split, int],
    labels: Callable[[int], Label] | None = None,
    sources: Callable[[int], str] = lambda _: "made",
) -> Path:
    """Write two films a patient; every second patient is malignant unless `labels` says otherwise."""
    writer = DatasetWriter(path, size=SIZE, options={}, seed=0)
    films: list[Film] = []
    splits = [split for split, count in patients.items() for _ in range(count)]
    for patient, split in enumerate(splits):
        label = labels(patient) if labels else (Label.BENIGN, Label.MALIGNANT)[patient % 2]
        for view in ("CC", "MLO"):
            pixels, mask = made_film(len(films), grainy=label is Label.MALIGNANT)
            image_id = f"film_{patient:03d}_{view}"
            origin = Origin(image_id, SIZE, SIZE, (0, 0, SIZE, SIZE), 1.0, False, (0, 0, 0, 0))
            sha256 = writer.write_film(image_id, pixels, mask)
            films.append(
                Film(
                    image_id=image_id,
                    patient_id=f"patient_{patient:03d}",
                    source=sources(patient),
                    laterality=Laterality.LEFT,
                    view=view,
                    pathology=label.upper(),
                    label=label,
                    split=split,
                    sha256=sha256,
                    origin=origin,
                )
            )
    writer.finish(films)
    return path
