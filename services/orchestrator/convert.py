"""Outcomes and facts as messages."""

from importlib.metadata import version

from mammosynth.pixels import to_image, to_mask
from mammosynth.v1 import generation_pb2, model_pb2

from services.orchestrator.retry_loop import Outcome
from shared.images import Mask
from shared.record import Model
from shared.rpc.recipes import to_message


def to_sample(outcome: Outcome, mask: Mask) -> generation_pb2.GenerateResponse:
    """Make a message of an accepted pair.

    Args:
        outcome: an accepted one.
        mask: breast mask of its content.

    Raises:
        ValueError: if the pair was not accepted.

    """
    record = outcome.record
    trial = next((trial for trial in record.trials if trial.trial == record.accepted_trial), None)
    if outcome.film is None or trial is None or trial.scores is None or record.content.scores is None:
        raise ValueError(f"pair {record.pair} was not accepted")
    return generation_pb2.GenerateResponse(
        pair=record.pair,
        next_pair=record.pair + 1,
        image=to_image(outcome.film),
        mask=to_mask(mask),
        content_image_id=record.content.image_id,
        content_patient_id=record.content.patient_id,
        style_image_id=record.style.image_id,
        style_patient_id=record.style.patient_id,
        trial=trial.trial,
        recipe=to_message(trial.recipe),
        anomaly_score=trial.scores.anomaly,
        probability=trial.scores.probability,
        content_probability=record.content.scores.probability,
        record_json=record.to_json(),
    )


def to_info(
    *, dataset_sha256: str, size: int, policies: tuple[str, ...], default_policy: str, models: dict[str, Model]
) -> generation_pb2.GenerationServiceInfoResponse:
    """Make a message of what samples are generated from."""
    return generation_pb2.GenerationServiceInfoResponse(
        dataset_sha256=dataset_sha256,
        size=size,
        policies=policies,
        default_policy=default_policy,
        anomaly=_identity(models["anomaly"]),
        classifier=_identity(models["classifier"]),
        trunk=_identity(models["stylizer"]),
        version=version("mammosynth"),
    )


def _identity(model: Model) -> model_pb2.ModelIdentity:
    return model_pb2.ModelIdentity(name=model.name, sha256=model.sha256)
