"""Generated films as a PyTorch data set, with a server on loopback and real workers."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from mammosynth.channel import RETRY_DELAY_KEY
from mammosynth.client import ServiceError
from mammosynth.pixels import to_image, to_mask
from mammosynth.torch import GeneratedFilms
from mammosynth.v1 import generation_pb2, generation_pb2_grpc, stylizer_pb2
from torch.utils.data import DataLoader

SIZE = 8
# The server of this process must not be forked; a fork server that has torch makes workers in no time.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["mammosynth.torch"])
MASK = np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 3 == 0


def film(pair: int) -> np.ndarray:
    return (np.random.default_rng(pair).integers(0, 65536, (SIZE, SIZE)) / 65535).astype(np.float32)


class Generating(generation_pb2_grpc.GenerationServiceServicer):
    """Accepts the pairs that 3 does not divide; notes which were asked for; fails where it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.policies: set[tuple[int, str]] = set()
        self.left = threading.Event()
        self.failures: dict[int, list[tuple[grpc.StatusCode, tuple[tuple[str, str], ...]]]] = {}
        """By pair: what happens, once each, before it is sent."""

    def Generate(self, request: Any, context: Any) -> Iterator[Any]:
        self.asked.append((request.first_pair, request.pair_limit))
        self.policies.add((request.seed, request.policy))
        context.add_callback(self.left.set)
        for pair in range(request.first_pair, request.first_pair + request.pair_limit):
            if self.failures.get(pair):
                status, metadata = self.failures[pair].pop(0)
                context.set_trailing_metadata(metadata)
                context.abort(status, f"at pair {pair}")
            if pair % 3:
                yield generation_pb2.GenerateResponse(
                    pair=pair,
                    next_pair=pair + 1,
                    image=to_image(film(pair)),
                    mask=to_mask(MASK),
                    content_image_id=f"content-{pair}",
                    content_patient_id="P_1",
                    style_image_id="style",
                    style_patient_id="P_2",
                    trial=2,
                    recipe=stylizer_pb2.Recipe(content_layer="conv_5", steps=250),
                    anomaly_score=0.4,
                    probability=0.9,
                )


Serve = Callable[..., str]


def accepted(first: int, end: int) -> list[int]:
    return [pair for pair in range(first, end) if pair % 3]


def test_an_item_holds_film_mask_label_and_where_it_comes_from(serve: Serve) -> None:
    servicer = Generating()
    item = next(iter(GeneratedFilms(serve(servicer), seed=7, policy="stable", first_pair=4)))

    np.testing.assert_array_equal(item["film"][0].numpy(), film(4))
    np.testing.assert_array_equal(item["mask"][0].numpy(), MASK)
    assert (item["film"].dtype, item["mask"].dtype) == (torch.float32, torch.bool)
    assert {key: item[key] for key in ("label", "pair", "next_pair", "trial", "probability", "content_image_id")} == {
        "label": 1,
        "pair": 4,
        "next_pair": 5,
        "trial": 2,
        "probability": 0.9,
        "content_image_id": "content-4",
    }
    assert servicer.policies == {(7, "stable")}


def test_blocks_follow_one_another_to_the_end(serve: Serve) -> None:
    servicer = Generating()

    found = [item["pair"] for item in GeneratedFilms(serve(servicer), first_pair=2, pairs=10, block=4)]

    assert found == accepted(2, 12)
    assert servicer.asked == [(2, 4), (6, 4), (10, 2)]


def test_processes_share_the_pairs(serve: Serve) -> None:
    address = serve(Generating())
    shares = [
        [item["pair"] for item in GeneratedFilms(address, pairs=40, block=3, rank=rank, world_size=3)]
        for rank in range(3)
    ]

    assert sorted(pair for share in shares for pair in share) == accepted(0, 40)
    assert all(shares)


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_share_the_pairs_and_make_batches(serve: Serve, workers: int) -> None:
    films = GeneratedFilms(serve(Generating()), pairs=30, block=4)
    loader = DataLoader(films, batch_size=3, num_workers=workers, multiprocessing_context=CONTEXT if workers else None)

    batches = list(loader)

    pairs = [pair for batch in batches for pair in batch["pair"].tolist()]
    assert sorted(pairs) == accepted(0, 30)
    first = batches[0]
    assert first["film"].shape == (3, 1, SIZE, SIZE)
    np.testing.assert_array_equal(first["film"][1, 0].numpy(), film(first["pair"][1].item()))
    assert {batch["share"][0].item() for batch in batches} == set(range(max(workers, 1)))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupted_training_goes_on_without_a_repeat_and_without_a_gap(serve: Serve, workers: int) -> None:
    address = serve(Generating())
    options: dict[str, Any] = {
        "batch_size": 2,
        "num_workers": workers,
        "multiprocessing_context": CONTEXT if workers else None,
    }

    films = GeneratedFilms(address, pairs=30, block=4)
    used = []
    for number, batch in enumerate(DataLoader(films, **options)):
        used += batch["pair"].tolist()
        films.consumed(batch)
        if number == 4:
            break
    state = films.state_dict()

    again = GeneratedFilms(address, pairs=30, block=4)
    again.load_state_dict(state)
    rest = [pair for batch in DataLoader(again, **options) for pair in batch["pair"].tolist()]

    assert len(used) == 10
    assert sorted(used + rest) == accepted(0, 30)


