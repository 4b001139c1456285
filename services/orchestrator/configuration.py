"""What the orchestrator's commands are started with."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from services.orchestrator.facts import FILM_GATES, SERVICES
from shared.configuration import Configuration, Positional
from shared.numerics import Precision
from shared.recipe import LAYERS, Optimizer
from shared.rpc.certificates import TlsConfiguration
from shared.rpc.server import ServerConfiguration

_ADDRESS = r"^.+:\d+$"


class StylizerPeerConfiguration(TlsConfiguration):
    """Where the stylizer is, or what it is started with."""

    trunk: str = "vgg16"
    """Weights of the stylizer that is started here: vgg16 (shipped), vgg19 (a download), or a safetensors file."""
    slots: int | None = Field(default=None, ge=1)
    """Films that the stylizer that is started here works on at once; chosen from the device if not given."""
    threads: int | None = Field(default=None, ge=1)
    """Threads of the stylizer that is started here; all cores if not given."""
    dtype: Precision = "float32"
    """Floating point type of the stylizer that is started here; bfloat16, that of the features alone, is two to three
    times as fast where the processor multiplies it; auto takes it there, and what was begun goes on with its type."""
    stylizer: str | None = Field(default=None, pattern=_ADDRESS)
    """Address of a running stylizer, HOST:PORT or dns:///NAME:PORT; one is started here if not given."""
    tls_ca: Path | None = None
    """PEM file of authorities that running services' certificates must lead to; without it nothing is encrypted."""
    start_timeout_s: float = Field(default=180.0, gt=0)
    """Seconds that the services may take until they are ready."""
    trajectory_timeout_s: float = Field(default=7200.0, gt=0)
    """Seconds after which a trajectory that has not ended counts as a fault and is run again."""


class PeersConfiguration(StylizerPeerConfiguration):
    """Where the stylizer is, and the gates if there are any, or what they are started with."""

    models: Path | None = None
    """Folder with anomaly.onnx and classifier.onnx, for the services that are started here."""
    anomaly: str | None = Field(default=None, pattern=_ADDRESS)
    """Address of a running anomaly service; one is started here if not given."""
    classifier: str | None = Field(default=None, pattern=_ADDRESS)
    """Address of a running classifier service; one is started here if not given."""
    film_models: Path | None = None
    """Folder with the gates of whole films, where a policy on lesions asks them beside those of crops."""
    film_anomaly: str | None = Field(default=None, pattern=_ADDRESS)
    """Address of a running anomaly service for whole films, beside one for crops."""
    film_classifier: str | None = Field(default=None, pattern=_ADDRESS)
    """Address of a running classifier service for whole films, beside one for crops."""

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the model services that are called: the three, and gates of whole films where they are named."""
        addressed = self.film_anomaly is not None and self.film_classifier is not None
        return (*SERVICES, *(FILM_GATES if addressed or self.film_models is not None else ()))


class ServicesConfiguration(PeersConfiguration):
    """Where the three model services are, or what they are started with."""

    models: Path = Path("models")
    """Folder with anomaly.onnx and classifier.onnx, for the services that are started here."""


class GenerateConfiguration(ServicesConfiguration, env_prefix="MAMMOSYNTH_GENERATE_"):
    """`mammosynth generate`."""

    dataset: Path
    """Folder of a prepared data set."""
    output: str
    """Run directory: a folder, or a URL such as s3://bucket/run; an interrupted run goes on there."""
    pairs: int = Field(ge=1)
    """Pairs of the run."""
    policy: str = "stable"
    """Name of a shipped policy, or path of a YAML file."""
    seed: int = Field(default=0, ge=0)
    """Seed of the pairs."""
    shard: str = Field(default="0/1", pattern=r"^\d+/[1-9]\d*$")
    """Part K/N of the pairs that is worked on here: those whose number leaves K when divided by N."""
    in_flight: int | None = Field(default=None, ge=1)
    """Pairs worked on at once; twice the stylizer's slots if not given."""
    placebo: float | None = Field(default=None, ge=0.0, le=1.0)
    """Share of the pairs that are run again with a benign film as style; the policy's if not given."""
    keep_rejected: float = Field(default=0.1, ge=0.0, le=1.0)
    """Share of the pairs whose rejected trials are kept as films."""
    any_size: bool = False
    """Use a policy at another size than the one it was tuned at."""
    grace_s: float = Field(default=20.0, ge=0)
    """Seconds that pairs in progress get to end after SIGTERM."""


class FinaliseConfiguration(Configuration, env_prefix="MAMMOSYNTH_FINALISE_"):
    """`mammosynth finalise`."""

    run: Annotated[str, Positional()]
    """Run directory."""


class ConnectionConfiguration(TlsConfiguration):
    """How an orchestrator that serves is reached."""

    tls_ca: Path | None = None
    """PEM file of authorities that its certificate must lead to; without it nothing is encrypted."""
    server_name: str | None = None
    """Name in its certificate, where it is reached under another, as through a port that is forwarded."""
    token_file: Path | None = None
    """File with the token that it asks for."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Seconds that an answer may take."""


