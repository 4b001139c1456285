"""`mammosynth replay`: make an accepted film again from its record, and compare it to the bit."""

import asyncio
from pathlib import Path

import numpy as np
import yaml
from rich.console import Console

from services.orchestrator.children import running_services
from services.orchestrator.configuration import ReplayConfiguration
from services.orchestrator.facts import PeerFacts
from services.orchestrator.ledger import Ledger
from services.orchestrator.peers import GrpcPeers
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.retry_loop import PairFilms, Scored, Snapshot
from shared.dataset import Dataset
from shared.errors import DatasetError, InvalidInputError, ModelMismatchError, UnavailableError
from shared.images import sha256_pixels
from shared.record import PairRecord
from shared.store import Store


def run(configuration: ReplayConfiguration) -> int:
    """Replay a pair; returns the exit code, 1 where film or scores differ.

    Raises:
        InvalidInputError: if the pair was not accepted.
        DatasetError: if the data set is not the run's.
        ModelMismatchError: if other models are served than the run's.

    """
    return asyncio.run(_replay(configuration))


async def _replay(configuration: ReplayConfiguration) -> int:
    ledger = Ledger(Store(configuration.run))
    record = ledger.record(configuration.pair)
    if record.accepted_trial is None:
        raise InvalidInputError(f"pair: found pair {record.pair}, {record.decision}; needed an accepted one")
    defaults = yaml.safe_load(ledger.store.read("configuration.yaml"))
    dataset = Dataset.open(configuration.dataset or Path(defaults["dataset"]))
    if dataset.sha256 != record.dataset_sha256:
        raise DatasetError(f"{dataset.path}: found sha256 {dataset.sha256}, needed the run's {record.dataset_sha256}")
    services = configuration.model_copy(update=_as_in_the_run(configuration, defaults))
    async with (
        running_services(services, logs=None) as (addresses, _),
        GrpcPeers.of(configuration, addresses) as peers,
    ):
        facts = await peers.facts(timeout_s=configuration.start_timeout_s)
        _check_models(record, facts)
        films = _films(dataset, record)
        snapshot = await _again(peers, films, record)
        scored = await peers.score(snapshot.film, films.content_mask)
    return _compare(ledger, record, snapshot, scored)


def _as_in_the_run(configuration: ReplayConfiguration, defaults: dict[str, object]) -> dict[str, object]:
    """Options of the run that were not given anew: models, trunk, slots, threads, dtype."""
    names = ("models", "trunk", "slots", "threads", "dtype")
    given = configuration.model_fields_set
    # A run may be older than an option.
    values = {name: defaults[name] for name in names if name in defaults and name not in given}
    return {**values, **({"models": Path(str(values["models"]))} if "models" in values else {})}


def _check_models(record: PairRecord, facts: PeerFacts) -> None:
    for service, model in record.models.items():
        found = facts.models[service]
        if found.sha256 != model.sha256:
            raise ModelMismatchError(
                f"{service}: found the model {found.name} with sha256 {found.sha256}, "
                f"needed {model.name} with sha256 {model.sha256}"
            )


def _films(dataset: Dataset, record: PairRecord) -> PairFilms:
    content, style = record.content.image_id, record.style.image_id
    return PairFilms(dataset.pixels(content), dataset.mask(content), dataset.pixels(style), dataset.mask(style))


async def _again(peers: GrpcPeers, films: PairFilms, record: PairRecord) -> Snapshot:
    recipe = next(trial.recipe for trial in record.trials if trial.trial == record.accepted_trial)
    plan = TrajectoryPlan(recipe=recipe, trials=(record.accepted_trial or 1,), steps=(recipe.steps,))
    async with peers.stylize(films, plan) as snapshots:
        async for snapshot in snapshots:
            return snapshot
    raise UnavailableError("stylizer: the stream ended without a snapshot")


def _compare(ledger: Ledger, record: PairRecord, snapshot: Snapshot, scored: Scored) -> int:
    console = Console()
    trial = next(trial for trial in record.trials if trial.trial == record.accepted_trial)
    kept = ledger.accepted_film(record.pair)
    same_film = sha256_pixels(snapshot.film) == record.sha256 == sha256_pixels(kept)
    same_scores = scored.scores == trial.scores
    if same_film and same_scores:
        console.print(f"pair {record.pair}: the same film, bit for bit, and the same scores: {record.sha256}")
        return 0
    difference = float(np.abs(snapshot.film - kept).max()) if not same_film else 0.0
    console.print(
        f"pair {record.pair}: [red]differs[/red]: largest difference of a pixel {difference:.2e}, "
        f"scores {scored.scores}, recorded {trial.scores}"
    )
    now = {"stylizer": snapshot.numerics, **scored.numerics}
    for service, kinds in record.numerics.items():
        if now[service] not in kinds:
            console.print(f"{service}: numerics differ: now {now[service]}, recorded {kinds}", markup=False)
    return 1
