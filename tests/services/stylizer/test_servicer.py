"""The stylizer on loopback, called through a real stub, with a real engine and small films."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from mammosynth.client import Stylizer
from mammosynth.pixels import to_image, to_mask
from mammosynth.v1 import image_pb2, stylizer_pb2, stylizer_pb2_grpc

from services.stylizer.batch import Batch
from services.stylizer.convert import to_job
from services.stylizer.engine import Engine
from services.stylizer.network import Trunk
from services.stylizer.servicer import StylizerServicer
from services.stylizer.targets import TargetCache
from services.stylizer.weights import TrunkWeights
from shared.descriptions import ModelIdentity
from shared.errors import CallCancelledError, DeadlineError, InvalidInputError, ModelMismatchError, OverloadedError
from shared.images import Film, Mask
from shared.recipe import Recipe, Region
from shared.rpc.channel import open_channel
from shared.rpc.recipes import to_message
from tests.loopback import process, served, terminate

Request = stylizer_pb2.StylizeRequest
Stub = Any
Serving = Callable[..., "AsyncIterator[tuple[Stub, Engine]]"]


@pytest.fixture
def serving(weights: TrunkWeights) -> Serving:
    @asynccontextmanager
    async def start(**options: object) -> AsyncIterator[tuple[Stub, Engine]]:
        given = {"slots": 2, "queue": 4, "history": 20, "device": torch.device("cpu"), "threads": 1} | options
        engine = Engine(weights, **given)  # type: ignore[arg-type]
        servicer = StylizerServicer(engine, ModelIdentity(name=weights.name, sha256=weights.sha256))
        try:
            async with served(partial(stylizer_pb2_grpc.add_StylizerServiceServicer_to_server, servicer)) as address:
                channel = open_channel(address)
                try:
                    yield stylizer_pb2_grpc.StylizerServiceStub(channel), engine
                finally:
                    await channel.close()
        finally:
            await asyncio.to_thread(engine.stop)

    return start  # type: ignore[return-value]


@pytest.fixture
def ask(film: Callable[..., Film], breast: Callable[..., Mask]) -> Callable[..., Request]:
    def make(content: int = 1, style: int = 2, *, snapshots: tuple[int, ...] = (), **recipe: object) -> Request:
        return Request(
            content=to_image(film(content, 32)),
            style=to_image(film(style, 32)),
            content_mask=to_mask(breast(content, 32)),
            style_mask=to_mask(breast(style, 32)),
            recipe=to_message(Recipe(**recipe)),  # type: ignore[arg-type]
            snapshot_steps=snapshots,
        )

    return make


async def answers(stub: Stub, request: Request) -> list[stylizer_pb2.StylizeResponse]:
    return [answer async for answer in stub.Stylize(request, timeout=100)]


async def until_idle(engine: Engine) -> None:
    async with asyncio.timeout(60):
        while engine._admitted:
            await asyncio.sleep(0.001)


async def test_snapshots_are_streamed_and_are_those_of_the_optimiser(
    serving: Serving, ask: Callable[..., Request], job: Callable[..., object], trunk: Callable[..., Trunk]
) -> None:
    request = ask(snapshots=(2, 5), steps=7, region=Region.BREAST)
    async with serving() as (stub, _):
        found = await answers(stub, request)
    assert [(answer.steps, answer.evaluations) for answer in found] == [(2, 2), (5, 5), (7, 7)]
    batch = Batch(trunk(32), slots=2, history=20, targets=TargetCache(10**8))
    batch.place(1, to_job(request, deadline=None))
    for _ in range(7):
        batch.step()
    assert found[-1].image == to_image(batch.read(1).film)
    assert found[-1].loss == batch.read(1).loss
    assert found[-1].numerics.slots == 2
    assert found[-1].model.name == "vgg16-imagenet-conv_1-to-conv_5"


async def test_many_calls_at_once_get_what_each_gets_alone(serving: Serving, ask: Callable[..., Request]) -> None:
    requests = [ask(seed, seed + 30, steps=2 + seed) for seed in range(5)]
    async with serving() as (stub, _):
        alone = [await answers(stub, request) for request in requests]
        together = await asyncio.gather(*(answers(stub, request) for request in requests))
    assert together == alone


async def test_info_tells_what_is_computed_with(serving: Serving, weights: TrunkWeights) -> None:
    async with serving(queue=3) as (stub, _):
        info = await stub.Info(stylizer_pb2.StylizerServiceInfoRequest(), timeout=10)
    assert (info.trunk.name, info.trunk.sha256) == (weights.name, weights.sha256)
    assert (info.numerics.slots, info.numerics.threads, info.queue_limit) == (2, 1, 3)


def changed(request: Request, change: Callable[[Request], object]) -> Request:
    copy = Request()
    copy.CopyFrom(request)
    change(copy)
    return copy


def image(rows: int, columns: int) -> image_pb2.Image:
    return to_image(np.zeros((rows, columns), dtype=np.float32))


BAD: dict[str, tuple[Callable[[Request], object], str]] = {
    "no content": (lambda r: r.ClearField("content"), "content: found none"),
    "no recipe": (lambda r: r.ClearField("recipe"), "recipe: found none"),
    "short data": (lambda r: setattr(r.content, "data", b"12"), "content.data: found 2 bytes, needed 2048"),
    "no format": (lambda r: setattr(r.style, "pixel_format", 0), "style.pixel_format: found 0, needed"),
    "empty": (lambda r: setattr(r.content, "rows", 0), "content.rows: found 0, needed 1 to"),
    "not square": (lambda r: r.content.CopyFrom(image(32, 33)), "content: found 32 x 33 pixels, needed a square"),
    "too small": (lambda r: r.content.CopyFrom(image(8, 8)), "content: found 8 pixels a side, needed 32 to 2048"),
    "too big": (lambda r: r.content.CopyFrom(image(2052, 2052)), "content: found 2052 pixels a side, needed 32 to 2"),
    "sizes differ": (lambda r: r.style.CopyFrom(image(48, 48)), r"style: found shape \(48, 48\), needed .*\(32, 32\)"),
    "mask's size": (
        lambda r: r.content_mask.CopyFrom(to_mask(np.ones((16, 16), dtype=np.bool_))),
        r"content_mask: found shape \(16, 16\)",
    ),
    "empty mask": (
        lambda r: r.style_mask.CopyFrom(to_mask(np.zeros((32, 32), dtype=np.bool_))),
        "style_mask: found no pixel inside, needed at least one",
    ),
    "no mask": (lambda r: r.ClearField("content_mask"), "content_mask: found none, needed one for the region breast"),
    "layer": (lambda r: setattr(r.recipe, "content_layer", "conv_6"), "recipe.content_layer: found 'conv_6', needed"),
    "layer twice": (
        lambda r: r.recipe.style_layers.append("conv_1"),
        "recipe.style_layers: found .*conv_1, needed each layer once",
    ),
    "weight": (lambda r: setattr(r.recipe, "style_weight", -1), "recipe.style_weight: found -1.0, needed"),
    "NaN": (lambda r: setattr(r.recipe, "style_weight", float("nan")), "recipe.style_weight: found nan, needed"),
    "steps": (lambda r: setattr(r.recipe, "steps", 10_001), "recipe.steps: found 10001, needed 1 to 10000"),
    "region": (lambda r: setattr(r.recipe, "region", 99), "recipe.region: found 99, needed one of"),
    "snapshots": (lambda r: r.snapshot_steps.append(10_000), r"snapshot_steps: found \[.*10000\], needed each within"),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_input_is_refused_with_field_found_and_needed_and_the_service_goes_on(
    serving: Serving, ask: Callable[..., Request], case: str
) -> None:
    change, message = BAD[case]
    good = ask(steps=2, region=Region.BREAST)
    async with serving() as (stub, _):
        with pytest.raises(InvalidInputError, match=message):
            await answers(stub, changed(good, change))
        assert len(await answers(stub, good)) == 1


async def test_another_trunk_than_the_one_served_is_refused(serving: Serving, ask: Callable[..., Request]) -> None:
    request = ask(steps=1)
    request.model_name = "vgg19-imagenet-conv_1-to-conv_5"
    async with serving() as (stub, _):
        with pytest.raises(ModelMismatchError, match="found 'vgg19"):
            await answers(stub, request)


async def test_hanging_up_frees_the_slot(serving: Serving, ask: Callable[..., Request]) -> None:
    async with serving(slots=1) as (stub, engine):
        call = stub.Stylize(ask(steps=10_000, snapshots=(1,)), timeout=100)
        async for answer in call:
            assert answer.steps == 1
            break
        call.cancel()
        await until_idle(engine)
        assert len(await answers(stub, ask(steps=2))) == 1


async def test_a_deadline_that_passes_frees_the_slot(serving: Serving, ask: Callable[..., Request]) -> None:
    async with serving(slots=1) as (stub, engine):
        with pytest.raises((DeadlineError, CallCancelledError)):
            async for _ in stub.Stylize(ask(steps=10_000), timeout=0.5):
                pass
        await until_idle(engine)
        assert len(await answers(stub, ask(steps=2))) == 1


async def test_a_full_queue_refuses_with_a_time_to_ask_again(serving: Serving, ask: Callable[..., Request]) -> None:
    async with serving(slots=1, queue=1) as (stub, engine):
        calls = [asyncio.ensure_future(answers(stub, ask(seed, steps=10_000))) for seed in (1, 2)]
        async with asyncio.timeout(60):
            while engine._admitted < 2:
                await asyncio.sleep(0.001)
        with pytest.raises(OverloadedError) as caught:
            await answers(stub, ask(steps=2))
        assert caught.value.retry_after_s > 0
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await until_idle(engine)


def test_the_process_is_ready_after_its_warm_up_serves_and_ends_on_sigterm(
    film: Callable[..., Film], weights: TrunkWeights
) -> None:
    variables = {"MAMMOSYNTH_STYLIZER_SLOTS": "3", "MAMMOSYNTH_STYLIZER_THREADS": "1"}
    with process("services.stylizer", **variables) as (started, address), Stylizer(address) as client:
        info = client.info()
        assert (info.numerics.slots, info.numerics.threads) == (3, 1)
        found = list(client.stylize(film(1, 32), film(2, 32), steps=3, snapshot_steps=[1]))
        assert [snapshot.steps for snapshot in found] == [1, 3]
        assert found[0].model.sha256 == weights.sha256
        assert terminate(started) == 143
