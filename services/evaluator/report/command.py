"""`mammosynth report`: one page that shows what a run came to."""

from datetime import UTC, datetime

from rich.console import Console

from services.evaluator.configuration import ReportConfiguration
from services.evaluator.films import OriginalFilms
from services.evaluator.report import tallies
from services.evaluator.report.page import Page, render
from services.evaluator.report.panels import Panel, PanelMaker
from services.evaluator.run_directory import RunDirectory
from services.evaluator.selection import choose_accepted, choose_rejected
from shared.dataset import Label
from shared.errors import ConfigurationError
from shared.files import write_atomically
from shared.log import get_logger

_ACCEPTED = "accepted"


def run(configuration: ReportConfiguration) -> int:
    """Write the page; returns the exit code, 0.

    Raises:
        NotFoundError: if there is no run.
        DatasetError: if its `run.json` is broken, or a data set was given that cannot be read.
        ConfigurationError: if the page cannot be written.

    """
    directory = RunDirectory.open(configuration.run)
    originals = OriginalFilms.open(configuration.dataset, directory.options, directory.pins["dataset_sha256"])
    for problem in (*directory.unreadable, originals.problem):
        if problem:
            get_logger("report").warning(problem)
    page = make_page(directory, originals, configuration, written=datetime.now(UTC))
    output = configuration.output or configuration.run / "report.html"
    try:
        write_atomically(output, render(page).encode())
    except OSError as error:
        raise ConfigurationError(f"--output: cannot write {output}: {error.strerror or error}") from error
    Console().print(f"report {output}", soft_wrap=True, highlight=False, markup=False)
    return 0


def make_page(
    directory: RunDirectory, originals: OriginalFilms, configuration: ReportConfiguration, *, written: datetime
) -> Page:
    """Count what a run came to, and draw the films that are shown of it."""
    records, asked = directory.records, directory.pins["pairs"]
    maker = PanelMaker(directory, originals, picture_size=configuration.picture_size)
    rejected = choose_rejected(records, directory.kept_rejected(), configuration.rejected)
    panels: dict[str, list[Panel]] = maker.make(
        {_ACCEPTED: choose_accepted(records, configuration.accepted), **rejected}
    )
    timings = directory.timings
    return Page(
        run=directory,
        originals=originals,
        benign=originals.count(Label.BENIGN),
        malignant=originals.count(Label.MALIGNANT),
        funnel=tallies.funnel(asked, records),
        decisions=tallies.decisions(asked, records),
        trial_reasons=tallies.trial_reasons(records),
        trials=tallies.trial_tallies(directory.pins["policy"], records),
        pace=tallies.pace(timings.seconds, timings.worker_seconds, timings.workers, records),
        accepted=panels.pop(_ACCEPTED),
        rejected=panels,
        amplification=maker.amplification,
        written=written,
    )
