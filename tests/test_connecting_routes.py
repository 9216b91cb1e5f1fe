"""`connect` and `connect_async` with a profile that is a route."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

import unichat
from unichat.client.pending_client import PendingClient
from unichat.errors import ConfigError
from unichat.testing import AsyncCannedTransport, CannedTransport

CONFIG = """
[profiles.kapa]
url = "kapa://11111111-2222-3333-4444-555555555555?api_key=k"
attempts = 1

[profiles.kadal]
url = "kadal://bot?token=t"

[profiles.third]
url = "kadal://third?token=t"

[profiles.safe]
fallback = ["kapa", "kadal"]
patience = 2

[profiles.pilot]
split = {kapa = 70, kadal = 30}

[profiles.back]
fallback = ["kadal", "kapa"]

[profiles.nested]
fallback = ["pilot", "third"]

[profiles.both]
split = {safe = 1, back = 1}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "unichat.toml"
    path.write_text('default = "safe"\n' + CONFIG, encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("profile", "members"),
    [("safe", ["kapa", "kadal"]), ("pilot", ["kapa", "kadal"]), ("nested", ["pilot", "third"])],
)
def test_connect_to_a_route_gives_a_client_with_its_members_in_order(
    config: Path, profile: str, members: list[str]
) -> None:
    with unichat.connect(profile=profile, config=config) as client:
        assert isinstance(client, unichat.Client)
        assert list(client.members) == members
        assert all(isinstance(each, unichat.Client) for each in client.members.values())


def test_connect_without_a_profile_gives_the_route_that_is_the_default(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unichat.connect(config=config) as client:
        assert client.member_for(user="ada") == "kapa"
    monkeypatch.setenv("UNICHAT_PROFILE", "back")
    with unichat.connect(config=config) as client:
        assert client.member_for(user="ada") == "kadal"


def test_a_plain_profile_has_no_members(config: Path) -> None:
    with unichat.connect(profile="kapa", config=config) as client:
        assert dict(client.members) == {}


def test_a_profile_in_several_places_of_a_route_is_one_client(config: Path) -> None:
    with unichat.connect(profile="both", config=config) as client:
        assert client.members["safe"].members["kapa"] is client.members["back"].members["kapa"]


def test_closing_a_route_closes_its_members(config: Path) -> None:
    client = unichat.connect(profile="both", config=config)
    client.close()
    kapa = client.members["safe"].members["kapa"]
    with pytest.raises(unichat.errors.UnichatError, match="closed"):
        kapa.chat("Hello?")


def test_connect_async_to_a_route_gives_an_asyncio_client(config: Path) -> None:
    async def use() -> None:
        async with unichat.connect_async(profile="nested", config=config) as client:
            assert isinstance(client, unichat.AsyncClient)
            assert list(client.members["pilot"].members) == ["kapa", "kadal"]
            assert client.member_for(user="ada") == "pilot"

    asyncio.run(use())


def test_a_pending_client_becomes_the_client_of_a_route(config: Path) -> None:
    built = unichat.connect_async(profile="safe", config=config)

    async def use() -> None:
        pending = PendingClient(lambda: built)
        assert isinstance(pending, unichat.AsyncClient)
        async with pending as client:  # type: ignore[attr-defined]
            assert client is pending
            assert list(client.members) == ["kapa", "kadal"]
            assert type(client) is type(built)

    asyncio.run(use())


def test_the_first_client_of_a_process_can_be_a_route_on_asyncio(config: Path) -> None:
    program = """
        import asyncio, sys, unichat
        async def main():
            client = unichat.connect_async(profile="safe", config=sys.argv[1])
            assert type(client).__name__ == "PendingClient"
            async with client:
                assert list(client.members) == ["kapa", "kadal"]
        asyncio.run(main())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(config)], check=True, timeout=120)


def test_the_first_route_on_asyncio_is_checked_at_once_and_loaded_off_the_event_loop(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a process that has made plain clients so far.
    monkeypatch.setattr("unichat.connecting._SLOW_ROUTE", "no.such.module")
    threads = []
    build = unichat.connecting.async_client_for

    def note_thread(*given: Any, **named: Any) -> Any:
        threads.append(threading.current_thread())
        return build(*given, **named)

    monkeypatch.setattr("unichat.connecting.async_client_for", note_thread)

    async def use() -> None:
        for mistake in ({"patience": -1}, {"transport": AsyncCannedTransport()}):
            with pytest.raises(ConfigError):
                unichat.connect_async(profile="safe", config=config, **mistake)
        client = unichat.connect_async(profile="safe", config=config)
        assert type(client) is PendingClient
        async with client:
            assert list(client.members) == ["kapa", "kadal"]
        # A plain client has nothing to wait for.
        assert type(unichat.connect_async(profile="kapa", config=config)) is unichat.AsyncClient

    asyncio.run(use())
    assert threading.main_thread() not in threads[:2]


@pytest.mark.parametrize("connect", [unichat.connect, unichat.connect_async])
def test_keywords_beside_a_route_are_its_own(config: Path, connect: object) -> None:
    with pytest.raises(ConfigError, match="patience is 2, which is above the deadline of 1 second"):
        connect(config=config, deadline=1)  # type: ignore[operator]
    with pytest.raises(ConfigError, match="api_key belongs to one backend, and this profile is a route") as caught:
        connect(config=config, api_key="k")  # type: ignore[operator]
    assert "Set it in the profile 'kapa'." in str(caught.value)


def test_a_transport_beside_a_route_is_refused(config: Path) -> None:
    with pytest.raises(ConfigError, match="but a route has one for each of its members"):
        unichat.connect(config=config, transport=CannedTransport())


def test_a_backend_beside_a_route_is_refused(config: Path) -> None:
    with pytest.raises(ConfigError, match="profile was given beside a backend or URL"):
        unichat.connect("kapa", profile="safe", config=config)


def test_the_name_of_a_route_as_a_backend_names_the_profile(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(config.parent)
    with pytest.raises(ConfigError, match="has this name: profile=safe"):
        unichat.connect("safe")
