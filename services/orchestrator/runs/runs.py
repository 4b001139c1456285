"""Runs: what the calls of `GenerationService` do with Jobs and run directories."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from services.orchestrator.runs.records import Counts, Records, Remembered
from services.orchestrator.runs.request import JobTemplate, RunRequest, is_run_name
from shared.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:  # the client of Kubernetes is imported only where there are runs
    from services.orchestrator.runs.jobs import Job, Jobs

_WATCH_EVERY_S = 2.0


class State(StrEnum):
    """What stage a run is in."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self in (State.COMPLETE, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run and how far it is."""

    name: str
    state: State
    pairs: int
    counts: Counts
    created: datetime.datetime


class Runs:
    """Starts, watches and stops the runs of one installation. What it knows, it reads: it may die at any time."""

    def __init__(
        self,
        jobs: "Jobs",
        records: Records,
        template: JobTemplate,
        *,
        policies: dict[str, str],
        default_policy: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take what runs are made of.

        Args:
            jobs: the cluster's.
            records: the run directories.
            template: Job of a run.
            policies: what `generate` is told for each policy that may be named.
            default_policy: taken where none is named.
            sleep: waits so many seconds between two looks.

        """
        self._jobs = jobs
        self._records = records
        self._template = template
        self._policies = policies
        self._default_policy = default_policy
        self._sleep = sleep

    async def create(self, *, request_id: str, policy: str, seed: int, pairs: int, shards: int) -> Run:
        """Start a run; the same request id starts it once.

        Raises:
            InvalidInputError: naming what cannot be used.
            NotFoundError: if there is no such policy.
            RefusedRunError: if the id was used for another run.

        """
        name = policy or self._default_policy
        if name not in self._policies:
            raise NotFoundError(f"policy: found {name!r}, needed one of {', '.join(sorted(self._policies))}")
        request = RunRequest(request_id=request_id, policy=name, seed=seed, pairs=pairs, shards=shards)
        return await asyncio.to_thread(self._create, request)

    async def get(self, name: str) -> Run:
        """Say how far a run is.

        Raises:
            NotFoundError: if there is none of this name.

        """
        return await asyncio.to_thread(self._get, name)

    async def watch(self, name: str) -> AsyncIterator[Run]:
        """Give the run each time it has moved, until it has ended."""
        before: Run | None = None
        while True:
            run = await self.get(name)
            if run != before:
                yield run
                before = run
            if run.state.ended:
                return
            await self._sleep(_WATCH_EVERY_S)

    async def cancel(self, name: str) -> Run:
        """Stop a run; what it has recorded stays. One that has ended stays as it is."""
        return await asyncio.to_thread(self._cancel, name)

    async def page(self, size: int, after: str) -> tuple[list[Run], str]:
        """Give runs, newest first, and where the next page starts: empty at the end.

        Args:
            size: most runs, 1 to 1000; 0 means 100.
            after: where the last page ended, empty for the first.

        Raises:
            InvalidInputError: if the size is too large, or `after` is no end of a page.

        """
        return await asyncio.to_thread(self._page, size, after)

    def _create(self, request: RunRequest) -> Run:
        known = self._records.remembered(request.name)
        if known is not None:
            request.check_same(known.request)
            return self._get(request.name)
        output = self._records.address(request.name)
        self._jobs.create(self._template.fill(request, output=output, policy=self._policies[request.policy]))
        job = self._jobs.get(request.name)
        if job is None:
            raise NotFoundError(f"run: {request.name} was removed while it was made")
        request.check_same(job.request)
        return self._get(request.name)

    def _get(self, name: str) -> Run:
        job = self._jobs.get(name) if is_run_name(name) else None
        known = self._records.remembered(name) if is_run_name(name) else None
        if job is not None and known is None:
            self._records.remember(job.request, job.created)
        return self._described(name, job, known)

    def _described(self, name: str, job: "Job | None", known: Remembered | None) -> Run:
        if job is None and known is None:
            raise NotFoundError(f"run: found none called {name!r}")
        pairs = job.request.pairs if job else known.request.pairs if known else 0
        created = job.created if job else known.created if known else datetime.datetime.now(datetime.UTC)
        counts = self._records.counts(name, pairs)
        state = self._state(name, job, counts)
        return Run(name=name, state=state, pairs=pairs, counts=counts, created=created)

    def _state(self, name: str, job: "Job | None", counts: Counts) -> State:
        if counts.run_digest:
            return State.COMPLETE
        if self._records.cancelled(name) or (job is not None and job.deleting):
            return State.CANCELLED
        if job is None or job.failed or job.complete:
            # A Job that is gone, or done, without all pairs on record.
            return State.FAILED
        return State.RUNNING if job.started or counts.done else State.PENDING

    def _cancel(self, name: str) -> Run:
        run = self._get(name)
        if run.state in (State.COMPLETE, State.CANCELLED):
            return run
        self._records.cancel(name, datetime.datetime.now(datetime.UTC))
        self._jobs.stop(name)
        return self._get(name)

    def _page(self, size: int, after: str) -> tuple[list[Run], str]:
        if size > 1000:
            raise InvalidInputError(f"page_size: found {size}, needed 0 to 1000")
        jobs = {job.request.name: job for job in self._jobs.list()}
        known = {name: self._records.remembered(name) for name in self._records.names()}
        begun = {name: found.created for name, found in known.items() if found} | {
            name: job.created for name, job in jobs.items()
        }
        order = sorted(begun, key=lambda name: (begun[name], name), reverse=True)
        if after and after not in begun:
            raise InvalidInputError(f"page_token: found {after!r}, needed the next_page_token of an answer")
        rest = order[order.index(after) + 1 :] if after else order
        shown = rest[: size or 100]
        runs = [self._described(name, jobs.get(name), known.get(name)) for name in shown]
        return runs, shown[-1] if len(rest) > len(shown) else ""
