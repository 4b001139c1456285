"""`mammosynth dataset prepare`: films of every source become one prepared data set."""

import csv
import io
from collections.abc import Sequence
from functools import partial
from typing import Any

from services.curator.catalogue import Catalogue, make_catalogue
from services.curator.configuration import PrepareConfiguration
from services.curator.entry import Entry, SkippedFilm
from services.curator.merging import MergedFilm, merge_identical, patients_together
from services.curator.preparation import FilmPreparation, PreparedFilm, name_images
from services.curator.pseudonyms import Pseudonyms, write_way_back
from services.curator.source import SourceFilm
from services.curator.split import PatientFilm, split_patients
from services.curator.summary import print_counts
from services.curator.workers import count_workers, map_in_processes
from shared.dataset import Dataset, DatasetWriter, Film, Split
from shared.errors import DatasetError, SkippedFilesError
from shared.files import write_atomically
from shared.log import get_logger
from shared.progress import progress

# That a process needs at most for films of 75 MB, with room to spare.
_MEMORY = 1 << 30


def run(configuration: PrepareConfiguration) -> None:
    """Prepare a data set from every source that is given."""
    key = configuration.pseudonymise
    pseudonyms = Pseudonyms.read(key, dataset=configuration.output) if key else None
    catalogue = make_catalogue(configuration, pseudonyms)
    _split(configuration, catalogue.entries)
    if key:
        write_way_back(key, catalogue.way_back)
    preparation = FilmPreparation(
        writer=_begin(configuration, catalogue, pseudonyms),
        size=configuration.size,
        mirror_right=configuration.mirror_right,
        keep_original=configuration.keep_original,
        pseudonyms=pseudonyms,
    )
    if (configuration.output / "dataset.json").exists():
        skipped = _restore(configuration, preparation, catalogue)
    else:
        skipped = _prepare_all(configuration, preparation, catalogue)
    dataset = Dataset.open(configuration.output)
    print_counts(dataset)
    get_logger("curator").info(
        "data set is complete",
        path=str(configuration.output),
        films=len(dataset.films),
        merged=dataset.info["merged"],
        skipped=skipped,
    )
    if skipped and configuration.strict:
        raise SkippedFilesError(f"{skipped} files were skipped; see {configuration.output / 'skipped.csv'}")


def _begin(configuration: PrepareConfiguration, catalogue: Catalogue, pseudonyms: Pseudonyms | None) -> DatasetWriter:
    """Begin or continue the data set; everything that decides what is in it stands in its options."""
    options = configuration.model_dump(
        mode="json",
        include={"aspect_ratio", "mirror_right", "bits", "without_callback", "source", "test", "test_share"},
    )
    options |= catalogue.options
    if options["test"] == "official" and not any(entry.official_split for entry in catalogue.entries):
        # So it is then, and so it was called before there were sources with a list of their own.
        options["test"] = "share"
    if configuration.keep_original:
        options["keep_original"] = True
    if pseudonyms is not None:
        options["pseudonyms"] = pseudonyms.fingerprint
    return DatasetWriter(
        configuration.output,
        size=configuration.size,
        options=options,
        seed=configuration.seed,
        originals=configuration.keep_original,
    )


def _split(
    configuration: PrepareConfiguration, entries: Sequence[Entry], together: Sequence[tuple[str, str]] = ()
) -> dict[str, Split]:
    return split_patients(
        [
            PatientFilm(
                entry.patient_id,
                entry.source,
                entry.label,
                official_test=configuration.test == "official" and "test" in entry.official_split,
            )
            for entry in entries
        ],
        seed=configuration.seed,
        test_share=configuration.test_share if configuration.test != "none" else 0.0,
        together=together,
    )


