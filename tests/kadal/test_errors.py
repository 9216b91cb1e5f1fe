"""Kadal's errors: what `detect_error` reads from statuses and bodies, as a caller sees it."""

import json

import pytest

from tests.behaviour.doubles import (
    KADAL_URL,
    KEY,
    FakeClock,
    client_on,
    connect_client,
    reply,
    stub_replies,
)
from unichat import Rating, errors
from unichat.models import ClearOutcome
from unichat_kadal import operations
from unichat_kadal.operations.errors import error_detector

from .replies import (
    ANSWERED,
    SEND,
    ask,
    catch_error,
    envelope,
    rate,
    validation_error,
)


def test_a_404_of_the_route_names_the_setting_that_chooses_another_version():
    gone = reply({"detail": "Not Found"}, 404)
    error, _ = catch_error(ask, gone)
    assert (error.what, "send_version" in error.hint) == ("route", True)
    error, _ = catch_error(lambda client: list(client.history()), gone)
    assert (error.what, "history_version" in error.hint) == ("route", True)


@pytest.mark.parametrize("name", ["message", "query"])
def test_a_422_that_wants_the_message_in_the_query_names_the_setting_that_sends_it_there(name):
    error, sent = catch_error(ask, validation_error(("query", name)))
    assert isinstance(error, errors.InvalidInput)
    assert (error.status, error.source, error.argument) == (422, "vendor", f"query.{name}")
    assert error.vendor_code == "missing"
    assert "message_encoding" in error.hint
    assert "Field required" in str(error)
    assert len(sent) == 1


def test_a_422_that_wants_feedback_in_the_query_names_the_setting_that_sends_it_there():
    error, _ = catch_error(rate, validation_error(("query", "rating_id")))
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
def test_a_422_about_another_parameter_does_not_mention_encodings(call, place):
    error, _ = catch_error(call, validation_error(place))
    assert "_encoding" not in error.hint
    assert error.argument == ".".join(place)