def test_the_state_is_plain_enough_for_a_checkpoint(serve: Serve, tmp_path: Any) -> None:
    films = GeneratedFilms(serve(Generating()), block=4)
    items = iter(films)
    films.consumed(next(items))
    films.consumed(next(items))
    torch.save(films.state_dict(), tmp_path / "state.pt")

    state = torch.load(tmp_path / "state.pt", weights_only=True)

    assert state["next"] == {0: 3}
    again = GeneratedFilms("127.0.0.1:1", block=4)
    again.load_state_dict(state)
    assert again.state_dict() == state


CHANGES = {
    "seed": {"seed": 1},
    "policy": {"policy": "paper"},
    "block": {"block": 5},
    "first_pair": {"first_pair": 1},
    "world_size": {"world_size": 2},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_state_of_other_films_is_refused(name: str) -> None:
    state = GeneratedFilms("127.0.0.1:1", block=4).state_dict()

    with pytest.raises(ValueError, match=f"{name}: found .*, needed the state's"):
        GeneratedFilms("127.0.0.1:1", **({"block": 4} | CHANGES[name])).load_state_dict(state)


def test_a_state_of_another_number_of_shares_is_refused(serve: Serve) -> None:
    films = GeneratedFilms(serve(Generating()), block=4)
    state = films.state_dict() | {"shares": 2, "next": {0: 3, 1: 5}}
    films.load_state_dict(state)

    with pytest.raises(ValueError, match=r"found 1 shares .*, needed the 2 that the state was made with"):
        next(iter(films))


def test_a_service_that_was_away_is_asked_again_for_what_is_missing(serve: Serve) -> None:
    servicer = Generating()
    servicer.failures = {5: [(grpc.StatusCode.UNAVAILABLE, ())]}
    pauses: list[float] = []

    found = [item["pair"] for item in GeneratedFilms(serve(servicer), pairs=9, sleep=pauses.append)]

    assert found == accepted(0, 9)
    assert servicer.asked[-1] == (5, 4)
    assert pauses == [0.5]


def test_a_full_service_says_when_to_come_back(serve: Serve) -> None:
    servicer = Generating()
    full = (grpc.StatusCode.RESOURCE_EXHAUSTED, ((RETRY_DELAY_KEY, "1500"),))
    servicer.failures = {0: [full, full]}
    pauses: list[float] = []

    found = [item["pair"] for item in GeneratedFilms(serve(servicer), pairs=9, sleep=pauses.append)]

    assert found == accepted(0, 9)
    assert pauses == [1.5, 1.5]


def test_a_service_that_stays_away_is_given_up(serve: Serve) -> None:
    servicer = Generating()
    servicer.failures = {5: [(grpc.StatusCode.UNAVAILABLE, ())] * 99}
    address, pauses, found = serve(servicer), list[float](), list[int]()

    with pytest.raises(ServiceError, match="at pair 5"):
        found.extend(item["pair"] for item in GeneratedFilms(address, pairs=9, attempts=3, sleep=pauses.append))

    assert found == accepted(0, 5)
    assert pauses == [0.5, 1.0]


def test_a_request_that_is_refused_is_not_made_again(serve: Serve) -> None:
    servicer = Generating()
    servicer.failures = {0: [(grpc.StatusCode.NOT_FOUND, ())]}

    with pytest.raises(ServiceError, match="at pair 0"):
        next(iter(GeneratedFilms(serve(servicer), sleep=lambda _: None)))
    assert len(servicer.asked) == 1


def test_an_iterator_that_is_dropped_hangs_up(serve: Serve) -> None:
    servicer = Generating()
    items = iter(GeneratedFilms(serve(servicer), block=10_000))
    next(items)

    items.close()  # type: ignore[attr-defined]

    assert servicer.left.wait(10)


def test_an_error_of_a_worker_reaches_the_training(serve: Serve) -> None:
    servicer = Generating()
    servicer.failures = {0: [(grpc.StatusCode.NOT_FOUND, ())]}
    loader = DataLoader(GeneratedFilms(serve(servicer)), num_workers=1, multiprocessing_context=CONTEXT)

    with pytest.raises(RuntimeError, match="at pair 0"):
        next(iter(loader))


NUMBERS = {
    "first_pair": ({"first_pair": -1}, "first_pair: found -1, needed 0 or more"),
    "pairs": ({"pairs": 0}, "pairs: found 0, needed 1 or more"),
    "block": ({"block": 0}, "block: found 0, needed 1 or more"),
    "attempts": ({"attempts": 0}, "attempts: found 0, needed 1 or more"),
    "world_size": ({"world_size": 0}, "world_size: found 0, needed 1 or more"),
    "rank": ({"rank": 2, "world_size": 2}, "rank: found 2, needed 0 to 1"),
}


@pytest.mark.parametrize(("options", "message"), NUMBERS.values(), ids=NUMBERS)
def test_a_number_out_of_its_range_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeneratedFilms("127.0.0.1:1", **options)  # type: ignore[arg-type]
