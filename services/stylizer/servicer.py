"""Answers calls of StylizerService."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from mammosynth.v1 import stylizer_pb2, stylizer_pb2_grpc

from services.stylizer.convert import to_info, to_job, to_response
from services.stylizer.engine import Engine
from services.stylizer.trajectory import Snapshot
from shared.descriptions import ModelIdentity
from shared.errors import MammosynthError


class StylizerServicer(stylizer_pb2_grpc.StylizerServiceServicer):
    """Reads a request, gives it to the engine, and streams what comes out of it."""

    def __init__(self, engine: Engine, trunk: ModelIdentity) -> None:
        self._engine = engine
        self._trunk = trunk

    async def Info(self, request: Any, context: Any) -> stylizer_pb2.StylizerServiceInfoResponse:
        """Tell what this process computes with."""
        return to_info(self._trunk, self._engine.numerics(), queue_limit=self._engine.queue_limit)

    async def Stylize(
        self, request: stylizer_pb2.StylizeRequest, context: Any
    ) -> AsyncIterator[stylizer_pb2.StylizeResponse]:
        """Stream one trajectory; leaving the call, however it ends, drops the film at the next step."""
        self._trunk.check_name(request.model_name)
        remaining = context.time_remaining()
        job = to_job(request, deadline=None if remaining is None else time.monotonic() + remaining)
        results: asyncio.Queue[Snapshot | MammosynthError | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def put(result: Snapshot | MammosynthError | None) -> None:
            loop.call_soon_threadsafe(results.put_nowait, result)

        film = self._engine.submit(job, on_snapshot=put, on_end=put)
        try:
            while (result := await results.get()) is not None:
                if isinstance(result, MammosynthError):
                    raise result
                yield to_response(result, self._trunk, self._engine.numerics())
        finally:
            film.cancel()
