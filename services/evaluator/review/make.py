"""`mammosynth review make`: a folder for readers, and the key that stays in the run.

review.html       the page
dicom/0001.dcm    the films, with --dicom
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from services.evaluator.configuration import ReviewMakeConfiguration
from services.evaluator.films import OriginalFilms
from services.evaluator.review.alike import encode_alike, load_film
from services.evaluator.review.arrangement import arrange
from services.evaluator.review.choice import Candidate, choose_real, choose_synthetic, same_breasts
from services.evaluator.review.draw import rank, secret_of
from services.evaluator.review.page import render
from services.evaluator.review.study import Kind, Study, StudyFilm
from services.evaluator.run_directory import RunDirectory
from shared.dataset import Dataset
from shared.errors import ConfigurationError, DatasetError
from shared.files import write_atomically
from shared.log import get_logger
from shared.progress import progress
from shared.record import PairRecord
from shared.store import Store

PAGE = "review.html"
_LARGEST_PAGE = 400_000_000


def run(configuration: ReviewMakeConfiguration) -> int:
    """Write the key, and the folder for the readers; returns the exit code, 0.

    The same command writes the same bytes, also after it was killed.

    Raises:
        NotFoundError: if there is no run.
        DatasetError: if nothing was accepted, a film or the run's data set is not there, or its vetoes are broken.
        ConfigurationError: if the folder holds anything else, or the page would be too large for a browser.
        UnavailableError: if the key cannot be written, or object storage does not answer.

    """
    directory = RunDirectory.open(Store(configuration.run))
    for problem in directory.unreadable:
        get_logger("review").warning(problem)
    originals = OriginalFilms.open(configuration.dataset, directory.options, directory.pins["dataset_sha256"])
    if originals.dataset is None or originals.problem:
        raise DatasetError(originals.problem)
    study = make_study(directory, originals.dataset, configuration)
    output = configuration.output or _folder_beside(directory.store)
    _check_size(study, min(configuration.picture_size, directory.pins["size"]))
    names = [f"dicom/{item.number:04d}.dcm" for item in study.items] if configuration.dicom else []
    _check_folder(output, directory.store.local_path, {PAGE, *names})
    key = study.write(directory.store)
    _write_folder(output, study, directory, originals.dataset, configuration)
    _tell(study, output, key)
    return 0


def _folder_beside(store: Store) -> Path:
    """Where the readers' folder lies if nobody says so: beside the run, or here where the run is on object storage."""
    run = store.local_path
    beside = Path() if run is None else run.resolve().parent
    return beside / f"{store.name}-review"


def make_study(run: RunDirectory, dataset: Dataset, configuration: ReviewMakeConfiguration) -> Study:
    """Choose films and their order.

    Raises:
        DatasetError: if no film was accepted, or all were vetoed.

    """
    secret = secret_of(run.store.read("run.json"), configuration.seed)
    if not run.kept:
        found = f"{len(run.accepted)} accepted films and {len(run.vetoes)} vetoed"
        raise DatasetError(f"{run.store.address}: found {found}, needed one left")
    shown: Counter[str] = Counter()
    synthetic = [
        *choose_synthetic(_made(run.kept, dataset), configuration.accepted, shown=shown, secret=secret),
        *choose_synthetic(
            _made([twin for twin in run.twins if twin.accepted], dataset),
            configuration.placebo,
            shown=shown,
            secret=secret,
        ),
    ]
    wanted = len(synthetic) if configuration.real is None else configuration.real
    real = choose_real(_real(dataset), wanted, beside=synthetic, secret=secret)
    _warn(synthetic, real, wanted)
    films = [one.film for one in (*synthetic, *real)]
    items = arrange(films, repeats=configuration.repeats, secret=secret)
    name = f"{rank(secret, 'study', ' '.join(f'{item.film.sha256} {item.repeats}' for item in items)):016x}"[:12]
    return Study(study=name, seed=configuration.seed, version=run.pins["version"], items=items)


