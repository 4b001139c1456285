"""Channels as every caller opens them."""

from pathlib import Path
from typing import Any

import grpc
from mammosynth.channel import CHANNEL_OPTIONS

from shared.rpc.certificates import Pem, PemFiles
from shared.rpc.interceptors import ErrorClientInterceptor, ErrorStreamClientInterceptor
from shared.rpc.renewed_channel import RenewedChannel


def open_channel(
    address: str, *, ca: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> Any:
    """Open a channel to `host:port` or `dns:///name:port`.

    Every call on it has a deadline, waits until its server is ready, is retried on faults of the transport, shared
    out among all addresses, and raises errors of the domain.

    Args:
        address: of the server.
        ca: PEM file of authorities that the server's certificate must lead to; without it nothing is encrypted.
        certificate: PEM file of the certificate that is shown to the server, if it asks for one.
        key: PEM file of its key.

    Raises:
        ConfigurationError: if a file cannot be read.

    """
    if ca is None:
        return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS, interceptors=_interceptors())
    files = PemFiles(certificate, key, ca)

    def open_with(pem: Pem) -> grpc.aio.Channel:
        credentials = grpc.ssl_channel_credentials(pem.authorities, pem.key, pem.certificate)
        return grpc.aio.secure_channel(address, credentials, options=CHANNEL_OPTIONS, interceptors=_interceptors())

    return RenewedChannel(files, open_with)


def _interceptors() -> list[Any]:
    return [ErrorClientInterceptor(), ErrorStreamClientInterceptor()]
