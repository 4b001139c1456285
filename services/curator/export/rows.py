"""What an export for training code says of each film: one row, real or synthetic."""

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from shared.dataset import Dataset, Film, Label, Split
from shared.errors import DatasetError
from shared.record import PairRecord


class Kind(StrEnum):
    """Where a film comes from."""

    REAL = "real"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One film of an export."""

    file_name: str
    """Of the film in the export, with its class folder."""
    label: Label
    """Of a synthetic film: what the gates took it for."""
    kind: Kind
    image_id: str
    """Of the data set; "synthetic-<pair>" of a synthetic film."""
    split: Split
    """Of the data set; "generation" of a synthetic film, as that is where its content and style come from."""
    content_patient_id: str
    """Patient of a real film; patient of the content of a synthetic one."""
    style_patient_id: str = ""
    """Patient of the style of a synthetic film."""
    content_image_id: str = ""
    style_image_id: str = ""
    source: str
    """Archive or clinic of the real film, or of the content."""
    laterality: str
    view: str
    pair: int | None = None
    trial: int | None = None
    """Number of the accepted trial."""
    probability: float | None = None
    """Of malignancy, as the run's classifier sees the synthetic film."""
    anomaly_score: float | None = None
    sha256: str
    """Of the 16-bit pixels."""

    def values(self) -> dict[str, Any]:
        """The columns, in their order."""
        return {key: str(value) if isinstance(value, StrEnum) else value for key, value in asdict(self).items()}


COLUMNS = tuple(item.name for item in fields(Row))


def real_row(film: Film, suffix: str) -> Row:
    """Row of a film of the data set."""
    return Row(
        file_name=f"{film.label}/real-{film.image_id}.{suffix}",
        label=film.label,
        kind=Kind.REAL,
        image_id=film.image_id,
        split=film.split,
        content_patient_id=film.patient_id,
        source=film.source,
        laterality=str(film.laterality),
        view=film.view,
        sha256=film.sha256,
    )


def synthetic_row(record: PairRecord, dataset: Dataset, suffix: str) -> Row:
    """Row of an accepted film.

    Raises:
        DatasetError: if the record names no trial that was kept.

    """
    trial = record.trial(record.accepted_trial)
    if trial is None or trial.scores is None:
        raise DatasetError(f"pair {record.pair}: found no accepted trial with scores in its record")
    content = dataset.film(record.content.image_id)
    image_id = f"{Kind.SYNTHETIC}-{record.pair:06d}"
    return Row(
        file_name=f"{Label.MALIGNANT}/{image_id}.{suffix}",
        label=Label.MALIGNANT,
        kind=Kind.SYNTHETIC,
        image_id=image_id,
        split=content.split,
        content_patient_id=record.content.patient_id,
        style_patient_id=record.style.patient_id,
        content_image_id=record.content.image_id,
        style_image_id=record.style.image_id,
        source=content.source,
        laterality=str(content.laterality),
        view=content.view,
        pair=record.pair,
        trial=trial.trial,
        probability=trial.scores.probability,
        anomaly_score=trial.scores.anomaly,
        sha256=record.sha256,
    )
