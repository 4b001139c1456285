"""Calls mammosynth's services: numpy in, numpy out, streams as iterators. Needs grpcio, protobuf and numpy only.

A film is a (rows, columns) floating point array in [0, 1], a mask a bool array of the same shape; an array that is no
such thing raises ValueError before anything is sent. Whatever goes wrong afterwards is a `ServiceError`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar

from mammosynth.channel import Connection, ServiceError, Stream
from mammosynth.models import GeneratorInfo, ModelIdentity, Numerics, ScorerInfo, StylizerInfo
from mammosynth.pixels import to_image, to_mask
from mammosynth.recipes import Recipe
from mammosynth.results import Classification, Film, Mask, Sample, Score, Snapshot
from mammosynth.runs import Run
from mammosynth.security import Security
from mammosynth.v1 import (
    anomaly_pb2,
    anomaly_pb2_grpc,
    classifier_pb2,
    classifier_pb2_grpc,
    generation_pb2,
    generation_pb2_grpc,
    image_pb2,
    stylizer_pb2,
    stylizer_pb2_grpc,
)

__all__ = [
    "AnomalyDetector",
    "Classification",
    "Classifier",
    "Film",
    "Generator",
    "GeneratorInfo",
    "Mask",
    "ModelIdentity",
    "Numerics",
    "Recipe",
    "Run",
    "Sample",
    "Score",
    "ScorerInfo",
    "Security",
    "ServiceError",
    "Snapshot",
    "Stream",
    "Stylizer",
    "StylizerInfo",
]

_CALL_S = 60.0
_TRAJECTORY_S = 1800.0
_STREAM_S = 86_400.0

_Stub = TypeVar("_Stub")


class _Service(Generic[_Stub]):
    """A service at an address; close it, or use it as a context manager."""

    _stub_class: ClassVar[Any]

    def __init__(self, address: str, security: Security | None = None) -> None:
        """Connect to `host:port` or `dns:///name:port`; nothing is sent until the first call.

        Args:
            address: of the service.
            security: certificates and token, where the service asks for them.

        """
        self._connection = Connection(address, security)
        self._stub: _Stub = self._stub_class(self._connection.channel)

    def close(self) -> None:
        """Close the connection; calls in progress end."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Stylizer(_Service[stylizer_pb2_grpc.StylizerServiceStub]):
    """Gives a content film the texture of a style film."""

    _stub_class = stylizer_pb2_grpc.StylizerServiceStub

    def stylize(
        self,
        content: Film,
        style: Film,
        *,
        recipe: Recipe | None = None,
        content_mask: Mask | None = None,
        style_mask: Mask | None = None,
        snapshot_steps: Sequence[int] = (),
        model_name: str = "",
        timeout: float = _TRAJECTORY_S,
        **changes: Any,
    ) -> Stream[Snapshot]:
        """Optimise one film; yields a snapshot at each of `snapshot_steps` and at the end.

        Args:
            content: the film that is changed, square.
            style: the film whose texture is taken, as large as the content.
            recipe: what is optimised; None takes the service's defaults.
            content_mask: breast, or lesion, of the content; needed by the regions "breast" and "lesion".
            style_mask: the same of the style.
            snapshot_steps: ascending numbers of steps, at most the recipe's.
            model_name: name of the trunk that must answer; any if empty.
            timeout: seconds until the last snapshot must have come.
            changes: fields of `Recipe` by name, instead of those of `recipe`: `steps=500, region="breast"`.

        Raises:
            ValueError: if an array is no film or mask, or the films differ in size.
            ServiceError: while the snapshots are read.

        """
        if style.shape != content.shape:
            raise ValueError(f"style: found shape {style.shape}, needed the content's {content.shape}")
        request = stylizer_pb2.StylizeRequest(
            content=_image("content", content),
            style=_image("style", style),
            content_mask=_mask("content_mask", content_mask, content),
            style_mask=_mask("style_mask", style_mask, style),
            recipe=replace(recipe or Recipe(), **changes).to_message(),
            snapshot_steps=snapshot_steps,
            model_name=model_name,
        )
        return self._connection.stream(self._stub.Stylize, request, timeout, Snapshot.from_message)

    def info(self, *, timeout: float = _CALL_S) -> StylizerInfo:
        """Ask what the service computes with."""
        request = stylizer_pb2.StylizerServiceInfoRequest()
        return StylizerInfo.from_message(self._connection.call(self._stub.Info, request, timeout))


class AnomalyDetector(_Service[anomaly_pb2_grpc.AnomalyServiceStub]):
    """Tells how far a film is from real ones."""

    _stub_class = anomaly_pb2_grpc.AnomalyServiceStub

    def score(
        self,
        film: Film,
        mask: Mask | None = None,
        *,
        with_reconstruction: bool = False,
        model_name: str = "",
        timeout: float = _CALL_S,
    ) -> Score:
        """Score one film.

        Args:
            film: square, not smaller than the model's input.
            mask: its breast; needed where the model's region is "breast".
            with_reconstruction: whether what the auto-encoder made of the film is sent too.
            model_name: name of the model that must answer; any if empty.
            timeout: seconds until the answer must have come.

        Raises:
            ValueError: if an array is no film or mask.
            ServiceError: if the service refuses, fails, or does not answer in time.

        """
        request = anomaly_pb2.ScoreRequest(
            image=_image("film", film),
            mask=_mask("mask", mask, film),
            model_name=model_name,
            with_reconstruction=with_reconstruction,
        )
        return Score.from_message(self._connection.call(self._stub.Score, request, timeout))

    def info(self, *, timeout: float = _CALL_S) -> ScorerInfo:
        """Ask which model is served."""
        request = anomaly_pb2.AnomalyServiceInfoRequest()
        return ScorerInfo.from_message(self._connection.call(self._stub.Info, request, timeout))


