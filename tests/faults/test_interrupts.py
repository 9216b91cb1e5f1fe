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
from typing import Any

import pytest

from tests.faults import rows_connection, vendors
from tests.faults.bench import check_overrun
from tests.faults.certificates import authority_file
from tests.faults.injection import DEADLINE, good, send
from tests.faults.neutral import Opens, async_client_on, sync_client_on
from tests.faults.oracles import Observer, open_sockets
from tests.faults.rows_streams import then_silence
from tests.faults.rows_tls import never_shake_hands
from tests.faults.server import Connection, Fault, FaultServer
from tests.faults.vendors import VENDORS
from tests.pace import PATIENCE, at_any_pace, wait_until
from unichat.client.sync_client import Client
from unichat.errors import DeadlineExceeded, InvalidInput

_MOMENT = 0.05
"""Seconds for a call to come to rest after the server has got it: whether they are enough changes no outcome."""


@pytest.fixture
def client_on(transport: str) -> Iterator[Opens]:
    """Opens clients of which the asyncio ones run in the main thread, as in a program: Ctrl-C comes to no other.

    Their calls last for minutes, if nobody ends them.
    """
    if transport == "requests":
        yield partial(sync_client_on, deadline=200.0)
        return
    with asyncio.Runner() as runner:
        # Its sockets are there before those that the tests count.
        runner.get_loop()
        yield partial(async_client_on, runner, deadline=200.0)


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Press Ctrl-C a moment after something has happened."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threads: list[threading.Thread] = []

    def press(happened: Callable[[], object]) -> None:
        wait_until(happened)
        time.sleep(_MOMENT)
        os.kill(os.getpid(), signal.SIGINT)

    def press_after(happened: Callable[[], object]) -> None:
        threads.append(threading.Thread(target=press, args=[happened]))
        threads[-1].start()

    yield press_after
    for thread in threads:
        thread.join()
    signal.signal(signal.SIGINT, before)


PressAfter = Callable[[Callable[[], object]], None]


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
        send(vendors.as_json({"detail": "busy"}, 429, retry_after="60"), keep=True),
        _chat,
    ),
}


@pytest.mark.parametrize("moment", _MOMENTS)
@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_ctrl_c_ends_a_call_at_once_and_nothing_more_is_sent(
    backend: str, moment: str, transport: str, ctrl_c: PressAfter, count: Callable[..., None], client_on: Opens
) -> None:
    fault, call = _MOMENTS[moment]
    if backend == "kadal" and call is _stream:
        pytest.skip("Kadal has no streaming")
    before = open_sockets()
    hook = Observer()
    with (
        FaultServer(VENDORS[backend], (fault, good)) as server,
        client_on(backend, server.url, hooks=[hook], connections=1) as client,
    ):
        ctrl_c(lambda: hook.attempts if moment == "between two attempts" else server.log)
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            call(client)
        # asyncio cancels the task, and raises when it has ended.
        hook.check_given_up(KeyboardInterrupt if transport == "requests" else asyncio.CancelledError)
        # Far from the call's deadline, on a busy machine too.
        assert time.monotonic() - began < PATIENCE
        assert len(server.log) == 1
        # The only connection that there may be is free again.
        client.chat("And now?", deadline=PATIENCE)
        client.close()
        server.settle()
        assert server.open_connections == 0
    assert not open_sockets() - before
    count(62, f"Ctrl-C {moment}: {backend}")


def test_a_stream_after_ctrl_c_is_closed_and_no_part_of_it_passes_for_the_whole(
    ctrl_c: PressAfter, client_on: Opens, count: Callable[..., None]
) -> None:
    with FaultServer(VENDORS["kapa"], (then_silence(3),)) as server, client_on("kapa", server.url) as client:
        pieces = client.stream("How do I install it?")
        next(pieces)
        ctrl_c(lambda: True)
        with pytest.raises(KeyboardInterrupt):
            list(pieces)
        with pytest.raises(InvalidInput, match="the stream is closed"):
            _ = pieces.answer
    count(62, "the stream after Ctrl-C")


def _seconds_to_interrupt(client: Client) -> float:
    """The seconds until Ctrl-C ended it; the traceback is forgotten, and with it the half-made socket."""
    began = time.monotonic()
    try:
        _chat(client)
    except KeyboardInterrupt:
        return time.monotonic() - began
    raise AssertionError("it was not interrupted")


# The standard library leaves a socket whose handshake was interrupted to the garbage collector, and that warns.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_ctrl_c_ends_a_tls_handshake_at_once(ctrl_c: PressAfter, count: Callable[..., None], client_on: Opens) -> None:
    before = open_sockets()
    with FaultServer(VENDORS["kapa"], (never_shake_hands,)) as server:
        url = server.url.replace("http:", "https:")
        with client_on("kapa", url, ca_bundle=authority_file()) as client:
            ctrl_c(lambda: server.accepted)
            assert _seconds_to_interrupt(client) < PATIENCE
            server.settle()
            assert server.open_connections == 0
    gc.collect()
    assert not open_sockets() - before
    count(62, "Ctrl-C in a handshake")


