"""What a sweep keeps of every trajectory: one file each, written whole, from which a restart goes on.

sweep.json                       what the sweep pins: data set, seed, steps, gates, models
contents.json                    what the gates say of each content
trajectories/<recipe>/<name>.json one trajectory: each of its snapshots with both gates' scores
films/<recipe>/<name>-<steps>.png films of the first few contents, for the contact sheets
timings/<recipe>/<name>.json     seconds an evaluation took; no second run repeats these
cost.json                        the median of them, written once
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from services.orchestrator.pinned import pin, pinned_dtype
from services.orchestrator.point import Point
from shared.errors import DatasetError, InvalidInputError
from shared.files import write_atomically
from shared.images import Film, decode_png16, encode_png16
from shared.recipe import Recipe
from shared.record import Scores, recipe_from_dict

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Look(Point):
    """One snapshot of a trajectory as the gates saw it."""

    scores: Scores
    sha256: str
    """Of the film's pixels."""


@dataclass(frozen=True, kw_only=True)
class TrajectoryRecord:
    """One pair's way through one recipe, with its malignant style or with the placebo's."""

    recipe: Recipe
    pair: int
    placebo: bool
    content: str
    style: str
    looks: tuple[Look, ...]
    """In the order of their steps; those after the optimisation left the numbers are missing."""
    diverged: str
    """Why looks are missing; empty where none are."""
    numerics: dict[str, Any] = field(default_factory=dict)
    """By service."""
    schema_version: int = SCHEMA_VERSION

    def look(self, steps: int) -> Look | None:
        """The snapshot after so many steps, if there is one."""
        return next((look for look in self.looks if look.steps == steps), None)


def file_name(pair: int, *, placebo: bool) -> str:
    """Name of a pair's files, or its placebo twin's."""
    return f"{pair:06d}-{'placebo' if placebo else 'malignant'}"


class SweepFolder:
    """Reads and writes the folder of one sweep."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pin(self, pins: dict[str, Any]) -> None:
        """Begin a sweep, or continue one that was begun with the same.

        Raises:
            RefusedRunError: naming what differs.

        """
        pin(self.path / "sweep.json", pins, what="sweep", older={"dtype": self.dtype()})

    def dtype(self) -> str | None:
        """Floating point type that the sweep was begun with; None where none was begun."""
        return pinned_dtype(self.path / "sweep.json", self.path.glob("trajectories/*/*.json"))

    def contents(self) -> dict[str, Scores]:
        """What the gates say of each content that was asked about, by image_id."""
        return {name: Scores(**values) for name, values in (self._read("contents.json") or {}).items()}

    def write_contents(self, scores: dict[str, Scores]) -> None:
        """Keep what the gates say of each content."""
        write_atomically(self.path / "contents.json", _json({name: asdict(value) for name, value in scores.items()}))

    def has(self, recipe: str, name: str) -> bool:
        """Whether a trajectory has ended."""
        return self._record(recipe, name).exists()

    def read(self, recipe: str, name: str) -> TrajectoryRecord:
        """Read a trajectory.

        Raises:
            DatasetError: if it is not there, or no record.

        """
        path = self._record(recipe, name)
        try:
            values = json.loads(path.read_bytes())
            if values["schema_version"] != SCHEMA_VERSION:
                raise DatasetError(f"{path}: found schema version {values['schema_version']}, needed {SCHEMA_VERSION}")
            values["recipe"] = recipe_from_dict(values["recipe"])
            values["looks"] = tuple(Look(**{**look, "scores": Scores(**look["scores"])}) for look in values["looks"])
            return TrajectoryRecord(**values)
        except (OSError, KeyError, TypeError, ValueError, InvalidInputError) as error:
            raise DatasetError(f"{path}: is no record of a trajectory: {error!r}") from error

    def write(
        self, recipe: str, name: str, record: TrajectoryRecord, *, films: dict[int, Film], seconds: float | None
    ) -> None:
        """Write an ended trajectory: films by their steps and timings first, then the record.

        `seconds` is what an evaluation took; None where it was not measured.
        """
        for steps, film in films.items():
            write_atomically(self._film(recipe, name, steps), encode_png16(film))
        if seconds is not None:
            write_atomically(
                self.path / "timings" / recipe / f"{name}.json", _json({"seconds_per_evaluation": seconds})
            )
        write_atomically(self._record(recipe, name), _json(asdict(record)))

    def film(self, recipe: str, name: str, steps: int) -> Film | None:
        """Read a film that was kept; None where there is none."""
        path = self._film(recipe, name, steps)
        return decode_png16(path.read_bytes()) if path.exists() else None

    def cost(self, median: Any) -> float | None:
        """Seconds of one evaluation: `median` of all timings, taken once and kept; None where none were taken."""
        kept = self._read("cost.json")
        if kept is None:
            files = sorted(self.path.glob("timings/*/*.json"))
            seconds = [json.loads(file.read_bytes())["seconds_per_evaluation"] for file in files]
            kept = {"seconds_per_evaluation": float(median(seconds)) if seconds else None, "trajectories": len(seconds)}
            write_atomically(self.path / "cost.json", _json(kept))
        found: float | None = kept["seconds_per_evaluation"]
        return found

    def _record(self, recipe: str, name: str) -> Path:
        return self.path / "trajectories" / recipe / f"{name}.json"

    def _film(self, recipe: str, name: str, steps: int) -> Path:
        return self.path / "films" / recipe / f"{name}-{steps}.png"

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path}: cannot be read: {error}") from error
        if not isinstance(found, dict):
            raise DatasetError(f"{path}: found {type(found).__name__}, needed names with values")
        return found


def _json(values: dict[str, Any] | Sequence[Any]) -> bytes:
    return json.dumps(values, sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"
