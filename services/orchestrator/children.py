"""Starts the model services as child processes on loopback, again when one dies; they end when this process does."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from services.orchestrator.configuration import PeersConfiguration, StylizerPeerConfiguration
from services.orchestrator.facts import FILM_GATES, GATES, SERVICES
from shared.errors import ConfigurationError, UnavailableError
from shared.log import get_logger

_ANNOUNCEMENT = "listening on "
_RESTARTS = 5
_RESTART_WINDOW_S = 300.0


@dataclass
class _Child:
    """One service: its process, and the address that it keeps over restarts."""

    name: str
    options: tuple[str, ...]
    log: IO[bytes]
    address: str = "127.0.0.1:0"
    process: asyncio.subprocess.Process | None = None
    restarts: list[float] = field(default_factory=list)

    async def start(self, timeout_s: float) -> None:
        """Start the process and wait until it says where it listens."""
        command = [sys.executable, "-m", "services.cli", "serve", self.name.removeprefix("film_"), "--exit-with-parent"]
        self.process = await asyncio.create_subprocess_exec(
            *command,
            "--listen",
            self.address,
            *self.options,
            # Nothing is ever written there: the child ends when it closes, that is when this process ends.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self.log,
            # Ctrl-C on a terminal goes to a whole group: it is for this process to say when the work has ended.
            process_group=0,
        )
        try:
            async with asyncio.timeout(timeout_s):
                self.address = await self._announced()
        except TimeoutError as error:
            raise UnavailableError(f"{self.name}: did not say where it listens within {timeout_s:g} s") from error

    async def _announced(self) -> str:
        if self.process is None or self.process.stdout is None:
            raise AssertionError("start comes first")
        async for line in self.process.stdout:
            text = line.decode(errors="replace").strip()
            if text.startswith(_ANNOUNCEMENT):
                return text.removeprefix(_ANNOUNCEMENT)
        code = await self.process.wait()
        raise ConfigurationError(f"{self.name}: could not be started, exit code {code}: {self.last_words()}")

    def last_words(self) -> str:
        """The end of what the process wrote to its log."""
        with Path(self.log.name).open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - 2000))
            return log.read().decode(errors="replace").strip()

    async def stop(self) -> None:
        """Close its standard input and wait; kill it where it does not end."""
        if self.process is None or self.process.returncode is not None:
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(15):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def running_services(
    configuration: StylizerPeerConfiguration, *, logs: Path | None, names: Sequence[str] = SERVICES
) -> AsyncIterator[tuple[dict[str, str], asyncio.Event]]:
    """Give the address of each model service, by name, having started those that no address was given for.

    A started service that dies is started again at its address, a bounded number of times; after that the event is
    set, which tells that the work cannot go on.

    Args:
        configuration: addresses, models, and what to start services with.
        logs: folder for the logs of started services; a temporary one if None.
        names: the services that are needed.

    Raises:
        ConfigurationError: if a service refuses its configuration.
        UnavailableError: if one does not start in time.

    """
    given = {name: getattr(configuration, name) for name in names if getattr(configuration, name)}
    broken = asyncio.Event()
    with tempfile.TemporaryDirectory() as temporary:
        folder = logs or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        children = [
            _Child(name, options, (folder / f"{name}.log").open("ab"))
            for name, options in _options(configuration).items()
            if name in names and name not in given
        ]
        watchers: list[asyncio.Task[None]] = []
        try:
            await asyncio.gather(*(child.start(configuration.start_timeout_s) for child in children))
            watchers = [asyncio.ensure_future(_keep_alive(child, configuration, broken)) for child in children]
            yield {**given, **{child.name: child.address for child in children}}, broken
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            await asyncio.gather(*(child.stop() for child in children))
            for child in children:
                child.log.close()


async def _keep_alive(child: _Child, configuration: StylizerPeerConfiguration, broken: asyncio.Event) -> None:
    log = get_logger("services")
    while child.process is not None:
        code = await child.process.wait()
        now = time.monotonic()
        child.restarts = [moment for moment in child.restarts if now - moment < _RESTART_WINDOW_S]
        if len(child.restarts) >= _RESTARTS:
            log.error("service keeps dying", service=child.name, exit_code=code, said=child.last_words())
            broken.set()
            return
        child.restarts.append(now)
        log.warning("service died, starting it again", service=child.name, exit_code=code)
        try:
            await child.start(configuration.start_timeout_s)
        except (ConfigurationError, UnavailableError, OSError) as error:
            log.error("service cannot be started again", service=child.name, error=str(error))
            broken.set()
            return


def _options(configuration: StylizerPeerConfiguration) -> dict[str, tuple[str, ...]]:
    stylizer = ["--trunk", configuration.trunk, "--dtype", configuration.dtype]
    if configuration.slots is not None:
        stylizer += ["--slots", str(configuration.slots)]
    if configuration.threads is not None:
        stylizer += ["--threads", str(configuration.threads)]
    options = {"stylizer": tuple(stylizer)}
    if isinstance(configuration, PeersConfiguration) and configuration.models is not None:
        options |= {gate: ("--model", str(configuration.models / f"{gate}.onnx")) for gate in GATES}
    if isinstance(configuration, PeersConfiguration) and configuration.film_models is not None:
        files = {gate: configuration.film_models / f"{gate.removeprefix('film_')}.onnx" for gate in FILM_GATES}
        options |= {gate: ("--model", str(file)) for gate, file in files.items()}
    return options
