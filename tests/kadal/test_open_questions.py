"""What only a live server can tell, and what the adapter does meanwhile: a section for each of the 26 questions."""

import json
import uuid
from urllib.parse import parse_qsl

import pytest
import requests
from responses import matchers

import unichat_kadal
from tests.behaviour.doubles import (
    BOT,
    KADAL_URL,
    KEY,
    Canned,
    FakeClock,
    body_of,
    canned,
    checked,
    client_of,
    client_on,
    query_of,
    reply,
)
from unichat import Rating, ThreadRef, User, errors
from unichat.adapter import ChatCall
from unichat.models import ClearOutcome
from unichat_kadal import operations

from .conftest import SAMPLES
from .test_operations import V7

ANSWERED = {"status_code": 200, "message_id": 1, "message": "Hello"}
SEND = f"/aiwb/chat/api/v2/{BOT}"
CLEAR = f"/aiwb/chat/api/v1/clearhistory/{BOT}"
FEEDBACK = "/aiwb/chat/api/v1/feedbacks/"
LIST = "/aiwb/chat/api/v1/"
LIST_V7 = "/aiwb/chat/api/v7/"


def refusal_of(call, *replies, clock=None, **settings):
    """The error that `call` raises when it gets these replies, and the requests that were sent."""
    transport = canned(*replies)
    client = client_on(transport, "kadal", clock, **settings)
    with pytest.raises(errors.UnichatError) as raised:
        call(client)
    return raised.value, transport.sent


def ask(client):
    return client.chat("q")


def envelope(status, message="words", **more):
    return {"status_code": status, "message": message, **more}


def invalid(*places):
    """A 422 as the framework writes it."""
    return reply(
        {"detail": [{"loc": list(place), "msg": "Field required", "type": "missing"} for place in places]}, 422
    )


# 1. Do v1 and v2 still answer beside v7?


@pytest.mark.parametrize(
    ("settings", "method", "path"),
    [({}, "POST", SEND), ({"send_version": "v2"}, "POST", SEND), ({"send_version": "v1"}, "GET", f"{LIST}{BOT}")],
    ids=["default", "v2", "v1"],
)
def test_the_version_of_sending_can_be_chosen_and_is_v2_otherwise(settings, method, path):
    transport = canned(reply(ANSWERED))
    answer = client_on(transport, "kadal", **settings).chat("q", user="anna")
    assert (transport.sent[0].method, transport.sent[0].path) == (method, path)
    assert (answer.text, answer.id) == ("Hello", "1")


@pytest.mark.parametrize(
    ("settings", "method", "path"),
    [({}, "GET", LIST), ({"history_version": "v1"}, "GET", LIST), ({"history_version": "v7"}, "POST", LIST_V7)],
    ids=["default", "v1", "v7"],
)
def test_the_version_of_the_history_can_be_chosen_and_is_v1_otherwise(settings, method, path):
    transport = canned(reply({"status_code": 200, "data": []}))
    assert list(client_on(transport, "kadal", **settings).history()) == []
    assert (transport.sent[0].method, transport.sent[0].path) == (method, path)


def test_no_path_is_guessed_for_a_newer_way_of_sending():
    with pytest.raises(errors.ConfigError, match="send_version"):
        client_of("kadal", send_version="v7")


def test_a_retired_version_is_named_with_the_setting_that_chooses_another():
    gone = reply({"detail": "Not Found"}, 404)
    error, _ = refusal_of(ask, gone)
    assert (error.what, "send_version" in error.hint) == ("route", True)
    error, _ = refusal_of(lambda client: list(client.history()), gone)
    assert (error.what, "history_version" in error.hint) == ("route", True)


# 2. Does v2 want the message in a body or in the query?


def test_the_message_goes_as_json_and_metadata_with_it():
    transport = canned(reply(ANSWERED))
    client_on(transport, "kadal").chat("q", metadata={"page": "x"})
    assert body_of(transport.sent[0]) == {"message": "q", "metadata": {"page": "x"}}
    assert query_of(transport.sent[0]) == {"continue_last_chat": "false"}


@pytest.mark.parametrize("name", ["message", "query"])
def test_a_422_that_wants_the_message_in_the_query_says_which_setting_mends_that(name):
    error, sent = refusal_of(ask, invalid(("query", name)))
    assert isinstance(error, errors.InvalidInput)
    assert (error.status, error.source, error.argument) == (422, "vendor", f"query.{name}")
    assert error.vendor_code == "missing"
    assert "message_encoding" in error.hint
    assert "Field required" in str(error)
    assert len(sent) == 1


def test_the_message_can_be_sent_in_the_query_from_the_start():
    transport = canned(reply(ANSWERED))
    client_on(transport, "kadal", message_encoding="query").chat("a b", user="anna")
    assert transport.sent[0].body is None
    assert query_of(transport.sent[0]) == {
        "continue_last_chat": "false",
        "ext_user_id_ref": "anna",
        "message": "a b",
    }


