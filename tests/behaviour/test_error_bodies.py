"""The status always decides: an error whose body is cut, stalled, too large or cannot be decoded, over real HTTP."""

import gzip
import threading

import pytest

from tests.behaviour.own_vendor import detect_error, operation
from tests.loopback import answer_in_turn, close_after, drip, http, reset_after, stall_after
from tests.pace import at_any_pace
from unichat.adapter import StreamOperation, open_stream
from unichat.errors import (
    AuthenticationError,
    InvalidInput,
    InvalidResponse,
    RateLimited,
    ServerError,
    UnichatError,
)

GOOD = answer_in_turn(http(200, b'{"text": "Yes."}'))
BODY = b'{"error": "too many"}'
QUICK = {"backoff": 0.01, "throttle_backoff": 0.01, "backoff_cap": 0.02, "throttle_backoff_cap": 0.02}
GZIP = "Content-Encoding: gzip"
LAST = "Connection: close"


@pytest.fixture
def impatient(monkeypatch):
    """The body of an error is waited for a moment only."""
    monkeypatch.setattr("unichat.transport.limits.ERROR_BODY_SECONDS", 0.2)


def endless(head):
    def script(connection):
        connection.read()
        connection.write(head)
        while True:
            connection.write(b" " * 65_536)

    return script


def head(status, *headers):
    return http(status, b"", *headers, length=None)


def chunks(status, body):
    return head(status, "Transfer-Encoding: chunked") + b"%x\r\n%b" % (len(body), body)


BROKEN = {
    "cut": lambda status: close_after(http(status, BODY[:-3], length=len(BODY))),
    "cut before its first byte": lambda status: close_after(http(status, b"", length=10)),
    "reset": lambda status: reset_after(http(status, BODY[:-3], length=len(BODY))),
    "cut within a chunk": lambda status: close_after(chunks(status, BODY[:-3])),
    "no chunk at all": lambda status: close_after(head(status, "Transfer-Encoding: chunked") + b"size\r\n"),
    "stalled": lambda status: stall_after(http(status, BODY[:-3], length=len(BODY))),
    "stalled before its first byte": lambda status: stall_after(http(status, b"", length=10)),
    "byte by byte without end": lambda status: drip(http(status, b"", length=10**9), b" "),
    "endless": lambda status: endless(http(status, b"", length=10**9)),
    "said to be gzip": lambda status: close_after(http(status, BODY, GZIP, LAST)),
    "gzip that was cut": lambda status: close_after(http(status, gzip.compress(BODY)[:-9], GZIP, LAST)),
    "two encodings": lambda status: close_after(http(status, BODY, "Content-Encoding: gzip, gzip", LAST)),
    "an unknown encoding": lambda status: close_after(http(status, BODY, "Content-Encoding: sdch", LAST)),
    "said to be HTML": lambda status: close_after(http(status, BODY, "Content-Type: text/html", LAST)),
    "a bomb": lambda status: close_after(http(status, gzip.compress(bytes(3_000_000)), GZIP, LAST)),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", BROKEN)
@at_any_pace
def test_an_error_status_is_what_it_says_whatever_becomes_of_its_body(own, serve, fault, pace):
    server = serve(BROKEN[fault](429), BROKEN[fault](503), GOOD)
    made = own(url=server.url, policy={**QUICK, "body_limit": 1_000_000})
    answer = made.client.chat("Hi?", deadline=15 * pace)
    assert answer.text == "Yes."
    assert [attempt.outcome for attempt in answer.call.attempts] == ["HTTP 429", "HTTP 503", "ok"]
    assert answer.maybe_duplicated is False
    assert answer.call.elapsed < 5 * pace


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (422, InvalidInput), (429, RateLimited), (507, ServerError)]
)
def test_it_is_raised_as_what_it_says(own, serve, fault, status, kind):
    made = own(url=serve(BROKEN[fault](status)).url, policy={"attempts": 1, "body_limit": 1_000_000})
    with pytest.raises(kind) as caught:
        made.client.chat("Hi?", deadline=15)
    assert (caught.value.status, caught.value.maybe_delivered) == (status, False)
    assert caught.value.phase == "body"


def test_what_came_of_the_body_can_still_be_read(own, serve):
    server = serve(close_after(http(429, BODY, length=len(BODY) + 5)))
    with pytest.raises(RateLimited, match="too many"):
        own(url=server.url, policy={"attempts": 1}).client.chat("Hi?")


@at_any_pace
def test_the_deadline_passes_in_the_body_of_an_error(own, serve, pace):
    server = serve(stall_after(http(429, BODY[:-3], length=len(BODY))))
    with pytest.raises(RateLimited) as caught:
        own(url=server.url).client.chat("Hi?", deadline=0.5 * pace)
    assert caught.value.stopped_by == "deadline"
    assert caught.value.elapsed < 3 * pace


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["cut", "stalled", "endless", "said to be gzip", "two encodings"])
@at_any_pace
def test_the_same_holds_where_a_stream_was_asked_for(own, serve, fault, pace):
    def stream(call):
        asked = operation()
        return open_stream(
            StreamOperation(
                backend="own",
                name="ask",
                replay=asked.replay,
                request=asked.request,
                detect_error=detect_error,
                decoder=lambda limit: None,
            )
        )

    made = own(url=serve(BROKEN[fault](429)).url, stream=stream, policy={**QUICK, "attempts": 2})
    with pytest.raises(RateLimited) as caught, made.client.stream("Hi?", deadline=15 * pace) as pieces:
        list(pieces)
    assert len(caught.value.attempts) == 2
    assert caught.value.elapsed < 5 * pace


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["cut", "stalled", "endless"])
def test_below_400_a_broken_body_is_no_answer(own, serve, fault):
    made = own(url=serve(BROKEN[fault](200)).url, policy={"body_limit": 100_000})
    with pytest.raises(UnichatError) as caught:
        made.client.chat("Hi?", deadline=1)
    assert not isinstance(caught.value, RateLimited)
    assert caught.value.maybe_delivered is True
    if fault == "cut":
        assert isinstance(caught.value, InvalidResponse)


def test_closing_the_client_ends_the_wait_for_the_body_of_an_error(own, serve):
    server = serve(stall_after(http(429, BODY[:-3], length=len(BODY))))
    made = own(url=server.url)
    if hasattr(made.client, "asynchronous"):
        pytest.skip("an asyncio client is closed within its loop")
    closing = threading.Timer(0.3, made.client.close)
    closing.start()
    with pytest.raises(UnichatError, match="the client was closed"):
        made.client.chat("Hi?", deadline=15)
    closing.join()


def test_a_connection_is_used_again_after_an_error_that_came_whole(own, serve):
    server = serve(answer_in_turn(http(429, BODY), http(200, b'{"text": "Yes."}')))
    assert own(url=server.url, policy=QUICK).client.chat("Hi?").text == "Yes."
    assert server.accepted == 1
