"""Who sits in which slot of a batch."""

from collections.abc import Callable

from services.stylizer.batch import Batch
from services.stylizer.running import RunningFilm
from shared.errors import MammosynthError


class Occupancy:
    """The films of one batch, which is built when the first of them takes a slot."""

    def __init__(self, build: Callable[[], Batch], *, slots: int, check_every: int) -> None:
        """Leave all slots idle; look every `check_every` steps whether films are finite."""
        self._build = build
        self._slots = slots
        self._check_every = check_every
        self._batch: Batch | None = None
        self._films: dict[int, RunningFilm] = {}
        self._steps = 0

    @property
    def films(self) -> tuple[RunningFilm, ...]:
        """Films that have a slot."""
        return tuple(self._films.values())

    @property
    def has_room(self) -> bool:
        """Whether a slot is idle."""
        return len(self._films) < self._slots

    def take(self, film: RunningFilm) -> None:
        """Give a film the first idle slot."""
        slot = min(set(range(self._slots)) - self._films.keys())
        # Seated before the first thing that can fail, so that whoever ends the films of a failed batch finds this one.
        self._films[slot] = film
        if self._batch is None:
            self._batch = self._build()
        self._batch.place(slot, film.job)

    def drop_stopped(self) -> None:
        """End the films that were cancelled or whose deadline passed; their slots are idle."""
        for slot, film in tuple(self._films.items()):
            reason = film.reason_to_stop()
            if reason is not None:
                self._leave(slot, reason)

    def advance(self) -> None:
        """Step every film once; hand out snapshots that are due; end films that are done or not finite."""
        if self._batch is None or not self._films:
            return
        self._batch.step()
        self._steps += 1
        for film in self._films.values():
            film.evaluations += 1
        # Only snapshots and the check below wait for the device.
        for slot, film in tuple(self._films.items()):
            if film.snapshot_due:
                error = film.deliver(self._batch.read(slot))
                if error is not None or film.remaining == 0:
                    self._leave(slot, error)
        if self._steps % self._check_every == 0:
            self._drop_infinite(self._batch.finite())

    def end_all(self, error: MammosynthError) -> None:
        """End every film, after a fault or at the engine's end. The batch must not be used again."""
        while self._films:
            _, film = self._films.popitem()
            film.end(error)

    def _drop_infinite(self, finite: list[bool]) -> None:
        for slot, film in tuple(self._films.items()):
            if not finite[slot]:
                self._leave(slot, film.not_finite())

    def _leave(self, slot: int, error: MammosynthError | None) -> None:
        film = self._films.pop(slot)
        if self._batch is not None:
            self._batch.release(slot)
        film.end(error)
