"""Row 59: clients that are closed while they work, and after."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from tests.faults import rows_connection, vendors
from tests.faults.certificates import authority_file
from tests.faults.injection import good, send
from tests.faults.neutral import OPERATIONS, Neutral, Opens, new_nonce
from tests.faults.oracles import check_error, open_sockets
from tests.faults.rows_connection import full_port
from tests.faults.rows_streams import then_silence
from tests.faults.rows_tls import never_shake_hands
from tests.faults.server import Connection, Fault, FaultServer
from tests.faults.vendors import VENDORS
from tests.pace import PATIENCE, at_any_pace
from unichat.client.sync_client import Client
from unichat.errors import ConnectionFailed, DeadlineExceeded, InvalidInput, StreamInterrupted, UnichatError

_DEADLINE = 100.0
_PROMPT = 30.0
"""Seconds within which a call ends after the client was closed: on a busy machine too, and far from its deadline."""


@pytest.fixture
def client_on(client_on: Opens) -> Opens:
    """Opens clients whose calls last long, if nobody ends them."""
    return partial(client_on, deadline=_DEADLINE)


@contextmanager
def connection_event(fault: Fault) -> Iterator[tuple[Fault, threading.Event]]:
    """The fault, and an event for its connection's having been made."""
    arrived = threading.Event()

    def announce(connection: Connection) -> bool:
        arrived.set()
        return fault(connection)

    yield announce, arrived


def _close_when(client: Client, arrived: threading.Event, delay: float = 0.05) -> float:
    assert arrived.wait(PATIENCE)
    time.sleep(delay)
    client.close()
    return time.monotonic()


@pytest.mark.parametrize(
    "fault",
    [rows_connection.say_nothing, rows_connection.drip_the_head, rows_connection.stall_in_the_body],
    ids=["before the answer", "in the head", "in the body"],
)
@pytest.mark.parametrize("neutral", OPERATIONS, ids=lambda neutral: neutral.name)
def test_closing_ends_a_running_call_at_once(
    fault: Fault, neutral: Neutral, count: Callable[..., None], client_on: Opens
) -> None:
    before = open_sockets()
    with (
        ThreadPoolExecutor(1) as threads,
        connection_event(fault) as (announced, arrived),
        FaultServer(VENDORS[neutral.backend], (announced,)) as server,
    ):
        client = client_on(neutral.backend, server.url)
        call = threads.submit(neutral.run, client, new_nonce())
        closed = _close_when(client, arrived)
        error = call.exception(PATIENCE)
        assert time.monotonic() - closed < _PROMPT
        assert isinstance(error, UnichatError), error
        check_error(error)
        assert type(error) in (ConnectionFailed, StreamInterrupted)
        assert error.stopped_by == "cancelled"
        assert max(server.seen.values(), default=0) <= 1
    assert not open_sockets() - before
    count(59, f"closed during a call, {fault.__name__}: {neutral.name}")


def test_closing_ends_a_tls_handshake_at_once(count: Callable[..., None], client_on: Opens) -> None:
    with (
        ThreadPoolExecutor(1) as threads,
        connection_event(never_shake_hands) as (announced, arrived),
        FaultServer(VENDORS["kapa"], (announced,)) as server,
    ):
        client = client_on("kapa", server.url.replace("http:", "https:"), ca_bundle=authority_file())
        call = threads.submit(client.chat, "How do I install it?")
        closed = _close_when(client, arrived)
        assert isinstance(call.exception(PATIENCE), ConnectionFailed)
        assert time.monotonic() - closed < _PROMPT
    count(59, "closed during a handshake")


def test_closing_ends_a_connection_that_is_being_made_at_once(client_on: Opens, count: Callable[..., None]) -> None:
    with ThreadPoolExecutor(1) as threads, full_port() as url:
        before = open_sockets()
        client = client_on("kapa", url, connect_timeout=60.0, attempts=1)
        call = threads.submit(client.chat, "How do I install it?")
        while not open_sockets() - before:
            time.sleep(0.01)
        client.close()
        closed = time.monotonic()
        error = call.exception(PATIENCE)
        assert time.monotonic() - closed < _PROMPT
        assert isinstance(error, ConnectionFailed), error
        assert error.maybe_delivered is False
        assert not open_sockets() - before
    count(59, "closed while connecting")


