"""`mammosynth tune`: sweep recipes beside their placebo, coarsely, then the best few finely, and order a policy."""

import asyncio
import statistics
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from services.orchestrator.children import running_services
from services.orchestrator.configuration import TuneConfiguration
from services.orchestrator.peers import GrpcPeers
from services.orchestrator.pinned import with_dtype
from services.orchestrator.policy import Policy, load_policy
from services.orchestrator.stopping import cancelled_by_signals, unless_broken
from services.orchestrator.tuning import sheet, table
from services.orchestrator.tuning.from_run import outcomes_of_run
from services.orchestrator.tuning.grid import make_grid
from services.orchestrator.tuning.ordering import best_trajectories
from services.orchestrator.tuning.outcomes import Outcomes, describe
from services.orchestrator.tuning.policy_file import policy_yaml, tune, verdict
from services.orchestrator.tuning.records import SweepFolder
from services.orchestrator.tuning.sweep import SPLIT, Contents, Sweep, collect, make_sweep, run_sweep
from shared.dataset import Dataset
from shared.errors import EXIT_TERMINATED, ConfigurationError
from shared.files import write_atomically
from shared.log import get_logger
from shared.recipe import Recipe
from shared.store import Store


def run(configuration: TuneConfiguration) -> int:
    """Tune a policy; returns the exit code, 143 where a signal ended the work.

    Raises:
        ConfigurationError: if options do not fit together, with the data sets, or with the gates.
        DatasetError: if the split has too few films, or no content is called benign.
        RefusedRunError: if the folder holds a sweep that was begun otherwise.
        MammosynthError: a fault that outlasted the patience; the same command goes on where it was.

    """
    if configuration.from_run is not None:
        return _reorder(configuration, configuration.from_run)
    if configuration.dataset is None:
        raise ConfigurationError("--dataset (MAMMOSYNTH_TUNE_DATASET): is needed, unless --from-run is given")
    if (configuration.fine_dataset is None) != (configuration.fine_models is None):
        raise ConfigurationError("--fine-dataset, --fine-models: found one of them, needed both or none")
    policy = load_policy(configuration.policy)
    recipes = make_grid(
        policy,
        regions=configuration.regions,
        content_layers=configuration.content_layers,
        style_layers=configuration.style_layers,
        content_weights=configuration.content_weights,
        style_weights=configuration.style_weights,
        steps=configuration.steps,
    )
    # Both are opened before any work, so that a wrong path is not found out hours later.
    datasets = [Dataset.open(path) for path in (configuration.dataset, configuration.fine_dataset) if path]
    try:
        outcomes = _stage(configuration, datasets[0], policy, recipes, "coarse")
        if configuration.fine_models is not None:
            best = best_trajectories(outcomes, configuration.best)
            recipes = tuple(replace(outcomes.settings[setting], steps=max(configuration.steps)) for setting in best)
            fine = configuration.model_copy(update={"models": configuration.fine_models})
            _stage(fine, datasets[1], policy, recipes, "fine")
    except asyncio.CancelledError:
        get_logger("tune").warning("stopped before the end; the same command goes on")
        return EXIT_TERMINATED
    return 0


def _stage(
    configuration: TuneConfiguration, dataset: Dataset, policy: Policy, recipes: tuple[Recipe, ...], name: str
) -> Outcomes:
    folder = SweepFolder(configuration.output / name)
    sweep, contents = asyncio.run(_run(configuration, dataset, policy, recipes, folder))
    outcomes = collect(sweep, folder, contents)
    seconds = folder.cost(statistics.median)
    origin = (
        f"Tuned at {dataset.size} pixels on {len(contents.pairs)} contents of the split {SPLIT} (seed {sweep.seed}; "
        f"{contents.not_benign} left out that the classifier does not call benign, {contents.without_twin} without a "
        f"benign style; data set {dataset.sha256}; "
        f"{', '.join(f'{service} {model.sha256}' for service, model in sorted(sweep.facts.models.items()))})."
    )
    title = f"{name} sweep: {dataset.size} pixels, {len(contents.pairs)} contents, {contents.not_benign} not benign"
    _write(configuration, outcomes, policy, folder.path, size=dataset.size, origin=origin, seconds=seconds, title=title)
    _draw(sweep, contents, folder)
    return outcomes


async def _run(
    configuration: TuneConfiguration,
    dataset: Dataset,
    policy: Policy,
    recipes: tuple[Recipe, ...],
    folder: SweepFolder,
) -> tuple[Sweep, Contents]:
    configuration = with_dtype(configuration, folder.dtype())
    with cancelled_by_signals():
        async with (
            running_services(configuration, logs=folder.path / "logs") as (addresses, broken),
            GrpcPeers.of(configuration, addresses) as peers,
        ):
            facts = await peers.facts(timeout_s=configuration.start_timeout_s)
            peers.pin(facts.models, facts.dtype)
            sweep = make_sweep(
                dataset,
                policy,
                recipes,
                configuration.steps,
                films=configuration.films,
                pictures=configuration.pictures,
                seed=configuration.seed,
                facts=facts,
                any_size=configuration.any_size,
            )
            name = f"trajectories at {dataset.size} pixels"
            return sweep, await unless_broken(broken, run_sweep(sweep, folder, peers, name=name))


def _reorder(configuration: TuneConfiguration, address: str) -> int:
    """Order a run's own recipes anew by what its records say."""
    found = outcomes_of_run(Store(address))
    models = ", ".join(f"{service} {sha256}" for service, sha256 in sorted(found.models.items()))
    origin = (
        f"Recipes of the policy {found.policy.name}, reordered by what a run of it found on "
        f"{len(found.outcomes.contents)} pairs with placebo twins (data set {found.dataset_sha256}; policy "
        f"{found.policy.sha256}; {models}). For other films than that run's: on those the order is no longer blind."
    )
    _write(
        configuration,
        found.outcomes,
        found.policy,
        configuration.output,
        size=found.size,
        origin=origin,
        seconds=None,
        title=f"{len(found.outcomes.contents)} pairs with twins of {address}",
    )
    return 0


def _write(
    configuration: TuneConfiguration,
    outcomes: Outcomes,
    base: Policy,
    folder: Path,
    *,
    size: int,
    origin: str,
    seconds: float | None,
    title: str,
) -> None:
    """Write table and policy, and print what was found."""
    tuned = tune(outcomes)
    ranked = table.rank(describe(outcomes), tuned)
    records = table.as_records(ranked, seconds)
    text = policy_yaml(tuned, base, name=configuration.name, size=size, origin=origin)
    write_atomically(folder / "table.csv", table.as_csv(records))
    write_atomically(folder / "table.parquet", table.as_parquet(records))
    write_atomically(folder / "policy.yaml", text.encode())
    write_atomically(configuration.output / "policy.yaml", text.encode())
    table.print_table(ranked, seconds, title=title)
    console = Console()
    console.print(verdict(tuned), style=None if tuned.beats_placebo else "bold red", markup=False)
    console.print(f"policy {configuration.output / 'policy.yaml'}", soft_wrap=True, markup=False)


def _draw(sweep: Sweep, contents: Contents, folder: SweepFolder) -> None:
    sheets = sheet.draw_sheets(sweep, contents, folder)
    if sheets:
        Console().print(f"{sheets} contact sheets {folder.path / 'sheets'}", soft_wrap=True, markup=False)
