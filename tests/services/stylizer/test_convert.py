from collections.abc import Callable

import numpy as np
import pytest
from mammosynth.pixels import from_image, to_image, to_mask
from mammosynth.v1 import image_pb2, stylizer_pb2

from services.stylizer.convert import to_info, to_job, to_response
from services.stylizer.trajectory import Snapshot
from shared.descriptions import ModelIdentity
from shared.errors import InvalidInputError
from shared.images import Film, Mask
from shared.numerics import Numerics
from shared.recipe import LossConvention, Optimizer, Recipe, Region
from shared.rpc.recipes import to_message

TRUNK = ModelIdentity(name="vgg16-imagenet-conv_1-to-conv_5", sha256="0" * 64)
NUMERICS = Numerics(
    device_kind="cpu",
    dtype="float32",
    slots=2,
    threads=1,
    instruction_set="AVX2",
    versions={"torch": "2.15.0", "mammosynth": "0.1.0"},
)


@pytest.fixture
def request_message(film: Callable[..., Film], breast: Callable[..., Mask]) -> stylizer_pb2.StylizeRequest:
    return stylizer_pb2.StylizeRequest(
        content=to_image(film(1, 32)),
        style=to_image(film(2, 32)),
        content_mask=to_mask(breast(1, 32)),
        style_mask=to_mask(breast(2, 32)),
        recipe=to_message(Recipe(region=Region.BREAST)),
        snapshot_steps=[100, 200],
    )


def test_a_request_becomes_a_job_with_the_same_pixels_masks_and_recipe(
    request_message: stylizer_pb2.StylizeRequest, film: Callable[..., Film], breast: Callable[..., Mask]
) -> None:
    recipe = Recipe(
        content_layer="conv_4",
        style_layers=("conv_2", "conv_5"),
        content_weight=0.5,
        style_weight=3e4,
        region=Region.BREAST,
        optimizer=Optimizer.COMPAT,
        loss_convention=LossConvention.GATYS,
        steps=300,
    )
    request_message.recipe.CopyFrom(to_message(recipe))
    job = to_job(request_message, deadline=12.5)
    assert job.recipe == recipe
    assert (job.snapshot_steps, job.deadline) == ((100, 200, 300), 12.5)
    np.testing.assert_allclose(job.content, film(1, 32), rtol=0, atol=0.5 / 65535 + 1e-7)
    np.testing.assert_allclose(job.style, film(2, 32), rtol=0, atol=0.5 / 65535 + 1e-7)
    assert to_image(job.content) == request_message.content
    assert np.array_equal(job.content_mask, breast(1, 32))
    assert np.array_equal(job.style_mask, breast(2, 32))


def test_masks_may_be_left_out_where_the_region_needs_none(request_message: stylizer_pb2.StylizeRequest) -> None:
    request_message.ClearField("content_mask")
    request_message.ClearField("style_mask")
    request_message.recipe.region = image_pb2.REGION_FILM
    assert to_job(request_message, deadline=None).region_masks == (None, None)


@pytest.mark.parametrize("field", ["content", "style", "recipe"])
def test_a_field_that_is_missing_is_named(request_message: stylizer_pb2.StylizeRequest, field: str) -> None:
    request_message.ClearField(field)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=f"{field}: found none"):
        to_job(request_message, deadline=None)


def test_a_snapshot_becomes_a_message_with_every_number(film: Callable[..., Film]) -> None:
    snapshot = Snapshot(
        steps=250,
        evaluations=260,
        film=film(1, 32),
        loss=12.5,
        content_loss=2.5,
        style_loss=1e-4,
        mean_absolute_change=0.03,
    )
    message = to_response(snapshot, TRUNK, NUMERICS)
    assert (message.steps, message.evaluations) == (250, 260)
    assert (message.loss, message.content_loss, message.style_loss) == (12.5, 2.5, 1e-4)
    assert message.mean_absolute_change == 0.03
    assert (message.model.name, message.model.sha256) == (TRUNK.name, TRUNK.sha256)
    assert message.numerics.versions["torch"] == "2.15.0"
    np.testing.assert_allclose(from_image(message.image), snapshot.film, rtol=0, atol=0.5 / 65535 + 1e-7)


def test_info_tells_trunk_numerics_and_queue() -> None:
    message = to_info(TRUNK, NUMERICS, queue_limit=7)
    assert (message.trunk.name, message.queue_limit, message.version) == (TRUNK.name, 7, "0.1.0")
    assert (message.numerics.slots, message.numerics.instruction_set) == (2, "AVX2")
