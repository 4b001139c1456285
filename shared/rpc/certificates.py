"""Certificates of this process: PEM files that may be replaced while it runs, as a mounted Secret's are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from pydantic import Field

from shared.configuration import Configuration
from shared.errors import ConfigurationError
from shared.log import get_logger

_READS = 20


class TlsConfiguration(Configuration):
    """The certificate that this process shows to its peers."""

    tls_certificate: Path | None = Field(default=None)
    """PEM file of the certificate, and its chain, that this process shows; read again whenever it is replaced."""
    tls_key: Path | None = Field(default=None)
    """PEM file of the certificate's private key."""


class Pem(NamedTuple):
    """What the files hold; None where none is given."""

    certificate: bytes | None
    key: bytes | None
    authorities: bytes | None


class PemFiles:
    """A certificate, its key, and the authorities that peers' certificates must lead to."""

    def __init__(self, certificate: Path | None, key: Path | None, authorities: Path | None) -> None:
        """Take the files' paths and read them once.

        Raises:
            ConfigurationError: if one cannot be read, or a certificate comes without its key or the other way round.

        """
        if (certificate is None) != (key is None):
            raise ConfigurationError("--tls-certificate, --tls-key: found one of them, needed both or none")
        self._paths = (certificate, key, authorities)
        self.pem = self._read()

    def changed(self) -> bool:
        """Read the files again; whether `pem` is another than before. Files that cannot be read change nothing."""
        try:
            now = self._read()
        except ConfigurationError as error:
            get_logger("tls").warning("certificates cannot be read again, those from before stay", error=error.message)
            return False
        changed = now != self.pem
        self.pem = now
        return changed

    def _read(self) -> Pem:
        """Files of one moment: a Secret's are replaced all at once, and twice the same is not half of two."""
        before = None
        for _ in range(_READS):
            now = Pem(*(_bytes(path) for path in self._paths))
            if now == before:
                return now
            before = now
        raise ConfigurationError("--tls-certificate, --tls-key: found files that change all the time")


def _bytes(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"tls: cannot read {path}: {error.strerror or error}") from error


def server_credentials(
    certificate: Path | None, key: Path | None, client_authorities: Path | None
) -> grpc.ServerCredentials | None:
    """Credentials of a server, whose files are looked at again at each handshake; None where no certificate is given.

    Args:
        certificate: PEM file that the server shows.
        key: PEM file of its key.
        client_authorities: PEM file of authorities; where given, a client must show a certificate that leads there.

    Raises:
        ConfigurationError: if a file cannot be read, or they do not belong together.

    """
    if certificate is None and client_authorities is not None:
        raise ConfigurationError("--tls-client-ca: found it without --tls-certificate, needed both")
    files = PemFiles(certificate, key, client_authorities)
    if files.pem.certificate is None:
        return None
    return grpc.dynamic_ssl_server_credentials(
        _server_configuration(files.pem), _fetcher(files), require_client_authentication=client_authorities is not None
    )


def _fetcher(files: PemFiles) -> Callable[[], Any]:
    def fetch() -> grpc.ServerCertificateConfiguration | None:
        if not files.changed():
            return None  # as before
        get_logger("tls").info("certificates were replaced")
        return _server_configuration(files.pem)

    return fetch


def _server_configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pem.key or b"", pem.certificate or b"")], pem.authorities)
