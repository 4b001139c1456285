"""The stylizer over gRPC: what it computes with, and trajectories."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Container
from contextlib import asynccontextmanager
from typing import Any

from mammosynth.v1 import model_pb2, stylizer_pb2, stylizer_pb2_grpc

from services.orchestrator.configuration import StylizerPeerConfiguration
from services.orchestrator.convert import to_snapshot, to_stylize_request
from services.orchestrator.insets import PairFilms
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.retry_loop import Snapshot
from shared.errors import InternalError, ModelMismatchError, UnavailableError
from shared.record import Model
from shared.rpc.channel import open_channel


class GrpcStylizer:
    """Calls a stylizer; refuses answers of another trunk or type than those that it was pinned to."""

    def __init__(
        self, address: str, *, trajectory_timeout_s: float, open_channel: Callable[[str], Any] = open_channel
    ) -> None:
        """Open a channel; use it as an async context manager, within a running event loop.

        Args:
            address: `host:port` or `dns:///name:port`.
            trajectory_timeout_s: deadline of one trajectory, waiting for a slot included, in seconds.
            open_channel: opens the channel to the address.

        """
        self._channel = open_channel(address)
        self._stub = stylizer_pb2_grpc.StylizerServiceStub(self._channel)
        self._timeout_s = trajectory_timeout_s
        self._pinned: Model | None = None
        self._dtype = ""

    @classmethod
    def of(cls, configuration: StylizerPeerConfiguration, address: str) -> "GrpcStylizer":
        """Call a running stylizer as the configuration says, and one that was started here in the clear, on loopback.

        Raises:
            ConfigurationError: if a certificate cannot be read.

        """
        return cls(
            address,
            trajectory_timeout_s=configuration.trajectory_timeout_s,
            open_channel=channel_opener(configuration, {configuration.stylizer}),
        )

    async def __aenter__(self) -> "GrpcStylizer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    async def info(self, *, timeout_s: float) -> stylizer_pb2.StylizerServiceInfoResponse:
        """Ask what it computes with; waits until it is ready, `timeout_s` seconds at most."""
        answer: stylizer_pb2.StylizerServiceInfoResponse = await self._stub.Info(
            stylizer_pb2.StylizerServiceInfoRequest(), timeout=timeout_s
        )
        return answer

    def pin(self, trunk: Model | None, dtype: str = "") -> None:
        """Refuse answers of another trunk, or of another floating point type, from now on; None and "" take any."""
        self._pinned = trunk
        self._dtype = dtype

    @asynccontextmanager
    async def stylize(self, films: PairFilms, plan: TrajectoryPlan) -> AsyncIterator[AsyncIterator[Snapshot]]:
        """Start a trajectory; leaving the context stops it within one step."""
        call = self._stub.Stylize(to_stylize_request(films, plan), timeout=self._timeout_s)
        snapshots = self._snapshots(call, plan.steps)
        try:
            yield snapshots
        finally:
            call.cancel()
            await snapshots.aclose()

    async def _snapshots(self, call: Any, steps: tuple[int, ...]) -> AsyncGenerator[Snapshot, None]:
        remaining = list(steps)
        async for response in call:
            if self._pinned is not None:
                check_identity("stylizer", response.model, self._pinned)
            if self._dtype and response.numerics.dtype != self._dtype:
                raise ModelMismatchError(
                    f"stylizer: found the floating point type {response.numerics.dtype}, needed {self._dtype}"
                )
            if not remaining or response.steps != remaining.pop(0):
                raise InternalError(f"stylizer: found a snapshot after {response.steps} steps, needed those of {steps}")
            yield to_snapshot(response)
        if remaining:
            raise UnavailableError(
                f"stylizer: the stream ended after {len(steps) - len(remaining)} of {len(steps)} snapshots"
            )


def check_identity(service: str, found: model_pb2.ModelIdentity, pinned: Model) -> None:
    """Refuse an answer of another model.

    Raises:
        ModelMismatchError: naming both.

    """
    if found.sha256 != pinned.sha256:
        raise ModelMismatchError(
            f"{service}: found the model {found.name} with sha256 {found.sha256}, "
            f"needed {pinned.name} with sha256 {pinned.sha256}"
        )


def channel_opener(configuration: StylizerPeerConfiguration, running: Container[str | None]) -> Callable[[str], Any]:
    """Channels to addresses in `running` as the configuration says, to others, started here, in the clear."""

    def opened(address: str) -> Any:
        if address not in running:
            return open_channel(address)
        return open_channel(
            address,
            ca=configuration.tls_ca,
            certificate=configuration.tls_certificate,
            key=configuration.tls_key,
        )

    return opened
