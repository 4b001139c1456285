"""Finds each output's nearest real film, and flags what is too near."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.evaluator.near_copies.fingerprints import Fingerprints, distances

FEWEST_REAL = 20
"""Real films below which their distances say nothing; copies are then told by the strict bound alone."""
STRICT = 0.05
"""Distance below which two films are copies whatever lies between real films."""
_CHUNK = 512


@dataclass(frozen=True)
class RealFilms:
    """The real films that an output can be a copy of."""

    image_ids: tuple[str, ...]
    patient_ids: tuple[str, ...]
    fingerprints: Fingerprints
    """(films, 4096)."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """One synthetic film."""

    pair: int
    content: str
    """image_id."""
    style: str
    change: float
    """Mean absolute difference to its content inside the breast, in units of full scale."""


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """What an output is near to; distances are 1 - correlation of the fine structure."""

    pair: int
    nearest: str
    """image_id of the nearest real film, its own content left out; empty where there is no other."""
    nearest_patient: str
    nearest_distance: float
    content: str
    content_distance: float | None
    """None where the content is not among the real films."""
    style: str
    style_distance: float | None
    change: float
    copied: bool
    """Nearer to a real film other than its content than two patients' films are to each other."""
    unchanged: bool
    """Changed less than an eye could see."""


def between_patients(real: RealFilms) -> npt.NDArray[np.float64]:
    """Distance of each real film to the nearest one of another patient, (films,); infinite where there is none."""
    patients = np.array(real.patient_ids)
    found = []
    for start in range(0, len(patients), _CHUNK):
        part = slice(start, start + _CHUNK)
        block = distances(real.fingerprints[part], real.fingerprints).astype(np.float64)
        block[patients[part, None] == patients[None, :]] = np.inf
        found.append(block.min(axis=1))
    return np.concatenate(found) if found else np.empty(0)


def copy_bound(nearest: npt.NDArray[np.float64]) -> float:
    """Distance below which an output counts as a copy: half of what lies between the nearest of real films.

    Args:
        nearest: distances of real films to the nearest of another patient.

    """
    finite = nearest[np.isfinite(nearest)]
    if len(finite) < FEWEST_REAL:
        return STRICT
    return max(STRICT, float(np.percentile(finite, 1.0)) / 2.0)


def search(
    outputs: Sequence[Output], fingerprints: Fingerprints, real: RealFilms, *, bound: float, smallest_change: float
) -> list[Neighbours]:
    """Look for the nearest real film of each output.

    Args:
        outputs: what is known of them.
        fingerprints: (outputs, 4096), in their order.
        real: films to be found.
        bound: distance below which an output is a copy.
        smallest_change: mean absolute change below which an output is its content.

    """
    places = {image_id: place for place, image_id in enumerate(real.image_ids)}
    found = []
    for output, fingerprint in zip(outputs, fingerprints, strict=True):
        row = distances(fingerprint[None], real.fingerprints)[0].astype(np.float64)
        content, style = (_at(row, places.get(name)) for name in (output.content, output.style))
        if output.content in places:
            row[places[output.content]] = np.inf
        nearest = int(row.argmin()) if np.isfinite(row).any() else None
        near = _at(row, nearest)
        found.append(
            Neighbours(
                pair=output.pair,
                nearest="" if nearest is None else real.image_ids[nearest],
                nearest_patient="" if nearest is None else real.patient_ids[nearest],
                nearest_distance=float("inf") if near is None else near,
                content=output.content,
                content_distance=content,
                style=output.style,
                style_distance=style,
                change=output.change,
                copied=near is not None and near < bound,
                unchanged=output.change < smallest_change,
            )
        )
    return found


def _at(row: npt.NDArray[np.float64], place: int | None) -> float | None:
    return None if place is None else max(0.0, float(row[place]))
