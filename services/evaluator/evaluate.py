"""`mammosynth evaluate`: how far a run's films are from real ones, how diverse they are, and which are near copies."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from services.evaluator import evaluation
from services.evaluator.configuration import EvaluateConfiguration
from services.evaluator.distances.floor import FEWEST as FEWEST_A_SIDE
from services.evaluator.distances.floor import sample_size
from services.evaluator.distances.frechet import Features
from services.evaluator.distances.radiomics import radiomic_features
from services.evaluator.diversity import FEWEST, MOST, diversity
from services.evaluator.evaluation_summary import print_summary
from services.evaluator.film_sets import SetFilm, outputs, real_films
from services.evaluator.films import OriginalFilms
from services.evaluator.measures import INCEPTION, RADIOMICS, measure, moved, standardise
from services.evaluator.near_copies.fingerprints import stack
from services.evaluator.near_copies.search import Neighbours, Output, RealFilms, between_patients, copy_bound, search
from services.evaluator.run_directory import RunDirectory
from services.evaluator.selection import spread
from shared.dataset import Dataset, Label
from shared.errors import ConfigurationError, DatasetError
from shared.images import Film, resize_film
from shared.log import get_logger
from shared.progress import progress
from shared.store import Store

if TYPE_CHECKING:
    from services.evaluator.distances.inception import InceptionFeatures

_SSIM_SIDE = 256


def run(configuration: EvaluateConfiguration) -> int:
    """Evaluate a run, complete or not, into its run directory; returns the exit code, 0.

    Films that people vetoed have no part in it.

    Raises:
        NotFoundError: if there is no run.
        DatasetError: if the run, or its data set, cannot be read.
        WeightsNotFoundError: if the Inception network was asked for and its weights are not there.
        ModelError: if its weights are another network's.
        ConfigurationError: if torch, which it needs, is not installed.

    """
    started = time.monotonic()
    directory = RunDirectory.open(Store(configuration.run))
    originals = OriginalFilms.open(configuration.dataset, directory.options, directory.pins["dataset_sha256"])
    if originals.dataset is None or originals.problem:
        raise DatasetError(originals.problem)
    network = None
    if configuration.inception:
        network = _network(configuration.inception)
    gathered = _Gathered(directory, originals, originals.dataset, configuration)
    sets, real = gathered.radiomics()
    scaled, scaled_real = standardise(sets, real)
    settings = {"draws": configuration.draws, "seed": configuration.seed}
    comparisons = measure(RADIOMICS, scaled, scaled_real, gathered.patients, **settings)
    if network is not None:
        deep, deep_real = gathered.measured_by(network)
        comparisons += measure(INCEPTION, deep, deep_real, gathered.patients, **settings)
    neighbours, copies = gathered.near_copies()
    summary = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version("mammosynth"),
        "accepted": len(directory.accepted),
        "vetoed": len(directory.vetoes),
        "films_digest": evaluation.films_digest(directory.kept),
        "dataset_sha256": originals.dataset.sha256,
        "options": {**settings, "films": configuration.films, "smallest_change": configuration.smallest_change},
        "inception": network and {"name": network.name, "sha256": network.sha256},
        "comparisons": comparisons,
        "moved_features": moved(sets, real, gathered.feature_names),
        "diversity": gathered.diversity(),
        "near_copies": copies,
        "seconds": round(time.monotonic() - started, 1),
    }
    evaluation.write(directory.store, summary, neighbours)
    print_summary(summary, Console())
    return 0


def _network(source: str) -> "InceptionFeatures":
    try:
        # torch takes seconds to import, and only this measure needs it.
        from services.evaluator.distances.inception import load_inception  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(f"--inception: needs the extra `inception` to be installed: {error}") from error
    return load_inception(source)


def _shown(films: Sequence[SetFilm], name: str) -> Iterable[Film]:
    with progress(f"Inception, {name}", total=len(films)) as reporter:
        for item in films:
            yield item.film
            reporter.advance()


class _Gathered:
    """The films of an evaluation, read once."""

    def __init__(
        self, run: RunDirectory, originals: OriginalFilms, dataset: Dataset, configuration: EvaluateConfiguration
    ) -> None:
        self._configuration = configuration
        self._dataset = dataset
        self._outputs = outputs(run, originals, run.kept)
        placebo = outputs(run, originals, [record for record in run.twins if record.accepted])
        most = configuration.films
        accepted = [item for _, item, _ in self._outputs]
        self.films = {
            "accepted": spread(accepted, most),
            "contents": spread(_contents(self._outputs), most),
            "placebo": spread([item for _, item, _ in placebo], most),
        }
        """By the names of the sets."""
        self.malignant = spread(list(real_films(dataset, label=Label.MALIGNANT)), most)
        self.patients = [item.patient for item in self.malignant]
        self.feature_names: list[str] = []

    def radiomics(self) -> tuple[dict[str, Features], Features]:
        """Features of each set that has films, and of real malignant films."""
        if not self.malignant:
            raise DatasetError(f"{self._dataset.path}: found no malignant film outside the split test, needed some")
        sets = {name: self._measured(films, name) for name, films in self.films.items() if films}
        return sets, self._measured(self.malignant, "real malignant")

    def measured_by(self, network: "InceptionFeatures") -> tuple[dict[str, Features], Features]:
        """The same by a network; sets that are too small for a number are counted, not measured."""
        real_count = len(self.malignant)
        enough = {name: sample_size(len(films), real_count) >= FEWEST_A_SIDE for name, films in self.films.items()}
        sets = {
            name: network(_shown(films, name)) if enough[name] else np.zeros((len(films), 1))
            for name, films in self.films.items()
            if films
        }
        if not any(enough.values()):
            return sets, np.zeros((real_count, 1))
        return sets, network(_shown(self.malignant, "real malignant"))

    def _measured(self, films: Sequence[SetFilm], name: str) -> Features:
        rows = []
        with progress(f"radiomic features, {name}", total=len(films)) as reporter:
            for item in films:
                measured = radiomic_features(item.film, item.mask)
                self.feature_names = list(measured)
                rows.append(list(measured.values()))
                reporter.advance()
        return np.array(rows, dtype=np.float64)

    def diversity(self) -> list[dict[str, Any]]:
        """Similarity within accepted films, and within as many real malignant ones."""
        count = min(MOST, len(self.films["accepted"]), len(self.malignant))
        rows: list[dict[str, Any]] = []
        for name, films in (("accepted", self.films["accepted"]), ("real", self.malignant)):
            chosen = spread(films, count)
            side = min(_SSIM_SIDE, self._dataset.size)
            small = [resize_film(item.film, side, side) for item in chosen]
            with progress(f"structural similarity, {name}", total=len(small)) as reporter:
                found = diversity(small, seed=self._configuration.seed, advance=reporter.advance)
            few = f"Too few films to say anything: {count} of each kind to compare; {FEWEST} are needed."
            sentence = "" if found else few
            rows.append({"name": name, "films": len(films), "result": found and asdict(found), "sentence": sentence})
        return rows

    def near_copies(self) -> tuple[list[Neighbours], dict[str, Any]]:
        """Neighbours of each accepted film among all real films but those of the split test."""
        names, patients, prints = [], [], []
        total = sum(1 for _ in self._dataset.films)
        with progress("fine structure of real films", total=total) as reporter:
            for item in real_films(self._dataset):
                names.append(item.name)
                patients.append(item.patient)
                prints.append(stack([item.film])[0])
                reporter.advance()
        real = RealFilms(tuple(names), tuple(patients), np.stack(prints))
        nearest = between_patients(real)
        bound = copy_bound(nearest)
        described = [
            Output(
                pair=record.pair,
                content=record.content.image_id,
                style=record.style.image_id,
                change=float(np.abs(item.film - content)[item.mask].mean()),
            )
            for record, item, content in self._outputs
        ]
        smallest = self._configuration.smallest_change
        found: list[Neighbours] = []
        if described:
            prints_of_outputs = stack(item.film for _, item, _ in self._outputs)
            found = search(described, prints_of_outputs, real, bound=bound, smallest_change=smallest)
        for near in found:
            if near.copied or near.unchanged:
                get_logger("evaluate").warning("near copy", pair=near.pair, copied=near.copied, nearest=near.nearest)
        return found, _summed_up(found, nearest, bound, smallest, real_count=len(names))


def _contents(found: Iterable[tuple[Any, SetFilm, Film]]) -> list[SetFilm]:
    """Each content once, as it was."""
    unique = {
        record.content.image_id: SetFilm(record.content.image_id, item.patient, content, item.mask)
        for record, item, content in found
    }
    return list(unique.values())


def _summed_up(
    found: Sequence[Neighbours], nearest: Any, bound: float, smallest: float, *, real_count: int
) -> dict[str, Any]:
    finite = nearest[np.isfinite(nearest)]
    percentiles = (0, 1, 5, 25, 50, 75, 95, 99, 100)
    floor = {str(at): float(np.percentile(finite, at)) for at in percentiles} if finite.size else {}
    return {
        "films": len(found),
        "real": real_count,
        "bound": bound,
        "smallest_change": smallest,
        "between_patients": floor,
        "copied": [item.pair for item in found if item.copied],
        "unchanged": [item.pair for item in found if item.unchanged],
    }