def test_the_client_answers_the_next_question_after_ctrl_c(
    ctrl_c: PressAfter, count: Callable[..., None], client_on: Opens
) -> None:
    with (
        FaultServer(VENDORS["kadal"], (rows_connection.say_nothing, good)) as server,
        client_on("kadal", server.url) as client,
    ):
        ctrl_c(lambda: server.log)
        with pytest.raises(KeyboardInterrupt):
            client.chat("How do I install it?", user="u")
        # The conversation is free again, too.
        assert client.chat("How do I install it?", user="u").text
    count(62, "the next question after Ctrl-C")


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
@at_any_pace
def test_a_clock_that_jumps_moves_no_deadline(
    jump: float, monkeypatch: pytest.MonkeyPatch, count: Callable[..., None], client_on: Opens, pace: float
) -> None:
    real = time.time
    deadline = DEADLINE * pace

    def say_nothing(connection: Connection) -> bool:
        connection.read()
        monkeypatch.setattr(time, "time", lambda: real() + jump)
        connection.wait()
        return False

    with (
        FaultServer(VENDORS["kapa"], (say_nothing,)) as server,
        client_on("kapa", server.url, deadline=deadline) as client,
    ):
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            client.chat("How do I install it?")
        late = time.monotonic() - began - deadline
    monkeypatch.setattr(time, "time", real)
    assert late > -0.01
    check_overrun(late, pace)
    count(63, f"the clock jumps by {jump:.0f} s", overrun=max(late, 0.0))


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
        FaultServer(VENDORS["kapa"], (send(busy, keep=True), good)) as server,
        client_on("kapa", server.url, sleep=slept.append) as client,
    ):
        client.chat("How do I install it?")
    assert slept == [7]
    count(63, "Retry-After as a date, by a clock that is a day ahead")


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no such signal on this system")
def test_a_stream_that_a_signals_handler_closes_ends_at_once(count: Callable[..., None]) -> None:
    with (
        FaultServer(VENDORS["kapa"], (then_silence(3),)) as server,
        sync_client_on("kapa", server.url, deadline=200.0) as client,
        client.stream("How do I install it?") as pieces,
    ):
        before = signal.signal(signal.SIGALRM, lambda *_: pieces.close())
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)
        began = time.monotonic()
        with pytest.raises(InvalidInput, match="the stream is closed"):
            list(pieces)
        signal.signal(signal.SIGALRM, before)
        assert time.monotonic() - began < PATIENCE
        server.settle()
        assert server.open_connections == 0
    count(62, "closed by a signal's handler")


class TimeLimit(Exception):
    """As job queues raise it: Celery's `SoftTimeLimitExceeded`, rq's `JobTimeoutException`."""


class MistakenTimeLimit(ValueError):
    """By its class a mistake in the code that it interrupts."""


class SocketTimeLimit(TimeoutError):
    """By its class a failure of a socket."""


@pytest.fixture
def time_limit() -> Iterator[Callable[[Callable[[], object], type[Exception]], None]]:
    """Have a signal's handler raise something a moment after something has happened."""
    before = signal.getsignal(signal.SIGALRM)
    threads: list[threading.Thread] = []

    def send(happened: Callable[[], object]) -> None:
        wait_until(happened)
        time.sleep(_MOMENT)
        os.kill(os.getpid(), signal.SIGALRM)

    def send_after(happened: Callable[[], object], kind: type[Exception]) -> None:
        def handle(*_: object) -> None:
            raise kind("time is up")

        signal.signal(signal.SIGALRM, handle)
        threads.append(threading.Thread(target=send, args=[happened]))
        threads[-1].start()

    yield send_after
    for thread in threads:
        thread.join()
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no such signal on this system")
@pytest.mark.parametrize("kind", [TimeLimit, MistakenTimeLimit, SocketTimeLimit])
@pytest.mark.parametrize("moment", _MOMENTS)
def test_a_time_limit_raised_by_a_signals_handler_passes_through_with_everything_given_back(
    moment: str, kind: type[Exception], time_limit: Callable[..., None], count: Callable[..., None]
) -> None:
    fault, call = _MOMENTS[moment]
    hook = Observer()
    with (
        FaultServer(VENDORS["kapa"], (fault, good)) as server,
        sync_client_on("kapa", server.url, hooks=[hook], connections=1, deadline=200.0) as client,
    ):
        time_limit(lambda: hook.attempts if moment == "between two attempts" else server.log, kind)
        with pytest.raises(kind, match="time is up"):
            call(client)
        hook.check_given_up(kind)
        # Not a read either is sent again.
        assert len(server.log) == 1
        client.chat("And now?", deadline=PATIENCE)
    count(62, f"a time limit {moment}")


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no such signal on this system")
def test_a_time_limit_passes_through_a_read_that_could_be_sent_again(
    time_limit: Callable[..., None], count: Callable[..., None]
) -> None:
    with (
        FaultServer(VENDORS["kapa"], (rows_connection.say_nothing, good)) as server,
        sync_client_on("kapa", server.url, deadline=200.0) as client,
    ):
        time_limit(lambda: server.log, TimeLimit)
        with pytest.raises(TimeLimit):
            list(client.history())
        assert len(server.log) == 1
    count(62, "a time limit in a read")


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no such signal on this system")
def test_a_time_limit_passes_through_the_callers_own_functions(
    time_limit: Callable[..., None], count: Callable[..., None]
) -> None:
    asked = threading.Event()

    def slow_provider() -> str:
        asked.set()
        time.sleep(PATIENCE)
        return "token"

    class SlowHook(Observer):
        def started(self, record: Any) -> None:
            asked.set()
            time.sleep(PATIENCE)

    with FaultServer(VENDORS["kadal"], (good,)) as server:
        for given in ({"token": slow_provider}, {"hooks": [SlowHook()]}):
            asked.clear()
            with sync_client_on("kadal", server.url, deadline=200.0, **given) as client:
                time_limit(asked.is_set, MistakenTimeLimit)
                with pytest.raises(MistakenTimeLimit):
                    client.chat("How do I install it?", user="u")
        assert not server.log
    count(62, "a time limit in a function of the caller's")
