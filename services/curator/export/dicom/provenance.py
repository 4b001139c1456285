"""How a film came about, as JSON in a private block of its object."""

import json
from dataclasses import asdict
from typing import Any

from pydicom.dataset import Dataset as DicomDataset

from services.curator.export.dicom.grid import PixelBox
from services.curator.export.dicom.sources import NamedSource
from shared.dataset import Film
from shared.record import PairRecord, Source, Trial

CREATOR = "mammosynth"
"""Private creator of the block."""
GROUP = 0x0099
_RUN, _PAIR, _JSON = 0x01, 0x02, 0x03


def describe_pair(
    record: PairRecord,
    pins: dict[str, Any],
    content: Film,
    named: dict[str, NamedSource],
    *,
    grid: str,
    changed: PixelBox | None = None,
) -> dict[str, Any]:
    """What an object tells of its making; films and patients by name only where their sources are named.

    Args:
        record: of the pair.
        pins: of the run.
        content: the film of the data set.
        named: what "content" and "style" are called.
        grid: "prepared" or "original".
        changed: the only part that differs from the content, where a lesion was changed.

    """
    trial = record.trial(record.accepted_trial)
    origin = content.origin
    told = {
        "schema_version": 1,
        "synthetic": True,
        "label": "malignant",
        "label_by": "classifier, no radiologist",
        "pair": record.pair,
        "film_sha256": record.sha256,
        "content": _source(record.content, named["content"]),
        "style": _source(record.style, named["style"]),
        "trial": _trial(trial) if trial else None,
        "thresholds": pins["thresholds"],
        "policy": record.policy,
        "policy_sha256": record.policy_sha256,
        "seed": record.seed,
        "dataset_sha256": record.dataset_sha256,
        "models": {service: asdict(model) for service, model in record.models.items()},
        "numerics": record.numerics,
        "preparation": {
            "size": pins["size"],
            "rows": origin.rows,
            "columns": origin.columns,
            "crop_box": origin.crop_box,
            "scale": origin.scale,
            "mirrored": origin.mirrored,
            "padding": origin.padding,
            "windowing": origin.windowing,
        },
        "grid": grid,
        "run_version": pins["version"],
    }
    if record.lesion is not None:
        told |= {"lesion": asdict(record.lesion), "changed_box": changed}
    return told


def add_provenance(dataset: DicomDataset, *, run_id: str, pair: int, told: dict[str, Any]) -> None:
    """Put the private block into an object.

    (0099,xx01) LO: SHA-256 of what the run pins; (0099,xx02) UL: pair; (0099,xx03) UT: JSON, in ASCII.
    """
    block = dataset.private_block(GROUP, CREATOR, create=True)
    block.add_new(_RUN, "LO", run_id)
    block.add_new(_PAIR, "UL", pair)
    block.add_new(_JSON, "UT", json.dumps(told, sort_keys=True, allow_nan=False))


def _trial(trial: Trial) -> dict[str, Any]:
    told = asdict(trial)
    if trial.film_scores is None:
        del told["film_scores"]
    return told


def _source(source: Source, named: NamedSource) -> dict[str, Any]:
    told: dict[str, Any] = {
        "patient": named.patient,
        "sha256": source.sha256,
        "scores": asdict(source.scores) if source.scores else None,
    }
    return told if named.stand_in else {**told, "image_id": source.image_id, "patient_id": source.patient_id}
