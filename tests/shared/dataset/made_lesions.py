"""Films with lesions, at their own resolution and prepared."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from shared.dataset import Dataset, DatasetWriter, Film, Label, Laterality, Lesion, Origin, Split
from shared.images import resize_film, resize_mask

PREPARED, ROWS, COLUMNS = 64, 160, 120
"""Films of 160 x 120 pixels, prepared at 64: 64 x 48, with 8 columns of black on each side."""


def lesion(x: float, y: float, label: str = "benign", side: float = 6.0) -> Lesion:
    """A lesion by its box in pixels of the prepared film."""
    return Lesion(x, y, side, side, label)


def write_films(
    folder: Path,
    *lesions: tuple[Lesion, ...],
    originals: bool = True,
    split: Callable[[int], Split] = lambda number: Split.GENERATION if number % 2 else Split.TRAIN,
) -> Dataset:
    """Write one film for each tuple of lesions: smooth and light tissue, dark and rough where a lesion is malignant.

    Each is of a patient of its own; the breast leaves ten rows and columns at the film's edges.
    """
    writer = DatasetWriter(folder, size=PREPARED, options={}, seed=0, originals=originals)
    films = []
    for number, found in enumerate(lesions):
        image_id, malignant = f"film-{number}", any(lesion.label == "malignant" for lesion in found)
        mask = np.zeros((ROWS, COLUMNS), bool)
        mask[10:-10, 10:-10] = True
        original = (_tissue(number, malignant=malignant) * mask).astype(np.float32)
        square = np.pad(resize_film(original, 64, 48), ((0, 0), (8, 8)))
        square_mask = np.pad(resize_mask(mask, 64, 48), ((0, 0), (8, 8)))
        square = np.where(square_mask, square, np.float32(0))
        films.append(
            Film(
                image_id=image_id,
                patient_id=f"patient {number}",
                source="clinic",
                laterality=Laterality.LEFT,
                view="CC",
                pathology="MALIGNANT" if malignant else "BENIGN",
                label=Label.MALIGNANT if malignant else Label.BENIGN,
                split=split(number),
                sha256=writer.write_film(image_id, square, square_mask),
                origin=Origin(image_id, ROWS, COLUMNS, (0, 0, ROWS, COLUMNS), 0.4, False, (0, 0, 8, 8)),
                lesions=found,
                original_sha256=writer.write_original(image_id, original, mask) if originals else "",
            )
        )
    writer.finish(films)
    return Dataset.open(folder)


def _tissue(number: int, *, malignant: bool) -> np.ndarray:
    random = np.random.default_rng(number)
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    grey = 0.5 + 0.1 * np.sin(rows / random.uniform(5, 9)) * np.cos(columns / random.uniform(5, 9))
    noise = random.normal(size=(ROWS, COLUMNS))
    return (0.7 * grey + 0.08 * noise).clip(0.02, 0.98) if malignant else grey + 0.004 * noise
