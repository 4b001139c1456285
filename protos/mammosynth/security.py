"""How a client proves who it is, and how it knows the service: certificates and a token."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc


@dataclass(frozen=True, kw_only=True)
class Security:
    """Files and a token for one service. Without a `ca` nothing is encrypted: a token then is for trusted networks."""

    ca: Path | str | None = None
    """PEM file of the authorities that the service's certificate must lead to."""
    certificate: Path | str | None = None
    """PEM file of the certificate that is shown to the service, where it asks for one."""
    key: Path | str | None = None
    """PEM file of the certificate's key."""
    token: str | None = field(default=None, repr=False)
    """What the service's token file holds."""
    server_name: str | None = None
    """Name in the service's certificate, where it is reached under another, as through a port that is forwarded."""

    def __post_init__(self) -> None:
        """Refuse what would leave the client unprotected in silence."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate, key: found one of them, needed both or none")
        if self.ca is None and (self.certificate is not None or self.server_name is not None):
            raise ValueError("ca: found none beside a certificate or a server name, needed the service's authorities")

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes along with each call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    def open(self, address: str, options: Sequence[tuple[str, object]]) -> grpc.Channel:
        """Open a channel, encrypted where there is a `ca`.

        Raises:
            OSError: if a file cannot be read.

        """
        if self.ca is None:
            return grpc.insecure_channel(address, options=options)
        named = (("grpc.ssl_target_name_override", self.server_name),) if self.server_name else ()
        credentials = grpc.ssl_channel_credentials(_read(self.ca), _read(self.key), _read(self.certificate))
        return grpc.secure_channel(address, credentials, options=(*options, *named))


def _read(path: Path | str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
