"""The Kadal adapter's questions: how a message, its user and its metadata are sent."""

import uuid

import pytest
import requests

from tests.behaviour.doubles import (
    BOT,
    KADAL_URL,
    StubTransport,
    check_settings,
    client_on,
    connect_client,
    read_body,
    read_query,
    reply,
    stub_replies,
)
from unichat import ThreadRef, User, errors
from unichat.adapter import ChatCall

from .replies import ANSWERED, LIST, SEND, ask, catch_error, envelope, validation_error


@pytest.mark.parametrize(
    ("settings", "method", "path"),
    [({}, "POST", SEND), ({"send_version": "v2"}, "POST", SEND), ({"send_version": "v1"}, "GET", f"{LIST}{BOT}")],
    ids=["default", "v2", "v1"],
)
def test_the_send_version_can_be_chosen_and_is_v2_by_default(settings, method, path):
    transport = stub_replies(reply(ANSWERED))
    answer = client_on(transport, "kadal", **settings).chat("q", user="anna")
    assert (transport.sent[0].method, transport.sent[0].path) == (method, path)
    assert (answer.text, answer.id) == ("Hello", "1")


def test_the_message_and_metadata_are_sent_as_json():
    transport = stub_replies(reply(ANSWERED))
    client_on(transport, "kadal").chat("q", metadata={"page": "x"})
    assert read_body(transport.sent[0]) == {"message": "q", "metadata": {"page": "x"}}
    assert read_query(transport.sent[0]) == {"continue_last_chat": "false"}


def test_the_message_is_sent_in_the_query_if_the_setting_says_so():
    transport = stub_replies(reply(ANSWERED))
    client_on(transport, "kadal", message_encoding="query").chat("a b", user="anna")
    assert transport.sent[0].body is None
    assert read_query(transport.sent[0]) == {
        "continue_last_chat": "false",
        "ext_user_id_ref": "anna",
        "message": "a b",
    }


def test_auto_sends_the_message_as_json_and_then_in_the_query_after_a_422_that_wants_it_there():
    transport = stub_replies(validation_error(("query", "message")), reply(ANSWERED))
    answer = client_on(transport, "kadal", message_encoding="auto").chat("q", user="anna")
    first, second = transport.sent
    assert answer.text == "Hello"
    assert read_body(first) == {"message": "q"}
    assert second.body is None
    assert read_query(second) == {**read_query(first), "message": "q"}
    assert answer.maybe_duplicated is False


def test_auto_gives_up_on_the_message_after_the_second_422():
    error, sent = catch_error(
        ask, validation_error(("query", "message")), validation_error(("query", "message")), message_encoding="auto"
    )
    assert error.status == 422
    assert len(sent) == 2


def test_auto_raises_unsupported_for_metadata_that_the_query_cannot_carry():
    error, sent = catch_error(
        lambda client: client.chat("q", metadata={"page": "x"}),
        validation_error(("query", "message")),
        message_encoding="auto",
    )
    assert isinstance(error, errors.Unsupported)
    assert error.argument == "metadata"
    assert len(sent) == 1


def test_auto_drops_metadata_that_the_query_cannot_carry_if_the_caller_chose_that():
    transport = stub_replies(validation_error(("query", "message")), reply(ANSWERED))
    client = client_on(transport, "kadal", message_encoding="auto", on_unsupported="drop")
    assert client.chat("q", metadata={"page": "x"}).text == "Hello"
    assert len(transport.sent) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        validation_error(("body", "message")),
        validation_error(("query", "ext_user_id_ref")),
        validation_error(("query", "continue_last_chat")),
        validation_error(("path", "chat_bot_id")),
        reply({"detail": "no"}, 422),
        reply(envelope(400), 400),
        reply(envelope(422), 200),
    ],
    ids=["body", "user", "flag", "path", "words", "400", "an envelope"],
)
def test_auto_does_not_send_the_message_again_after_any_other_error(refusal):
    error, sent = catch_error(ask, refusal, message_encoding="auto")
    assert isinstance(error, errors.InvalidInput)
    assert len(sent) == 1


@pytest.mark.parametrize(
    "settings", [{}, {"send_version": "v1"}, {"threads": "isolated"}], ids=["v2", "v1", "isolated"]
)
def test_continue_last_chat_is_false_for_a_first_question_and_true_afterwards(settings):
    transport = StubTransport(lambda request: reply(ANSWERED))
    client = client_on(transport, "kadal", **settings)
    first = client.chat("q", user="anna")
    client.continue_thread(first, "q")
    with client.stream("q", user="anna") as stream:
        client.continue_thread(stream.answer, "q")
    flags = [read_query(request)["continue_last_chat"] for request in transport.sent]
    assert flags == ["false", "true", "false", "true"]


def test_a_user_id_is_sent_verbatim():
    transport = stub_replies(reply(ANSWERED))
    client_on(transport, "kadal").chat("q", user="anna@example.com / 7 ä")
    assert read_query(transport.sent[0])["ext_user_id_ref"] == "anna@example.com / 7 ä"


