"""The transport on `requests`: what the contract of all transports does not say."""

import gzip
import threading
import tracemalloc
import zlib

import pytest

from tests.loopback import answer_in_turn, encode_chunks, http, silent, stall_after
from tests.pace import PATIENCE
from tests.transport.caller import SENTINEL, Caller
from unichat.adapter import Replay
from unichat.adapter.secrets import Signature
from unichat.errors import ConnectionFailed, DeadlineExceeded, InvalidResponse
from unichat.transport.base import Deadline, HttpRequest, TransportFailure
from unichat.transport.requests.transport import RequestsTransport
from unichat.transport.timers import TimerThread

ASK = Replay.ASK
OK = http(200, b'{"ok": 1}')
MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("url", ["http://*.example.com", "http://.example.com"])
def test_an_address_that_requests_refuses_raises_no_exception_of_requests(serve, url):
    serve(answer_in_turn(OK))
    with Caller(RequestsTransport(url), url) as caller:
        error = caller.error(ASK)
    assert error.maybe_delivered is False


def test_a_connection_that_takes_too_long_was_not_delivered(serve, monkeypatch):
    def slow(*_, **__):
        raise TimeoutError("timed out")

    serve(answer_in_turn(OK))
    monkeypatch.setattr("unichat.transport.requests.connections.TrackedConnection._connect_to", slow)
    with Caller(RequestsTransport("http://127.0.0.1:9"), "http://127.0.0.1:9") as caller:
        error = caller.error(ASK)
    assert (type(error), error.kind, error.maybe_delivered) == (ConnectionFailed, "connect_timeout", False)
    assert len(error.attempts) == 3


def test_the_connect_timeout_is_cut_to_what_is_left(serve, monkeypatch):
    seen = []

    def refuse(self, address):
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.socket.settimeout", lambda self, seconds: seen.append(seconds))
    monkeypatch.setattr("socket.socket.connect", refuse)
    transport = RequestsTransport("http://127.0.0.1:9", connect_timeout=4.0)
    for left in (2.0, 30.0):
        failure = transport.open(
            HttpRequest("GET", transport._base_url, "/x"), Deadline(left, lambda: 0.0), idle_timeout=30.0
        )
        assert failure == TransportFailure("refused", phase="connecting")
    assert seen == [2.0, 4.0]


def test_a_signature_does_not_show_its_value():
    assert SENTINEL not in repr(Signature("X-Token", SENTINEL))


# What a process has no more of


@pytest.fixture
def without_timers(monkeypatch):
    """A process whose timers have no thread yet, and in which none can be started until `allow` is called."""
    timers = TimerThread()
    for module in ("unichat.transport.timers", "unichat.transport.requests.progress"):
        monkeypatch.setattr(f"{module}.timers", timers)
    start = threading.Thread.start

    def refuse(self):
        if self.name == "unichat-timers":
            raise RuntimeError("can't start new thread")
        start(self)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        yield patched.undo


@pytest.mark.parametrize("streamed", [False, True])
def test_a_thread_that_cannot_be_started_is_a_failure_and_the_next_deadlines_hold(serve, without_timers, streamed):
    server = serve(silent)
    transport = RequestsTransport(server.url, connections=2)
    with Caller(transport, server.url, attempts=2, idle_timeout=0.05) as caller:
        error = caller.stream_error() if streamed else caller.error(ASK)
        assert (type(error), error.kind, error.maybe_delivered) == (ConnectionFailed, "exhausted", False)
        assert "can't start new thread" in error.message
        assert len(error.attempts) == 2
        assert transport._slots.free == 2
        without_timers()
        assert isinstance(caller.stream_error(0.2) if streamed else caller.error(ASK, 0.2), DeadlineExceeded)
        assert transport._slots.free == 2


@pytest.mark.parametrize("broken", ["_exchange", "_prepare", "Watchdog"])
def test_whatever_fails_after_a_slot_was_taken_returns_it(serve, monkeypatch, broken):
    def fail(*_, **__):
        raise MemoryError

    server = serve(answer_in_turn(OK))
    transport = RequestsTransport(server.url, connections=1)
    with Caller(transport, server.url) as caller:
        with monkeypatch.context() as patched:
            if broken == "Watchdog":
                patched.setattr("unichat.transport.requests.transport.Watchdog", fail)
            else:
                patched.setattr(RequestsTransport, broken, fail)
            for _ in range(2):
                with pytest.raises(MemoryError):
                    caller.run(ASK)
        assert transport._slots.free == 1
        assert not transport._running
        assert caller.run(ASK) == {"ok": 1}


# Faults of urllib3 that set its lowest version


def test_a_size_of_a_chunk_that_goes_on_is_refused_at_the_limit_of_a_line(serve):
    # CVE-2026-97689: urllib3 before 2.8 waits for its end, and keeps all that comes.
    server = serve(stall_after(encode_chunks(end=b"1;" + b"x" * 70_000)))
    with Caller(RequestsTransport(server.url), server.url, attempts=1) as caller:
        error = caller.error(ASK, 2.0)
    assert (type(error), error.kind, error.maybe_delivered) == (InvalidResponse, "truncated", True)


def test_what_follows_a_deflate_stream_holds_nothing_up(serve):
    # CVE-2026-97688: urllib3 from 2.6.2 to 2.7 goes round and round, and no deadline ends that.
    body = zlib.compress(b'{"text": "' + b"x" * 200_000 + b'"}') + b"more"
    answer = encode_chunks(body).replace(b"\r\n", b"\r\nContent-Encoding: deflate\r\n", 1)
    server = serve(answer_in_turn(answer))
    results = []
    with Caller(RequestsTransport(server.url), server.url) as caller:
        thread = threading.Thread(target=lambda: results.append(caller.run()), daemon=True)
        thread.start()
        thread.join(PATIENCE)
    assert results == [{"text": "x" * 200_000}]


@pytest.mark.parametrize("encodings", ["gzip, gzip", "gzip, deflate, gzip"])
def test_an_answer_compressed_several_times_is_refused_at_the_limit_without_growing_in_memory(
    serve, encodings, monkeypatch
):
    # CVE-2025-66471: urllib3 before 2.6 decompresses all that it has read, 100 MiB here, before it gives any of it.
    monkeypatch.setattr(Caller, "body_limit", MEBIBYTE)
    body = gzip.compress(bytes(MEBIBYTE)) * 100
    for encoding in encodings.split(", ")[1:]:
        body = (gzip if encoding == "gzip" else zlib).compress(body)
    server = serve(answer_in_turn(http(200, body, f"Content-Encoding: {encodings}")))
    with Caller(RequestsTransport(server.url), server.url) as caller:
        tracemalloc.start()
        try:
            with pytest.raises(InvalidResponse) as caught:
                caller.run()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert caught.value.kind == "too_large"
    assert most < 32 * MEBIBYTE
