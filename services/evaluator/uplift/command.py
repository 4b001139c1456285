"""`mammosynth uplift`: whether a classifier learns better with a run's films, by a test that can say no."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rich.console import Console

from services.evaluator import evaluation
from services.evaluator.configuration import Control, UpliftConfiguration
from services.evaluator.films import OriginalFilms
from services.evaluator.run_directory import RunDirectory
from services.evaluator.uplift.analysis import PRIMARY, Fitted, analyse
from services.evaluator.uplift.arms import conditions
from services.evaluator.uplift.films import Gathered, gather
from services.evaluator.uplift.plan import SCHEMA_VERSION, PlanFolder, output
from services.evaluator.uplift.result import as_result, test_films
from services.evaluator.uplift.summary import print_summary
from services.evaluator.uplift.verdict import enough_to_test, verdict
from shared.errors import ConfigurationError, DatasetError
from shared.store import Store

if TYPE_CHECKING:
    from services.evaluator.uplift.trunk import Trunk

_GATE_KNOWS_MORE = (
    "Below 100 % the gate, which chose the films, has learnt from more real malignant films than any arm: a help there "
    "is partly the gate's knowledge. A gate that was trained on the scarce films alone would settle it."
)


def run(configuration: UpliftConfiguration) -> int:
    """Measure the uplift of a run, complete or not, into its run directory; returns the exit code, 0.

    Raises:
        NotFoundError: if there is no run.
        DatasetError: if the run, its data set or a veto cannot be read.
        ConfigurationError: if the network is of the gate's kind, torch is not installed, or there is no such device.
        WeightsNotFoundError: if the network's weights are not there.
        ModelError: if they are another network's.
        NumericalError: if a training diverges.
        UnavailableError: if something cannot be written, or object storage does not answer.

    """
    try:
        # torch takes seconds to import, and an installation that only writes reports has none.
        from services.evaluator.uplift.fits import make_trunk  # noqa: PLC0415
        from services.evaluator.uplift.gate_check import check_architecture  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(f"uplift: needs the extra `uplift` to be installed: {error}") from error
    directory = RunDirectory.open(Store(configuration.run))
    originals = OriginalFilms.open(configuration.dataset, directory.options, directory.pins["dataset_sha256"])
    if originals.dataset is None or originals.problem:
        raise DatasetError(originals.problem)
    gate, unknown = check_architecture(directory, configuration.gate, configuration.network)
    trunk = make_trunk(configuration)
    gathered = gather(
        directory,
        originals,
        originals.dataset,
        control=configuration.control,
        amount=max(configuration.amounts),
        ratio=max(configuration.ratios),
        seed=configuration.seed,
    )
    result = _measure(configuration, directory.store, gathered, trunk)
    result |= {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "accepted": gathered.accepted,
        "films_digest": evaluation.films_digest(directory.kept),
        "vetoed": gathered.vetoed,
        "twins_accepted": gathered.twins_accepted,
        "gate": gate,
        "remarks": [remark for remark in (unknown, *_remarks(configuration)) if remark],
    }
    result.pop("folder").finish(result, output(configuration.control))
    print_summary(result, Console())
    return 0


def _measure(configuration: UpliftConfiguration, store: Store, gathered: Gathered, trunk: "Trunk") -> dict[str, Any]:
    from services.evaluator.uplift.fits import Job, run_fits  # noqa: PLC0415  as above

    seeds = range(configuration.seed, configuration.seed + configuration.seeds)
    chosen, left_out = conditions(
        gathered.films, amounts=configuration.amounts, ratios=configuration.ratios, seeds=seeds
    )
    folder = PlanFolder(
        store,
        _identity(configuration, gathered, trunk),
        control=configuration.control is not Control.NONE,
    )
    labels, patients = gathered.malignant[gathered.test], gathered.films.patients[gathered.test]
    missing = enough_to_test(labels, patients)
    analysis = None
    if not missing:
        jobs = [Job(condition, seed) for condition in chosen for seed in seeds]
        fits: list[Fitted] = run_fits(jobs, gathered, trunk, configuration, folder)
        analysis = analyse(
            fits,
            labels,
            patients,
            specificity=configuration.specificity,
            draws=configuration.draws,
            seed=configuration.seed,
            looks_before=folder.plans_before,
        )
    if analysis is None:
        answer = verdict(None, worthwhile=configuration.worthwhile, missing=missing)
    else:
        answer = verdict(analysis, worthwhile=configuration.worthwhile)
    return {
        "folder": folder,
        "schema_version": SCHEMA_VERSION,
        "version": version("mammosynth"),
        "plan": folder.digest,
        "plans_before": folder.plans_before,
        "control": configuration.control,
        "seeds": configuration.seeds,
        "test": test_films(labels, patients),
        "network": {"name": configuration.network.value, "weights": trunk.identity, "mode": configuration.mode},
        "options": _options(configuration),
        **as_result(analysis, answer, gathered.films, left_out, seed=configuration.seed),
    }


def _options(configuration: UpliftConfiguration) -> dict[str, Any]:
    """Options that the numbers follow from."""
    elsewhere = {"run", "dataset", "gate", "network", "weights", "device"}
    return configuration.model_dump(mode="json", exclude=elsewhere)


def _identity(configuration: UpliftConfiguration, gathered: Gathered, trunk: "Trunk") -> dict[str, Any]:
    """All that the numbers follow from, but for the machine."""
    films, table = gathered.films, gathered.table
    return {
        "primary": PRIMARY,
        "options": _options(configuration),
        "network": [configuration.network.value, trunk.identity],
        "benign": table.digest(films.benign),
        "malignant": table.digest(films.malignant),
        "synthetic": table.digest(films.synthetic),
        "placebo": table.digest(films.placebo),
        "validation": table.digest(gathered.validation),
        "test": table.digest(gathered.test),
        "version": version("mammosynth"),
    }


def _remarks(configuration: UpliftConfiguration) -> list[str]:
    """What a reader must know of how this was measured."""
    remarks = []
    if configuration.control is Control.NONE and min(configuration.amounts) < 100:
        remarks.append(_GATE_KNOWS_MORE)
    if configuration.control is not Control.NONE:
        remarks.append(f"A control: {configuration.control} films stand in for the run's.")
    return remarks