class SubmitConfiguration(ConnectionConfiguration, env_prefix="MAMMOSYNTH_SUBMIT_"):
    """`mammosynth submit`."""

    address: str = Field(pattern=_ADDRESS)
    """Address of the orchestrator, HOST:PORT."""
    pairs: int = Field(ge=1)
    """Pairs of the run."""
    seed: int = Field(default=0, ge=0)
    """Seed of the pairs."""
    policy: str = ""
    """Name of a policy that the orchestrator knows; its default if not given."""
    shards: int = Field(default=1, ge=1)
    """Parts that are worked on side by side."""
    request_id: str | None = Field(default=None, min_length=1, max_length=63)
    """Chosen by you: the same one starts the same run once, however often it is sent; drawn if not given."""
    watch: bool = False
    """Stay, and show how far the run is, until it has ended; leaving does not stop it."""


class CancelConfiguration(ConnectionConfiguration, env_prefix="MAMMOSYNTH_CANCEL_"):
    """`mammosynth cancel`."""

    run: Annotated[str, Positional()]
    """Name of the run, as `submit` printed it."""
    address: str = Field(pattern=_ADDRESS)
    """Address of the orchestrator, HOST:PORT."""


class LogsConfiguration(Configuration, env_prefix="MAMMOSYNTH_LOGS_"):
    """`mammosynth logs`."""

    run: Annotated[str, Positional()]
    """Name of the run, as `submit` printed it."""
    namespace: str | None = None
    """Namespace of its pods; the kubeconfig's if not given."""
    follow: bool = False
    """Stay until its pods have ended."""
    tail: int | None = Field(default=None, ge=1)
    """Last lines of each pod; all if not given."""


class StatusConfiguration(ConnectionConfiguration, env_prefix="MAMMOSYNTH_STATUS_"):
    """`mammosynth status`."""

    run: Annotated[str, Positional()]
    """Run directory: a folder, or a URL such as s3://bucket/run; with an address, the name of a run."""
    address: str | None = Field(default=None, pattern=_ADDRESS)
    """Address of an orchestrator, HOST:PORT, that the run was submitted to."""
    watch: bool = False
    """Look again and again until the run is complete."""
    every_s: float = Field(default=2.0, gt=0)
    """Seconds between two looks."""
    format: Literal["text", "json"] = "text"
    """How the numbers are told; as JSON, one line a look where it is watched."""


class FetchConfiguration(Configuration, env_prefix="MAMMOSYNTH_FETCH_"):
    """`mammosynth fetch`."""

    source: Annotated[str, Positional()]
    """Folder in object storage, such as s3://bucket/models."""
    target: Annotated[Path, Positional()]
    """Folder that its files are written to."""


class PingConfiguration(ConnectionConfiguration, env_prefix="MAMMOSYNTH_PING_"):
    """`mammosynth ping`."""

    stylizer: str | None = Field(default=None, pattern=_ADDRESS)
    """Address of a stylizer; not asked if not given."""
    anomaly: str | None = Field(default=None, pattern=_ADDRESS)
    """Address of an anomaly service."""
    classifier: str | None = Field(default=None, pattern=_ADDRESS)
    """Address of a classifier."""
    orchestrator: str | None = Field(default=None, pattern=_ADDRESS)
    """Address of an orchestrator."""


class ReplayConfiguration(ServicesConfiguration, env_prefix="MAMMOSYNTH_REPLAY_"):
    """`mammosynth replay`."""

    run: Annotated[str, Positional()]
    """Run directory."""
    pair: Annotated[int, Positional()]
    """Number of the pair whose accepted film is made again."""
    dataset: Path | None = None
    """Folder of the prepared data set; the one that the run was started with if not given."""


class OrchestratorConfiguration(ServerConfiguration, ServicesConfiguration, env_prefix="MAMMOSYNTH_ORCHESTRATOR_"):
    """`mammosynth serve orchestrator`."""

    dataset: Path
    """Folder of a prepared data set."""
    policy: str = "stable"
    """Policy that is taken when a request names none: a shipped one, or the path of a YAML file."""
    in_flight: int | None = Field(default=None, ge=1)
    """Pairs worked on at once for one stream; twice the stylizer's slots if not given."""
    any_size: bool = False
    """Use a policy at another size than the one it was tuned at."""
    runs: str | None = None
    """Folder, or URL such as s3://bucket/runs, below which runs started as Jobs have their directories."""
    job_template: Path | None = None
    """YAML file of the Kubernetes Job that a run is made of; with it this service starts runs in its namespace."""


