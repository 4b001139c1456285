"""`mammosynth generate`: a run, or a shard of one, from start or restart to its summary."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from services.orchestrator.batch_run import BatchRun, Tally
from services.orchestrator.children import running_services
from services.orchestrator.configuration import GenerateConfiguration
from services.orchestrator.decision import Thresholds
from services.orchestrator.facts import PeerFacts
from services.orchestrator.generation import Generation, make_generation
from services.orchestrator.ledger import Ledger, Pins
from services.orchestrator.peers import GrpcPeers
from services.orchestrator.pinned import with_dtype
from services.orchestrator.policy import load_policy, shipped_policies
from services.orchestrator.rollout import awaited_facts
from services.orchestrator.sampler import Pairs
from services.orchestrator.summary import print_summary
from shared.dataset import Dataset, LesionCrops
from shared.draws import chosen
from shared.errors import EXIT_TERMINATED, ConfigurationError, UnfinishedPairsError
from shared.images import Film
from shared.log import get_logger
from shared.progress import progress
from shared.store import Store


def run(configuration: GenerateConfiguration) -> int:
    """Generate: work on the pairs that have no record yet, then sum the run up.

    Returns the exit code: 0, or 143 where SIGTERM ended the work before its end.

    Raises:
        MammosynthError: wrong input or configuration before any work, or pairs that could not be finished after it.

    """
    try:
        return asyncio.run(_run(configuration))
    except asyncio.CancelledError:
        get_logger("run").warning("stopped before any work")
        return EXIT_TERMINATED


async def _run(configuration: GenerateConfiguration) -> int:
    ledger = Ledger(Store(configuration.output))
    dataset = Dataset.open(configuration.dataset)
    policy = load_policy(configuration.policy)
    shard, shards = _shard(configuration.shard)
    if starting := asyncio.current_task():
        # Services that are awaited may never come: before any work there is nothing to be finished.
        _on_signals(starting.cancel)
    folder = ledger.store.local_path
    configuration = with_dtype(configuration, ledger.dtype())
    async with (
        running_services(configuration, logs=folder / "logs" if folder else None, names=configuration.services) as (
            addresses,
            broken,
        ),
        GrpcPeers.of(configuration, addresses) as peers,
    ):
        peer_facts = await awaited_facts(configuration, ledger, peers)
        generation = make_generation(
            dataset, policy, configuration.seed, peers, peer_facts, any_size=configuration.any_size
        )
        # Drawing the last pair shows whether the policy's limits allow so many, before any work.
        generation.sampler.pair(configuration.pairs - 1)
        _warn(generation, peer_facts)
        pins = _pins(configuration, generation, peer_facts)
        ledger.pin(pins)
        peers.pin(peer_facts.models, peer_facts.dtype)
        configuration = with_dtype(configuration, peer_facts.dtype)
        ledger.store.write("configuration.yaml", _with_absolute_paths(configuration).as_yaml().encode())
        mine = range(shard, configuration.pairs, shards)
        stop = asyncio.Event()
        _on_signals(stop.set)
        in_flight = configuration.in_flight or 2 * max(1, peer_facts.slots)
        twins = [pair for pair in pins.placebo if pair in mine]
        either = asyncio.Event()
        watchers = [asyncio.ensure_future(_forward(event, either)) for event in (stop, broken)]
        try:
            work = partial(_work, configuration, generation, in_flight=in_flight, stop=either)
            tally = await work(ledger, generation.sampler, mine, name="pairs")
            if twins:
                tally.failed |= (await work(ledger.twins, generation.twins, twins, name="placebo twins")).failed
        finally:
            for watcher in watchers:
                watcher.cancel()
    return _end(ledger, mine, twins, tally, stopped=stop.is_set())


def _on_signals(act: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, act)


async def _work(
    configuration: GenerateConfiguration,
    generation: Generation,
    ledger: Ledger,
    sampler: Pairs,
    mine: Sequence[int],
    *,
    name: str,
    in_flight: int,
    stop: asyncio.Event,
) -> Tally:
    def keep_rejected(pair: int, trial: int, film: Film) -> None:
        if chosen(configuration.keep_rejected, configuration.seed, "keep-rejected", pair):
            ledger.write_rejected(pair, trial, film)

    recorded = ledger.recorded()
    waiting = [pair for pair in mine if pair not in recorded]
    with progress(name, total=len(mine), done=len(mine) - len(waiting)) as reporter:
        batch = BatchRun(ledger, sampler, generation.loop(keep_rejected), in_flight=in_flight, reporter=reporter)
        return await batch.work(waiting, stop, grace_s=configuration.grace_s)


async def _forward(event: asyncio.Event, to: asyncio.Event) -> None:
    await event.wait()
    to.set()


def _end(ledger: Ledger, mine: range, twins: Sequence[int], tally: Tally, *, stopped: bool) -> int:
    missing = sorted((set(mine) - ledger.recorded()) | (set(twins) - ledger.twins.recorded()))
    if missing and stopped:
        get_logger("run").warning("stopped before the end", pairs_left=len(missing))
        return EXIT_TERMINATED
    if missing:
        reasons = "; ".join(f"pair {pair}: {reason}" for pair, reason in sorted(tally.failed.items())[:5])
        raise UnfinishedPairsError(
            f"{len(missing)} of {len(mine)} pairs could not be finished: {', '.join(map(str, missing[:20]))}"
            f"{' …' if len(missing) > 20 else ''}; run the same command again to go on. {reasons}"
        )
    # Whoever ends last packs the run; another shard that is still at work will do it again.
    manifest = ledger.finalise()
    print_summary(manifest, ledger.store.address)
    return 0


def _pins(configuration: GenerateConfiguration, generation: Generation, peer_facts: PeerFacts) -> Pins:
    thresholds = generation.facts.thresholds
    return Pins(
        pairs=configuration.pairs,
        seed=configuration.seed,
        size=generation.dataset.size,
        dataset_sha256=generation.dataset.sha256,
        policy=generation.facts.policy.model_dump(mode="json"),
        policy_sha256=generation.facts.policy.sha256,
        keep_rejected=configuration.keep_rejected,
        placebo=_twins(configuration, generation),
        models=peer_facts.models,
        dtype=peer_facts.dtype,
        thresholds={
            "anomaly": thresholds.anomaly,
            "classifier": thresholds.classifier,
            "benign_below": thresholds.benign_below,
            "minimum_change": thresholds.minimum_change,
            **(_film_thresholds(thresholds.film) if thresholds.film else {}),
        },
        version=version("mammosynth"),
    )


def _film_thresholds(film: Thresholds) -> dict[str, float]:
    return {
        "film_anomaly": film.anomaly,
        "film_classifier": film.classifier,
        "film_benign_below": film.benign_below,
    }


def _twins(configuration: GenerateConfiguration, generation: Generation) -> tuple[int, ...]:
    """Pairs that are run again as placebo, chosen by hash among those that can be."""
    share = generation.facts.policy.placebo_share if configuration.placebo is None else configuration.placebo
    return tuple(
        pair
        for pair in range(configuration.pairs)
        if chosen(share, configuration.seed, "placebo", pair) and generation.twins.has(pair)
    )


def _with_absolute_paths(configuration: GenerateConfiguration) -> GenerateConfiguration:
    """The same configuration, such that it can be used from any folder."""
    return configuration.model_copy(
        update={
            "dataset": configuration.dataset.absolute(),
            "models": configuration.models.absolute(),
            "film_models": configuration.film_models.absolute() if configuration.film_models else None,
            **{name: _absolute(getattr(configuration, name)) for name in ("policy", "trunk")},
        }
    )


def _absolute(name: str) -> str:
    """A name as it is, the path of a file from the root."""
    return name if name in shipped_policies() or not Path(name).is_file() else str(Path(name).absolute())


def _shard(text: str) -> tuple[int, int]:
    index, count = (int(part) for part in text.split("/"))
    if index >= count:
        raise ConfigurationError(f"--shard: found {text}, needed K/N with K from 0 to N-1")
    return index, count


def _warn(generation: Generation, peer_facts: PeerFacts) -> None:
    log = get_logger("run")
    for service, sha256 in peer_facts.training_sets.items():
        if sha256 != generation.dataset.sha256:
            log.warning(
                "this gate was trained on another data set than the run's: its training films may be among those "
                "that are generated from",
                service=service,
            )
    if isinstance(generation.films, LesionCrops) and generation.films.left_out:
        left_out = {str(reason): count for reason, count in sorted(generation.films.left_out.items())}
        log.warning("lesions are left out", left_out=left_out, lesions=len(generation.films.films))
    if generation.sampler.left_out:
        log.warning("benign films that no style may be paired with are left out", films=generation.sampler.left_out)
