"""Films of a data set that a test makes up."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shared.dataset import DatasetWriter, Film, Label, Laterality, Lesion, Origin, Split

SIZE = 16


@pytest.fixture
def made() -> Callable[..., Film]:
    """Makes what is known of a film."""

    def make(image_id: str, **changes: Any) -> Film:
        values: dict[str, Any] = {
            "image_id": image_id,
            "patient_id": f"patient of {image_id}",
            "source": "clinic",
            "laterality": Laterality.RIGHT,
            "view": "CC",
            "pathology": "MALIGNANT",
            "label": Label.MALIGNANT,
            "split": Split.TRAIN,
            "sha256": "ab" * 32,
            "origin": Origin(
                path=f"films/{image_id}.dcm",
                rows=3000,
                columns=2000,
                crop_box=(1, 2, 2900, 1800),
                scale=0.0055,
                mirrored=True,
                padding=(0, 0, 3, 3),
                pixel_spacing=(0.07, 0.07),
                windowing="sigmoid",
                study_uid="1.2.3",
            ),
            "lesions": (Lesion(1.0, 2.0, 3.5, 4.0, "malignant"),),
        }
        return Film(**(values | changes))

    return make


@pytest.fixture
def write(tmp_path: Any) -> Callable[..., DatasetWriter]:
    """Writes a data set of the films given, of noise; returns its writer."""

    def write_films(*films: Film, options: dict[str, Any] | None = None, finish: bool = True) -> DatasetWriter:
        writer = DatasetWriter(tmp_path / "set", size=SIZE, options=options or {}, seed=1)
        for number, film in enumerate(films):
            pixels = np.random.default_rng(number).random((SIZE, SIZE), dtype=np.float32)
            writer.write_film(film.image_id, pixels, pixels > 0.2)
        if finish:
            writer.finish(films)
        return writer

    return write_films
