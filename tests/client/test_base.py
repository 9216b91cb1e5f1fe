"""What both clients share: settings of one call, the ids of the settings, and which vendor a client reaches."""

from __future__ import annotations

import pytest
from attrs import frozen

from tests.canned import ALL_CAPABILITIES, EchoAdapter, EchoSettings, bench, endpoints, operation, reply
from unichat.adapter import Capabilities, Replay, Secret
from unichat.client.sync_client import Client
from unichat.errors import InvalidInput, ServerError
from unichat.testing import CannedTransport


def make_client(settings):
    adapter = EchoAdapter(Capabilities(**ALL_CAPABILITIES), None)
    return Client("echo", adapter, CannedTransport(), endpoints=endpoints, settings=settings)


def test_with_policy_changes_one_client_and_not_the_other():
    made = bench(*[reply(503, {})] * 4)
    once = made.client.with_policy(attempts=1)
    with pytest.raises(ServerError):
        once.run(operation())
    assert len(made.sent) == 1
    with pytest.raises(ServerError):
        made.client.run(operation())
    assert len(made.sent) == 4


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("attempt", "Did you mean attempts?"),
        ("retry_afterlimit", "Did you mean retry_after_limit?"),
        ("rate", "These can: "),
        ("zzz", "These can: "),
    ],
)
def test_with_policy_refuses_what_is_no_setting_of_a_call_and_names_what_is(name, hint):
    with pytest.raises(InvalidInput, match=f"{name} cannot be set this way") as caught:
        bench().client.with_policy(**{name: 1})
    assert caught.value.argument == name
    assert caught.value.hint.startswith(hint)


def test_with_policy_without_changes_is_a_client_like_the_first():
    made = bench(reply(200, 1))
    assert made.client.with_policy().run(operation()) == 1


@frozen(kw_only=True)
class OpenSettings(EchoSettings):
    """Settings whose bot need not be given, and with a key."""

    bot: str | None = None
    key: Secret | None = None


def test_operations_are_given_the_ids_of_the_settings_that_are_set():
    settings = OpenSettings(base_url="https://echo.example", key=Secret("sesame"))
    with pytest.raises(TypeError, match="bot"):
        make_client(settings).operations.chat(text="Hi?")
    named = OpenSettings(base_url="https://echo.example", bot="b2")
    assert make_client(named).operations.chat(text="Hi?").request.path == "/bots/b2/chat"


@pytest.mark.parametrize(("backend", "reached"), [("echo", True), ("kapa", False)])
def test_a_plain_client_reaches_its_own_vendor_alone(backend, reached):
    assert bench().client._reaches(backend) is reached


@pytest.mark.parametrize(("replay", "seconds"), [(Replay.ASK, 120), (Replay.READ, 30), (Replay.INSERT, 30)])
def test_an_operation_that_asks_has_the_deadline_of_a_question(replay, seconds):
    made = bench(reply(200, 1))
    made.client.run(operation(replay))
    assert made.transport.timeouts == [seconds]
