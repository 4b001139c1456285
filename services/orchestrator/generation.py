"""Puts a generation together: data set, policy, models as they are served, and the loop that works on pairs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from services.orchestrator.decision import Thresholds
from services.orchestrator.facts import PeerFacts
from services.orchestrator.policy import MODELS_OWN, Policy
from services.orchestrator.retry_loop import PairFilms, Peers, RetryLoop, RunFacts, Scored
from services.orchestrator.sampler import Pair, PlaceboSampler, Sampler
from shared.dataset import Dataset
from shared.dataset import Film as FilmEntry
from shared.errors import ConfigurationError
from shared.images import Film, Mask


class OriginalScores:
    """Scores of the data set's own films, asked for once each."""

    def __init__(self, dataset: Dataset, peers: Peers) -> None:
        self._dataset = dataset
        self._peers = peers
        self._scores: dict[str, asyncio.Task[Scored]] = {}

    async def of(self, film: FilmEntry) -> Scored:
        """Scores of one film; callers at the same time wait for the same answer, a failed one is asked for again."""
        task = self._scores.get(film.image_id)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.ensure_future(self._ask(film.image_id))
            self._scores[film.image_id] = task
        # One caller that is cancelled must not take the answer from the others.
        return await asyncio.shield(task)

    async def _ask(self, image_id: str) -> Scored:
        pixels, mask = await asyncio.to_thread(self._read, image_id)
        return await self._peers.score(pixels, mask)

    def _read(self, image_id: str) -> tuple[Film, Mask]:
        return self._dataset.pixels(image_id), self._dataset.mask(image_id)


@dataclass(frozen=True)
class Generation:
    """All that decides what is made: the same generation makes the same films from the same pairs."""

    dataset: Dataset
    facts: RunFacts
    sampler: Sampler
    twins: PlaceboSampler
    peers: Peers
    originals: OriginalScores

    def loop(self, keep_rejected: Callable[[int, int, Film], None] | None = None) -> RetryLoop:
        """Return the loop that works on pairs; `keep_rejected` gets the films of rejected trials."""
        return RetryLoop(
            self.facts,
            self.peers,
            score_original=self.originals.of,
            read_films=self.read_films,
            keep_rejected=keep_rejected,
        )

    def read_films(self, pair: Pair) -> PairFilms:
        """Read pixels and masks of a pair."""
        content, style = pair.content.image_id, pair.style.image_id
        return PairFilms(
            content=self.dataset.pixels(content),
            content_mask=self.dataset.mask(content),
            style=self.dataset.pixels(style),
            style_mask=self.dataset.mask(style),
        )

    def with_originals(self, originals: OriginalScores) -> "Generation":
        """Return the same generation with the scores that another one has asked for already."""
        return replace(self, originals=originals)


def make_generation(
    dataset: Dataset, policy: Policy, seed: int, peers: Peers, peer_facts: PeerFacts, *, any_size: bool
) -> Generation:
    """Check that data set, policy and models fit together.

    Raises:
        ConfigurationError: if they do not: a size, another detector, or a threshold that the model file has not.
        DatasetError: if no pair can be drawn.

    """
    if policy.size is not None and policy.size != dataset.size and not any_size:
        raise ConfigurationError(
            f"policy {policy.name}: was tuned at {policy.size} pixels, the films have {dataset.size}; "
            f"prepare them at {policy.size}, or ask for this size by name (--any-size)"
        )
    for service, size in peer_facts.input_sizes.items():
        if dataset.size < size:
            raise ConfigurationError(f"{service}: its model needs {size} pixels a side, the films have {dataset.size}")
    if policy.gates.detector not in ("any", peer_facts.detector):
        raise ConfigurationError(
            f"policy {policy.name}: gates.detector: needed {policy.gates.detector}, found a model that is "
            f"{peer_facts.detector or 'of no known kind'}: train or serve another (mammosynth train anomaly --detector "
            f"{policy.gates.detector}), or change the policy"
        )
    facts = RunFacts(
        policy=policy,
        thresholds=resolve_thresholds(policy, peer_facts),
        seed=seed,
        dataset_sha256=dataset.sha256,
        models=peer_facts.models,
    )
    sampler = Sampler(dataset.films, policy.pairing, seed=seed)
    twins = PlaceboSampler(dataset.films, policy.pairing, seed=seed, pairs=sampler)
    return Generation(dataset, facts, sampler, twins, peers, OriginalScores(dataset, peers))


def resolve_thresholds(policy: Policy, peer_facts: PeerFacts) -> Thresholds:
    """Bring the policy's gates to numbers, by the names in the model files.

    Raises:
        ConfigurationError: naming a threshold that the model file has not.

    """
    return Thresholds(
        anomaly=_threshold(policy.gates.anomaly, "anomaly", peer_facts),
        classifier=_threshold(policy.gates.classifier, "classifier", peer_facts),
        benign_below=policy.gates.benign_below,
        minimum_change=policy.gates.minimum_change,
    )


def _threshold(wanted: str | float, service: str, peer_facts: PeerFacts) -> float:
    if not isinstance(wanted, str):
        return float(wanted)
    named = peer_facts.thresholds[service]
    name = peer_facts.default_thresholds[service] if wanted == MODELS_OWN else wanted
    if name not in named:
        raise ConfigurationError(
            f"policy: gates.{service}: found {name!r}, needed a number, {MODELS_OWN!r} or one of "
            f"{', '.join(sorted(named))}"
        )
    return named[name]