def test_auto_sends_json_first_and_once_more_in_the_query_after_such_a_422():
    transport = canned(invalid(("query", "message")), reply(ANSWERED))
    answer = client_on(transport, "kadal", message_encoding="auto").chat("q", user="anna")
    first, second = transport.sent
    assert answer.text == "Hello"
    assert body_of(first) == {"message": "q"}
    assert second.body is None
    assert query_of(second) == {**query_of(first), "message": "q"}
    assert answer.maybe_duplicated is False


def test_auto_gives_up_after_the_second_422():
    error, sent = refusal_of(ask, invalid(("query", "message")), invalid(("query", "message")), message_encoding="auto")
    assert error.status == 422
    assert len(sent) == 2


def test_auto_does_not_go_on_to_the_query_with_metadata_that_it_cannot_carry():
    error, sent = refusal_of(
        lambda client: client.chat("q", metadata={"page": "x"}),
        invalid(("query", "message")),
        message_encoding="auto",
    )
    assert isinstance(error, errors.Unsupported)
    assert error.argument == "metadata"
    assert len(sent) == 1


def test_auto_drops_such_metadata_where_the_caller_chose_so():
    transport = canned(invalid(("query", "message")), reply(ANSWERED))
    client = client_on(transport, "kadal", message_encoding="auto", on_unsupported="drop")
    assert client.chat("q", metadata={"page": "x"}).text == "Hello"
    assert len(transport.sent) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        invalid(("body", "message")),
        invalid(("query", "ext_user_id_ref")),
        invalid(("query", "continue_last_chat")),
        invalid(("path", "chat_bot_id")),
        reply({"detail": "no"}, 422),
        reply(envelope(400), 400),
        reply(envelope(422), 200),
    ],
    ids=["body", "user", "flag", "path", "words", "400", "an envelope"],
)
def test_auto_sends_nothing_again_after_any_other_refusal(refusal):
    error, sent = refusal_of(ask, refusal, message_encoding="auto")
    assert isinstance(error, errors.InvalidInput)
    assert len(sent) == 1


# 3. Does feedback want its fields in a body or in the query?

FIELDS = {"bot_response_id": 1, "is_positive": True, "rating_id": 1}
IN_QUERY = {"bot_response_id": "1", "is_positive": "true", "rating_id": "1"}


def rate(client):
    return client.feedback(1, Rating.UP)


@pytest.mark.parametrize(
    ("encoding", "query", "body"),
    [("json", {}, FIELDS), ("query", IN_QUERY, None), ("both", IN_QUERY, FIELDS), ("auto", {}, FIELDS)],
)
def test_the_fields_of_feedback_go_where_the_setting_says(encoding, query, body):
    transport = canned(reply(SAMPLES["add_feedback"]))
    rate(client_on(transport, "kadal", feedback_encoding=encoding))
    assert (query_of(transport.sent[0]), body_of(transport.sent[0])) == (query, body)


def test_auto_feedback_is_sent_once_more_in_the_query_after_a_422_that_points_there():
    transport = canned(invalid(("query", "bot_response_id"), ("query", "rating_id")), reply(SAMPLES["add_feedback"]))
    receipt = rate(client_on(transport, "kadal", feedback_encoding="auto"))
    assert [body_of(request) for request in transport.sent] == [FIELDS, None]
    assert query_of(transport.sent[1]) == IN_QUERY
    assert receipt.id == "0"


def test_auto_feedback_gives_up_after_the_second_422():
    refusal = invalid(("query", "rating_id"))
    error, sent = refusal_of(rate, refusal, refusal, feedback_encoding="auto")
    assert (type(error), len(sent)) == (errors.InvalidInput, 2)


@pytest.mark.parametrize("place", [("body", "rating_id"), ("query", "ext_user_id_ref")], ids=".".join)
def test_auto_feedback_is_not_sent_again_for_a_field_that_would_not_be_mended_so(place):
    _, sent = refusal_of(rate, invalid(place), feedback_encoding="auto")
    assert len(sent) == 1


def test_a_422_that_wants_feedback_in_the_query_says_which_setting_mends_that():
    error, _ = refusal_of(rate, invalid(("query", "rating_id")))
    assert "feedback_encoding" in error.hint
    assert error.argument == "query.rating_id"


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (ask, ("query", "ext_user_id_ref")),
        (ask, ("query", "continue_last_chat")),
        (lambda client: list(client.history()), ("query", "page_size")),
        (lambda client: client.clear_history(user="anna"), ("query", "ext_user_id_ref")),
    ],
    ids=["user", "flag", "page", "clear"],
)
def test_a_422_about_another_parameter_does_not_speak_of_encodings(call, place):
    error, _ = refusal_of(call, invalid(place))
    assert "_encoding" not in error.hint
    assert error.argument == ".".join(place)


# 4. Which rating ids are valid?


