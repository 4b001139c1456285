"""Which films an export for training code holds: accepted ones alone, or beside real ones, balanced or all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

from services.curator.export.configuration import TrainingSetConfiguration
from services.curator.export.encoding import encode
from services.curator.export.harvest import Harvest
from services.curator.export.rows import Kind, Row, real_row, synthetic_row
from shared.dataset import Film, Label, Split
from shared.errors import DatasetError
from shared.images import sha256_pixels
from shared.log import get_logger
from shared.record import PairRecord

_SUFFIX = {"png": "png", "jpeg": "jpg"}


def lacking(films: Sequence[Film], *, ratio: float) -> int:
    """How many malignant films are missing until there are `ratio` of them for each benign one; 0 if none."""
    counts = Counter(film.label for film in films)
    return max(0, round(ratio * counts[Label.BENIGN]) - counts[Label.MALIGNANT])


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Films that are exported, in a fixed order: real ones by image_id, accepted ones by pair."""

    harvest: Harvest
    real: tuple[Film, ...]
    accepted: tuple[PairRecord, ...]
    wanted: int | None
    """Accepted films that the classes would need to be balanced; None where that was not asked for."""
    image_format: str

    @classmethod
    def choose(cls, harvest: Harvest, configuration: TrainingSetConfiguration) -> "TrainingSet":
        """Choose what is exported; warns where a balance cannot be had.

        Raises:
            DatasetError: if there is nothing to export.

        """
        real: tuple[Film, ...] = ()
        if configuration.real or configuration.balance:
            splits = {Split(split) for split in configuration.splits}
            real = tuple(film for film in harvest.dataset.films if film.split in splits)
        wanted = None
        accepted = harvest.accepted
        if configuration.balance:
            wanted = lacking(real, ratio=configuration.ratio or 1.0)
            accepted = accepted[:wanted]
            _warn(wanted, len(harvest.accepted))
        if not real and not accepted:
            raise DatasetError(f"{harvest.run.store.address}: holds no accepted film, so there is nothing to export")
        return cls(harvest=harvest, real=real, accepted=accepted, wanted=wanted, image_format=configuration.format)

    def rows(self) -> list[Row]:
        """What is said of each film, in their order."""
        suffix = _SUFFIX[self.image_format]
        rows = [real_row(film, suffix) for film in self.real]
        return rows + [synthetic_row(record, self.harvest.dataset, suffix) for record in self.accepted]

    def image(self, row: Row) -> bytes:
        """A film as it is exported.

        Raises:
            DatasetError: if its file is missing, broken, or holds another film than the table or the record says.

        """
        if row.kind is Kind.REAL:
            film = self.harvest.dataset.pixels(row.image_id)
            if sha256_pixels(film) != row.sha256:
                raise DatasetError(f"{row.image_id}: its pixels are not those of the data set's table")
            return encode(film, self.image_format)
        png, film = self.harvest.run.accepted_png(self._records[row.pair])
        return png if self.image_format == "png" else encode(film, self.image_format)

    @cached_property
    def _records(self) -> dict[int | None, PairRecord]:
        return {record.pair: record for record in self.accepted}

    def contents(self, kind: str) -> dict[str, Any]:
        """What decides the bytes of the export."""
        rows = self.rows()
        return {
            "kind": kind,
            "format": self.image_format,
            "films": [f"{row.file_name} {row.sha256}" for row in rows],
            **describe(self.harvest),
        }

    def counts(self) -> list[dict[str, Any]]:
        """Films by kind and label."""
        found = Counter((str(row.kind), str(row.label)) for row in self.rows())
        return [{"kind": kind, "label": label, "films": films} for (kind, label), films in sorted(found.items())]


def describe(harvest: Harvest) -> dict[str, Any]:
    """Where the films of an export come from."""
    pins = harvest.run.pins
    return {
        "exported_by": version("mammosynth"),
        "dataset_sha256": pins["dataset_sha256"],
        "models": pins["models"],
        "pairs": pins["pairs"],
        "pairs_recorded": len(harvest.run.records),
        "policy": pins["policy"]["name"],
        "policy_sha256": pins["policy_sha256"],
        "seed": pins["seed"],
        "size": pins["size"],
        "vetoed": harvest.vetoed,
        "thresholds": pins["thresholds"],
        "version": pins["version"],
    }


def _warn(wanted: int, accepted: int) -> None:
    log = get_logger("export")
    if wanted == 0:
        log.warning("the real films lack no malignant one at this ratio: no synthetic film is exported")
    elif accepted < wanted:
        log.warning(
            f"the classes stay out of balance: found {accepted} accepted films, needed {wanted}; "
            "generate more pairs, or ask for a smaller --ratio"
        )
