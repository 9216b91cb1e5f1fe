"""The Kadal adapter's clearing of a history."""

import pytest

from tests.behaviour.doubles import (
    BOT,
    StubTransport,
    client_on,
    read_query,
    reply,
    stub_replies,
)
from unichat import ThreadRef, errors
from unichat.models import ClearOutcome

from .conftest import SAMPLES
from .replies import CLEAR, catch_error, envelope


def test_clearing_sends_the_user_reference_and_nothing_else():
    transport = StubTransport(lambda request: reply(SAMPLES["clear_chat_history"]))
    client = client_on(transport, "kadal")
    result = client.clear_history(user="anna")
    client.clear_history(ThreadRef("kadal", "x", user="bert", scope=BOT))
    client.clear_history()
    assert {(request.method, request.path, request.body) for request in transport.sent} == {("POST", CLEAR, None)}
    assert [read_query(request) for request in transport.sent] == [
        {"ext_user_id_ref": "anna"},
        {"ext_user_id_ref": "bert"},
        {},
    ]
    assert (result.outcome, result.user) == (ClearOutcome.CLEARED, "anna")
    assert result.message == "Deleted previous conversations."
    assert result.raw == SAMPLES["clear_chat_history"]
    assert result.call.operation == "clear_chat_history"


def test_no_other_call_clears_the_history(mini):
    client = client_on(mini.transport, "kadal", check_thread=True)
    client.continue_thread(client.chat("q", user="anna"), "q")
    client.chat("q", user="anna")
    client.feedback(1, "up")
    list(client.history(user="anna"))
    assert not [request for request in mini.sent if "clear" in request.path]


def test_a_thread_that_a_newer_one_replaced_cannot_be_cleared(mini):
    client = client_on(mini.transport, "kadal")
    old, new = (client.chat("q", user="anna").thread for _ in range(2))
    with pytest.raises(errors.StaleThread) as raised:
        client.clear_history(old)
    assert (raised.value.thread, raised.value.newer) == (old, new)
    assert not [request for request in mini.sent if "clear" in request.path]
    assert client.clear_history(new).outcome is ClearOutcome.CLEARED


def test_each_isolated_thread_can_be_cleared_whichever_was_started_last(mini):
    client = client_on(mini.transport, "kadal", threads="isolated")
    for answer in [client.chat("q", user="anna") for _ in range(2)]:
        assert client.clear_history(answer).outcome is ClearOutcome.CLEARED


NOTHING_TO_CLEAR = reply(envelope(404, "No conversations found."), 404)


@pytest.mark.parametrize(
    "answer", [NOTHING_TO_CLEAR, reply(envelope(404, "No conversations found."))], ids=["http", "body"]
)
def test_clearing_nothing_is_not_found_unless_missing_ok(answer):
    error, _ = catch_error(lambda client: client.clear_history(user="anna"), answer)
    assert isinstance(error, errors.NotFound)
    assert "No conversations found." in str(error)
    for settings, options in (({"missing_ok": True}, {}), ({}, {"missing_ok": True})):
        result = client_on(stub_replies(answer), "kadal", **settings).clear_history(user="anna", **options)
        assert (result.outcome, result.user) == (ClearOutcome.NOTHING_TO_CLEAR, "anna")


def test_a_call_can_override_the_missing_ok_of_the_settings():
    error, _ = catch_error(
        lambda client: client.clear_history(user="a", missing_ok=False), NOTHING_TO_CLEAR, missing_ok=True
    )
    assert isinstance(error, errors.NotFound)


def test_a_missing_route_is_an_error_even_if_missing_ok():
    error, _ = catch_error(lambda client: client.clear_history(), reply({"detail": "Not Found"}, 404), missing_ok=True)
    assert error.what == "route"


def test_a_400_to_clearing_is_raised_at_once_with_its_message(clock):
    error, sent = catch_error(
        lambda client: client.clear_history(user="anna"), reply(envelope(400, "Connection Error"), 400), clock=clock
    )
    assert (type(error), len(sent), clock.slept) == (errors.InvalidInput, 1, [])
    assert "Connection Error" in str(error)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (reply(status=204, body=b""), None),
        (reply({"status_code": 200}), None),
        (reply({"status_code": 200, "message": None}), None),
        (reply({"status_code": 200, "message": ""}), ""),
    ],
)
def test_a_message_that_is_missing_is_none_and_one_that_is_empty_is_empty(answer, message):
    assert client_on(stub_replies(answer), "kadal").clear_history(user="ada").message == message
