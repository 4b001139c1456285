"""An iterable data set over accepted films while they are generated, shared out among workers, and resumable."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from mammosynth.channel import ServiceError
from mammosynth.client import Generator, Sample

_LONGEST_PAUSE_S = 30.0
_FIRST_PAUSE_S = 0.5
_STREAM_S = 86_400.0


class GeneratedFilms(IterableDataset[dict[str, Any]]):
    """Accepted synthetic films of a running orchestrator (`mammosynth serve orchestrator`).

    An item is a dictionary: `film` (1, rows, columns) float32 in [0, 1]; `mask`, the breast, same shape, bool; `label`,
    1; the numbers `pair`, `trial`, `probability`, `anomaly_score`; the patients and films that it was made from; and
    what `consumed` needs. The default collation of a `DataLoader` makes batches of them.

    Pairs are dealt out in blocks: share k of n takes the blocks k, n + k, 2n + k, …; a share is a worker of a
    `DataLoader`, of one of `world_size` processes. Every pair is worked on once, whatever the number of shares. Give a
    `DataLoader` with workers `multiprocessing_context="forkserver"` or `"spawn"`: gRPC does not survive a fork.

    To go on after an interruption, tell the data set what was used, and keep its state beside your checkpoint:

        for batch in loader:
            train(batch["film"], batch["label"])
            films.consumed(batch)
            torch.save({"films": films.state_dict(), ...}, checkpoint)

    A new iterator over the same data set goes on there too, but not with `persistent_workers=True`, as those keep the
    state that they were started with.
    """

    def __init__(
        self,
        address: str,
        *,
        seed: int = 0,
        policy: str = "",
        first_pair: int = 0,
        pairs: int | None = None,
        block: int = 32,
        rank: int = 0,
        world_size: int = 1,
        attempts: int = 5,
        timeout: float = _STREAM_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Say what is generated; nothing is sent before the first item is asked for.

        Args:
            address: of the orchestrator, host:port or dns:///name:port.
            seed: of the pairs; the same seed, policy and data set give the same pairs.
            policy: name of a policy; the service's default if empty.
            first_pair: where to begin.
            pairs: how many pairs are worked on, by all shares together; None goes on until the iterator is dropped.
            block: pairs that a share works on before it passes over those of the others.
            rank: number of this process among `world_size`, each of which trains on its own part.
            world_size: how many processes share the pairs.
            attempts: how often in a row a call is made that a service away, or a full one, does not answer.
            timeout: seconds until a block must have been worked on.
            sleep: waits between attempts.

        Raises:
            ValueError: if a number is out of its range.

        """
        for name, value, least in (
            ("first_pair", first_pair, 0),
            ("pairs", 1 if pairs is None else pairs, 1),
            ("block", block, 1),
            ("world_size", world_size, 1),
            ("attempts", attempts, 1),
        ):
            if value < least:
                raise ValueError(f"{name}: found {value}, needed {least} or more")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank: found {rank}, needed 0 to {world_size - 1}")
        self._address = address
        self._seed, self._policy, self._first_pair, self._block = seed, policy, first_pair, block
        self._end = None if pairs is None else first_pair + pairs
        self._rank, self._world_size = rank, world_size
        self._attempts, self._timeout, self._sleep = attempts, timeout, sleep
        self._next: dict[int, int] = {}
        self._shares: int | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker = get_worker_info()
        workers, number = (worker.num_workers, worker.id) if worker else (1, 0)
        shares, share = self._world_size * workers, self._rank * workers + number
        if self._shares not in (None, shares):
            raise ValueError(
                f"found {shares} shares (processes x workers), needed the {self._shares} that the state was made with"
            )
        with Generator(self._address) as generator:
            for first, end in self._blocks(share, shares):
                for sample in self._samples(generator, first, end):
                    yield _item(sample, share=share, shares=shares)

    def consumed(self, batch: Mapping[str, Any]) -> None:
        """Remember that a batch, or a single item, was used: `state_dict` then tells where to go on."""
        shares, places, following = (
            torch.as_tensor(batch[name]).reshape(-1).tolist() for name in ("shares", "share", "next_pair")
        )
        for place, pair in zip(places, following, strict=True):
            self._next[place] = max(pair, self._next.get(place, 0))
        self._shares = shares[0]

    def state_dict(self) -> dict[str, Any]:
        """Where to go on: plain numbers and names."""
        return {**self._asked(), "shares": self._shares, "next": dict(self._next)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another data set was.

        Raises:
            ValueError: if that one asked for other films.

        """
        for name, value in self._asked().items():
            if state[name] != value:
                raise ValueError(f"{name}: found {value!r}, needed the state's {state[name]!r}")
        self._shares = state["shares"]
        self._next = {int(share): int(pair) for share, pair in state["next"].items()}

    def _asked(self) -> dict[str, Any]:
        """What decides which pair is dealt to whom."""
        return {
            "seed": self._seed,
            "policy": self._policy,
            "first_pair": self._first_pair,
            "block": self._block,
            "rank": self._rank,
            "world_size": self._world_size,
        }

    def _blocks(self, share: int, shares: int) -> Iterator[tuple[int, int]]:
        """First pair and end of each block of a share, what was consumed left out."""
        block, reached = self._block, self._next.get(share, 0)
        first = self._first_pair + share * block
        while self._end is None or first < self._end:
            end = first + block if self._end is None else min(first + block, self._end)
            if end > reached:
                yield max(first, reached), end
            first += shares * block

    def _samples(self, generator: Generator, first: int, end: int) -> Iterator[Sample]:
        """Samples of a block; goes on after faults that pass."""
        failures = 0
        while first < end:
            stream = generator.generate(
                seed=self._seed,
                policy=self._policy,
                first_pair=first,
                pair_limit=end - first,
                timeout=self._timeout,
            )
            with stream:
                try:
                    for sample in stream:
                        first, failures = sample.next_pair, 0
                        yield sample
                except ServiceError as error:
                    failures += 1
                    if failures >= self._attempts or not _passes(error):
                        raise
                    pause = error.retry_after_s or _FIRST_PAUSE_S * 2 ** (failures - 1)
                    self._sleep(min(pause, _LONGEST_PAUSE_S))
                else:
                    return


def _passes(error: ServiceError) -> bool:
    """Whether asking again can help: the service is away, or it is full and says when to come back."""
    return error.status == "UNAVAILABLE" or error.retry_after_s is not None


def _item(sample: Sample, *, share: int, shares: int) -> dict[str, Any]:
    film = torch.from_numpy(sample.film).unsqueeze(0)
    mask = torch.ones_like(film, dtype=torch.bool)
    if sample.mask is not None:
        mask = torch.from_numpy(sample.mask).unsqueeze(0)
    return {
        "film": film,
        "mask": mask,
        "label": 1,
        "pair": sample.pair,
        "next_pair": sample.next_pair,
        "share": share,
        "shares": shares,
        "trial": sample.trial,
        "probability": sample.probability,
        "anomaly_score": sample.anomaly_score,
        "content_image_id": sample.content_image_id,
        "content_patient_id": sample.content_patient_id,
        "style_image_id": sample.style_image_id,
        "style_patient_id": sample.style_patient_id,
    }