def test_a_user_id_can_become_a_uuid_that_never_changes():
    transport = StubTransport(lambda request: reply(ANSWERED))
    for user in ("anna", "anna", "bert"):
        client_on(transport, "kadal", user_ids="uuid5").chat("q", user=user)
    anna, again, bert = (read_query(request)["ext_user_id_ref"] for request in transport.sent)
    assert anna == again != bert
    assert uuid.UUID(anna).version == 5
    # Conversations are kept under it: another value would lose them.
    assert anna == "0d7d611d-23d5-5886-b32b-aff3644f8d3a"


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.chat("q"),
        lambda client: client.stream("q"),
        lambda client: client.continue_thread(ThreadRef("kadal", "x", scope=BOT), "q"),
        lambda client: client.feedback(1, "up"),
        lambda client: client.clear_history(),
    ],
    ids=["chat", "stream", "continue", "feedback", "clear"],
)
def test_a_call_without_a_user_is_invalid_if_the_settings_require_one(call):
    error, sent = catch_error(call, require_user=True)
    assert isinstance(error, errors.InvalidInput)
    assert error.argument == "user"
    assert sent == []


def test_a_call_without_a_user_sends_no_reference():
    transport = stub_replies(reply(ANSWERED))
    client_on(transport, "kadal").chat("q")
    assert read_query(transport.sent[0]) == {"continue_last_chat": "false"}


def test_a_message_of_any_length_is_sent_unless_it_is_empty():
    transport = stub_replies(reply(ANSWERED))
    client = client_on(transport, "kadal")
    assert client.capabilities.question_limit is None
    client.chat("x" * 100_000)
    assert len(read_body(transport.sent[0])["message"]) == 100_000
    for empty in ("", " \n\t"):
        with pytest.raises(errors.InvalidInput):
            client.chat(empty)
    assert len(transport.sent) == 1


def test_streaming_is_not_a_capability_and_returns_the_whole_answer_as_one_event():
    transport = stub_replies(reply(ANSWERED))
    client = client_on(transport, "kadal")
    assert client.capabilities.streaming is False
    with client.stream("q", user="anna") as stream:
        (event,) = list(stream)
        answer = stream.answer
    assert (event.type, event.text, event.raw) == ("text", "Hello", ANSWERED)
    assert (answer.text, answer.id, answer.thread.user) == ("Hello", "1", "anna")
    assert [request.path for request in transport.sent] == [SEND]


@pytest.mark.parametrize("name", ["email", "fingerprint_id", "slack_id", "discord_id", "metadata"])
def test_user_details_are_unsupported_or_dropped_as_the_caller_chose(name):
    user = User("anna", **{name: {"x": 1} if name == "metadata" else "x"})
    error, sent = catch_error(lambda client: client.chat("q", user=user))
    assert (type(error), error.argument, sent) == (errors.Unsupported, f"user.{name}", [])
    transport = stub_replies(reply(ANSWERED))
    client_on(transport, "kadal").chat("q", user=user, on_unsupported="drop")
    assert read_query(transport.sent[0])["ext_user_id_ref"] == "anna"


@pytest.mark.parametrize("settings", [{"send_version": "v1"}, {"message_encoding": "query"}], ids=repr)
def test_metadata_is_neither_supported_nor_a_capability_if_the_message_is_not_json(settings):
    error, sent = catch_error(lambda client: client.chat("q", metadata={"page": "x"}), **settings)
    assert (type(error), error.argument, sent) == (errors.Unsupported, "metadata", [])
    assert connect_client("kadal", **settings).capabilities.metadata is False
    transport = stub_replies(reply(ANSWERED))
    client_on(transport, "kadal", on_unsupported="drop", **settings).chat("q", metadata={"page": "x"})
    assert b"page" not in (transport.sent[0].body or b"") + transport.sent[0].target.encode()


def test_a_question_is_not_sent_again_after_a_broken_connection(kadal, vendor):
    vendor.add("POST", KADAL_URL + SEND, body=requests.exceptions.ReadTimeout())
    with pytest.raises(errors.ConnectionFailed) as raised:
        kadal.chat("q")
    assert raised.value.maybe_delivered is True
    assert len(vendor.calls) == 1


def test_the_adapters_stream_is_not_implemented():
    found = check_settings("kadal")
    with pytest.raises(NotImplementedError):
        found.backend.build(found.settings).stream(ChatCall(backend="kadal", operation="stream", question="q"))


def test_the_probes_ask_for_the_services_health_and_for_one_row_of_the_bot():
    with connect_client("kadal") as kadal:
        health, rows = kadal.probes()
    assert (health.name, health.request.query) == ("health", ())
    assert rows.name == "list_chats"
    assert dict(rows.request.query) == {"chat_bot_id": BOT, "page_no": "1", "page_size": "1", "order": "desc"}
