"""Films, outcomes and facts as messages, and what the model services answer as their meaning."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from mammosynth.pixels import from_image, to_image, to_mask
from mammosynth.v1 import anomaly_pb2, classifier_pb2, generation_pb2, model_pb2, stylizer_pb2

from services.orchestrator.facts import FILM_GATES, PeerFacts
from services.orchestrator.insets import PairFilms
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.retry_loop import Outcome, Snapshot
from services.orchestrator.scoring import Numerics
from shared.errors import InternalError
from shared.images import Mask
from shared.record import Model
from shared.rpc.descriptions import numerics_from_message
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


def to_stylize_request(films: PairFilms, plan: TrajectoryPlan) -> stylizer_pb2.StylizeRequest:
    """Make the request for a trajectory; masks go along where the region looks at them."""
    masked = plan.recipe.region.masked
    return stylizer_pb2.StylizeRequest(
        content=to_image(films.content),
        style=to_image(films.style),
        content_mask=to_mask(films.content_mask) if masked else None,
        style_mask=to_mask(films.style_mask) if masked else None,
        recipe=to_message(plan.recipe),
        snapshot_steps=plan.steps,
    )


def to_snapshot(response: stylizer_pb2.StylizeResponse) -> Snapshot:
    """Read a snapshot.

    Raises:
        InternalError: if its film is none.

    """
    try:
        film = from_image(response.image)
    except ValueError as error:
        raise InternalError(f"stylizer: snapshot: {error}") from error
    return Snapshot(
        steps=response.steps,
        evaluations=response.evaluations,
        film=film,
        loss=response.loss,
        content_loss=response.content_loss,
        style_loss=response.style_loss,
        mean_absolute_change=response.mean_absolute_change,
        numerics=to_numerics(response.numerics),
    )


def to_facts(
    stylizer: stylizer_pb2.StylizerServiceInfoResponse,
    anomaly: anomaly_pb2.AnomalyServiceInfoResponse,
    classifier: classifier_pb2.ClassifierServiceInfoResponse,
    *film_gates: Any,
) -> PeerFacts:
    """Read what the services say of themselves; `film_gates` are the two of whole films, where there are some."""
    gates = {"anomaly": anomaly.model, "classifier": classifier.model}
    gates |= {name: answer.model for name, answer in zip(FILM_GATES, film_gates, strict=False)}
    return PeerFacts(
        models={
            "stylizer": _model(stylizer.trunk),
            **{name: _model(description.identity) for name, description in gates.items()},
        },
        thresholds={name: dict(description.thresholds) for name, description in gates.items()},
        default_thresholds={name: description.default_threshold for name, description in gates.items()},
        input_sizes={name: description.input_size for name, description in gates.items()},
        training_sets={name: description.training_set_sha256 for name, description in gates.items()},
        slots=stylizer.numerics.slots,
        queue_limit=stylizer.queue_limit,
        dtype=stylizer.numerics.dtype,
        detector=anomaly.model.detector,
        trained_on={name: description.on or "films" for name, description in gates.items()},
    )


def to_numerics(message: model_pb2.Numerics) -> Numerics:
    """Read numerics as they stand in a record."""
    numerics = asdict(numerics_from_message(message))
    return numerics | {"versions": dict(sorted(numerics["versions"].items()))}


def _model(identity: model_pb2.ModelIdentity) -> Model:
    return Model(name=identity.name, sha256=identity.sha256)
