"""Kapa's errors: which error each status becomes, and whose message it carries."""

import pytest

from tests.behaviour.doubles import KAPA_URL, KEY, PROJECT, FakeClock, client_on, connect_client, reply, stub_replies
from unichat import Rating, ThreadRef, errors
from unichat_kapa.operations.errors import error_detector

THREAD = "1de43264-67cb-48af-89f9-e865c375bb84"
ANSWER = "484fbe4d-af7f-4b72-aecb-cde0e9e50cf3"
CHAT_URL = f"{KAPA_URL}/query/v1/projects/{PROJECT}/chat/"


def refuse(*replies, clock=None, **settings):
    transport = stub_replies(*replies)
    with pytest.raises(errors.UnichatError) as caught:
        client_on(transport, "kapa", clock, **settings).chat("q")
    return caught.value, transport.sent


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidInput),
        (413, errors.InvalidInput),
        (414, errors.InvalidInput),
        (422, errors.InvalidInput),
        (431, errors.InvalidInput),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (405, errors.NotFound),
        (410, errors.NotFound),
        (409, errors.RequestRejected),
        (418, errors.RequestRejected),
        (307, errors.InvalidResponse),
    ],
)
def test_an_error_is_raised_at_once_with_its_status_and_message(status, kind):
    error, sent = refuse(reply({"detail": "no, and why"}, status))
    assert type(error) is kind
    assert len(sent) == 1
    assert error.status == status
    assert "no, and why" in str(error)
    assert error.hint
    assert error.retryable is False
    assert error.maybe_delivered is False
    assert (error.backend, error.operation) == ("kapa", "chat")


@pytest.mark.parametrize(("status", "is_good"), [(199, False), (200, True), (299, True), (300, False)])
def test_only_a_2xx_is_an_answer(status, is_good):
    assert (error_detector("project")(reply({}, status)) is None) is is_good


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "words"}, "words"),
        ({"message": "words"}, "words"),
        ({"query": ["Too long.", "Really."]}, "query: Too long. Really."),
        ({"query": ["a"], "user": {"email": ["b"]}}, "user: {'email': ['b']}"),
        ({"detail": ["a", "b"]}, "detail: a b"),
        ({"detail": "words\x1b[2J\nforged line"}, "words\\x1b[2J forged line"),
    ],
    ids=repr,
)
def test_an_error_message_is_read_in_each_of_kapas_forms(body, words):
    error, _ = refuse(reply(body, 400))
    assert words in str(error)
    assert str(error).isprintable()
    assert error.call.vendor_message


def test_an_error_keeps_kapas_own_code():
    error, _ = refuse(reply({"detail": "no", "code": "not_authenticated"}, 401))
    assert (error.vendor_code, error.vendor_message) == ("not_authenticated", "no")
    error, _ = refuse(reply({"detail": "no", "code": 7}, 401))
    assert error.vendor_code is None


def test_the_argument_of_an_error_is_the_field_that_kapa_names():
    error, _ = refuse(reply({"query": ["Ensure this field has no more than 5000 characters."]}, 400))
    assert (error.source, error.argument) == ("vendor", "query")


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<html>", "text/html"), (b"", "text/plain"), (b"{", "application/json"), (b"[1]", "application/json")],
    ids=repr,
)
def test_an_error_with_an_unreadable_body_is_judged_by_its_status(body, kind):
    error, _ = refuse(reply(status=401, body=body, kind=kind))
    assert type(error) is errors.AuthenticationError


def test_an_error_in_plain_text_keeps_its_message():
    error, _ = refuse(reply(status=400, body=b"Invalid HTTP request received.", kind="text/plain"))
    assert "Invalid HTTP request received." in str(error)


def test_a_403_about_a_rate_limit_is_retried_after_a_wait():
    clock = FakeClock()
    limited = reply({"message": "You hit the Rate Limit"}, 403)
    limited.headers["retry-after"] = "7"
    answered = reply({"answer": "a"})
    answer = client_on(stub_replies(limited, answered), "kapa", clock).chat("q")
    assert answer.text == "a"
    assert sum(clock.slept) >= 7
    error, sent = refuse(limited, limited, limited)
    assert type(error) is errors.RateLimited
    assert (error.status, error.retry_after, len(sent)) == (403, 7, 3)


@pytest.mark.parametrize(
    ("status", "kind", "waits"),
    [
        (429, errors.RateLimited, [1, 2]),
        (500, errors.ServerError, [0.5, 1]),
        (502, errors.ServerError, [0.5, 1]),
        (503, errors.ServerError, [0.5, 1]),
        (507, errors.InsufficientTokens, [5, 10]),
    ],
)
def test_a_transient_error_is_tried_three_times_with_its_own_backoff(status, kind, waits, monkeypatch):
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    clock = FakeClock()
    error, sent = refuse(*[reply({"detail": "down"}, status)] * 3, clock=clock)
    assert type(error) is kind
    assert clock.slept == waits
    assert len(error.attempts) == len(sent) == 3
    assert {request.body for request in sent} == {sent[0].body}
    assert error.retryable is True


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda client: client.chat("q"), "project"),
        (lambda client: client.continue_thread(ThreadRef("kapa", THREAD), "q"), "thread"),
        (lambda client: list(client.history(ThreadRef("kapa", THREAD))), "thread"),
        (lambda client: list(client.history()), "project"),
        (lambda client: client.feedback(ANSWER, Rating.UP, user="anna"), "answer"),
    ],
)
def test_a_missing_record_is_distinguished_from_a_missing_route(call, what):
    with pytest.raises(errors.NotFound) as caught:
        call(client_on(stub_replies(reply({"detail": "Not found."}, 404)), "kapa"))
    assert caught.value.what == what
    with pytest.raises(errors.NotFound) as caught:
        call(client_on(stub_replies(reply(status=404, body=b"<h1>Not Found</h1>", kind="text/html")), "kapa"))
    assert caught.value.what == "route"


@pytest.mark.parametrize("status", [405, 410])
def test_a_405_or_410_is_a_missing_route(status):
    error, _ = refuse(reply({"detail": 'Method "POST" not allowed.'}, status))
    assert error.what == "route"


def test_a_missing_route_has_a_hint_about_version_and_address():
    error, _ = refuse(reply(status=404, body=b"<h1>Not Found</h1>", kind="text/html"))
    assert "version" in error.hint or "retired" in error.hint


def test_an_error_in_place_of_a_stream_is_read_like_any_other(vendor):
    vendor.add("POST", f"{CHAT_URL}stream/", json={"detail": "Bad key"}, status=401)
    with connect_client("kapa") as kapa, pytest.raises(errors.AuthenticationError, match="Bad key"), kapa.stream("q"):
        pass


def test_an_error_does_not_show_the_key(vendor):
    vendor.add("POST", CHAT_URL, json={"detail": "Invalid key"}, status=401)
    with connect_client("kapa") as kapa, pytest.raises(errors.AuthenticationError) as caught:
        kapa.chat("q")
    assert KEY not in repr(caught.value) + str(vars(caught.value)) + str(vars(kapa))
