"""The way to an orchestrator that serves, for the commands that call it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mammosynth.client import Generator, Security, ServiceError

from services.orchestrator.configuration import ConnectionConfiguration
from shared.errors import ConfigurationError, InternalError, MammosynthError, error_classes


@contextmanager
def connected(address: str, configuration: ConnectionConfiguration) -> Iterator[Generator]:
    """Open a client; what it is refused with is an error of the domain again.

    Raises:
        ConfigurationError: if a certificate or the token cannot be read.
        MammosynthError: what the service said.

    """
    try:
        with Generator(address, security(configuration)) as generator:
            yield generator
    except ServiceError as error:
        raise _restored(error) from error


def security(configuration: ConnectionConfiguration, *, token: bool = True) -> Security:
    """Certificates and token of a caller.

    Args:
        configuration: where they are.
        token: whether the token is shown.

    Raises:
        ConfigurationError: if one cannot be read, or comes without another that it needs.

    """
    shown = _read(configuration.token_file) if token and configuration.token_file else None
    try:
        return Security(
            ca=configuration.tls_ca,
            certificate=configuration.tls_certificate,
            key=configuration.tls_key,
            server_name=configuration.server_name,
            token=shown,
        )
    except ValueError as error:
        raise ConfigurationError(f"--tls-ca, --tls-certificate, --tls-key: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"--token-file: cannot read {path}: {error.strerror}") from error


def _restored(error: ServiceError) -> MammosynthError:
    kinds = {kind.code: kind for kind in error_classes()}
    return kinds.get(error.code, InternalError)(error.message)
