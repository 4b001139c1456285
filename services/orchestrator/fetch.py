"""`mammosynth fetch`: a folder of object storage as a folder of this machine."""

from pathlib import Path, PurePosixPath

import fsspec
from rich.console import Console

from services.orchestrator.configuration import FetchConfiguration
from shared.errors import ConfigurationError, NotFoundError, UnavailableError
from shared.files import write_atomically


def run(configuration: FetchConfiguration) -> int:
    """Copy every file, each in one piece; returns the exit code.

    Raises:
        ConfigurationError: if nothing is installed for the scheme of the source.
        NotFoundError: if there is nothing.
        UnavailableError: if it cannot be read, or not be written.

    """
    try:
        files, root = fsspec.core.url_to_fs(configuration.source)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(f"SOURCE: cannot use {configuration.source!r}: {error}") from error
    try:
        names = sorted(str(path) for path in files.find(root))
        if not names:
            raise NotFoundError(f"SOURCE: found nothing in {configuration.source}, needed a folder with files")
        for name in names:
            write_atomically(_place(configuration.target, root, name), bytes(files.cat_file(name)))
    except NotFoundError:
        raise
    except Exception as error:  # each kind of storage has classes of its own, without a common base
        raise UnavailableError(f"cannot copy {configuration.source} to {configuration.target}: {error}") from error
    Console().print(f"{len(names)} files in {configuration.target}", markup=False, soft_wrap=True)
    return 0


def _place(target: Path, root: str, name: str) -> Path:
    relative = PurePosixPath(name).relative_to(root.rstrip("/"))
    if ".." in relative.parts:
        raise UnavailableError(f"found a file called {name}, which leads out of the folder")
    return target / relative
