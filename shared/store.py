"""Where a run's files lie: a folder, or object storage through fsspec. Files are whole or not there."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import fsspec

from shared.errors import ConfigurationError, UnavailableError
from shared.files import write_atomically

_AT_ONCE = 16
"""Files that object storage is asked for at the same time."""
_TOGETHER = 256
"""Files that are held in memory until somebody takes them."""

_T = TypeVar("_T")


class Store:
    """Named files under one address, written whole, never appended to."""

    def __init__(self, address: str) -> None:
        """Take a path, or a URL such as `s3://bucket/run`.

        Raises:
            ConfigurationError: if nothing is installed for the URL's scheme.

        """
        self.address = address
        try:
            # Others write there too: what was listed a while ago is no answer.
            self._files, self._root = fsspec.core.url_to_fs(address, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise ConfigurationError(f"cannot use {address!r}: {error}") from error
        protocols = self._files.protocol if isinstance(self._files.protocol, tuple) else (self._files.protocol,)
        self._local = "file" in protocols

    @property
    def local_path(self) -> Path | None:
        """The folder, where it is one of this machine."""
        return Path(self._root) if self._local else None

    @property
    def name(self) -> str:
        """The last part of the address."""
        path = self.local_path
        return path.resolve().name if path is not None else self.address.rstrip("/").rpartition("/")[2]

    def exists(self, name: str) -> bool:
        """Whether there is such a file.

        Raises:
            UnavailableError: if the storage does not answer.

        """
        return self._asked(lambda: bool(self._files.exists(self._path(name))))

    def read(self, name: str) -> bytes:
        """Read a file.

        Raises:
            FileNotFoundError: if there is none.
            OSError: if it cannot be read.
            UnavailableError: if the storage does not answer.

        """
        return self._asked(lambda: bytes(self._files.cat_file(self._path(name))))

    def read_each(self, names: Sequence[str]) -> Iterator[bytes | OSError]:
        """Read files in the order of their names, several at once on object storage; an error stands for its file.

        Raises:
            UnavailableError: if the storage does not answer.

        """
        if self._local:
            yield from map(self._read_or_error, names)
            return
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            for first in range(0, len(names), _TOGETHER):
                yield from pool.map(self._read_or_error, names[first : first + _TOGETHER])

    def write(self, name: str, data: bytes) -> None:
        """Write a file in one piece: by temporary name and rename in a folder, by one put on object storage.

        Raises:
            UnavailableError: if it cannot be written.

        """
        try:
            if self._local:
                write_atomically(Path(self._path(name)), data)
            else:
                self._files.pipe_file(self._path(name), data)
        except Exception as error:  # each kind of storage has classes of its own, without a common base
            raise UnavailableError(f"output: cannot write {name} in {self.address}: {error}") from error

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        if self.exists(name):
            self._files.rm_file(self._path(name))

    def names(self, folder: str, suffix: str) -> list[str]:
        """Names, without folder and suffix, of the files of a folder, in order; "" is the place itself.

        Raises:
            UnavailableError: if the storage does not answer.

        """
        try:
            found = self._asked(lambda: self._files.ls(self._path(folder), detail=False, refresh=True))
        except FileNotFoundError:
            return []
        plain = (str(path).rsplit("/", 1)[-1] for path in found)
        names = (name for name in plain if name and name.endswith(suffix) and not name.startswith("."))
        return sorted(name.removesuffix(suffix) for name in names)

    def _read_or_error(self, name: str) -> bytes | OSError:
        try:
            return self.read(name)
        except OSError as error:
            return error

    def _asked(self, question: Callable[[], _T]) -> _T:
        """Ask the storage; what is no OSError, such as missing credentials, is a class of its own in each kind."""
        try:
            return question()
        except OSError:
            raise
        except Exception as error:
            raise UnavailableError(f"{self.address} does not answer: {error}") from error

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def place_of(address: str) -> tuple[Store, str]:
    """Where a file lies, given by its path or URL, and its name there.

    Raises:
        ConfigurationError: if the address names no file, or nothing is installed for its scheme.

    """
    name = address.rpartition("/")[2]
    if not name:
        raise ConfigurationError(f"found {address!r}, needed the name of a file")
    return Store(address.removesuffix(name) or "."), name
