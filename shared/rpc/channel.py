"""Channels as every caller opens them."""

import grpc
from mammosynth.channel import CHANNEL_OPTIONS

from shared.rpc.interceptors import ErrorClientInterceptor, ErrorStreamClientInterceptor


def open_channel(address: str) -> grpc.aio.Channel:
    """Open a channel to `host:port` or `dns:///name:port`.

    Every call on it has a deadline, waits until its server is ready, is retried on faults of the transport, shared
    out among all addresses, and raises errors of the domain.
    """
    interceptors = [ErrorClientInterceptor(), ErrorStreamClientInterceptor()]
    return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS, interceptors=interceptors)
