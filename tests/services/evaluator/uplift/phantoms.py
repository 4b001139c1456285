"""A data set of phantoms for uplifts, with a run on it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from services.curator.phantom.film import make_phantom
from shared.dataset import Dataset, DatasetWriter, Film, Label, Laterality, Origin, Split
from shared.images import Film as Pixels
from shared.images import Mask

SIZE = 48

# Options of an uplift that takes seconds.
TINY: dict[str, Any] = {
    "network": "squeezenet1_1",
    "weights": "random",
    "stride": "4",
    "amounts": (50.0,),
    "ratios": (0.5,),
    "seeds": 3,
    "updates": 6,
    "watches": 2,
    "batch_size": 8,
    "augmented_copies": 1,
    "draws": 100,
}


def phantom(seed: int, *, malignant: bool, view: str = "CC") -> tuple[Pixels, Mask]:
    """A small phantom film without markings, and its mask, both (SIZE, SIZE)."""
    made = make_phantom(seed=seed, malignant=malignant, view=view, rows=SIZE, columns=36)
    widths = ((0, 0), (0, SIZE - 36))
    mask = np.pad(made.breast, widths)
    return np.where(mask, np.pad(made.film, widths), 0).astype(np.float32), mask


def write_phantoms(path: Path, *, patients: Mapping[Split, tuple[int, int]], grain: float = 0.0) -> Dataset:
    """Write one film a patient; `patients` are the benign and the malignant ones of each split.

    `grain` is the strength of noise inside the breast, which makes the classes harder to tell apart.
    """
    writer = DatasetWriter(path, size=SIZE, options={}, seed=0)
    films, seed = [], 0
    for split in (Split.GENERATION, Split.TRAIN, Split.VALIDATION, Split.TEST):
        for label, count in zip((Label.BENIGN, Label.MALIGNANT), patients[split], strict=True):
            for _ in range(count):
                seed += 1
                pixels, mask = phantom(seed, malignant=label is Label.MALIGNANT)
                noise = grain * np.random.default_rng([9, seed]).normal(size=pixels.shape)
                pixels = np.where(mask, (pixels + noise).clip(0, 1), 0).astype(np.float32)
                image_id = f"film-{seed:05d}"
                origin = Origin(image_id, SIZE, SIZE, (0, 0, SIZE, SIZE), 1.0, False, (0, 0, 0, 0))
                films.append(
                    Film(
                        image_id=image_id,
                        patient_id=f"patient-{seed:05d}",
                        source="phantom",
                        laterality=Laterality.LEFT,
                        view="CC",
                        pathology=label.upper(),
                        label=label,
                        split=split,
                        sha256=writer.write_film(image_id, pixels, mask),
                        origin=origin,
                    )
                )
    writer.finish(films)
    return Dataset.open(path)
