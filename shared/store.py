"""Where a run's files lie: a folder, or object storage through fsspec. Files are whole or not there."""

from pathlib import Path
from typing import Any

import fsspec

from shared.errors import ConfigurationError, UnavailableError
from shared.files import write_atomically


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

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return bool(self._files.exists(self._path(name)))

    def read(self, name: str) -> bytes:
        """Read a file.

        Raises:
            FileNotFoundError: if there is none.

        """
        data: Any = self._files.cat_file(self._path(name))
        return bytes(data)

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
        """Names, without folder and suffix, of the files of a folder, in order; "" is the place itself."""
        try:
            found = self._files.ls(self._path(folder), detail=False, refresh=True)
        except FileNotFoundError:
            return []
        plain = (str(path).rsplit("/", 1)[-1] for path in found)
        names = (name for name in plain if name and name.endswith(suffix) and not name.startswith("."))
        return sorted(name.removesuffix(suffix) for name in names)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"
