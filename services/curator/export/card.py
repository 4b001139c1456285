"""The card of a Parquet export: README.md as Hugging Face reads it, and people."""

from typing import Any

import yaml

from services.curator.export.rows import Kind
from services.curator.export.training_set import TrainingSet, describe

_TEXT = """\
# Mammograms with synthetic malignant films

Made by mammosynth {version} with the policy `{policy}`: a benign film (content) was given the texture of a malignant
one (style) and kept when an anomaly detector found it plausible and a classifier called it malignant.

> **Not anonymous, and no diagnosis.** Each synthetic film is derived from two patients' films and is patient data, with
> all duties that come with it. `label` of a synthetic film is what a classifier took it for; no radiologist said so.
> No placebo film is in this export.

{counts}

- `kind` says whether a film is real or synthetic.
- `content_patient_id` is the patient of a real film, and of the content of a synthetic one; `style_patient_id` is the
  patient of its style. **Split by both**: a film may stand in a part of yours only if both its patients do.
- `split` is the film's split in the data set that it was made from; synthetic films come from `generation`.
- `label`: 0 benign, 1 malignant. `image`: {image}.
- `probability` and `anomaly_score` are what the run's own gates said of a synthetic film; `sha256` is of its 16-bit
  pixels.

| what | value |
|---|---|
{origin}
"""
_IMAGES = {"png": "16-bit grey PNG", "jpeg": "8-bit grey JPEG, lossy"}


def write_card(films: TrainingSet, features: dict[str, dict[str, object]]) -> str:
    """Write the card.

    Args:
        films: what is exported.
        features: columns as Hugging Face names their types.

    """
    counts = films.counts()
    origin = describe(films.harvest)
    models = origin.pop("models")
    lines = [f"| {name} | {value} |" for name, value in origin.items()]
    lines += [f"| {service} | {model['name']}, sha256 {model['sha256']} |" for service, model in sorted(models.items())]
    text = _TEXT.format(
        version=origin["version"],
        policy=origin["policy"],
        counts="\n".join(["| kind | label | films |", "|---|---|---|", *(_count_line(row) for row in counts)]),
        image=_IMAGES[films.image_format],
        origin="\n".join(lines),
    )
    return f"---\n{yaml.safe_dump(_front_matter(features, counts), sort_keys=False)}---\n\n{text}"


def _count_line(row: dict[str, Any]) -> str:
    return f"| {row['kind']} | {row['label']} | {row['films']} |"


def _front_matter(features: dict[str, dict[str, object]], counts: list[dict[str, Any]]) -> dict[str, Any]:
    synthetic = sum(row["films"] for row in counts if row["kind"] == Kind.SYNTHETIC)
    return {
        "pretty_name": "Mammograms with synthetic malignant films",
        "task_categories": ["image-classification"],
        "tags": ["medical", "mammography", *(["synthetic"] if synthetic else [])],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]}],
        "dataset_info": {"features": [_feature(name, feature) for name, feature in features.items()]},
    }


def _feature(name: str, feature: dict[str, object]) -> dict[str, Any]:
    if feature["_type"] == "Image":
        return {"name": name, "dtype": "image"}
    if feature["_type"] == "ClassLabel":
        names = feature["names"]
        labels = {str(place): label for place, label in enumerate(names if isinstance(names, list) else [])}
        return {"name": name, "dtype": {"class_label": {"names": labels}}}
    return {"name": name, "dtype": feature["dtype"]}