@pytest.mark.parametrize(
    ("settings", "rating"),
    [({"rating_ids": None}, "up"), ({"rating_ids": {"up": 5}}, "down"), ({"rating_ids": {}}, "up")],
    ids=["none", "the other alone", "empty"],
)
def test_feedback_without_a_rating_id_is_a_config_error_before_anything_is_sent(settings, rating):
    error, sent = refusal_of(lambda client: client.feedback(1, rating), **settings)
    assert isinstance(error, errors.ConfigError)
    assert (error.key, error.backend, error.operation) == ("rating_ids", "kadal", "feedback")
    assert "rating_id" in error.hint
    assert sent == []


# 5. Is message_id the id that can be rated?


def test_an_answer_is_rated_by_its_message_id():
    transport = canned(reply({**ANSWERED, "message_id": 41}), reply(SAMPLES["add_feedback"]))
    client = client_on(transport, "kadal")
    client.feedback(client.chat("q", user="anna"), Rating.UP)
    assert body_of(transport.sent[1])["bot_response_id"] == 41


def test_an_id_given_by_the_caller_is_taken_instead():
    transport = canned(reply(SAMPLES["add_feedback"]), reply(SAMPLES["add_feedback"]))
    client = client_on(transport, "kadal")
    client.feedback(77, Rating.UP)
    client.feedback("78", Rating.UP)
    assert [body_of(request)["bot_response_id"] for request in transport.sent] == [77, 78]


@pytest.mark.parametrize(
    ("version", "page", "identity"), [("v1", SAMPLES["list_chats"], 1), ("v7", V7, 6701)], ids=["v1", "v7"]
)
def test_a_row_of_the_history_is_rated_by_the_id_that_it_shows(version, page, identity):
    transport = canned(reply(page), reply(SAMPLES["add_feedback"]))
    client = client_on(transport, "kadal", history_version=version)
    newest = next(client.history(newest_first=True, limit=1))
    client.feedback(newest, Rating.UP)
    assert body_of(transport.sent[1])["bot_response_id"] == identity


# 6. Is it HTTP's code or the body's that tells of an error?

CLASSES = [
    (400, errors.InvalidInput),
    (401, errors.AuthenticationError),
    (403, errors.PermissionDenied),
    (404, errors.NotFound),
    (409, errors.RequestRejected),
    (422, errors.InvalidInput),
    (429, errors.RateLimited),
    (500, errors.ServerError),
    (503, errors.ServerError),
    (507, errors.InsufficientTokens),
]


@pytest.mark.parametrize("as_text", [False, True], ids=["a number", "text"])
@pytest.mark.parametrize(("status", "kind"), CLASSES)
def test_an_error_in_the_body_under_http_200_is_that_error_and_never_an_answer(status, kind, as_text):
    carried = str(status) if as_text else status
    error, _ = refusal_of(ask, *[reply(envelope(carried, "the error's words"))] * 3)
    assert type(error) is kind
    assert error.status == status
    assert error.call.envelope_status == status
    assert error.call.status == 200
    assert "the error's words" in str(error)


@pytest.mark.parametrize(("status", "kind"), CLASSES)
def test_an_error_status_of_http_comes_before_what_the_body_claims(status, kind):
    for body in (envelope(200), envelope(status), {"detail": "words"}):
        error, _ = refusal_of(ask, *[reply(body, status)] * 3)
        assert (type(error), error.status) == (kind, status)
        assert "words" in str(error)


@pytest.mark.parametrize("status", [200, "200", 201, None, True, "", ...], ids=repr)
def test_what_is_no_status_in_the_body_is_no_error(status):
    body = {"status_code": status, "message_id": 1, "message": "a"}
    if status is ...:
        del body["status_code"]
    assert client_on(canned(reply(body)), "kadal").chat("q").text == "a"


@pytest.mark.parametrize("status", [False, [], {}, "abc", "error", "HTTP 507"], ids=repr)
def test_what_stands_beside_a_status_that_nobody_knows_is_no_answer(status):
    body = {"status_code": status, "message_id": 1, "message": "Insufficient Token"}
    error, sent = refusal_of(ask, reply(body))
    assert (type(error), error.kind, error.pointer) == (errors.InvalidResponse, "shape", "/status_code")
    assert len(sent) == 1
    error, _ = refusal_of(ask, *[reply(body, 503)] * 3)
    assert (type(error), error.status) == (errors.ServerError, 503)


@pytest.mark.parametrize("status", [0, "0", 1, 99, 100, 199, 302, 600, 999, 2000, -1, 2**70], ids=repr)
def test_any_other_code_in_the_body_is_an_error_too(status):
    error, sent = refusal_of(ask, reply(envelope(status, "the error's words")))
    assert isinstance(error, errors.InvalidResponse)
    assert len(sent) == 1


@pytest.mark.parametrize("status", [" 404 ", "0404", "404.0", 404.0], ids=repr)
def test_a_code_that_is_written_oddly_never_makes_the_error_text_an_answer(status):
    error, _ = refusal_of(ask, reply(envelope(status, "the error's words")))
    assert isinstance(error, errors.NotFound | errors.InvalidResponse)


