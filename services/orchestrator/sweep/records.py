"""What a sweep keeps of every trajectory: one record each, written last, from which a restart goes on.

sweep.json                              what the sweep pins: data set, region, style weight, models
originals.json                          what the gates say of contents and styles
pairs/<pair>/trajectories/<trajectory>.json   one trajectory: its films, their scores, its loss curve
pairs/<pair>/films/<trajectory>-<steps>.png   the films, 16-bit grey
timings/<pair>/<trajectory>.json        seconds an evaluation took; no second run repeats these
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from services.orchestrator.pinned import pinned_dtype
from services.orchestrator.point import Point
from shared.errors import DatasetError, InvalidImageError, InvalidInputError
from shared.files import write_atomically
from shared.images import Film, decode_png16, encode_png16, sha256_pixels
from shared.recipe import Recipe
from shared.record import Scores, recipe_from_dict

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A film that is shown."""

    point: Point
    scores: Scores | None
    """None without gates."""
    sha256: str
    """Of its pixels."""


@dataclass(frozen=True, kw_only=True)
class TrajectoryRecord:
    """One pair's way through one recipe."""

    recipe: Recipe
    content: str
    style: str
    shown: tuple[Shown, ...]
    """In the order of their steps; those after the optimisation left the numbers are missing."""
    curve: tuple[Point, ...]
    """Every snapshot, those shown among them, ascending."""
    diverged: str
    """Why films are missing; empty where none are."""
    numerics: dict[str, Any] = field(default_factory=dict)
    """By service."""
    schema_version: int = SCHEMA_VERSION

    def at(self, steps: int) -> Shown | None:
        """The film after so many steps, if there is one."""
        return next((film for film in self.shown if film.point.steps == steps), None)


class SweepRecords:
    """Reads and writes the records of one sweep."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def dtype(self) -> str | None:
        """Floating point type that the sweep was begun with; None where none was begun."""
        return pinned_dtype(self.path / "sweep.json", self.path.glob("pairs/*/trajectories/*.json"))

    def originals(self) -> dict[str, Scores]:
        """What the gates say of contents and styles, by image_id."""
        file = self.path / "originals.json"
        if not file.exists():
            return {}
        try:
            return {name: Scores(**values) for name, values in json.loads(file.read_bytes()).items()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise DatasetError(f"{file}: cannot be read: {error}") from error

    def write_originals(self, scores: dict[str, Scores]) -> None:
        """Keep what the gates say of contents and styles."""
        write_atomically(
            self.path / "originals.json", _json({name: asdict(value) for name, value in sorted(scores.items())})
        )

    def read(self, pair: str, trajectory: str) -> TrajectoryRecord | None:
        """Read a trajectory; None where it has not ended.

        Raises:
            DatasetError: if the file is no record.

        """
        file = self._record(pair, trajectory)
        if not file.exists():
            return None
        try:
            values = json.loads(file.read_bytes())
            if values["schema_version"] != SCHEMA_VERSION:
                raise DatasetError(f"{file}: found schema version {values['schema_version']}, needed {SCHEMA_VERSION}")
            values["recipe"] = recipe_from_dict(values["recipe"])
            values["curve"] = tuple(Point(**point) for point in values["curve"])
            values["shown"] = tuple(_shown(film) for film in values["shown"])
            return TrajectoryRecord(**values)
        except (OSError, KeyError, TypeError, ValueError, InvalidInputError) as error:
            raise DatasetError(
                f"{file}: is no record of a trajectory: {error!r}; remove it to have it made again"
            ) from error

    def is_whole(self, pair: str, trajectory: str, steps: tuple[int, ...]) -> bool:
        """Whether a trajectory has ended and its films are there: nothing would be gained by running it again."""
        record = self.read(pair, trajectory)
        if record is None:
            return False
        films = (self.path / self.film_name(pair, trajectory, film.point.steps) for film in record.shown)
        ended = bool(record.diverged) or all(record.at(number) for number in steps)
        return ended and all(file.exists() for file in films)

    def write(
        self, pair: str, trajectory: str, record: TrajectoryRecord, films: dict[int, Film], seconds: float | None
    ) -> None:
        """Write an ended trajectory: films by their steps and timings first, then the record.

        `seconds` is what an evaluation took; None where it was not measured.
        """
        for steps, film in films.items():
            write_atomically(self.path / self.film_name(pair, trajectory, steps), encode_png16(film))
        if seconds is not None:
            file = self.path / "timings" / pair / f"{trajectory}.json"
            write_atomically(
                file, _json({"evaluations": record.curve[-1].evaluations, "seconds_per_evaluation": seconds})
            )
        write_atomically(self._record(pair, trajectory), _json(asdict(record)))

    def film(self, pair: str, trajectory: str, shown: Shown) -> Film:
        """Read a film: (size, size) float32 in [0, 1].

        Raises:
            DatasetError: if its file is missing, broken, or another film than the record's.

        """
        file = self.path / self.film_name(pair, trajectory, shown.point.steps)
        try:
            film = decode_png16(file.read_bytes())
        except (OSError, InvalidImageError) as error:
            raise DatasetError(f"{file}: cannot be read: {error}") from error
        if sha256_pixels(film) != shown.sha256:
            raise DatasetError(f"{file}: found another film than the one of its record")
        return film

    def seconds(self) -> tuple[float, int]:
        """What all trajectories took together, in seconds, and how many of them were timed."""
        timed = [json.loads(file.read_bytes()) for file in sorted(self.path.glob("timings/*/*.json"))]
        return sum(item["evaluations"] * item["seconds_per_evaluation"] for item in timed), len(timed)

    @staticmethod
    def film_name(pair: str, trajectory: str, steps: int) -> str:
        """Where a film lies, below the sweep's folder."""
        return f"pairs/{pair}/films/{trajectory}-{steps}.png"

    def _record(self, pair: str, trajectory: str) -> Path:
        return self.path / "pairs" / pair / "trajectories" / f"{trajectory}.json"


def _shown(values: dict[str, Any]) -> Shown:
    scores = values["scores"]
    return Shown(
        point=Point(**values["point"]), scores=None if scores is None else Scores(**scores), sha256=values["sha256"]
    )


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"