class BatteryConfiguration(StylizerPeerConfiguration, env_prefix="MAMMOSYNTH_BATTERY_"):
    """`mammosynth battery make`."""

    dataset: Path
    """Folder of a prepared data set."""
    output: Path
    """Folder for the battery; an interrupted making goes on there."""
    films: int | None = Field(default=None, ge=1)
    """Films that are spoiled without style transfer; all of the split if not given, or if it has no more."""
    stylised_films: int = Field(default=10, ge=0)
    """Films that are spoiled by style transfer, which takes minutes a film; 0 leaves these kinds out."""
    most_steps: int | None = Field(default=None, ge=1)
    """Cuts style transfer short, for a quick trial; each kind's own steps if not given."""
    split: Literal["train", "validation", "generation"] = "validation"
    """Split whose films are spoiled; test films are left alone."""
    seed: int = Field(default=0, ge=0)
    """Of the choice of films and of everything else that is drawn."""


class TuneConfiguration(ServicesConfiguration, env_prefix="MAMMOSYNTH_TUNE_"):
    """`mammosynth tune`."""

    output: Path
    """Folder for the policy, tables, contact sheets and records; an interrupted sweep goes on there."""
    dataset: Path | None = None
    """Folder of a prepared data set, whose validation films are swept; not needed with --from-run."""
    fine_dataset: Path | None = None
    """The same films prepared larger: the best recipes are swept again on them, and the policy is tuned there."""
    fine_models: Path | None = None
    """Folder with gates of that size."""
    best: int = Field(default=3, ge=1)
    """Recipes that are swept again at the larger size."""
    from_run: str | None = None
    """Finished run whose own records reorder its policy, without a sweep: for other films than that run's."""
    name: str = "tuned"
    """Name of the policy that is written."""
    policy: str = "stable"
    """Policy whose pairing, gates and optimiser are kept: a shipped one, or the path of a YAML file."""
    films: int = Field(default=20, ge=1)
    """Contents that are drawn from the validation films, each once; a sweep may be continued with fewer or more."""
    regions: tuple[Literal["film", "breast"], ...] = ("breast", "film")
    """Parts of the films that count and may change."""
    content_layers: tuple[str, ...] = ("conv_4", "conv_5")
    """Layers whose features keep the content."""
    style_layers: tuple[str, ...] = ("all",)
    """Sets of layers that carry style: all, or names joined by + such as conv_1+conv_2+conv_3."""
    content_weights: tuple[Annotated[float, Field(ge=0.0, allow_inf_nan=False)], ...] = (1.0,)
    """Weights of the content loss."""
    style_weights: tuple[Annotated[float, Field(ge=0.0, allow_inf_nan=False)], ...] = (1e3, 1e4, 1e5)
    """Weights of the style loss."""
    steps: tuple[Annotated[int, Field(ge=1)], ...] = (10, 20, 40, 80)
    """Numbers of steps at which films are looked at; one trajectory passes through all of them."""
    pictures: int = Field(default=3, ge=0)
    """Contents whose films are kept, for the contact sheets."""
    any_size: bool = False
    """Allow gates that were trained on smaller films than those of the data set."""
    seed: int = Field(default=0, ge=0)
    """Seed of the pairs."""


class SweepConfiguration(PeersConfiguration, env_prefix="MAMMOSYNTH_SWEEP_"):
    """`mammosynth sweep`."""

    dataset: Path
    """Folder of a prepared data set."""
    output: Path
    """Folder for pictures, films, tables and records; an interrupted sweep goes on there."""
    models: Path | None = None
    """Folder with anomaly.onnx and classifier.onnx; without gates no score stands under the pictures."""
    pairs: tuple[str, ...] = ()
    """Pairs by their films' ids, CONTENT:STYLE each; drawn from the split if not given."""
    draw: int = Field(default=1, ge=1)
    """Pairs that are drawn where none are named, each of another content."""
    split: Literal["train", "validation", "generation"] = "validation"
    """Split that pairs are drawn from; test films are left alone."""
    style: Literal["uniform", "same_source_and_view"] = "same_source_and_view"
    """Which malignant films a content may be paired with, when pairs are drawn."""
    seed: int = Field(default=0, ge=0)
    """Seed of the pairs that are drawn."""
    optimizers: tuple[Optimizer, ...] = (Optimizer.COMPAT, Optimizer.UNCLAMPED)
    """How pixels are kept within black and white."""
    region: Literal["film", "breast"] = "film"
    """Part of the films that counts and may change; the paper's is the whole film."""
    steps: tuple[Annotated[int, Field(ge=1)], ...] = (150, 300, 500, 650, 1000, 1200)
    """Numbers of steps that are compared, at --content-weight and --content-layer."""
    content_weights: tuple[Annotated[float, Field(ge=0.0, allow_inf_nan=False)], ...] = (0.1, 1.0, 10.0, 100.0, 200.0)
    """Weights of the content loss that are compared, at --at-steps and --content-layer."""
    content_layers: tuple[str, ...] = LAYERS
    """Layers whose features keep the content that are compared, at --at-steps and --content-weight."""
    at_steps: int = Field(default=500, ge=1)
    """Steps at which weights and layers are compared."""
    content_weight: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    """Weight of the content loss at which steps and layers are compared."""
    content_layer: str = "conv_5"
    """Layer at which steps and weights are compared."""
    style_weight: float = Field(default=1e5, ge=0.0, allow_inf_nan=False)
    """Weight of the style loss, everywhere."""