def test_closing_ends_the_wait_between_two_attempts_at_once(count: Callable[..., None], client_on: Opens) -> None:
    busy = send(vendors.as_json({"detail": "busy"}, 429, retry_after="60"), keep=True)
    with (
        ThreadPoolExecutor(1) as threads,
        connection_event(busy) as (announced, arrived),
        FaultServer(VENDORS["kapa"], (announced,)) as server,
    ):
        client = client_on("kapa", server.url)
        call = threads.submit(client.chat, "How do I install it?")
        closed = _close_when(client, arrived)
        error = call.exception(PATIENCE)
        assert isinstance(error, InvalidInput), error
        assert error.stopped_by == "cancelled"
        assert time.monotonic() - closed < _PROMPT
        assert len(server.log) == 1
    count(59, "closed between two attempts")


def test_closing_ends_an_open_stream_at_once(count: Callable[..., None], client_on: Opens) -> None:
    with ThreadPoolExecutor(1) as threads, FaultServer(VENDORS["kapa"], (then_silence(3),)) as server:
        client = client_on("kapa", server.url)
        pieces = client.stream("How do I install it?")
        texts = [next(pieces) for _ in range(3)]
        call = threads.submit(next, pieces)
        time.sleep(0.05)
        client.close()
        error = call.exception(_PROMPT)
        assert isinstance(error, StreamInterrupted), error
        assert error.stopped_by == "cancelled"
        assert error.text == "".join(event.text for event in texts)
    count(59, "closed during a stream")


@pytest.mark.parametrize("neutral", OPERATIONS, ids=lambda neutral: neutral.name)
def test_a_client_that_is_closed_sends_nothing_and_says_so(
    neutral: Neutral, count: Callable[..., None], client_on: Opens
) -> None:
    with FaultServer(VENDORS[neutral.backend], (good,)) as server:
        client = client_on(neutral.backend, server.url)
        client.close()
        client.close()
        with pytest.raises(InvalidInput, match="closed") as caught:
            neutral.run(client, new_nonce())
        check_error(caught.value)
        assert server.accepted == 0
    count(59, f"used after it was closed: {neutral.name}")


def test_closing_one_client_leaves_another_alone(count: Callable[..., None], client_on: Opens) -> None:
    nonce = new_nonce()
    with FaultServer(VENDORS["kapa"], (good,)) as server, client_on("kapa", server.url) as other:
        one: Any = client_on("kapa", server.url)
        one.chat("How do I install it?")
        one.close()
        assert nonce in other.chat(f"Question {nonce}").text
    count(59, "another client of the same vendor")


def test_closing_ends_the_wait_for_a_connection_at_once(client_on: Opens, count: Callable[..., None]) -> None:
    with (
        ThreadPoolExecutor(3) as threads,
        FaultServer(VENDORS["kapa"], (then_silence(3),)) as server,
    ):
        client = client_on("kapa", server.url, connections=1)
        pieces = client.stream("How do I install it?")
        next(pieces)
        calls = [threads.submit(client.chat, "And then?") for _ in range(3)]
        wait(calls, timeout=0.1)
        client.close()
        closed = time.monotonic()
        for call in calls:
            assert isinstance(call.exception(PATIENCE), ConnectionFailed)
        assert time.monotonic() - closed < _PROMPT
        assert len(server.log) == 1
    count(59, "closed while three wait for a connection")


@at_any_pace
def test_a_call_that_waits_for_a_connection_says_so_and_blames_nobody(
    client_on: Opens, count: Callable[..., None], pace: float
) -> None:
    with (
        FaultServer(VENDORS["kapa"], (then_silence(3),)) as server,
        client_on("kapa", server.url, connections=1, first_event_timeout=0.05 * pace) as client,
        client.stream("How do I install it?") as pieces,
    ):
        next(pieces)
        for call in (client.chat, lambda question, deadline: next(client.stream(question, deadline=deadline))):
            with pytest.raises(DeadlineExceeded, match="connections were busy") as caught:
                call("And then?", deadline=0.2 * pace)
            assert caught.value.maybe_delivered is False
        assert len(server.log) == 1
    count(57, "a stream has the only connection")
