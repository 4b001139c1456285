"""Films of a table, policies, trials and records as the tests of the orchestrator need them."""

from typing import Any

from services.orchestrator.decision import Thresholds
from services.orchestrator.ledger import Pins
from services.orchestrator.policy import Policy, parse_policy
from shared.dataset import Film, Label, Laterality, Origin, Split
from shared.record import Decision, Model, PairRecord, Reason, Scores, Source, Trial

THRESHOLDS = Thresholds(anomaly=0.5, classifier=0.7, benign_below=0.5, minimum_change=0.01)
KEPT = Scores(anomaly=0.2, probability=0.9, logit=2.2)
BENIGN = Scores(anomaly=0.2, probability=0.1, logit=-2.2)
MODELS = {name: Model(name=f"tiny-{name}", sha256=name[0] * 64) for name in ("stylizer", "anomaly", "classifier")}


def film(image_id: str, label: Label, patient_id: str = "", **changes: Any) -> Film:
    """A film of the split `generation`, of a patient of its own unless one is named."""
    origin = Origin(f"{image_id}.png", 64, 64, (0, 0, 64, 64), 1.0, mirrored=False, padding=(0, 0, 0, 0))
    values: dict[str, Any] = {
        "source": "archive",
        "laterality": Laterality.LEFT,
        "view": "CC",
        "pathology": str(label),
        "split": Split.GENERATION,
        "sha256": image_id[0] * 64,
        "origin": origin,
    }
    return Film(image_id=image_id, patient_id=patient_id or f"p-{image_id}", label=label, **(values | changes))


def cohort(benign: int, malignant: int) -> list[Film]:
    """So many films of each class, each of a patient of its own."""
    return [
        *(film(f"b{number}", Label.BENIGN) for number in range(benign)),
        *(film(f"m{number}", Label.MALIGNANT) for number in range(malignant)),
    ]


def policy(*recipes: dict[str, Any], **changes: Any) -> Policy:
    """A policy of these recipes."""
    return parse_policy({"name": "made", "region": "film", "recipes": list(recipes) or [{}], **changes}, "made")


def trial(number: int, *reasons: Reason, **changes: Any) -> Trial:
    """A trial; without reasons it was kept."""
    values: dict[str, Any] = {
        "recipe": policy({"steps": 10 * number}).recipe(1),
        "evaluations": 10 * number,
        "loss": 3.5,
        "content_loss": 0.1,
        "style_loss": 3.4,
        "mean_absolute_change": 0.02,
        "scores": BENIGN if reasons else KEPT,
        "sha256": f"{number}" * 64,
    }
    return Trial(trial=number, reasons=reasons, **(values | changes))


def record(pair: int, *, accepted: bool = True, **changes: Any) -> PairRecord:
    """The record of a pair that was accepted at its second trial, or not at all."""
    last = trial(2) if accepted else trial(2, Reason.ANOMALOUS)
    values: dict[str, Any] = {
        "decision": Decision.ACCEPTED if accepted else Decision.REJECTED,
        "reason": None if accepted else Reason.EXHAUSTED,
        "content": Source(image_id="b1", patient_id="p1", sha256="b" * 64, scores=BENIGN),
        "style": Source(image_id="m1", patient_id="p2", sha256="c" * 64),
        "trials": (trial(1, Reason.STILL_BENIGN), last),
        "accepted_trial": 2 if accepted else None,
        "sha256": last.sha256 if accepted else "",
        "seed": 7,
        "policy": "made",
        "policy_sha256": "d" * 64,
        "dataset_sha256": "e" * 64,
        "models": MODELS,
        "numerics": {"stylizer": [{"device_kind": "cpu", "slots": 1}]},
    }
    return PairRecord(pair=pair, **(values | changes))


def pins(**changes: Any) -> Pins:
    """What a run of such records pins."""
    values: dict[str, Any] = {
        "pairs": 4,
        "seed": 7,
        "size": 64,
        "dataset_sha256": "e" * 64,
        "policy": {"name": "made"},
        "policy_sha256": "d" * 64,
        "keep_rejected": 0.1,
        "models": MODELS,
        "dtype": "float32",
        "thresholds": {"anomaly": 0.5},
        "version": "0.1.0",
    }
    return Pins(**(values | changes))
