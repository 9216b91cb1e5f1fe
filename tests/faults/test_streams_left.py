"""Row 56: streams that their reader leaves early."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from faults.injection import good
from faults.neutral import client_on, new_nonce
from faults.oracles import open_sockets
from faults.server import FaultServer, Received
from faults.vendors import STREAM, VENDORS, http, kapa_records, text_for
from unichat.client import Client
from unichat.errors import InvalidInput


def _slow(received: Received) -> bytes:
    """A stream whose rest is still to come: a few records of what the length promises."""
    if not received.target.endswith("/stream/"):
        return VENDORS["kapa"](received)
    records = kapa_records(received.nonce)
    return http(200, b"".join(records[:4]), content_length=str(len(b"".join(records))), **STREAM)


def _leave_by_break(client: Client, nonce: str) -> None:
    with client.stream(f"Question {nonce}") as pieces:
        for _ in pieces:
            break
    with pytest.raises(InvalidInput, match="closed"):
        _ = pieces.answer


def _leave_by_exception(client: Client, nonce: str) -> None:
    with suppress(ZeroDivisionError), client.stream(f"Question {nonce}") as pieces:
        next(pieces)
        raise ZeroDivisionError


def _leave_without_reading(client: Client, nonce: str) -> None:
    with client.stream(f"Question {nonce}"):
        pass


def _leave_by_dropping(client: Client, nonce: str) -> None:
    pieces = client.stream(f"Question {nonce}")
    next(pieces)
    pieces.close()
    pieces.close()


WAYS = [_leave_by_break, _leave_by_exception, _leave_without_reading, _leave_by_dropping]


@pytest.mark.parametrize("leave", WAYS, ids=lambda way: way.__name__.strip("_").replace("_", " "))
def test_a_stream_left_early_gives_up_its_connection_and_the_next_call_gets_its_own_answer(
    leave: Callable[[Client, str], None], count: Callable[..., None]
) -> None:
    before = open_sockets()
    left, nonce = new_nonce(), new_nonce()
    with FaultServer(_slow, (good,)) as server, client_on("kapa", server.url) as client:
        leave(client, left)
        server.settle()
        assert server.open_connections == 0, "the connection was kept"
        assert client.chat(f"Question {nonce}").text == text_for(nonce), "not the answer to the question"
        assert server.accepted == 2
        assert server.seen[left] == 1
    assert not open_sockets() - before
    count(56, leave.__name__.strip("_").replace("_", " "))


def test_a_stream_read_to_its_end_gives_its_connection_back(count: Callable[..., None]) -> None:
    nonce = new_nonce()
    with FaultServer(VENDORS["kapa"], (good,)) as server, client_on("kapa", server.url) as client:
        with client.stream(f"Question {new_nonce()}") as pieces:
            list(pieces)
        assert client.chat(f"Question {nonce}").text == text_for(nonce)
        assert server.accepted == 1
    count(56, "read to its end")


def test_a_stream_that_nobody_enters_sends_nothing(count: Callable[..., None]) -> None:
    with FaultServer(VENDORS["kapa"], (good,)) as server, client_on("kapa", server.url) as client:
        client.stream("How do I install it?")
        assert server.accepted == 0
    count(56, "never entered")