def test_a_retried_error_in_the_body_may_be_followed_by_the_answer():
    transport = canned(reply(envelope(500)), reply(ANSWERED))
    answer = client_on(transport, "kadal").chat("q")
    assert (answer.text, answer.maybe_duplicated, len(answer.call.attempts)) == ("Hello", True, 2)
    transport = canned(reply(envelope("503")), reply(ANSWERED))
    assert client_on(transport, "kadal").chat("q").maybe_duplicated is False


@pytest.mark.parametrize("call", [rate, lambda client: client.clear_history(user="anna"), lambda c: list(c.history())])
@pytest.mark.parametrize("carried", [400, "400"])
def test_the_bodys_code_counts_for_every_call(call, carried):
    error, _ = refusal_of(call, reply(envelope(carried)))
    assert (type(error), error.status) == (errors.InvalidInput, 400)


# 7. What is 204?


@pytest.mark.parametrize(
    "answer",
    [reply(status=204, body=b""), reply(envelope(204, "No records")), reply(envelope("204", "No records"))],
    ids=["real and empty", "in the body", "in the body, as text"],
)
@pytest.mark.parametrize("settings", [{}, {"send_version": "v1"}], ids=["v2", "v1"])
def test_a_204_on_asking_is_not_found_and_never_an_empty_answer(answer, settings):
    error, sent = refusal_of(ask, answer, **settings)
    assert isinstance(error, errors.NotFound)
    assert (error.status, error.maybe_delivered, len(sent)) == (204, True, 1)
    if answer.body:
        assert "No records" in str(error)


@pytest.mark.parametrize(
    "answer", [reply(status=204, body=b""), reply(envelope(204)), reply(envelope("204"))], ids=["real", "int", "text"]
)
def test_a_204_on_feedback_and_on_clearing_means_done(answer):
    receipt = rate(client_on(canned(answer), "kadal"))
    assert (receipt.id, receipt.answer_id, receipt.rating) == (None, "1", Rating.UP)
    result = client_on(canned(answer), "kadal").clear_history(user="anna")
    assert (result.outcome, result.user) == (ClearOutcome.CLEARED, "anna")


def test_a_204_over_http_is_read_without_a_body(kadal, vendor):
    vendor.add("POST", KADAL_URL + SEND, status=204)
    with pytest.raises(errors.NotFound):
        kadal.chat("q")


# 8. Is a bad or expired token a 401 or a 403?


@pytest.mark.parametrize("carry", ["http", "body"])
@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (401, "anything", errors.AuthenticationError),
        (403, "Not authenticated", errors.AuthenticationError),
        (403, "Invalid authentication credentials", errors.AuthenticationError),
        (403, "Token has expired", errors.AuthenticationError),
        (403, "Forbidden", errors.PermissionDenied),
        (403, "Unauthorized Access", errors.PermissionDenied),
        (403, "", errors.PermissionDenied),
    ],
)
def test_a_401_is_about_the_token_and_a_403_only_where_its_words_say_so(carry, status, words, kind):
    answer = reply(envelope(status, words), status if carry == "http" else 200)
    error, sent = refusal_of(ask, answer)
    assert type(error) is kind
    assert isinstance(error, errors.AccessDenied)
    assert (error.status, len(sent)) == (status, 1)


def test_the_frameworks_own_words_count_as_well():
    error, _ = refusal_of(ask, reply({"detail": "Not authenticated"}, 403))
    assert type(error) is errors.AuthenticationError


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("call", [ask, rate, lambda client: client.clear_history(user="anna")])
def test_a_token_provider_is_asked_once_more_after_a_401_or_a_403(status, call):
    tokens = []

    def provider():
        tokens.append(f"token-{len(tokens)}")
        return tokens[-1]

    good = reply({**ANSWERED, "id": 1})
    transport = canned(reply(envelope(status), status), good)
    call(client_on(transport, "kadal", token=provider))
    assert len(transport.sent) == 2
    assert tokens == ["token-0", "token-1"]
    error, sent = refusal_of(call, *[reply(envelope(status), status)] * 2, token=lambda: "t")
    assert isinstance(error, errors.AccessDenied)
    assert len(sent) == 2


def test_a_fixed_token_is_not_tried_again(clock):
    error, sent = refusal_of(ask, reply(envelope(401), 401), clock=clock)
    assert (type(error), len(sent), clock.slept) == (errors.AuthenticationError, 1, [])


# 9. Is 507 a quota, and does it come by HTTP or in the body?


@pytest.mark.parametrize("carry", ["http", "body"])
def test_a_507_is_retried_on_the_slow_curve_and_then_raised_as_a_lack_of_tokens(carry, monkeypatch):
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    clock = FakeClock()
    answer = reply(envelope(507, "Insufficient Token"), 507 if carry == "http" else 200)
    error, sent = refusal_of(ask, answer, answer, answer, clock=clock)
    assert type(error) is errors.InsufficientTokens
    assert clock.slept == [5, 10]
    assert len(sent) == len(error.attempts) == 3
    assert (error.status, error.retryable, error.maybe_delivered) == (507, True, False)
    assert error.call.stopped_by == "attempts"


