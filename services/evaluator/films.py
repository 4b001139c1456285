"""The films that a run was made from, looked up in its data set, as far as that is still there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.dataset import Dataset, Label, Split
from shared.errors import MammosynthError
from shared.images import Film, Mask
from shared.record import Source


@dataclass(frozen=True)
class OriginalFilms:
    """Films of the data set, or the reason why there are none."""

    dataset: Dataset | None
    problem: str
    """What is wrong with the data set; empty if nothing is."""

    @classmethod
    def open(cls, given: Path | None, options: Mapping[str, Any], dataset_sha256: str) -> "OriginalFilms":
        """Open the data set that was given, else the one that the run was started with, if it is there.

        Raises:
            DatasetError: if one was given that cannot be read.

        """
        path = given or (Path(str(options["dataset"])) if options.get("dataset") else None)
        if path is None:
            return cls(None, "The run does not say where its data set lies. Give it with --dataset.")
        try:
            dataset = Dataset.open(path)
        except MammosynthError as error:
            if given is not None:
                raise
            return cls(None, f"The data set cannot be read: {error.message}. Give it with --dataset.")
        if dataset.sha256 != dataset_sha256:
            return cls(
                dataset,
                f"The data set at {path} is not the one that the run was started with. "
                "Only films whose pixels are those of the records are shown.",
            )
        return cls(dataset, "")

    def count(self, label: Label) -> int | None:
        """Films of a label that the run could draw from; None where the run's own data set is not there."""
        if self.dataset is None or self.problem:
            return None
        return len(self.dataset.select(split=Split.GENERATION, label=label))

    def film(self, source: Source) -> tuple[Film, Mask] | None:
        """Pixels and breast mask of a film, each (size, size); None where it is not there or is another one."""
        if self.dataset is None:
            return None
        try:
            if self.dataset.film(source.image_id).sha256 != source.sha256:
                return None
            return self.dataset.pixels(source.image_id), self.dataset.mask(source.image_id)
        except MammosynthError:
            return None

    def about(self, source: Source) -> str:
        """Source, side and view of a film, as far as they are known."""
        if self.dataset is None:
            return ""
        try:
            entry = self.dataset.film(source.image_id)
        except MammosynthError:
            return ""
        return ", ".join(part for part in (entry.source, str(entry.laterality), entry.view, entry.pathology) if part)
