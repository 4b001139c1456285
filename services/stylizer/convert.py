"""Requests as jobs, snapshots as messages."""

from mammosynth.pixels import to_image
from mammosynth.v1 import stylizer_pb2

from services.stylizer.job import TransferJob
from services.stylizer.trajectory import Snapshot
from shared.descriptions import ModelIdentity
from shared.errors import InvalidInputError
from shared.numerics import Numerics
from shared.rpc.descriptions import identity_to_message, numerics_to_message
from shared.rpc.films import film_from_message, mask_from_message
from shared.rpc.recipes import from_message


def to_job(request: stylizer_pb2.StylizeRequest, *, deadline: float | None) -> TransferJob:
    """Read a request.

    Args:
        request: as it came in.
        deadline: time of `time.monotonic()` at which the work is worthless, in seconds; None for never.

    Raises:
        InvalidInputError: naming the field, what was found and what is needed.

    """
    if not request.HasField("recipe"):
        raise InvalidInputError("recipe: found none, needed one")
    return TransferJob(
        content=film_from_message(request.content, "content", present=request.HasField("content")),
        style=film_from_message(request.style, "style", present=request.HasField("style")),
        content_mask=mask_from_message(request.content_mask, "content_mask", present=request.HasField("content_mask")),
        style_mask=mask_from_message(request.style_mask, "style_mask", present=request.HasField("style_mask")),
        recipe=from_message(request.recipe),
        snapshot_steps=tuple(request.snapshot_steps),
        deadline=deadline,
    )


def to_response(snapshot: Snapshot, trunk: ModelIdentity, numerics: Numerics) -> stylizer_pb2.StylizeResponse:
    """Make a message of a snapshot."""
    return stylizer_pb2.StylizeResponse(
        image=to_image(snapshot.film),
        steps=snapshot.steps,
        evaluations=snapshot.evaluations,
        loss=snapshot.loss,
        content_loss=snapshot.content_loss,
        style_loss=snapshot.style_loss,
        mean_absolute_change=snapshot.mean_absolute_change,
        model=identity_to_message(trunk),
        numerics=numerics_to_message(numerics),
    )


def to_info(trunk: ModelIdentity, numerics: Numerics, *, queue_limit: int) -> stylizer_pb2.StylizerServiceInfoResponse:
    """Make the answer to `Info`."""
    return stylizer_pb2.StylizerServiceInfoResponse(
        trunk=identity_to_message(trunk),
        numerics=numerics_to_message(numerics),
        queue_limit=queue_limit,
        version=numerics.versions["mammosynth"],
    )