@pytest.mark.parametrize("carry", ["http", "body"])
def test_a_507_that_passes_is_followed_by_the_answer_asked_once_for_certain(carry):
    answer = reply(envelope(507), 507 if carry == "http" else 200)
    found = client_on(canned(answer, reply(ANSWERED)), "kadal").chat("q")
    assert (found.text, found.maybe_duplicated) == ("Hello", False)


def test_a_507_honours_the_wait_that_the_vendor_asks_for():
    clock = FakeClock()
    answer = reply(envelope(507), 507)
    answer.headers["retry-after"] = "31"
    client_on(canned(answer, reply(ANSWERED)), "kadal", clock).chat("q")
    assert clock.slept[0] >= 31


# 10. What does continue_last_chat default to?


@pytest.mark.parametrize(
    "settings", [{}, {"send_version": "v1"}, {"threads": "isolated"}], ids=["v2", "v1", "isolated"]
)
def test_the_flag_is_always_sent_false_on_the_first_turn_and_true_afterwards(settings):
    transport = Canned(lambda request: reply(ANSWERED))
    client = client_on(transport, "kadal", **settings)
    first = client.chat("q", user="anna")
    client.continue_thread(first, "q")
    with client.stream("q", user="anna") as stream:
        client.continue_thread(stream.answer, "q")
    flags = [query_of(request)["continue_last_chat"] for request in transport.sent]
    assert flags == ["false", "true", "false", "true"]


# 11. Is an unknown ext_user_id_ref made, or refused, or must it be a UUID?


def test_a_users_id_is_sent_as_it_is():
    transport = canned(reply(ANSWERED))
    client_on(transport, "kadal").chat("q", user="anna@example.com / 7 ä")
    assert query_of(transport.sent[0])["ext_user_id_ref"] == "anna@example.com / 7 ä"


def test_a_users_id_can_be_made_a_uuid_that_is_the_same_for_ever():
    transport = Canned(lambda request: reply(ANSWERED))
    for user in ("anna", "anna", "bert"):
        client_on(transport, "kadal", user_ids="uuid5").chat("q", user=user)
    anna, again, bert = (query_of(request)["ext_user_id_ref"] for request in transport.sent)
    assert anna == again != bert
    assert uuid.UUID(anna).version == 5
    # Conversations are kept under it: another value would lose them.
    assert anna == "0d7d611d-23d5-5886-b32b-aff3644f8d3a"


@pytest.mark.parametrize("status", [400, 404, 422])
def test_the_servers_words_on_a_reference_that_it_refuses_are_shown(status):
    error, _ = refusal_of(
        lambda client: client.chat("q", user="anna"), reply(envelope(status, "ext_user_id_ref is no UUID"), status)
    )
    assert "ext_user_id_ref is no UUID" in str(error)


def test_the_servers_words_in_plain_text_are_shown_too():
    error, _ = refusal_of(ask, reply(status=400, body=b"Invalid HTTP request received.", kind="text/plain"))
    assert type(error) is errors.InvalidInput
    assert "Invalid HTTP request received." in str(error)


# 12. Do users without a reference share a conversation?


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
def test_calls_without_a_user_are_refused_where_the_settings_say_so(call):
    error, sent = refusal_of(call, require_user=True)
    assert isinstance(error, errors.InvalidInput)
    assert error.argument == "user"
    assert sent == []


def test_a_call_without_a_user_sends_no_reference():
    transport = canned(reply(ANSWERED))
    client_on(transport, "kadal").chat("q")
    assert query_of(transport.sent[0]) == {"continue_last_chat": "false"}


# 13. Does clearing honour the reference?


def test_clearing_sends_the_reference_and_nothing_else():
    transport = Canned(lambda request: reply(SAMPLES["clear_chat_history"]))
    client = client_on(transport, "kadal")
    result = client.clear_history(user="anna")
    client.clear_history(ThreadRef("kadal", "x", user="bert", scope=BOT))
    client.clear_history()
    assert {(request.method, request.path, request.body) for request in transport.sent} == {("POST", CLEAR, None)}
    assert [query_of(request) for request in transport.sent] == [
        {"ext_user_id_ref": "anna"},
        {"ext_user_id_ref": "bert"},
        {},
    ]
    assert (result.outcome, result.user) == (ClearOutcome.CLEARED, "anna")
    assert result.message == "Deleted previous conversations."
    assert result.raw == SAMPLES["clear_chat_history"]
    assert result.call.operation == "clear_chat_history"


def test_clearing_is_never_called_but_by_its_name(mini):
    client = client_on(mini.transport, "kadal", check_thread=True)
    client.continue_thread(client.chat("q", user="anna"), "q")
    client.chat("q", user="anna")
    client.feedback(1, "up")
    list(client.history(user="anna"))
    assert not [request for request in mini.sent if "clear" in request.path]


