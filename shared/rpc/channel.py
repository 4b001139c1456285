"""Channels as every caller opens them."""

import json

import grpc

from shared.rpc.interceptors import ErrorClientInterceptor, ErrorStreamClientInterceptor

MAXIMUM_MESSAGE_BYTES = 64 * 1024 * 1024

_SERVICE_CONFIG = {
    # One connection to every address that the name resolves to, calls shared out in turn.
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            # The transport's faults only: what a service answers is for the caller to judge.
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", MAXIMUM_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAXIMUM_MESSAGE_BYTES),
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    # Above 256 KiB a message would not be retried: two 16-bit films of 512 px are more.
    ("grpc.per_rpc_retry_buffer_size", MAXIMUM_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Two channels of one process must not share a connection, or one's flow control would hold up the other.
    ("grpc.use_local_subchannel_pool", 1),
)


def open_channel(address: str) -> grpc.aio.Channel:
    """Open a channel to `host:port` or `dns:///name:port`.

    Every call on it has a deadline, waits until its server is ready, is retried on faults of the transport, shared
    out among all addresses, and raises errors of the domain.
    """
    interceptors = [ErrorClientInterceptor(), ErrorStreamClientInterceptor()]
    return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS, interceptors=interceptors)
