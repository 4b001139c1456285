"""Whether services answer."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.orchestrator import ping
from services.orchestrator.configuration import PingConfiguration
from shared.errors import ConfigurationError
from tests.services.orchestrator.small_runs import Workshop
from tests.shared.rpc.test_token import Serving, serving, token

__all__ = ["serving", "token"]


def test_each_service_says_what_it_serves(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    addresses: dict[str, Any] = workshop.services
    assert ping.run(PingConfiguration(**addresses)) == 0
    said = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert set(said) == {"stylizer", "anomaly", "classifier"}
    assert said["stylizer"].startswith("vgg16")
    assert "2 slots" in said["stylizer"]


def test_one_that_is_silent_is_named_and_the_others_are_asked_all_the_same(
    workshop: Workshop, unused_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = f"127.0.0.1:{unused_port}"
    addresses: dict[str, Any] = workshop.services | {"stylizer": silent, "timeout_s": 0.5}
    assert ping.run(PingConfiguration(**addresses)) == 1
    said = capsys.readouterr()
    assert f"stylizer at {silent}: " in said.err
    assert "classifier: " in said.out


async def test_an_orchestrator_is_shown_the_token(
    serving: Serving, token: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving() as address:
        for file, expected in ((token, 0), (None, 1)):
            configuration = PingConfiguration(orchestrator=address, token_file=file)
            assert await asyncio.to_thread(ping.run, configuration) == expected
    assert "unauthenticated" in capsys.readouterr().err


def test_without_an_address_there_is_nothing_to_ask() -> None:
    with pytest.raises(ConfigurationError, match="found no address, needed one of --stylizer"):
        ping.run(PingConfiguration())


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--token-file: cannot read"):
        ping.run(PingConfiguration(orchestrator="127.0.0.1:1", token_file=tmp_path / "none"))