# 14. Is clearing where there is nothing to clear a 200 or a 404?

NOTHING = reply(envelope(404, "No conversations found."), 404)


@pytest.mark.parametrize("answer", [NOTHING, reply(envelope(404, "No conversations found."))], ids=["http", "body"])
def test_nothing_to_clear_is_not_found_unless_that_is_allowed_for(answer):
    error, _ = refusal_of(lambda client: client.clear_history(user="anna"), answer)
    assert isinstance(error, errors.NotFound)
    assert "No conversations found." in str(error)
    for settings, options in (({"missing_ok": True}, {}), ({}, {"missing_ok": True})):
        result = client_on(canned(answer), "kadal", **settings).clear_history(user="anna", **options)
        assert (result.outcome, result.user) == (ClearOutcome.NOTHING_TO_CLEAR, "anna")


def test_a_call_can_ask_for_the_error_where_the_settings_allow_for_it():
    error, _ = refusal_of(lambda client: client.clear_history(user="a", missing_ok=False), NOTHING, missing_ok=True)
    assert isinstance(error, errors.NotFound)


def test_a_missing_route_is_never_taken_for_nothing_to_clear():
    error, _ = refusal_of(lambda client: client.clear_history(), reply({"detail": "Not Found"}, 404), missing_ok=True)
    assert error.what == "route"


# 15. Do lists hold cleared rows?


def test_cleared_rows_are_shown_as_such_and_kept():
    (row,) = V7["data"]["chat_hist"]
    rows = [{**row, "query_response_id": str(flag), "is_cleared": flag} for flag in (0, 1)]
    page = {**V7, "total_count": 2, "data": {"chat_hist": rows}}
    found = list(client_on(canned(reply(page)), "kadal", history_version="v7").history())
    assert [(each.id, each.cleared) for each in found] == [("0", False), ("1", True)]


# 16, 17, 18 (pages, their size and order, totals): see test_paging.py, and here what is sent.


@pytest.mark.parametrize("version", ["v1", "v7"])
def test_page_size_and_order_are_always_sent_and_modest_by_default(version):
    transport = Canned(lambda request: reply({"status_code": 200, "data": []}))
    client = client_on(transport, "kadal", history_version=version)
    list(client.history())
    list(client.history(newest_first=True, page_size=7))
    first, second = (query_of(request) for request in transport.sent)
    assert first == {"chat_bot_id": BOT, "page_no": "1", "page_size": "50", "order": "asc"}
    assert second == {"chat_bot_id": BOT, "page_no": "1", "page_size": "7", "order": "desc"}


# 19. Is a 400 on clearing transient?


def test_a_400_on_clearing_is_raised_at_once_with_its_words(clock):
    error, sent = refusal_of(
        lambda client: client.clear_history(user="anna"), reply(envelope(400, "Connection Error"), 400), clock=clock
    )
    assert (type(error), len(sent), clock.slept) == (errors.InvalidInput, 1, [])
    assert "Connection Error" in str(error)


# 20. Does the health check need a token?


def test_the_health_check_sends_the_token(kadal, vendor):
    vendor.add(
        "GET",
        f"{KADAL_URL}/aiwb/chat/api/v1/healthz",
        json={"msg": "OK"},
        match=[matchers.header_matcher({"Authorization": f"Bearer {KEY}"})],
    )
    assert kadal.run(operations.health()).msg == "OK"


def test_the_probes_are_the_health_check_and_one_row_of_the_bot():
    health, rows = client_of("kadal").probes()
    assert (health.name, rows.name) == ("health", "list_chats")
    assert query_of(rows.request)["page_size"] == "1"


# 21. Does the v7 list need a body?


def test_the_newer_list_is_sent_a_body_with_its_filters_or_an_empty_object():
    transport = Canned(lambda request: reply({"status_code": 200, "data": []}))
    client = client_on(transport, "kadal", history_version="v7")
    list(client.history())
    list(client.history(text="tea"))
    assert [body_of(request) for request in transport.sent] == [{}, {"text": "tea"}]


@pytest.mark.parametrize("flag", [True, False])
def test_tool_rows_can_be_left_out_of_the_newer_list(flag):
    transport = canned(reply({"status_code": 200, "data": []}))
    list(client_on(transport, "kadal", history_version="v7", exclude_tool_verbose=flag).history())
    assert query_of(transport.sent[0])["exclude_tool_verbose"] == str(flag).lower()


def test_a_search_is_unsupported_in_the_older_list():
    error, sent = refusal_of(lambda client: client.history(text="tea"))
    assert (type(error), error.argument, sent) == (errors.Unsupported, "text", [])


# 22. What happens where a slash is wrong?


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed_and_its_target_sees_neither_token_nor_question(status, kadal, vendor):
    vendor.add("POST", KADAL_URL + SEND, status=status, headers={"Location": "http://api.kadal.ai/elsewhere"})
    with pytest.raises(errors.InvalidResponse) as raised:
        kadal.chat("q")
    assert (raised.value.kind, raised.value.status) == ("redirect", status)
    assert len(vendor.calls) == 1
    assert "base_url" in raised.value.hint