ERRORS = [
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
@pytest.mark.parametrize(("status", "kind"), ERRORS)
def test_an_error_in_the_body_under_http_200_is_that_error_and_never_an_answer(status, kind, as_text):
    carried = str(status) if as_text else status
    error, _ = catch_error(ask, *[reply(envelope(carried, "the error's words"))] * 3)
    assert type(error) is kind
    assert error.status == status
    assert error.call.envelope_status == status
    assert error.call.status == 200
    assert "the error's words" in str(error)


@pytest.mark.parametrize(("status", "kind"), ERRORS)
def test_an_http_error_status_takes_precedence_over_the_body(status, kind):
    for body in (envelope(200), envelope(status), {"detail": "words"}):
        error, _ = catch_error(ask, *[reply(body, status)] * 3)
        assert (type(error), error.status) == (kind, status)
        assert "words" in str(error)


@pytest.mark.parametrize("status", [200, "200", 201, 299, None, True, "", "OK", "Success", ...], ids=repr)
def test_a_body_without_an_error_status_is_an_answer(status):
    body = {"status_code": status, "message_id": 1, "message": "a"}
    if status is ...:
        del body["status_code"]
    assert client_on(stub_replies(reply(body)), "kadal").chat("q").text == "a"


@pytest.mark.parametrize("status", [False, [], {}, "abc", "error", "HTTP 507"], ids=repr)
def test_a_message_beside_an_unknown_status_is_not_an_answer(status):
    body = {"status_code": status, "message_id": 1, "message": "Insufficient Token"}
    error, sent = catch_error(ask, reply(body))
    assert (type(error), error.kind, error.pointer) == (errors.InvalidResponse, "shape", "/status_code")
    assert len(sent) == 1
    error, _ = catch_error(ask, *[reply(body, 503)] * 3)
    assert (type(error), error.status) == (errors.ServerError, 503)


@pytest.mark.parametrize("status", [0, "0", 1, 99, 100, 199, 300, 302, 600, 999, 2000, -1, 2**70], ids=repr)
def test_any_other_status_in_the_body_is_an_error_too(status):
    error, sent = catch_error(ask, reply(envelope(status, "the error's words")))
    assert isinstance(error, errors.InvalidResponse)
    assert len(sent) == 1


@pytest.mark.parametrize("status", [" 404 ", "0404", "404.0", 404.0], ids=repr)
def test_an_oddly_written_status_never_turns_the_error_message_into_an_answer(status):
    error, _ = catch_error(ask, reply(envelope(status, "the error's words")))
    assert (type(error), error.status) == (errors.NotFound, 404)


@pytest.mark.parametrize(("status", "is_good"), [(199, False), (200, True), (299, True), (300, False)])
def test_only_a_2xx_is_an_answer(status, is_good):
    for detect_error in (error_detector("bot"), operations.endpoints["health"].function().detect_error):
        assert (detect_error(reply({}, status)) is None) is is_good


@pytest.mark.parametrize(
    ("status", "carried", "found"),
    [
        (199, 200, 199),
        (199, 404, 199),
        (200, 200, None),
        (200, 404, 404),
        (299, 404, 404),
        (300, 200, 300),
        (300, 404, 300),
    ],
)
def test_the_status_in_the_body_counts_only_where_that_of_http_means_success(status, carried, found):
    problem = error_detector("bot")(reply(envelope(carried), status))
    assert (None if problem is None else problem.status) == found


def test_an_error_in_a_json_string_is_that_error():
    body = json.dumps(json.dumps(envelope(404, "No such bot")))
    for status in (200, 404):
        error, _ = catch_error(ask, reply(status=status, body=body.encode()))
        assert (type(error), error.status) == (errors.NotFound, 404)
        assert "No such bot" in str(error)


def test_an_error_in_the_body_is_retried_until_the_answer_comes():
    transport = stub_replies(reply(envelope(500)), reply(ANSWERED))
    answer = client_on(transport, "kadal").chat("q")
    assert (answer.text, answer.maybe_duplicated, len(answer.call.attempts)) == ("Hello", True, 2)
    transport = stub_replies(reply(envelope("503")), reply(ANSWERED))
    assert client_on(transport, "kadal").chat("q").maybe_duplicated is False


@pytest.mark.parametrize("call", [rate, lambda client: client.clear_history(user="anna"), lambda c: list(c.history())])
@pytest.mark.parametrize("carried", [400, "400"])
def test_the_status_in_the_body_is_read_for_every_call(call, carried):
    error, _ = catch_error(call, reply(envelope(carried)))
    assert (type(error), error.status) == (errors.InvalidInput, 400)


@pytest.mark.parametrize(
    "answer",
    [reply(status=204, body=b""), reply(envelope(204, "No records")), reply(envelope("204", "No records"))],
    ids=["real and empty", "in the body", "in the body, as text"],
)
@pytest.mark.parametrize("settings", [{}, {"send_version": "v1"}], ids=["v2", "v1"])
def test_a_204_to_a_question_is_not_found_and_never_an_empty_answer(answer, settings):
    error, sent = catch_error(ask, answer, **settings)
    assert isinstance(error, errors.NotFound)
    assert (error.status, error.maybe_delivered, len(sent)) == (204, True, 1)
    if answer.body:
        assert "No records" in str(error)


@pytest.mark.parametrize(
    "answer", [reply(status=204, body=b""), reply(envelope(204)), reply(envelope("204"))], ids=["real", "int", "text"]
)
def test_a_204_to_feedback_or_clearing_means_success(answer):
    receipt = rate(client_on(stub_replies(answer), "kadal"))
    assert (receipt.id, receipt.answer_id, receipt.rating) == (None, "1", Rating.UP)
    result = client_on(stub_replies(answer), "kadal").clear_history(user="anna")
    assert (result.outcome, result.user) == (ClearOutcome.CLEARED, "anna")


def test_a_204_over_http_is_read_without_a_body(kadal, vendor):
    vendor.add("POST", KADAL_URL + SEND, status=204)
    with pytest.raises(errors.NotFound):
        kadal.chat("q")


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
def test_a_401_is_about_the_token_and_a_403_only_if_its_message_says_so(carry, status, words, kind):
    answer = reply(envelope(status, words), status if carry == "http" else 200)
    error, sent = catch_error(ask, answer)
    assert type(error) is kind
    assert isinstance(error, errors.AccessDenied)
    assert (error.status, len(sent)) == (status, 1)


def test_a_403_in_the_frameworks_own_words_is_about_the_token():
    error, _ = catch_error(ask, reply({"detail": "Not authenticated"}, 403))
    assert type(error) is errors.AuthenticationError


@pytest.mark.parametrize("carry", ["http", "body"])
def test_a_507_is_retried_slowly_and_then_raised_as_insufficient_tokens(carry, monkeypatch):
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    clock = FakeClock()
    answer = reply(envelope(507, "Insufficient Token"), 507 if carry == "http" else 200)
    error, sent = catch_error(ask, answer, answer, answer, clock=clock)
    assert type(error) is errors.InsufficientTokens
    assert clock.slept == [5, 10]
    assert len(sent) == len(error.attempts) == 3
    assert (error.status, error.retryable, error.maybe_delivered) == (507, True, False)
    assert error.call.stopped_by == "attempts"


@pytest.mark.parametrize("carry", ["http", "body"])
def test_an_answer_after_a_507_is_certainly_not_duplicated(carry):
    answer = reply(envelope(507), 507 if carry == "http" else 200)
    found = client_on(stub_replies(answer, reply(ANSWERED)), "kadal").chat("q")
    assert (found.text, found.maybe_duplicated) == ("Hello", False)


def test_the_retry_after_of_a_507_is_honoured():
    clock = FakeClock()
    answer = reply(envelope(507), 507)
    answer.headers["retry-after"] = "31"
    client_on(stub_replies(answer, reply(ANSWERED)), "kadal", clock).chat("q")
    assert clock.slept[0] >= 31


@pytest.mark.parametrize("status", [400, 404, 422])
def test_the_message_of_an_error_about_a_user_reference_is_shown(status):
    error, _ = catch_error(
        lambda client: client.chat("q", user="anna"), reply(envelope(status, "ext_user_id_ref is no UUID"), status)
    )
    assert "ext_user_id_ref is no UUID" in str(error)


def test_the_message_of_a_plain_text_error_is_shown():
    error, _ = catch_error(ask, reply(status=400, body=b"Invalid HTTP request received.", kind="text/plain"))
    assert type(error) is errors.InvalidInput
    assert "Invalid HTTP request received." in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_its_target_sees_neither_token_nor_question(status, kadal, vendor):
    vendor.add("POST", KADAL_URL + SEND, status=status, headers={"Location": "http://api.kadal.ai/elsewhere"})
    with pytest.raises(errors.InvalidResponse) as raised:
        kadal.chat("q")
    assert (raised.value.kind, raised.value.status) == ("redirect", status)
    assert len(vendor.calls) == 1
    assert "base_url" in raised.value.hint


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
def test_a_missing_bot_is_distinguished_from_a_missing_route(answer, what):
    error, sent = catch_error(ask, answer)
    assert (type(error), error.what, len(sent)) == (errors.NotFound, what, 1)
    assert ("retired" in error.hint) is (what == "route")


def test_a_404_to_feedback_is_about_the_answer():
    error, _ = catch_error(rate, reply(envelope(404, "Bot response not found"), 404))
    assert error.what == "answer"


@pytest.mark.parametrize(
    ("detail", "words", "argument", "code"),
    [
        ([{"loc": ["body", "message", 0], "msg": "m", "type": "t"}], "body.message.0: m", "body.message.0", "t"),
        (
            [{"loc": ["body"], "msg": "a", "type": "t"}, {"loc": ["query", "x"], "msg": "b", "type": "u"}],
            "body: a; query.x: b",
            "body",
            "t",
        ),
        ([{"msg": "a"}], "a", "", None),
        ([{"loc": "body", "msg": "a", "type": 7}, 5], "a", "", None),
        ([], "HTTP 422", None, None),
        ("words", "words", None, None),
        ({"a": 1}, "HTTP 422", None, None),
    ],
    ids=repr,
)
def test_validation_errors_are_read_in_each_form(detail, words, argument, code):
    error, _ = catch_error(ask, reply({"detail": detail}, 422))
    assert words in str(error)
    assert (error.argument, error.vendor_code) == (argument, code)


def test_an_error_does_not_show_the_key(vendor):
    vendor.add("POST", KADAL_URL + SEND, json=envelope(401), status=401)
    with connect_client("kadal") as kadal, pytest.raises(errors.AuthenticationError) as raised:
        kadal.chat("q")
    assert KEY not in repr(raised.value) + str(vars(raised.value)) + json.dumps(str(vars(kadal)))
