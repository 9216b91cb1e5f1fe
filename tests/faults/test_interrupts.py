"""Rows 62 and 63: Ctrl-C at any moment, and clocks that jump."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import partial

import pytest

from tests.faults import rows_connection, vendors
from tests.faults.bench import at_best
from tests.faults.certificates import trusted
from tests.faults.injection import DEADLINE, good, sending
from tests.faults.neutral import Opens, async_client_on, sync_client_on
from tests.faults.oracles import Onlooker, open_sockets
from tests.faults.rows_streams import then_silence
from tests.faults.rows_tls import never_shake_hands
from tests.faults.server import Fault, FaultServer
from tests.faults.vendors import VENDORS
from unichat.client.sync_client import Client
from unichat.errors import DeadlineExceeded, InvalidInput

_DELAY = 0.15


@pytest.fixture
def client_on(driver: str) -> Iterator[Opens]:
    """Opens clients of which the asyncio ones run in the main thread, as in a program: Ctrl-C comes to no other."""
    if driver == "requests":
        yield sync_client_on
        return
    with asyncio.Runner() as runner:
        # Its sockets are there before those that the tests count.
        runner.get_loop()
        yield partial(async_client_on, runner)


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Press Ctrl-C in a moment."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timers: list[threading.Timer] = []

    def soon() -> None:
        timers.append(threading.Timer(_DELAY, os.kill, (os.getpid(), signal.SIGINT)))
        timers[-1].start()

    yield soon
    for timer in timers:
        timer.join()
    signal.signal(signal.SIGINT, before)


def _chat(client: Client) -> None:
    client.chat("How do I install it?")


def _stream(client: Client) -> None:
    with client.stream("How do I install it?") as pieces:
        for _ in pieces:
            pass


_MOMENTS: dict[str, tuple[Fault, Callable[[Client], None]]] = {
    "while waiting for the answer": (rows_connection.say_nothing, _chat),
    "in the head": (rows_connection.drip_the_head, _chat),
    "in the body": (rows_connection.stall_in_the_body, _chat),
    "in a stream": (then_silence(3), _stream),
    "between two attempts": (
        sending(vendors.as_json({"detail": "busy"}, 429, retry_after="20"), keep=True),
        _chat,
    ),
}


@pytest.mark.parametrize("moment", _MOMENTS)
@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_ctrl_c_ends_a_call_at_once_and_nothing_more_is_sent(
    backend: str, moment: str, driver: str, ctrl_c: Callable[[], None], count: Callable[..., None], client_on: Opens
) -> None:
    fault, call = _MOMENTS[moment]
    if backend == "kadal" and call is _stream:
        pytest.skip("Kadal has no streaming")
    before = open_sockets()
    hook = Onlooker()
    with (
        FaultServer(VENDORS[backend], (fault, good)) as server,
        client_on(backend, server.url, hooks=[hook], connections=1) as client,
    ):
        began = time.monotonic()
        ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            call(client)
        # asyncio cancels the task, and raises when it has ended.
        hook.check_given_up(KeyboardInterrupt if driver == "requests" else asyncio.CancelledError)
        # Far from the call's deadline, on a busy machine too.
        assert time.monotonic() - began < _DELAY + 10
        assert len(server.log) == 1
        # The only connection that there may be is free again.
        client.chat("And now?", deadline=5)
        client.close()
        server.settle()
        assert server.open_connections == 0
    assert not open_sockets() - before
    count(62, f"Ctrl-C {moment}: {backend}")


def test_a_stream_after_ctrl_c_is_closed_and_no_part_of_it_passes_for_the_whole(
    ctrl_c: Callable[[], None], client_on: Opens, count: Callable[..., None]
) -> None:
    with FaultServer(VENDORS["kapa"], (then_silence(3),)) as server, client_on("kapa", server.url) as client:
        pieces = client.stream("How do I install it?")
        next(pieces)
        ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            list(pieces)
        with pytest.raises(InvalidInput, match="the stream is closed"):
            _ = pieces.answer
    count(62, "the stream after Ctrl-C")


def _interrupted(client: Client) -> float:
    """The seconds until Ctrl-C ended it; the traceback is forgotten, and with it the half-made socket."""
    began = time.monotonic()
    try:
        _chat(client)
    except KeyboardInterrupt:
        return time.monotonic() - began
    raise AssertionError("it was not interrupted")


# The standard library leaves a socket whose handshake was interrupted to the garbage collector, and that warns.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_ctrl_c_ends_a_tls_handshake_at_once(
    ctrl_c: Callable[[], None], count: Callable[..., None], client_on: Opens
) -> None:
    before = open_sockets()
    with FaultServer(VENDORS["kapa"], (never_shake_hands,)) as server:
        url = server.url.replace("http:", "https:")
        with client_on("kapa", url, ca_bundle=trusted()) as client:
            ctrl_c()
            assert _interrupted(client) < _DELAY + 0.2
            server.settle()
            assert server.open_connections == 0
    gc.collect()
    assert not open_sockets() - before
    count(62, "Ctrl-C in a handshake")


def test_the_client_answers_the_next_question_after_ctrl_c(
    ctrl_c: Callable[[], None], count: Callable[..., None], client_on: Opens
) -> None:
    with (
        FaultServer(VENDORS["kadal"], (rows_connection.say_nothing, good)) as server,
        client_on("kadal", server.url) as client,
    ):
        ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            client.chat("How do I install it?", user="u")
        # The conversation is free again, too.
        assert client.chat("How do I install it?", user="u").text
    count(62, "the next question after Ctrl-C")


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_clock_that_jumps_moves_no_deadline(
    jump: float, monkeypatch: pytest.MonkeyPatch, count: Callable[..., None], client_on: Opens
) -> None:
    real = time.time

    def overrun() -> float:
        jumping = threading.Timer(0.05, monkeypatch.setattr, (time, "time", lambda: real() + jump))
        with (
            FaultServer(VENDORS["kapa"], (rows_connection.say_nothing,)) as server,
            client_on("kapa", server.url, deadline=DEADLINE) as client,
        ):
            jumping.start()
            began = time.monotonic()
            with pytest.raises(DeadlineExceeded):
                client.chat("How do I install it?")
            seconds = time.monotonic() - began - DEADLINE
        jumping.join()
        monkeypatch.setattr(time, "time", real)
        assert seconds > -0.01
        return max(seconds, 0.0)

    late, _ = at_best(overrun)
    count(63, f"the clock jumps by {jump:.0f} s", overrun=late)


def test_a_wrong_clock_does_not_change_the_wait_that_a_vendor_asks_for(
    monkeypatch: pytest.MonkeyPatch, count: Callable[..., None], client_on: Opens
) -> None:
    noon = 1_793_880_000.0
    slept: list[float] = []
    busy = vendors.as_json(
        {"detail": "busy"}, 429, retry_after=formatdate(noon + 7, usegmt=True), date=formatdate(noon, usegmt=True)
    )
    monkeypatch.setattr(time, "time", lambda: noon + 86_400)
    with (
        FaultServer(VENDORS["kapa"], (sending(busy, keep=True), good)) as server,
        client_on("kapa", server.url, sleep=slept.append) as client,
    ):
        client.chat("How do I install it?")
    assert slept == [7]
    count(63, "Retry-After as a date, by a clock that is a day ahead")


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no such signal on this system")
def test_a_stream_that_a_signals_handler_closes_ends_at_once(count: Callable[..., None]) -> None:
    with (
        FaultServer(VENDORS["kapa"], (then_silence(3),)) as server,
        sync_client_on("kapa", server.url) as client,
        client.stream("How do I install it?") as pieces,
    ):
        before = signal.signal(signal.SIGALRM, lambda *_: pieces.close())
        signal.setitimer(signal.ITIMER_REAL, _DELAY)
        began = time.monotonic()
        with pytest.raises(InvalidInput, match="the stream is closed"):
            list(pieces)
        signal.signal(signal.SIGALRM, before)
        assert time.monotonic() - began < _DELAY + 10
        server.settle()
        assert server.open_connections == 0
    count(62, "closed by a signal's handler")
