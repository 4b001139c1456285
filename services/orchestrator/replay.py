"""`mammosynth replay`: make an accepted film again from its record, and compare it to the bit."""

import asyncio
from pathlib import Path

import numpy as np
import yaml
from rich.console import Console

from services.orchestrator.children import running_services
from services.orchestrator.configuration import ReplayConfiguration
from services.orchestrator.facts import PeerFacts
from services.orchestrator.insets import PairFilms, read_lesions
from services.orchestrator.ledger import Ledger
from services.orchestrator.peers import GrpcPeers
from services.orchestrator.policy import TrajectoryPlan, parse_policy
from services.orchestrator.retry_loop import Snapshot
from services.orchestrator.scoring import Look, look
from shared.crops import Window
from shared.dataset import Crop, Dataset
from shared.errors import DatasetError, InvalidInputError, ModelMismatchError, UnavailableError
from shared.images import sha256_pixels
from shared.record import PairRecord, Place
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
    services = configuration.model_copy(update=_as_in_the_run(configuration, defaults | {"dtype": ledger.dtype()}))
    async with (
        running_services(services, logs=None, names=services.services) as (addresses, _),
        GrpcPeers.of(configuration, addresses) as peers,
    ):
        facts = await peers.facts(timeout_s=configuration.start_timeout_s)
        _check_models(record, facts)
        films = _films(dataset, record)
        snapshot = await _again(peers, films, record)
        policy = parse_policy(ledger.pins()["policy"], "run.json")
        seen = await look(peers, films, snapshot.film, policy.lesion_rules)
    return _compare(ledger, record, snapshot, seen)


def _as_in_the_run(configuration: ReplayConfiguration, defaults: dict[str, object]) -> dict[str, object]:
    """Options of the run that were not given anew: models, trunk, slots, threads, dtype."""
    names = ("models", "film_models", "trunk", "slots", "threads", "dtype")
    given = configuration.model_fields_set
    # A run may be older than an option.
    values = {name: defaults[name] for name in names if name in defaults and name not in given}
    return {**values, **{name: Path(str(values[name])) for name in ("models", "film_models") if values.get(name)}}


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
    if record.lesion is not None:
        places = _crop(dataset, content, record.lesion.content), _crop(dataset, style, record.lesion.style)
        return read_lesions(dataset, *places, record.lesion.size)
    return PairFilms(dataset.pixels(content), dataset.mask(content), dataset.pixels(style), dataset.mask(style))


def _crop(dataset: Dataset, image_id: str, place: Place) -> Crop:
    return Crop(dataset.film(image_id), Window(place.top, place.left, place.side), place.box, place.lesion)


async def _again(peers: GrpcPeers, films: PairFilms, record: PairRecord) -> Snapshot:
    recipe = next(trial.recipe for trial in record.trials if trial.trial == record.accepted_trial)
    plan = TrajectoryPlan(recipe=recipe, trials=(record.accepted_trial or 1,), steps=(recipe.steps,))
    async with peers.stylize(films, plan) as snapshots:
        async for snapshot in snapshots:
            return snapshot
    raise UnavailableError("stylizer: the stream ended without a snapshot")


def _compare(ledger: Ledger, record: PairRecord, snapshot: Snapshot, seen: Look) -> int:
    console = Console()
    trial = next(trial for trial in record.trials if trial.trial == record.accepted_trial)
    kept = ledger.accepted_film(record.pair)
    scored = seen.scored
    same_film = sha256_pixels(seen.film) == record.sha256 == sha256_pixels(kept)
    if record.lesion is not None and seen.original is not None:
        hashes = {sha256_pixels(seen.original), sha256_pixels(ledger.original(record.pair))}
        same_film = same_film and hashes == {record.lesion.original_sha256}
    same_scores = (scored.scores, scored.film_scores) == (trial.scores, trial.film_scores)
    if same_film and same_scores:
        console.print(f"pair {record.pair}: the same film, bit for bit, and the same scores: {record.sha256}")
        return 0
    difference = float(np.abs(seen.film - kept).max()) if not same_film else 0.0
    console.print(
        f"pair {record.pair}: [red]differs[/red]: largest difference of a pixel {difference:.2e}, "
        f"scores {scored.scores}, recorded {trial.scores}"
    )
    now = {"stylizer": snapshot.numerics, **scored.numerics}
    for service, kinds in record.numerics.items():
        if now[service] not in kinds:
            console.print(f"{service}: numerics differ: now {now[service]}, recorded {kinds}", markup=False)
    return 1