# 23. How long does a token live?


def test_a_provider_is_asked_before_each_request(vendor):
    tokens = iter(["one", "two"])
    for token in ("one", "two"):
        vendor.add(
            "POST",
            KADAL_URL + SEND,
            json=ANSWERED,
            match=[matchers.header_matcher({"Authorization": f"Bearer {token}"})],
        )
    with client_of("kadal", token=lambda: next(tokens)) as kadal:
        kadal.chat("q")
        kadal.chat("q")
    assert [call.request.headers["Authorization"] for call in vendor.calls] == ["Bearer one", "Bearer two"]


TOKEN_URL = f"{KADAL_URL}/auth/api/v1/oauth/connect/token"
ACCOUNT = {"token": None, "client_id": "bot 1", "client_secret": "s3cret&"}


ACCOUNT_FIELDS = {"grant_type": "client_credentials", "client_id": "bot 1", "client_secret": "s3cret&"}


@pytest.mark.parametrize(
    ("settings", "decode", "fields", "kind"),
    [
        ({}, lambda body: dict(parse_qsl(body.decode())), ACCOUNT_FIELDS, "application/x-www-form-urlencoded"),
        (
            {"token_encoding": "json", "realm": "r"},
            json.loads,
            {**ACCOUNT_FIELDS, "realm": "r"},
            "application/json",
        ),
    ],
    ids=["form", "json"],
)
def test_a_client_accounts_token_is_fetched_kept_and_replaced_before_it_expires(
    settings, decode, fields, kind, vendor, clock
):
    for number in (1, 2):
        vendor.add("POST", TOKEN_URL, json={"access_token": f"t{number}", "expires_in": 300})
    vendor.add("POST", KADAL_URL + SEND, json=ANSWERED)
    with client_of("kadal", clock, **ACCOUNT, **settings) as kadal:
        for _ in range(2):
            kadal.chat("q")
        clock.now += 290
        kadal.chat("q")
    fetches = [call.request for call in vendor.calls if "oauth" in call.request.url]
    sends = [call.request for call in vendor.calls if "oauth" not in call.request.url]
    assert [request.headers["Authorization"] for request in sends] == ["Bearer t1", "Bearer t1", "Bearer t2"]
    assert [decode(request.body) for request in fetches] == [fields, fields]
    assert [request.headers["Content-Type"] for request in fetches] == [kind, kind]
    assert all("Authorization" not in request.headers and "?" not in request.url for request in fetches)


def test_a_fetched_token_that_is_refused_is_fetched_once_more():
    sent = []

    def answer(request):
        sent.append(request.path)
        if "oauth" in request.path:
            return reply({"access_token": "t", "expires_in": 300})
        return reply(envelope(401), 401) if sent.count(SEND) == 1 else reply(ANSWERED)

    transport = Canned(answer)
    assert client_on(transport, "kadal", **ACCOUNT).chat("q").text == "Hello"
    assert [path.rpartition("/")[2] for path in sent] == ["token", BOT, "token", BOT]


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refused_client_account_is_an_authentication_error_that_says_what_to_check(status):
    error, sent = refusal_of(ask, reply({"error": "x", "detail": "unauthorized client"}, status), **ACCOUNT)
    assert type(error) is errors.AuthenticationError
    assert "client_id" in error.hint
    assert error.status == status
    assert (error.operation, len(sent)) == ("access_token", 1)
    assert "s3cret" not in repr(error) + str(vars(error))


@pytest.mark.parametrize(("status", "kind"), [(422, errors.InvalidInput), (500, errors.ServerError)])
def test_any_other_failure_of_the_token_endpoint_keeps_its_meaning(status, kind):
    error, _ = refusal_of(ask, *[reply({"detail": "x"}, status)] * 3, **ACCOUNT)
    assert type(error) is kind


# 24. What is an empty, null or missing message with 200? See test_parsing.py.

# 25. How long may a message be?


def test_a_message_of_any_length_is_sent_and_only_an_empty_one_refused():
    transport = canned(reply(ANSWERED))
    client = client_on(transport, "kadal")
    assert client.capabilities.question_limit is None
    client.chat("x" * 100_000)
    assert len(body_of(transport.sent[0])["message"]) == 100_000
    for empty in ("", " \n\t"):
        with pytest.raises(errors.InvalidInput):
            client.chat(empty)
    assert len(transport.sent) == 1


# 26. Is there streaming?


def test_streaming_is_no_capability_and_gives_the_whole_answer_as_one_event():
    transport = canned(reply(ANSWERED))
    client = client_on(transport, "kadal")
    assert client.capabilities.streaming is False
    with client.stream("q", user="anna") as stream:
        (event,) = list(stream)
        answer = stream.answer
    assert (event.type, event.text, event.raw) == ("text", "Hello", ANSWERED)
    assert (answer.text, answer.id, answer.thread.user) == ("Hello", "1", "anna")
    assert [request.path for request in transport.sent] == [SEND]


