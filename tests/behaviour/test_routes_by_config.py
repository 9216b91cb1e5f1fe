"""Clients of routes that a config file describes, over real HTTP: both kinds of client."""

import json
import os
import socket

import pytest

import unichat
from tests.blocking import BlockingClient

from .conftest import KNOWN

ROUTES = """
[profiles.safe]
fallback = ["dead", "kadal"]

[profiles.pilot]
split = {kapa = 70, kadal = 30}

[profiles.nested]
fallback = ["dead", "pilot"]

[profiles.trial]
shadow = {primary = "kapa", other = "kadal"}
record = "shadow.jsonl"
"""


class Hook:
    """Remembers which profiles it was told of."""

    def __init__(self):
        self.told = []

    def started(self, record): ...

    def attempted(self, record):
        self.told.append((record.backend, record.attempts[-1].profile))

    def finished(self, record, error): ...


@pytest.fixture
def config(box, tmp_path):
    """Kapa and Kadal, a Kapa that nobody answers for, and routes over them."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    dead = f'[profiles.dead]\nbackend = "kapa"\nbase_url = "{address}"\nattempts = 1\napi_key = "k"\nproject_id = "p"\n'
    path = tmp_path / "unichat.toml"
    path.write_text(box.config_toml("safe") + dead.replace('"p"', f'"{UUID}"') + ROUTES, encoding="utf-8")
    path.chmod(0o600)
    return path


UUID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(params=["sync", "asyncio"])
def open_route(request, loop, config):
    """Open a profile of the file; the client is closed after the test."""
    clients = []

    def open_client(profile=None, **more):
        if request.param == "sync":
            clients.append(unichat.connect(profile=profile, config=config, **more))
        else:
            clients.append(BlockingClient(loop, unichat.connect_async(profile=profile, config=config, **more)))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


def test_a_route_of_the_file_falls_back_and_keeps_the_thread_where_it_began(open_route, user):
    client = open_route()
    answer = client.chat(KNOWN, user=user)
    assert answer.profile == "kadal"
    assert [attempt.profile for attempt in answer.call.attempts] == ["dead", "kadal"]
    assert client.continue_thread(answer, "And how do I descale the boiler?", user=user).profile == "kadal"
    assert client.feedback(answer.ref, "up", user=user).sent
    with client.stream(KNOWN, user=user) as pieces:
        assert "attempts" in unichat.join_text(pieces)


def test_the_profile_that_answers_below_a_nested_route_is_named(open_route, user):
    client = open_route("nested")
    answer = client.chat(KNOWN, user=user)
    assert answer.profile == open_route("pilot").member_for(user=user)
    assert [attempt.profile for attempt in answer.call.attempts] == ["dead", answer.profile]


def test_hooks_of_a_route_hear_of_every_member(open_route, user):
    hook = Hook()
    open_route(hooks=[hook]).chat(KNOWN, user=user)
    assert hook.told == [("kapa", "dead"), ("kadal", "kadal")]


def test_a_deadline_beside_a_route_is_over_all_members(open_route, user):
    client = open_route(deadline=20)
    assert client.chat(KNOWN, user=user).profile == "kadal"
    with pytest.raises(unichat.errors.ConfigError, match="api_key belongs to one backend"):
        open_route(api_key="k")


def test_the_record_of_a_shadow_is_beside_the_config_file(open_route, config, user):
    client = open_route("trial")
    assert client.chat(KNOWN, user=user).profile == "kapa"
    # Closing waits for the other side.
    client.close()
    record = config.with_name("shadow.jsonl")
    (pair,) = map(json.loads, record.read_text(encoding="utf-8").splitlines())
    assert (pair["question"], pair["primary"]["profile"], pair["other"]["profile"]) == (KNOWN, "kapa", "kadal")
    assert "attempts" in pair["other"]["text"]
    assert pair["other"]["error"] is None
    if os.name == "posix":
        assert record.stat().st_mode & 0o777 == 0o600