class Classifier(_Service[classifier_pb2_grpc.ClassifierServiceStub]):
    """Tells how malignant a film looks to a model. Not a diagnosis."""

    _stub_class = classifier_pb2_grpc.ClassifierServiceStub

    def classify(
        self, film: Film, mask: Mask | None = None, *, model_name: str = "", timeout: float = _CALL_S
    ) -> Classification:
        """Classify one film.

        Args:
            film: square, not smaller than the model's input.
            mask: its breast; needed where the model's region is "breast".
            model_name: name of the model that must answer; any if empty.
            timeout: seconds until the answer must have come.

        Raises:
            ValueError: if an array is no film or mask.
            ServiceError: if the service refuses, fails, or does not answer in time.

        """
        request = classifier_pb2.ClassifyRequest(
            image=_image("film", film), mask=_mask("mask", mask, film), model_name=model_name
        )
        return Classification.from_message(self._connection.call(self._stub.Classify, request, timeout))

    def info(self, *, timeout: float = _CALL_S) -> ScorerInfo:
        """Ask which model is served."""
        request = classifier_pb2.ClassifierServiceInfoRequest()
        return ScorerInfo.from_message(self._connection.call(self._stub.Info, request, timeout))


class Generator(_Service[generation_pb2_grpc.GenerationServiceStub]):
    """Makes accepted synthetic films while they are read."""

    _stub_class = generation_pb2_grpc.GenerationServiceStub

    def generate(
        self,
        *,
        seed: int = 0,
        policy: str = "",
        first_pair: int = 0,
        count: int = 0,
        pair_limit: int = 0,
        timeout: float = _STREAM_S,
    ) -> Stream[Sample]:
        """Stream accepted samples in the order of their pairs; close the stream to hang up.

        Args:
            seed: of the pairs; the same seed, policy and data set give the same pairs.
            policy: name of a policy; the service's default if empty.
            first_pair: where to begin: `next_pair` of the last sample goes on without a repeat.
            count: samples wanted; 0 goes on until the stream is closed.
            pair_limit: pairs that may be worked on; 0 sets no bound.
            timeout: seconds until the stream must have ended.

        Raises:
            ServiceError: while the samples are read.

        """
        request = generation_pb2.GenerateRequest(
            seed=seed, policy=policy, first_pair=first_pair, count=count, pair_limit=pair_limit
        )
        return self._connection.stream(self._stub.Generate, request, timeout, Sample.from_message)

    def info(self, *, timeout: float = _CALL_S) -> GeneratorInfo:
        """Ask what samples are made from."""
        request = generation_pb2.GenerationServiceInfoRequest()
        return GeneratorInfo.from_message(self._connection.call(self._stub.Info, request, timeout))

    def create_run(
        self,
        *,
        request_id: str,
        pairs: int,
        seed: int = 0,
        policy: str = "",
        shards: int = 1,
        timeout: float = _CALL_S,
    ) -> Run:
        """Start a run in the service's cluster; the same request id starts it once.

        Raises:
            ServiceError: if the service refuses, fails, or does not answer in time.

        """
        request = generation_pb2.CreateRunRequest(
            request_id=request_id, pairs=pairs, seed=seed, policy=policy, shards=shards
        )
        return Run.from_message(self._connection.call(self._stub.CreateRun, request, timeout))

    def get_run(self, name: str, *, timeout: float = _CALL_S) -> Run:
        """Ask how far a run is."""
        request = generation_pb2.GetRunRequest(name=name)
        return Run.from_message(self._connection.call(self._stub.GetRun, request, timeout))

    def list_runs(self, *, page_size: int = 100, timeout: float = _CALL_S) -> Iterator[Run]:
        """Give all runs, newest first, a page at a time; `timeout` is that of a page."""
        request = generation_pb2.ListRunsRequest(page_size=page_size)
        while True:
            page = self._connection.call(self._stub.ListRuns, request, timeout)
            yield from map(Run.from_message, page.runs)
            if not page.next_page_token:
                return
            request = generation_pb2.ListRunsRequest(page_size=page_size, page_token=page.next_page_token)

    def watch_run(self, name: str, *, timeout: float = _STREAM_S) -> Stream[Run]:
        """Give a run each time that it has moved, until it has ended; leaving stops nothing but the stream."""
        request = generation_pb2.WatchRunRequest(name=name)
        return self._connection.stream(self._stub.WatchRun, request, timeout, Run.from_message)

    def cancel_run(self, name: str, *, timeout: float = _CALL_S) -> Run:
        """Stop a run; what it has recorded stays."""
        request = generation_pb2.CancelRunRequest(name=name)
        return Run.from_message(self._connection.call(self._stub.CancelRun, request, timeout))


def _image(name: str, film: Film) -> image_pb2.Image:
    try:
        return to_image(film)
    except ValueError as error:
        raise ValueError(str(error).replace("film:", f"{name}:", 1)) from None


def _mask(name: str, mask: Mask | None, film: Film) -> image_pb2.Mask | None:
    if mask is None:
        return None
    if mask.shape != film.shape:
        raise ValueError(f"{name}: found shape {mask.shape}, needed the film's {film.shape}")
    return to_mask(mask)