# Besides: routes and bots, plain text, users


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (reply(envelope(404, "Chat bot not found"), 404), "bot"),
        (reply(envelope(404, "Chat bot not found")), "bot"),
        (reply({"message": "Chat bot not found"}, 404), "bot"),
        (reply({"detail": "Not Found"}, 404), "route"),
        (reply({"detail": "Method Not Allowed"}, 405), "route"),
        (reply({"detail": "Gone"}, 410), "route"),
        (reply(status=404, body=b"<h1>404</h1>", kind="text/html"), "route"),
        (reply(status=404, body=b""), "route"),
        (reply({"detail": "Chat bot not found"}, 404), "bot"),
    ],
    ids=["http", "body", "no code", "framework", "405", "410", "html", "empty", "the bot, in the framework's form"],
)
def test_a_missing_bot_is_told_apart_from_a_missing_route(answer, what):
    error, sent = refusal_of(ask, answer)
    assert (type(error), error.what, len(sent)) == (errors.NotFound, what, 1)
    assert ("retired" in error.hint) is (what == "route")


def test_a_missing_answer_is_told_on_feedback():
    error, _ = refusal_of(rate, reply(envelope(404, "Bot response not found"), 404))
    assert error.what == "answer"


@pytest.mark.parametrize(
    ("detail", "words", "argument"),
    [
        ([{"loc": ["body", "message", 0], "msg": "m", "type": "t"}], "body.message.0: m", "body.message.0"),
        ([{"loc": ["body"], "msg": "a"}, {"loc": ["query", "x"], "msg": "b"}], "body: a; query.x: b", "body"),
        ([{"msg": "a"}], "a", ""),
        ([{"loc": "body", "msg": "a"}, 5], "a", ""),
        ([], "HTTP 422", None),
        ("words", "words", None),
        ({"a": 1}, "HTTP 422", None),
    ],
    ids=repr,
)
def test_the_frameworks_validation_errors_are_read_in_each_form(detail, words, argument):
    error, _ = refusal_of(ask, reply({"detail": detail}, 422))
    assert words in str(error)
    assert error.argument == argument


@pytest.mark.parametrize("name", ["email", "fingerprint_id", "slack_id", "discord_id", "metadata"])
def test_what_kadal_cannot_carry_of_a_user_is_unsupported_or_dropped_as_the_caller_chose(name):
    user = User("anna", **{name: {"x": 1} if name == "metadata" else "x"})
    error, sent = refusal_of(lambda client: client.chat("q", user=user))
    assert (type(error), error.argument, sent) == (errors.Unsupported, f"user.{name}", [])
    transport = canned(reply(ANSWERED))
    client_on(transport, "kadal").chat("q", user=user, on_unsupported="drop")
    assert query_of(transport.sent[0])["ext_user_id_ref"] == "anna"


@pytest.mark.parametrize("settings", [{"send_version": "v1"}, {"message_encoding": "query"}], ids=repr)
def test_metadata_that_cannot_travel_is_unsupported_and_no_capability(settings):
    error, sent = refusal_of(lambda client: client.chat("q", metadata={"page": "x"}), **settings)
    assert (type(error), error.argument, sent) == (errors.Unsupported, "metadata", [])
    assert client_of("kadal", **settings).capabilities.metadata is False
    transport = canned(reply(ANSWERED))
    client_on(transport, "kadal", on_unsupported="drop", **settings).chat("q", metadata={"page": "x"})
    assert b"page" not in (transport.sent[0].body or b"") + transport.sent[0].target.encode()


def test_a_broken_connection_after_asking_is_not_asked_again(kadal, vendor):
    vendor.add("POST", KADAL_URL + SEND, body=requests.exceptions.ReadTimeout())
    with pytest.raises(errors.ConnectionFailed) as raised:
        kadal.chat("q")
    assert raised.value.maybe_delivered is True
    assert len(vendor.calls) == 1


def test_the_adapters_own_streaming_is_never_reached():
    found = checked("kadal")
    with pytest.raises(NotImplementedError):
        found.backend.build(found.settings).stream(ChatCall(backend="kadal", operation="stream", question="q"))


def test_the_package_shows_its_two_names_and_no_other():
    assert unichat_kadal.operations.endpoints is unichat_kadal.backend.endpoints
    assert unichat_kadal.backend.identity == "chat_bot_id"
    with pytest.raises(AttributeError, match="nonsense"):
        _ = unichat_kadal.nonsense


def test_the_key_is_in_no_error(vendor):
    vendor.add("POST", KADAL_URL + SEND, json=envelope(401), status=401)
    with client_of("kadal") as kadal, pytest.raises(errors.AuthenticationError) as raised:
        kadal.chat("q")
    assert KEY not in repr(raised.value) + str(vars(raised.value)) + json.dumps(str(vars(kadal)))