def _prepare_all(configuration: PrepareConfiguration, preparation: FilmPreparation, catalogue: Catalogue) -> int:
    """Prepare what is missing and finish the data set; returns how many files were skipped."""
    names = name_images(catalogue.entries)
    recalled = {path: preparation.recall(image_id) for path, image_id in names.items()}
    prepared = [film for film in recalled.values() if film is not None]
    missing = [(catalogue.films[path], names[path]) for path, film in recalled.items() if film is None]
    skipped = list(catalogue.skipped)
    prepare = partial(_prepare_one, preparation)
    with progress("preparing films", total=len(names), done=len(prepared)) as shown:
        workers = configuration.workers or count_workers(memory=_MEMORY)
        for film in map_in_processes(prepare, missing, workers=workers):
            if isinstance(film, SkippedFilm):
                skipped.append(film)
                shown.advance(note=f"skipped {film.path}: {film.reason}")
            else:
                prepared.append(film)
                shown.advance(note=film.image_id)
    _write_skipped(configuration, skipped)
    if not prepared:
        raise DatasetError(f"no film could be prepared; {skipped[0].path}: {skipped[0].reason}")
    merged = merge_identical(prepared, {entry.path: entry for entry in catalogue.entries})
    for one in merged:
        for other in one.others:
            preparation.writer.discard_film(names[other.path])
    splits = _split(configuration, [film.entry for film in merged], patients_together(merged))
    preparation.writer.finish(
        [_row(one, splits[one.entry.patient_id]) for one in merged],
        merged=sum(len(one.others) for one in merged),
        skipped=len(skipped),
        notes=dict(catalogue.notes) | _notes(prepared, merged),
    )
    preparation.forget()
    return len(skipped)


def _notes(prepared: Sequence[PreparedFilm], merged: Sequence[MergedFilm]) -> dict[str, Any]:
    remarks = {film.origin.path: list(film.remarks) for film in prepared if film.remarks}
    return {
        "merged_films": {one.entry.path: [other.path for other in one.others] for one in merged if one.others},
        "remarks": dict(sorted(remarks.items())),
    }


def _prepare_one(preparation: FilmPreparation, film: tuple[SourceFilm, str]) -> PreparedFilm | SkippedFilm:
    return preparation.prepare(*film)


def _restore(configuration: PrepareConfiguration, preparation: FilmPreparation, catalogue: Catalogue) -> int:
    """Prepare films again that a complete data set has lost; returns how many files were skipped before."""
    dataset = Dataset.open(configuration.output)
    for film in dataset.films:
        if preparation.writer.has_film(film.image_id):
            continue
        source = catalogue.films.get(film.origin.path)
        gone = SkippedFilm(path=film.origin.path, reason="no source has it")
        again = preparation.prepare(source, film.image_id) if source else gone
        if isinstance(again, SkippedFilm) or _hashes(again) != _hashes(film):
            reason = again.reason if isinstance(again, SkippedFilm) else "its file has changed"
            raise DatasetError(f"{film.image_id}: lost, and cannot be made again from {film.origin.path}: {reason}")
    preparation.writer.finish(
        dataset.films, merged=dataset.info["merged"], skipped=dataset.info["skipped"], notes=dataset.notes
    )
    preparation.forget()
    return int(dataset.info["skipped"])


def _hashes(film: PreparedFilm | Film) -> tuple[str, str]:
    return film.sha256, film.original_sha256


def _row(film: MergedFilm, split: Split) -> Film:
    entry = film.entry
    return Film(
        image_id=film.prepared.image_id,
        patient_id=entry.patient_id,
        source=entry.source,
        laterality=entry.laterality,
        view=entry.view,
        pathology=entry.pathology,
        label=entry.label,
        split=split,
        sha256=film.prepared.sha256,
        origin=film.prepared.origin,
        lesions=film.lesions,
        subset=entry.subset,
        official_split=entry.official_split,
        flags=film.prepared.flags,
        original_sha256=film.prepared.original_sha256,
    )


def _write_skipped(configuration: PrepareConfiguration, skipped: Sequence[SkippedFilm]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("path", "reason"))
    writer.writerows((film.path, film.reason) for film in sorted(skipped, key=lambda film: film.path))
    write_atomically(configuration.output / "skipped.csv", buffer.getvalue().encode())
