"""What a client proves itself with."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from mammosynth.client import Generator, Security, ServiceError
from mammosynth.v1 import generation_pb2_grpc

from shared.rpc.server import ServerConfiguration, serve
from tests.authority import NAME, Authority, MountedSecret
from tests.shared.rpc.test_token import SERVICE, Generation


async def test_a_client_is_served_over_mutual_tls_and_known_by_a_name_that_it_is_not_reached_under(
    unused_port: int, tmp_path: Path
) -> None:
    secret = MountedSecret(tmp_path / "secret").put(Authority())
    address = f"127.0.0.1:{unused_port}"
    code = asyncio.ensure_future(
        serve(
            configuration=ServerConfiguration(
                listen=address,
                drain_s=0,
                tls_certificate=secret.certificate,
                tls_key=secret.key,
                tls_client_ca=secret.ca,
            ),
            register=partial(generation_pb2_grpc.add_GenerationServiceServicer_to_server, Generation()),  # type: ignore[abstract]
            services=[SERVICE],
        )
    )
    files = {"ca": secret.ca, "certificate": secret.certificate, "key": secret.key}
    with Generator(address, Security(**files, server_name=NAME)) as generator:
        assert (await asyncio.to_thread(generator.info)).size == 64
    for stranger in (Security(**files), Security(ca=secret.ca, server_name=NAME), None):
        with Generator(address, stranger) as generator, pytest.raises(ServiceError, match=r"deadline|unavailable"):
            await asyncio.to_thread(generator.info, timeout=1.0)
    code.cancel()
    await asyncio.gather(code, return_exceptions=True)


WRONG = {
    "a certificate without its key": ({"ca": "a", "certificate": "b"}, "certificate, key: found one of them"),
    "a certificate without authorities": ({"certificate": "a", "key": "b"}, "ca: found none"),
    "a name without authorities": ({"server_name": "a"}, "ca: found none"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_halves_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Security(**given)  # type: ignore[arg-type]


def test_a_token_is_not_shown_in_a_traceback() -> None:
    assert "swordfish" not in repr(Security(token="swordfish"))
