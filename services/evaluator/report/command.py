"""`mammosynth report`: one page that shows what a run came to."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from rich.console import Console

from services.evaluator import evaluation
from services.evaluator.configuration import ReportConfiguration
from services.evaluator.films import OriginalFilms
from services.evaluator.report import tallies
from services.evaluator.report.class_balance import class_balance
from services.evaluator.report.embedding import pack_records
from services.evaluator.report.gallery import Gallery, choose_gallery
from services.evaluator.report.gate_figures import gate_figures
from services.evaluator.report.grids import near_copies_grid, pairs_grid, patients_grid, record_name
from services.evaluator.report.judges import read_judges
from services.evaluator.report.page import Page, render
from services.evaluator.report.real_scores import RealScores, score_real_films
from services.evaluator.report.recipes import recipe_tallies
from services.evaluator.report.uplift_section import read_controls, read_uplift
from services.evaluator.run_directory import RunDirectory
from shared.dataset import Label
from shared.errors import ConfigurationError, DatasetError, UnavailableError
from shared.log import get_logger
from shared.placebo import compare
from shared.record import PairRecord
from shared.store import Store, place_of

_MEGABYTE = 1_000_000
_RECORDS_SHARE = 0.3
"""Part of the page's room that records may take."""


def run(configuration: ReportConfiguration) -> int:
    """Write the page; returns the exit code, 0.

    Raises:
        NotFoundError: if there is no run.
        DatasetError: if its `run.json` or its vetoes are broken, or a data set was given that cannot be read.
        ModelError: if the model files given are not the run's.
        ConfigurationError: if the page cannot be written to a disk.
        UnavailableError: if object storage does not answer.

    """
    directory = RunDirectory.open(Store(configuration.run))
    output = configuration.output
    store, name = (directory.store, "report.html") if output is None else place_of(output)
    originals = OriginalFilms.open(configuration.dataset, directory.options, directory.pins["dataset_sha256"])
    for problem in (*directory.unreadable, originals.problem):
        if problem:
            get_logger("report").warning(problem)
    page = make_page(directory, originals, configuration, written=datetime.now(UTC))
    try:
        store.write(name, render(page).encode())
    except UnavailableError as error:
        if store.local_path is None:
            raise
        raise ConfigurationError(f"--output: {error.message.removeprefix('output: ')}") from error
    Console().print(f"report {store.address.rstrip('/')}/{name}", soft_wrap=True, highlight=False, markup=False)
    return 0


def make_page(
    directory: RunDirectory, originals: OriginalFilms, configuration: ReportConfiguration, *, written: datetime
) -> Page:
    """Count what a run came to, and draw the films that are shown of it."""
    records, twins, asked = directory.records, directory.twins, directory.pins["pairs"]
    funnel = tallies.funnel(asked, records)
    budget = configuration.megabytes * _MEGABYTE
    gallery = choose_gallery(
        directory,
        originals,
        accepted=configuration.accepted,
        rejected=configuration.rejected,
        picture_size=configuration.picture_size,
        budget=int(budget * (1.0 - _RECORDS_SHARE)),
    )
    everything = (*records, *twins)
    evaluated = evaluation.read(directory.store)
    films_digest = evaluation.films_digest(directory.kept)
    summary, near = evaluated or (None, [])
    judges, judge_problems = read_judges(directory)
    timings = directory.timings
    known = originals.dataset if not originals.problem else None
    return Page(
        run=directory,
        originals=originals,
        benign=originals.count(Label.BENIGN),
        malignant=originals.count(Label.MALIGNANT),
        classes=class_balance(known, funnel.accepted - len(directory.vetoes)) if known else [],
        gates=gate_figures(records, directory.pins["thresholds"], _scored(originals, directory, configuration)),
        funnel=funnel,
        vetoes=directory.vetoes,
        placebo_funnel=tallies.funnel(len(directory.pins.get("placebo", ())), twins) if twins else None,
        placebo=compare(records, twins),
        decisions=tallies.decisions(asked, records),
        trial_reasons=tallies.trial_reasons(records),
        trials=tallies.trial_tallies(directory.pins["policy"], records, twins),
        recipes=recipe_tallies(records, twins),
        pace=tallies.pace(timings.seconds, timings.worker_seconds, timings.workers, records),
        price_per_hour=configuration.price_per_hour,
        gallery=gallery,
        evaluation=summary,
        judges=judges,
        judge_problems=judge_problems,
        evaluation_is_old=summary is not None and summary["films_digest"] != films_digest,
        uplift=read_uplift(directory.store, films_digest),
        uplift_controls=read_controls(directory.store),
        near_copies=near_copies_grid(near),
        patients=patients_grid(records),
        pairs=pairs_grid(everything, timings.seconds),
        records=pack_records(_texts(directory, _shown_first(everything, gallery)), budget=int(budget * _RECORDS_SHARE)),
        picture_size=configuration.picture_size,
        written=written,
    )


def _scored(originals: OriginalFilms, directory: RunDirectory, configuration: ReportConfiguration) -> RealScores | None:
    if configuration.models is None:
        return None
    if originals.dataset is None or originals.problem:
        raise DatasetError(f"--models: there is no real film to be scored. {originals.problem}")
    return score_real_films(
        originals.dataset, configuration.models, directory.pins["models"], limit=configuration.real_films
    )


def _shown_first(records: Iterable[PairRecord], gallery: Gallery) -> list[PairRecord]:
    """Records of the films shown, then the others: whatever has no room, it is none of the former."""
    panels = (*gallery.accepted, *gallery.placebo, *(panel for group in gallery.rejected.values() for panel in group))
    shown = {panel.record_name for panel in panels}
    return sorted(records, key=lambda record: record_name(record) not in shown)


def _texts(directory: RunDirectory, records: Iterable[PairRecord]) -> Iterator[tuple[str, str]]:
    names = [record_name(record) for record in records]
    yield from zip(names, directory.record_texts(names), strict=True)
