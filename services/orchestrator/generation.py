"""Puts a generation together: data set, policy, models as they are served, and the loop that works on pairs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from services.orchestrator.decision import Thresholds
from services.orchestrator.facts import FILM_GATES, GATES, PeerFacts
from services.orchestrator.insets import PairFilms, read_lesions
from services.orchestrator.lesion_pairs import lesion_samplers
from services.orchestrator.policy import MODELS_OWN, Gates, LesionRules, Policy
from services.orchestrator.retry_loop import Peers, RetryLoop, RunFacts
from services.orchestrator.sampler import Pair, PlaceboSampler, Sampler
from services.orchestrator.scoring import Scored, both
from shared.dataset import Dataset, LesionCrops, Split
from shared.dataset import Film as FilmEntry
from shared.dataset.crops import DEFAULT_SIZE
from shared.errors import ConfigurationError
from shared.images import Film, Mask


class OriginalScores:
    """Scores of the data set's own films, or crops, asked for once each."""

    def __init__(self, dataset: Dataset, peers: Peers, rules: LesionRules | None = None) -> None:
        """Score what `dataset` holds; where it is crops, `rules` say whether they, their whole films, or both."""
        self._dataset = dataset
        self._peers = peers
        self._rules = rules or LesionRules()
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
        if not isinstance(self._dataset, LesionCrops):
            return await self._peers.score(*await asyncio.to_thread(_read, self._dataset, image_id))
        whole = await asyncio.to_thread(_read, self._dataset.whole, self._dataset.crop(image_id).film.image_id)
        if self._rules.looks_at == "film":
            return await self._peers.score(*whole)
        scored = await self._peers.score(*await asyncio.to_thread(_read, self._dataset, image_id))
        return both(scored, await self._peers.score_film(*whole)) if self._rules.film_gates else scored

    def are_of(self, dataset: Dataset) -> bool:
        """Whether these are the scores of this data set's films."""
        return self._dataset is dataset


def _read(dataset: Dataset, image_id: str) -> tuple[Film, Mask]:
    return dataset.pixels(image_id), dataset.mask(image_id)


@dataclass(frozen=True)
class Generation:
    """All that decides what is made: the same generation makes the same films from the same pairs."""

    dataset: Dataset
    films: Dataset
    """What is drawn from: the data set, or the crops around its lesions."""
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
        if isinstance(self.films, LesionCrops):
            crops = self.films
            return read_lesions(self.dataset, crops.crop(content), crops.crop(style), crops.size)
        return PairFilms(
            content=self.dataset.pixels(content),
            content_mask=self.dataset.mask(content),
            style=self.dataset.pixels(style),
            style_mask=self.dataset.mask(style),
        )

    def with_originals(self, originals: OriginalScores) -> "Generation":
        """Return the same generation with the scores that another one has asked for already, if of the same films."""
        return replace(self, originals=originals) if originals.are_of(self.films) else self


def make_generation(
    dataset: Dataset, policy: Policy, seed: int, peers: Peers, peer_facts: PeerFacts, *, any_size: bool
) -> Generation:
    """Check that data set, policy and models fit together.

    Raises:
        ConfigurationError: if they do not: a size, another detector, or a threshold that the model file has not.
        DatasetError: if no pair can be drawn.

    """
    if policy.size is not None and policy.size != dataset.size and not any_size and not policy.on_lesions:
        raise ConfigurationError(
            f"policy {policy.name}: was tuned at {policy.size} pixels, the films have {dataset.size}; "
            f"prepare them at {policy.size}, or ask for this size by name (--any-size)"
        )
    check_gates(policy, peer_facts, film=dataset.size)
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
    if policy.on_lesions:
        crops = LesionCrops.of(dataset, size=crop_size(policy), splits=(Split.GENERATION,), seed=seed)
        sampler, twins = lesion_samplers(crops, policy, seed=seed)
        originals = OriginalScores(crops, peers, policy.lesion_rules)
        return Generation(dataset, crops, facts, sampler, twins, peers, originals)
    sampler = Sampler(dataset.films, policy.pairing, seed=seed)
    twins = PlaceboSampler(dataset.films, policy.pairing, seed=seed, pairs=sampler)
    return Generation(dataset, dataset, facts, sampler, twins, peers, OriginalScores(dataset, peers))


def crop_size(policy: Policy) -> int:
    """Rows and columns of the crops that a policy on lesions works on."""
    return policy.size or DEFAULT_SIZE


def check_gates(policy: Policy, peer_facts: PeerFacts, *, film: int) -> None:
    """Check that every gate was trained on what it is to look at, and that this is large enough for it.

    Args:
        policy: which says what the gates look at.
        peer_facts: the gates.
        film: rows and columns of the whole films.

    Raises:
        ConfigurationError: naming the gate, what was found and what is needed.

    """
    on_crops = policy.on_lesions and policy.lesion_rules.looks_at == "crop"
    if policy.lesion_rules.film_gates is not None and not set(FILM_GATES) <= set(peer_facts.input_sizes):
        raise ConfigurationError(
            f"policy {policy.name}: lesion.film_gates: asks the gates of whole films too, found none; needed is a "
            "folder with both (--film-models)"
        )
    for service, size in peer_facts.input_sizes.items():
        crops = on_crops and service not in FILM_GATES
        needed, found = ("lesions" if crops else "films"), peer_facts.trained_on.get(service, "films")
        if found != needed:
            raise ConfigurationError(
                f"{service}: its model was trained on {found}, the policy {policy.name} lets it look at {needed}: "
                f"train or serve another (mammosynth train {service.removeprefix('film_')} --on {needed})"
            )
        side = crop_size(policy) if crops else film
        if side < size:
            what = "crops" if crops else "films"
            raise ConfigurationError(f"{service}: its model needs {size} pixels a side, the {what} have {side}")


def resolve_thresholds(policy: Policy, peer_facts: PeerFacts) -> Thresholds:
    """Bring the policy's gates to numbers, by the names in the model files.

    Raises:
        ConfigurationError: naming a threshold that the model file has not.

    """
    of_film = policy.lesion_rules.film_gates
    film = _thresholds(of_film, FILM_GATES, peer_facts) if of_film else None
    return _thresholds(policy.gates, GATES, peer_facts, film=film)


def _thresholds(
    gates: Gates, services: tuple[str, str], peer_facts: PeerFacts, *, film: Thresholds | None = None
) -> Thresholds:
    anomaly, classifier = services
    return Thresholds(
        anomaly=_threshold(gates.anomaly, anomaly, peer_facts),
        classifier=_threshold(gates.classifier, classifier, peer_facts),
        benign_below=gates.benign_below,
        minimum_change=gates.minimum_change,
        film=film,
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
