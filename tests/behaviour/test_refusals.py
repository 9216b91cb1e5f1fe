"""What an adapter says of a refusal, and what counts where it cannot say anything: over both clients."""

import pytest

from tests.behaviour.own_vendor import KEY, operation, reply
from unichat.adapter import ErrorResponse, Replay, Reply, ask
from unichat.errors import (
    InvalidResponse,
    RateLimited,
    RequestRejected,
    ServerError,
    UnichatError,
)


def make_asker(**more):
    return lambda call: ask(operation(**more))


def make_detector(**more):
    """Read every error as one with these properties."""

    def detect_error(answer):
        return None if answer.status < 300 else ErrorResponse(status=answer.status, **more)

    return make_asker(detect_error=detect_error)


GOOD = reply({"text": "Yes.", "id": 1})


def failure(made):
    with pytest.raises(UnichatError) as caught:
        made.client.chat("Hi?")
    return caught.value


# `envelope`


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b'{"a": 1}', "application/problem+json; charset=utf-8", {"a": 1}),
        (b"{oops", "application/json", None),
        (b"", "application/json", None),
        (b"[1]", "application/json", None),
        (b'"text"', "application/json", None),
        (b"null", "application/json", None),
        (b"\xff{}", "application/json", None),
        (b"[" * 10_000, "application/json", None),
        (b'{"a": NaN}', "application/json", None),
        (b"<html>", "text/html", None),
        (b'{"a": 1}', "", None),
    ],
)
def test_the_envelope_is_the_bodys_object_or_nothing(body, kind, expected):
    answer = Reply(502, {"content-type": kind}, body)
    assert answer.envelope() == expected
    assert answer.envelope() == expected


@pytest.mark.parametrize("status", [502, 503, 429])
@pytest.mark.parametrize("body", [b"{oops", b"", b"<html>", b"[]"])
def test_a_refusal_whose_body_cannot_be_read_is_what_its_status_says(own, status, body):
    made = own(*[reply(status=status, body=body)] * 3)
    error = failure(made)
    assert type(error) is (RateLimited if status == 429 else ServerError)
    assert len(made.sent) == 3


# An adapter that cannot read the error


def clumsy(answer):
    return ErrorResponse(status=answer.status, message=answer.json()["error"])


@pytest.mark.parametrize(
    "detect_error",
    [
        clumsy,
        lambda answer: answer.json(),
        lambda answer: {}["status"],
        lambda answer: answer.status.value,
        lambda answer: ErrorResponse(status="502"),
        lambda answer: "an error",
        lambda answer: True,
        lambda answer: None,
    ],
    ids=["json", "json raises", "KeyError", "AttributeError", "wrong status", "text", "true", "says it is good"],
)
@pytest.mark.parametrize(("status", "kind", "times"), [(502, ServerError, 3), (429, RateLimited, 3), (418, None, 1)])
def test_where_the_adapter_cannot_read_an_error_the_status_decides(own, detect_error, status, kind, times):
    made = own(*[reply(status=status, body=b"{oops")] * 3, chat=make_asker(detect_error=detect_error))
    error = failure(made)
    assert type(error) is (kind or RequestRejected)
    assert (error.status, len(made.sent)) == (status, times)


@pytest.mark.parametrize("status", [200, 201, 302])
@pytest.mark.parametrize(
    "detect_error", [lambda answer: {}["x"], lambda answer: "error", lambda answer: answer.json()["x"]]
)
def test_below_400_it_is_an_invalid_response_that_names_the_adapter_and_is_not_tried_again(own, detect_error, status):
    made = own(reply({"text": "Yes."}, status=status), chat=make_asker(detect_error=detect_error))
    error = failure(made)
    assert type(error) is InvalidResponse
    assert (error.backend, error.status, error.maybe_delivered, error.retryable) == ("own", status, True, False)
    assert "own's adapter" in str(error)
    assert len(made.sent) == 1


def test_the_message_of_an_error_may_be_of_any_type(own):
    made = own(reply({}, status=400), chat=make_detector(message={"detail": ["no"]}, code=7, argument=5))
    error = failure(made)
    assert "{'detail': ['no']}" in str(error)
    assert (error.vendor_code, error.argument) == ("7", "5")


# "Do not try again", "again after N seconds"


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, ServerError), (500, ServerError)])
def test_a_refusal_that_is_not_to_be_tried_again_stays_what_it_is(own, status, kind):
    made = own(reply({}, status=status), chat=make_detector(retry=False))
    error = failure(made)
    assert type(error) is kind
    assert len(made.sent) == 1
    assert error.stopped_by == "not_retryable"


def test_a_token_that_is_refused_for_good_is_not_fetched_again(own):
    from unichat.adapter import Credential

    made = own(reply({}, status=401), chat=make_detector(retry=False), credential=Credential("X", "", lambda: KEY))
    assert failure(made).status == 401
    assert len(made.sent) == 1


@pytest.mark.parametrize("status", [429, 503, 409, 400])
def test_a_refusal_that_says_when_is_tried_again_then(own, status):
    made = own(reply({}, status=status), GOOD, chat=make_detector(retry_after=30))
    assert made.client.chat("Hi?", deadline=100).text == "Yes."
    assert 30 <= made.clock.slept[0] <= 30.1 or status in (429, 503)
    assert made.clock.slept[0] >= 30


def test_a_wait_of_the_adapters_does_not_repeat_what_a_setting_forbids(own):
    policy = {"retry_insufficient_tokens": False}
    made = own(reply({}, status=507), chat=make_detector(retry_after=3), policy=policy)
    error = failure(made)
    assert (error.retry_after, len(made.sent)) == (3, 1)


def test_its_seconds_are_those_of_the_error(own):
    made = own(*[reply({}, status=409)] * 3, chat=make_detector(retry_after="7"))
    error = failure(made)
    assert type(error) is RequestRejected
    assert (error.retry_after, error.retryable, error.call.retry_after, len(made.sent)) == (7.0, True, 7.0, 3)


def test_its_seconds_count_before_those_of_the_header(own):
    answer = Reply(429, {"retry-after": "50"}, b"")
    made = own(answer, GOOD, chat=make_detector(retry_after=2))
    made.client.chat("Hi?")
    assert 2 <= made.clock.slept[0] < 50


def test_a_wait_that_nobody_should_sit_through_is_not_waited_for(own):
    made = own(reply({}, status=429), chat=make_detector(retry_after=86_400))
    error = failure(made)
    assert (type(error), error.retry_after, error.stopped_by, len(made.sent)) == (RateLimited, 86_400, "retry_after", 1)


@pytest.mark.parametrize("wish", [-1, float("nan"), float("inf"), "soon", True, [], None, 10**400, "9" * 400])
def test_anything_but_a_number_of_seconds_counts_as_none(own, wish):
    made = own(reply({}, status=409), chat=make_detector(retry_after=wish))
    error = failure(made)
    assert (error.retry_after, len(made.sent)) == (None, 1)


@pytest.mark.parametrize("replay", list(Replay))
def test_do_not_try_again_wins_over_when(own, replay):
    made = own(
        reply({}, status=429),
        chat=lambda call: ask(
            operation(replay, detect_error=lambda answer: ErrorResponse(status=429, retry=False, retry_after=5))
        ),
    )
    error = failure(made)
    assert (error.retry_after, len(made.sent)) == (5, 1)
