"""`mammosynth dataset prepare`: a folder of films and a table become a prepared data set."""

import csv
import hashlib
import io
from collections.abc import Sequence
from functools import partial

from services.curator.catalogue import Catalogue, make_catalogue
from services.curator.configuration import PrepareConfiguration
from services.curator.merging import MergedFilm, merge_identical, patients_together
from services.curator.preparation import FilmPreparation, PreparedFilm, SkippedFilm, name_images
from services.curator.pseudonyms import Pseudonyms, write_way_back
from services.curator.split import PatientFilm, split_patients
from services.curator.summary import print_counts
from services.curator.table import TableFilm
from services.curator.workers import map_in_processes
from shared.dataset import Dataset, DatasetWriter, Film, Split
from shared.errors import ConfigurationError, DatasetError, SkippedFilesError
from shared.files import write_atomically
from shared.log import get_logger
from shared.progress import progress


def run(configuration: PrepareConfiguration) -> None:
    """Prepare a data set from a folder of images and a table of patients and pathologies."""
    if not configuration.images.is_dir():
        raise ConfigurationError(f"--images: found no folder {configuration.images}, needed a folder of films")
    key = configuration.pseudonymise
    pseudonyms = Pseudonyms.read(key, dataset=configuration.output) if key else None
    catalogue = make_catalogue(configuration, pseudonyms)
    _split(configuration, catalogue.films)
    if key:
        write_way_back(key, catalogue.way_back)
    preparation = FilmPreparation(
        images=configuration.images,
        writer=_begin(configuration, pseudonyms),
        size=configuration.size,
        mirror_right=configuration.mirror_right,
        aspect_ratio=configuration.width_to_height,
        bits=configuration.bits,
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


def _begin(configuration: PrepareConfiguration, pseudonyms: Pseudonyms | None) -> DatasetWriter:
    """Begin or continue the data set; everything that decides what is in it stands in its options."""
    options = configuration.model_dump(
        mode="json",
        include={"aspect_ratio", "mirror_right", "bits", "without_callback", "source", "test", "test_share"},
    )
    options["table_sha256"] = hashlib.sha256(configuration.table.read_bytes()).hexdigest()
    if pseudonyms is not None:
        options["pseudonyms"] = pseudonyms.fingerprint
    return DatasetWriter(configuration.output, size=configuration.size, options=options, seed=configuration.seed)


def _split(
    configuration: PrepareConfiguration, entries: Sequence[TableFilm], together: Sequence[tuple[str, str]] = ()
) -> dict[str, Split]:
    return split_patients(
        [PatientFilm(entry.patient_id, entry.source, entry.label) for entry in entries],
        seed=configuration.seed,
        test_share=configuration.test_share if configuration.test == "share" else 0.0,
        together=together,
    )


def _prepare_all(configuration: PrepareConfiguration, preparation: FilmPreparation, catalogue: Catalogue) -> int:
    """Prepare what is missing and finish the data set; returns how many files were skipped."""
    names = name_images(catalogue.films)
    recalled = {path: preparation.recall(image_id) for path, image_id in names.items()}
    prepared = [film for film in recalled.values() if film is not None]
    missing = [(catalogue.files[path], names[path]) for path, film in recalled.items() if film is None]
    skipped = list(catalogue.skipped)
    prepare = partial(_prepare_one, preparation)
    with progress("preparing films", total=len(names), done=len(prepared)) as shown:
        for film in map_in_processes(prepare, missing, workers=configuration.workers):
            if isinstance(film, SkippedFilm):
                skipped.append(film)
                shown.advance(note=f"skipped {film.path}: {film.reason}")
            else:
                prepared.append(film)
                shown.advance(note=film.image_id)
    _write_skipped(configuration, skipped)
    if not prepared:
        raise DatasetError(f"{configuration.images}: no film could be prepared; {skipped[0].path}: {skipped[0].reason}")
    merged = merge_identical(prepared, {film.path: film for film in catalogue.films})
    for one in merged:
        for other in one.others:
            preparation.writer.discard_film(names[other.path])
    splits = _split(configuration, [film.entry for film in merged], patients_together(merged))
    preparation.writer.finish(
        [_row(one, splits[one.entry.patient_id]) for one in merged],
        merged=sum(len(one.others) for one in merged),
        skipped=len(skipped),
        notes={"merged_films": {one.entry.path: [other.path for other in one.others] for one in merged if one.others}},
    )
    preparation.forget()
    return len(skipped)


def _prepare_one(preparation: FilmPreparation, film: tuple[str, str]) -> PreparedFilm | SkippedFilm:
    return preparation.prepare(*film)


def _restore(configuration: PrepareConfiguration, preparation: FilmPreparation, catalogue: Catalogue) -> int:
    """Prepare films again that a complete data set has lost; returns how many files were skipped before."""
    dataset = Dataset.open(configuration.output)
    for film in dataset.films:
        if preparation.writer.has_film(film.image_id):
            continue
        again = preparation.prepare(catalogue.files.get(film.origin.path, film.origin.path), film.image_id)
        if isinstance(again, SkippedFilm) or again.sha256 != film.sha256:
            reason = again.reason if isinstance(again, SkippedFilm) else "its file has changed"
            raise DatasetError(f"{film.image_id}: lost, and cannot be made again from {film.origin.path}: {reason}")
    preparation.writer.finish(
        dataset.films,
        merged=dataset.info["merged"],
        skipped=dataset.info["skipped"],
        notes={"merged_films": dataset.info["merged_films"]},
    )
    preparation.forget()
    return int(dataset.info["skipped"])


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
    )


def _write_skipped(configuration: PrepareConfiguration, skipped: Sequence[SkippedFilm]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("path", "reason"))
    writer.writerows((film.path, film.reason) for film in sorted(skipped, key=lambda film: film.path))
    write_atomically(configuration.output / "skipped.csv", buffer.getvalue().encode())
