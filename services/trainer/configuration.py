"""What the trainer's commands are started with."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from shared.configuration import Configuration, Positional


class Region(StrEnum):
    """Which part of a film counts: the whole square, padding and all (the paper's), or what lies inside the breast."""

    FILM = "film"
    BREAST = "breast"


class Backbone(StrEnum):
    """Which ResNet: the paper's, or one small enough to learn phantoms in a minute."""

    RESNET50 = "resnet50"
    RESNET18 = "resnet18"


class Stage(StrEnum):
    """A stage of a ResNet, the finest first."""

    LAYER1 = "layer1"
    LAYER2 = "layer2"
    LAYER3 = "layer3"
    LAYER4 = "layer4"


class TrainedOn(StrEnum):
    """What a gate learns to look at: whole films, or crops around their lesions."""

    FILMS = "films"
    LESIONS = "lesions"


class Preset(StrEnum):
    """Which set of defaults."""

    PAPER = "paper"
    LAPTOP = "laptop"


class Detector(StrEnum):
    """How an anomaly detector works: by the paper's auto-encoder, or by statistics of texture."""

    UNET = "unet"
    TEXTURE = "texture"


NOT_IN_MODEL = frozenset({"battery", "dataset", "output", "name", "threads", "device", "restart"})
"""Options that say nothing of the model: without them, equal trainings write equal files."""

LAPTOP_ANOMALY: dict[str, Any] = {
    "widths": (8, 16, 32, 64),
    "epochs": 20,
    "batch_size": 4,
    "keep": "validation_loss",
}
"""What the laptop preset puts in place of the paper's values: minutes on two cores at 256 pixels, not days."""

ONLY_UNET = (
    "preset",
    "widths",
    "epochs",
    "batch_size",
    "learning_rate",
    "final_learning_rate",
    "momentum",
    "gradient_norm",
    "keep",
    "patience",
    "augment",
    "mixed_precision",
)
"""Options of the anomaly detector that the texture detector refuses: it has no epochs."""

ONLY_FULL_TRAINING = (
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "beta1",
    "beta2",
    "epsilon",
    "keep",
    "patience",
    "augment",
    "mixed_precision",
)
"""Options of the classifier that a frozen training refuses."""


class TrainingConfiguration(Configuration):
    """Options that both gates share."""

    dataset: Annotated[Path, Positional()]
    """Folder of a prepared data set."""

    output: Path = Path("models")
    """Folder for the model file and its metrics."""

    name: str
    """Name that the model file carries."""

    on: TrainedOn = TrainedOn.FILMS
    """What is looked at: whole films, or crops around lesions at the films' own resolution, which needs a data set that
    was prepared with --keep-original."""

    size: int | None = Field(default=None, ge=16)
    """Rows and columns of the model's input; the data set's own when not given, for crops 224."""

    region: Region = Region.BREAST
    """Part of the film that counts: film is the paper's, breast leaves the padding out."""

    seed: int = Field(default=0, ge=0)
    """Of weights, order of films and everything else that is drawn."""

    threads: int | None = Field(default=None, ge=1)
    """CPU threads; torch's choice when not given. Equal seeds give equal weights at equal threads."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; auto takes a GPU when there is one."""

    augment: bool = False
    """Mirror, turn, shift, scale and re-expose the training films a little, anew each epoch; the paper did not."""

    mixed_precision: bool = False
    """Compute losses in bfloat16, on a GPU; weights stay float32."""

    patience: int | None = Field(default=None, ge=1)
    """End the training after so many epochs in which nothing got better on the validation films; never if not given."""

    restart: bool = False
    """Throw away what an interrupted training left, and train again what is already there."""

    @property
    def not_in_model(self) -> frozenset[str]:
        """Options that say nothing of the model; whole films are what models without the option look at."""
        return NOT_IN_MODEL | ({"on"} if self.on is TrainedOn.FILMS else set())


class TrainAnomalyConfiguration(TrainingConfiguration, env_prefix="MAMMOSYNTH_TRAIN_ANOMALY_"):
    """Options of `mammosynth train anomaly`; the defaults are the paper's."""

    name: str = "anomaly"
    """Name that the model file carries."""

    detector: Detector = Detector.UNET
    """How it works: unet is the paper's auto-encoder, texture compares statistics of texture, in minutes on a CPU."""

    preset: Preset = Preset.PAPER
    """Laptop takes narrow widths and few epochs unless they are given."""

    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(64, 128, 256, 512, 512), min_length=2)
    """Channels of each level of the U-Net, finest first."""

    epochs: int = Field(default=200, ge=1)
    """Times that every training film is seen."""

    batch_size: int = Field(default=16, ge=1)
    """Films of one optimisation step; the paper names none."""

    learning_rate: float = Field(default=0.1, gt=0)
    """At the first step."""

    final_learning_rate: float = Field(default=0.0001, gt=0)
    """At the last step; between the two the rate follows half a cosine."""

    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Of stochastic gradient descent."""

    gradient_norm: float = Field(default=1.0, gt=0)
    """Longer gradients are cut to this length; the paper names no limit, but its rate of 0.1 diverges without one."""

    keep: Literal["last", "validation_loss"] = "last"
    """Epoch whose weights are kept: the last, as in the paper, or the one with the lowest loss on validation films."""

    threshold: Literal["training_p95", "validation_p95", "held_out_p95"] | None = None
    """Threshold that is meant when nobody names one: 95th percentile of training films (the paper's), of validation
    films, or (texture alone) of training films as seen from other patients' films. If not given, held_out_p95 with
    --detector texture, else validation_p95."""

    battery: Path | None = None
    """Folder of a battery (mammosynth battery make) to measure it with; a small one made here if not given."""

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") == Preset.LAPTOP:
            return LAPTOP_ANOMALY | values
        return values

    @model_validator(mode="after")
    def _refuse_what_cannot_apply(self) -> Self:
        if self.battery is not None and self.on is TrainedOn.LESIONS:
            raise ValueError("--battery: cannot apply with --on lesions: its films are whole ones")
        if self.detector is Detector.TEXTURE:
            if self.region is Region.FILM:
                raise ValueError("--region: film cannot apply with --detector texture, which looks inside the breast")
            for name in ONLY_UNET:
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"--{name.replace('_', '-')}: cannot apply with --detector texture: leave it out")
        elif self.threshold == "held_out_p95":
            raise ValueError("--threshold: held_out_p95 is measured with --detector texture alone")
        return self

    @property
    def default_threshold(self) -> str:
        """The threshold that is meant when nobody names one."""
        return self.threshold or ("held_out_p95" if self.detector is Detector.TEXTURE else "validation_p95")

    def model_options(self) -> dict[str, Any]:
        """Options that say something of the model."""
        without = self.not_in_model | set(ONLY_UNET if self.detector is Detector.TEXTURE else ())
        return self.model_dump(mode="json", exclude=set(without)) | {"threshold": self.default_threshold}


class ScoreBatteryConfiguration(Configuration, env_prefix="MAMMOSYNTH_BATTERY_SCORE_"):
    """Options of `mammosynth battery score`."""

    battery: Annotated[Path, Positional()]
    """Folder of a battery."""

    model: Path
    """Model file of an anomaly detector."""

    dataset: Path
    """Folder of the prepared data set that both were made from."""

    threshold: str | None = None
    """Name of the threshold in the model file; its default when not given."""

    output: Path | None = None
    """File for the figures, in JSON; none when not given."""

    seed: int = Field(default=0, ge=0)
    """Of the intervals."""

    threads: int = Field(default=1, ge=1)
    """CPU threads."""


class TrainClassifierConfiguration(TrainingConfiguration, env_prefix="MAMMOSYNTH_TRAIN_CLASSIFIER_"):
    """Options of `mammosynth train classifier`; the defaults are the paper's."""

    name: str = "classifier"
    """Name that the model file carries."""

    backbone: Backbone = Backbone.RESNET50
    """ResNet-50 is the paper's; ResNet-18 learns phantoms in a minute."""

    start: str = "imagenet"
    """First weights: imagenet (torchvision's download), random, or a safetensors file with torchvision's key names."""

    freeze: bool = False
    """Train a linear head on the features of the first weights, which stay as they are: minutes on a laptop."""

    feature_layer: tuple[Stage, ...] | None = Field(default=None, min_length=1)
    """Stages that a frozen training pools, side by side; layer2, with random weights layer1, if not given."""

    part: str = Field(default="0/1", pattern=r"^\d+/[1-9]\d*$")
    """Part K/N of the training patients that is trained on, by hash of the seed; parts of one seed share no patient."""

    folds: int | None = Field(default=None, ge=2)
    """Parts of a patient-grouped cross-validation over training and validation films; none when not given."""

    enlarge: int | None = Field(default=None, ge=16)
    """Rows and columns that the model enlarges its input to before the first convolution; not at all when not given."""

    epochs: int = Field(default=75, ge=1)
    """Times that every training film is seen."""

    batch_size: int = Field(default=32, ge=1)
    """Films of one optimisation step."""

    learning_rate: float = Field(default=1e-4, gt=0)
    """Of AdamW."""

    weight_decay: float = Field(default=0.01, ge=0)
    """Of AdamW."""

    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Of AdamW: decay of the mean gradient."""

    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Of AdamW: decay of the mean squared gradient."""

    epsilon: float = Field(default=1e-8, gt=0)
    """Of AdamW: added to the denominator."""

    keep: Literal["last", "validation_loss", "validation_auc"] = "last"
    """Epoch whose weights are kept: the last, as in the paper, or the one that does best on the validation films."""

    balance: Literal["none", "weights", "sampling"] = "none"
    """What makes up for a rare class: nothing, as in the paper, weights of the loss, or half of each class an epoch."""

    temperature: bool = False
    """Calibrate probabilities by one number, fitted on what cross-validation left out, else on validation films."""

    cutoff: float = Field(default=0.7, gt=0, lt=1)
    """Probability from which a film counts as malignant."""

    threshold: Literal["cutoff", "validation"] = "cutoff"
    """Threshold that is meant when nobody names one: the cutoff, or one chosen on the validation films."""

    @model_validator(mode="after")
    def _refuse_what_cannot_apply(self) -> Self:
        if self.feature_layer is not None and not self.freeze:
            raise ValueError("--feature-layer: needs --freeze: a full training pools the last stage")
        if self.freeze:
            for name in ONLY_FULL_TRAINING:
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(
                        f"--{name.replace('_', '-')}: cannot apply with --freeze, whose features are computed once "
                        "and whose head has no epochs: needed is one of the two"
                    )
            if self.balance == "sampling":
                raise ValueError("--balance: sampling cannot apply with --freeze, which draws no batches: use weights")
        return self
