"""The films of an uplift, read once into one table: real ones, those of the run, and controls."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.evaluator.configuration import Control
from services.evaluator.film_sets import outputs
from services.evaluator.films import OriginalFilms
from services.evaluator.run_directory import RunDirectory
from services.evaluator.uplift.arms import Films, Indices
from shared.dataset import Dataset, Label, Split
from shared.errors import DatasetError
from shared.images import Film, Mask, sha256_pixels, to_uint16
from shared.progress import progress


@dataclass
class Table:
    """Films of one size, in the order in which they were added."""

    pixels: list[NDArray[np.uint16]] = field(default_factory=list)
    masks: list[Mask] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)
    """Of each film's pixels and mask."""

    def add(self, film: Film, mask: Mask, patient: str) -> int:
        """Add a film, float32 (S, S) in [0, 1], with its breast mask, bool (S, S); returns its index."""
        identity = hashlib.sha256(sha256_pixels(film).encode() + np.packbits(mask).tobytes()).hexdigest()
        self.pixels.append(to_uint16(film))
        self.masks.append(mask)
        self.patients.append(patient)
        self.sha256.append(identity)
        return len(self.pixels) - 1

    def digest(self, indices: Iterable[int]) -> str:
        """Hash over some films, in their order."""
        return hashlib.sha256("".join(self.sha256[index] for index in indices).encode()).hexdigest()


@dataclass(frozen=True)
class Gathered:
    """All films of an uplift."""

    table: Table
    films: Films
    """Those to learn from."""
    validation: Indices
    test: Indices
    malignant: NDArray[np.bool_]
    """What each film of the table is labelled in the arms that hold it."""
    vetoed: int
    """Accepted films that people do not want, left out."""
    accepted: int
    twins_accepted: int

    @property
    def learnt(self) -> Indices:
        """Indices of all films that some arm may learn from."""
        parts = (self.films.benign, self.films.malignant, self.films.synthetic, self.films.placebo)
        return np.unique(np.concatenate(parts))


def gather(
    directory: RunDirectory,
    originals: OriginalFilms,
    dataset: Dataset,
    *,
    control: Control,
    amount: float,
    ratio: float,
    seed: int,
) -> Gathered:
    """Read every film.

    Args:
        directory: the run.
        originals: the run's data set, for the contents' masks.
        dataset: the same.
        control: what stands in for the run's films.
        amount: the largest of real malignant films, in per cent; random films are made for it.
        ratio: the largest of added films.
        seed: of the controls.

    Raises:
        DatasetError: if a film cannot be read, a veto is broken, or a split lacks a class.

    """
    table = Table()
    labels: dict[int, bool] = {}
    real = {split: _read(dataset, split, table, labels) for split in Split}
    learnt = np.concatenate([real[Split.TRAIN], real[Split.GENERATION]])
    malignant = _of_class(learnt, labels, malignant=True)
    benign = _of_class(learnt, labels, malignant=False)
    styles: dict[int, str] = {}
    if control is Control.NONE:
        kept = outputs(directory, originals, directory.kept)
        for record, item, _ in kept:
            styles[table.add(item.film, item.mask, item.patient)] = record.style.patient_id
    synthetic = np.array(sorted(styles), dtype=np.intp)
    if control is Control.RANDOM:
        # An amount ends with a whole patient, so that it may be a few films more than its share.
        largest = max(np.unique(np.array(table.patients)[malignant], return_counts=True)[1].tolist())
        count = math.ceil(ratio * (amount / 100 * len(malignant) + largest))
        synthetic = _noise(table, benign, count=count, seed=seed)
    patients = np.array(table.patients)
    if control is Control.BENIGN:
        taken = np.isin(
            patients[benign], np.random.default_rng([seed, 5]).permutation(np.unique(patients[benign]))[::2]
        )
        synthetic, benign = benign[taken], benign[~taken]
    twins = [record for record in directory.twins if record.accepted]
    placebo = [table.add(item.film, item.mask, item.patient) for _, item, _ in outputs(directory, originals, twins)]
    patients = np.array(table.patients)
    truth = np.array([labels.get(index, True) for index in range(len(patients))], dtype=np.bool_)
    truth[synthetic] = True
    first = patients[_of_class(real[Split.GENERATION], labels, malignant=True)]
    films = Films(
        benign=benign,
        malignant=malignant,
        patients=patients,
        first=frozenset(first.tolist()),
        synthetic=synthetic,
        styles=styles,
        placebo=np.array(placebo, dtype=np.intp),
        held_back=control is Control.MALIGNANT,
    )
    return Gathered(
        table=table,
        films=films,
        validation=real[Split.VALIDATION],
        test=real[Split.TEST],
        malignant=truth,
        vetoed=len(directory.vetoes),
        accepted=len(directory.accepted),
        twins_accepted=len(twins),
    )


def _read(dataset: Dataset, split: Split, table: Table, labels: dict[int, bool]) -> Indices:
    entries = dataset.select(split=split)
    if len({entry.label for entry in entries}) < 2:
        raise DatasetError(f"{dataset.path}: the split {split} lacks a class: benign and malignant films are needed")
    indices = []
    with progress(f"reading {split} films", total=len(entries)) as reporter:
        for entry in entries:
            index = table.add(dataset.pixels(entry.image_id), dataset.mask(entry.image_id), entry.patient_id)
            labels[index] = entry.label is Label.MALIGNANT
            indices.append(index)
            reporter.advance()
    return np.array(indices, dtype=np.intp)


def _of_class(indices: Sequence[int] | Indices, labels: dict[int, bool], *, malignant: bool) -> Indices:
    return np.array([index for index in indices if labels[int(index)] is malignant], dtype=np.intp)


def _noise(table: Table, benign: Indices, *, count: int, seed: int) -> Indices:
    """Grey levels drawn evenly, inside the masks of benign films in turn."""
    added = []
    for number in range(count):
        source = int(benign[number % len(benign)])
        mask = table.masks[source]
        noise = np.random.default_rng([seed, 4, number]).random(mask.shape, dtype=np.float32)
        added.append(table.add(np.where(mask, noise, np.float32(0)), mask, table.patients[source]))
    return np.array(added, dtype=np.intp)
