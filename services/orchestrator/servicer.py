"""`GenerationService`: accepted samples as a stream that can be resumed, and runs as Kubernetes Jobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from mammosynth.v1 import generation_pb2, generation_pb2_grpc

from services.orchestrator.convert import to_info, to_sample
from services.orchestrator.facts import PeerFacts
from services.orchestrator.generation import Generation, make_generation
from services.orchestrator.policy import Policy
from services.orchestrator.runs.convert import to_run
from services.orchestrator.runs.runs import Runs
from services.orchestrator.stream import outcomes_in_order
from shared.errors import NotFoundError, NotImplementedYetError


class GenerationServicer(generation_pb2_grpc.GenerationServiceServicer):
    """Converts, calls the core, converts."""

    def __init__(
        self,
        generation: Generation,
        peer_facts: PeerFacts,
        *,
        policies: dict[str, Policy],
        in_flight: int,
        any_size: bool,
        runs: Runs | None = None,
    ) -> None:
        """Take what is generated from.

        Args:
            generation: data set and services, under the default policy.
            peer_facts: what the services said at the start.
            policies: those that a request may name, by name.
            in_flight: pairs worked on at once for one stream.
            any_size: whether a policy may be used at another size than it was tuned at.
            runs: starts and watches Jobs, where there is a cluster for them.

        """
        self._generation = generation
        self._peer_facts = peer_facts
        self._policies = policies
        self._in_flight = in_flight
        self._any_size = any_size
        self._runs = runs

    async def Info(self, request: Any, context: Any) -> generation_pb2.GenerationServiceInfoResponse:
        """Say what is generated from."""
        return to_info(
            dataset_sha256=self._generation.dataset.sha256,
            size=self._generation.dataset.size,
            policies=tuple(self._policies),
            default_policy=self._generation.facts.policy.name,
            models=self._generation.facts.models,
        )

    async def Generate(
        self, request: generation_pb2.GenerateRequest, context: Any
    ) -> AsyncIterator[generation_pb2.GenerateResponse]:
        """Stream accepted samples; hanging up stops the pairs in progress."""
        # Looking for lesions reads a mask for each of their films.
        generation = await asyncio.to_thread(self._for, request)
        outcomes = outcomes_in_order(
            generation.loop(),
            generation.sampler,
            first=request.first_pair,
            limit=request.pair_limit or None,
            ahead=self._in_flight,
        )
        sent = 0
        async with aclosing(outcomes):
            async for outcome in outcomes:
                if outcome.film is None:
                    continue
                yield to_sample(outcome, generation.dataset.mask(outcome.record.content.image_id))
                sent += 1
                if sent == request.count:
                    return

    def _for(self, request: generation_pb2.GenerateRequest) -> Generation:
        name = request.policy or self._generation.facts.policy.name
        if name not in self._policies:
            raise NotFoundError(f"policy: found {name!r}, needed one of {', '.join(self._policies)}")
        made = make_generation(
            self._generation.dataset,
            self._policies[name],
            request.seed,
            self._generation.peers,
            self._peer_facts,
            any_size=self._any_size,
        )
        return made.with_originals(self._generation.originals)

    async def CreateRun(
        self, request: generation_pb2.CreateRunRequest, context: Any
    ) -> generation_pb2.CreateRunResponse:
        """Start a run."""
        run = await self._started_here().create(
            request_id=request.request_id,
            policy=request.policy,
            seed=request.seed,
            pairs=request.pairs,
            shards=request.shards,
        )
        return generation_pb2.CreateRunResponse(run=to_run(run))

    async def GetRun(self, request: generation_pb2.GetRunRequest, context: Any) -> generation_pb2.GetRunResponse:
        """Say how far a run is."""
        return generation_pb2.GetRunResponse(run=to_run(await self._started_here().get(request.name)))

    async def ListRuns(self, request: generation_pb2.ListRunsRequest, context: Any) -> generation_pb2.ListRunsResponse:
        """Give a page of runs."""
        runs, token = await self._started_here().page(request.page_size, request.page_token)
        return generation_pb2.ListRunsResponse(runs=map(to_run, runs), next_page_token=token)

    async def WatchRun(
        self, request: generation_pb2.WatchRunRequest, context: Any
    ) -> AsyncIterator[generation_pb2.WatchRunResponse]:
        """Stream a run's progress; hanging up stops nothing but the stream."""
        async for run in self._started_here().watch(request.name):
            yield generation_pb2.WatchRunResponse(run=to_run(run))

    async def CancelRun(
        self, request: generation_pb2.CancelRunRequest, context: Any
    ) -> generation_pb2.CancelRunResponse:
        """Stop a run."""
        return generation_pb2.CancelRunResponse(run=to_run(await self._started_here().cancel(request.name)))

    def _started_here(self) -> Runs:
        if self._runs is None:
            raise NotImplementedYetError(
                "this service starts no runs: it has no --runs and --job-template; use mammosynth generate"
            )
        return self._runs