def _made(records: Iterable[PairRecord], dataset: Dataset) -> list[Candidate]:
    candidates = []
    for record in records:
        content = dataset.film(record.content.image_id)
        film = StudyFilm(
            kind=Kind.PLACEBO if record.placebo else Kind.ACCEPTED,
            name=str(record.pair),
            sha256=record.sha256,
            patient=content.patient_id,
        )
        candidates.append(Candidate(film, content.source, content.view, record.style.patient_id))
    return candidates


def _real(dataset: Dataset) -> list[Candidate]:
    return [
        Candidate(
            StudyFilm(
                kind=Kind.REAL, name=film.image_id, label=film.label, sha256=film.sha256, patient=film.patient_id
            ),
            film.source,
            film.view,
        )
        for film in dataset.films
    ]


def _warn(synthetic: list[Candidate], real: list[Candidate], wanted: int) -> None:
    log = get_logger("review")
    if same := same_breasts(synthetic):
        log.warning("synthetic films share their content's patient: who sees it may know them by that", films=same)
    if same := same_breasts(real):
        log.warning("real films share their patient: intervals are too narrow for that", films=same)
    if len(real) < wanted:
        log.warning("fewer real films than asked for: others' patients are behind the synthetic ones", films=len(real))


def _check_size(study: Study, side: int) -> None:
    size = len(study.items) * side * side * 2 * 4 // 3
    if size > _LARGEST_PAGE:
        raise ConfigurationError(
            f"--picture-size: found {len(study.items)} films of {side} x {side} pixels, {size // 1_000_000} MB, needed "
            f"at most {_LARGEST_PAGE // 1_000_000} MB on a page; ask for fewer films, or a smaller --picture-size"
        )


def _check_folder(output: Path, run: Path | None, names: set[str]) -> None:
    if output.is_file():
        raise ConfigurationError(f"--output: found the file {output}, needed a folder")
    if run is not None and run.resolve().is_relative_to(output.resolve()):
        raise ConfigurationError(f"--output: found {output}, which holds the run and its key, needed a folder apart")
    found = (
        {str(path.relative_to(output)) for path in output.rglob("*") if not path.is_dir()} if output.exists() else set()
    )
    other = sorted(name for name in found - names if not name.endswith(".part"))
    if other:
        raise ConfigurationError(f"--output: found {other[0]} in {output}, needed a new or empty folder")


def _write_folder(
    output: Path, study: Study, run: RunDirectory, dataset: Dataset, configuration: ReviewMakeConfiguration
) -> None:
    """Write the objects, then the page, which says by being there that the folder is whole."""
    films = []
    with progress("writing films", total=len(study.items)) as shown:
        for item in study.items:
            film = load_film(item.film, run, dataset, picture_size=configuration.picture_size)
            films.append(encode_alike(film))
            if configuration.dicom:
                # pydicom is loaded by those who ask for DICOM alone.
                from services.evaluator.review.dicom import encode_object  # noqa: PLC0415

                data = encode_object(film, study=study.study, number=item.number)
                _write(output / "dicom" / f"{item.number:04d}.dcm", data)
            shown.advance()
    page = render(study.study, films).encode()
    if (output / PAGE).exists() and (output / PAGE).read_bytes() != page:
        raise ConfigurationError(f"--output: found another study in {output}, needed a new or empty folder")
    _write(output / PAGE, page)


def _write(path: Path, data: bytes) -> None:
    try:
        write_atomically(path, data)
    except OSError as error:
        raise ConfigurationError(f"--output: cannot write {path}: {error.strerror or error}") from error


def _tell(study: Study, output: Path, key: str) -> None:
    counts = Counter(film.kind for film in study.films)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in Kind)
    console = Console()
    console.print(
        f"study {study.study}: {told}; {len(study.items) - len(study.films)} shown twice\n"
        f"for readers: {output}\nkey, which no reader may see: {key}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
