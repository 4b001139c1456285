"""What can be wrong with a prepared data set."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from services.curator.identity import find_leaks, hidden_chunks, sum_up_flags
from services.curator.source_bias import MOST_AUC_FROM_SOURCE, source_and_subset, source_auc, source_of
from shared.dataset import Dataset, Film, Label, Split
from shared.errors import DatasetError
from shared.images import sha256_pixels

_LEAST_MASK_SHARE = 0.01
_MOST_MASK_SHARE = 0.98
_FEWEST_OF_ONE_LABEL = 10


class Severity(StrEnum):
    """How bad a problem is."""

    ERROR = "error"
    """The data set must not be used."""
    WARNING = "warning"
    """Somebody should look."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a data set."""

    severity: Severity
    where: str
    """image_id, split, source or patient."""
    what: str


def check_film(dataset: Dataset, film: Film) -> list[Problem]:
    """Read a film and its mask, and compare them with what the table says."""
    try:
        pixels, mask = dataset.pixels(film.image_id), dataset.mask(film.image_id)
    except DatasetError as error:
        return [Problem(Severity.ERROR, film.image_id, error.message)]
    problems = []
    hidden = hidden_chunks(dataset.path / "images" / f"{film.image_id}.png")
    if hidden:
        said = f"film's file holds more than pixels: {', '.join(hidden)}"
        problems.append(Problem(Severity.WARNING, film.image_id, said))
    found = sha256_pixels(pixels)
    if found != film.sha256:
        problems.append(
            Problem(
                Severity.ERROR, film.image_id, f"pixels have changed: sha256 {found[:12]}…, needed {film.sha256[:12]}…"
            )
        )
    share = float(mask.mean())
    if share == 0:
        problems.append(Problem(Severity.ERROR, film.image_id, "mask is empty"))
    elif not _LEAST_MASK_SHARE <= share <= _MOST_MASK_SHARE:
        problems.append(Problem(Severity.WARNING, film.image_id, f"mask covers {share:.1%} of the film"))
    if pixels[~mask].any():
        problems.append(Problem(Severity.WARNING, film.image_id, "film is not black outside its mask"))
    if mask.any() and float(np.ptp(pixels[mask])) == 0:
        problems.append(Problem(Severity.WARNING, film.image_id, "film is even inside its mask"))
    return problems + (_check_original(dataset, film) if film.original_sha256 else [])


def _check_original(dataset: Dataset, film: Film) -> list[Problem]:
    """Read a film at its own resolution, and compare it with what the table says."""
    try:
        pixels, mask = dataset.original(film.image_id), dataset.original_mask(film.image_id)
    except DatasetError as error:
        return [Problem(Severity.ERROR, film.image_id, f"original: {error.message}")]
    found, needed = sha256_pixels(pixels), film.original_sha256
    if found != needed:
        said = f"original: pixels have changed: sha256 {found[:12]}…, needed {needed[:12]}…"
        return [Problem(Severity.ERROR, film.image_id, said)]
    if mask.shape != pixels.shape:
        said = f"original: mask has {mask.shape} pixels, the film {pixels.shape}"
        return [Problem(Severity.ERROR, film.image_id, said)]
    if pixels[~mask].any():
        return [Problem(Severity.WARNING, film.image_id, "original: film is not black outside its mask")]
    return []


def check_table(films: Sequence[Film]) -> list[Problem]:
    """Compare films with one another: splits, classes, sources, repeated films."""
    return [*_patients(films), *_classes(films), *_sources(films), *_repeated(films)]


def check_folder(dataset: Dataset) -> list[Problem]:
    """Compare the table with `dataset.json` and with the files beside it."""
    pseudonymised = "pseudonyms" in dataset.info.get("options", {})
    problems = [
        Problem(Severity.WARNING, where, what)
        for where, what in (*find_leaks(dataset.films, pseudonymised=pseudonymised), *sum_up_flags(dataset.films))
    ]
    stated = dataset.info.get("films")
    if stated != len(dataset.films):
        problems.append(
            Problem(Severity.ERROR, "dataset.json", f"tells of {stated} films, dataset.parquet of {len(dataset.films)}")
        )
    known = {f"{film.image_id}.png" for film in dataset.films}
    for folder in ("images", "masks", "originals", "original-masks"):
        strays = sorted(path.name for path in (dataset.path / folder).glob("*") if path.name not in known)
        if strays:
            problems.append(
                Problem(Severity.WARNING, folder, f"{len(strays)} files are not in the table, such as {strays[0]}")
            )
    return problems


def _patients(films: Sequence[Film]) -> Iterator[Problem]:
    splits: dict[str, set[Split]] = defaultdict(set)
    for film in films:
        splits[film.patient_id].add(film.split)
    for patient, found in sorted(splits.items()):
        if len(found) > 1:
            yield Problem(Severity.ERROR, patient, f"patient stands in {len(found)} splits: {', '.join(sorted(found))}")


def _classes(films: Sequence[Film]) -> Iterator[Problem]:
    present = {film.split for film in films}
    counts = Counter((film.split, film.label) for film in films)
    for split in Split:
        if split not in present:
            if split is not Split.TEST:
                yield Problem(Severity.ERROR, split, "split is empty")
            continue
        for label in Label:
            if not counts[split, label]:
                yield Problem(Severity.ERROR, split, f"split has no {label} film")


def _sources(films: Sequence[Film]) -> Iterator[Problem]:
    """Warn when a model could guess the label from where a film comes from."""
    by_source: dict[str, Counter[Label]] = defaultdict(Counter)
    for film in films:
        by_source[film.source][film.label] += 1
    for name, by in (("source", source_of), ("subset", source_and_subset)):
        auc = source_auc(films, by=by)
        if auc > MOST_AUC_FROM_SOURCE:
            yield Problem(Severity.WARNING, name, f"{name} predicts the label: AUC {auc:.2f} from the {name} alone")
            break
    if len(by_source) < 2:
        return
    for source, counts in sorted(by_source.items()):
        if len(counts) == 1 and counts.total() >= _FEWEST_OF_ONE_LABEL:
            yield Problem(
                Severity.WARNING, source, f"all {counts.total()} films of the source are {next(iter(counts))}"
            )


def _repeated(films: Sequence[Film]) -> Iterator[Problem]:
    same: dict[str, list[Film]] = defaultdict(list)
    for film in films:
        same[film.sha256].append(film)
    for group in same.values():
        if len(group) > 1:
            apart = len({film.split for film in group}) > 1
            names = ", ".join(film.image_id for film in group)
            where = "in different splits" if apart else "in one split"
            yield Problem(
                Severity.ERROR if apart else Severity.WARNING, group[0].image_id, f"same film {where}: {names}"
            )
