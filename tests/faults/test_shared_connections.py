"""Connections that pass from one caller to the next: nothing of the one may reach the other."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.certificates import authority_file, context_for
from tests.faults.injection import good
from tests.faults.neutral import Opens, new_nonce
from tests.faults.oracles import open_sockets
from tests.faults.rows_streams import then_silence
from tests.faults.server import NONCE, Connection, Fault, FaultServer, Gone, HttpMessage
from tests.faults.vendors import STREAM, VENDORS, as_json, encode_chunks, http, kapa_answer, kapa_records, text_for
from tests.pace import PATIENCE, at_any_pace
from unichat import Rating
from unichat.errors import StreamInterrupted

_CONNECTIONS = 3
_A_WHILE = 0.3
"""Seconds, at the first pace: longer than the limits that the tests set, which must not count here."""


def _whole(received: HttpMessage) -> bytes:
    return http(200, b"".join(kapa_records(received.nonce)), **STREAM)


def _in_chunks(received: HttpMessage) -> bytes:
    return encode_chunks(kapa_records(received.nonce), **STREAM)


def _stream_at_once(answer: Callable[[HttpMessage], bytes], pace: float) -> Fault:
    """Streams come at once, and all else after a while."""

    def fault(connection: Connection) -> bool:
        received = connection.read()
        if received.target.endswith("/stream/"):
            connection.write(answer(received))
        else:
            connection.pause(_A_WHILE * pace)
            connection.write(connection.good(received))
        return True

    return fault


@pytest.mark.parametrize(
    ("answer", "limit"),
    # Not the deadline in chunks: until the last is read, nobody knows that the answer has come whole.
    [(_whole, "idle_timeout"), (_whole, "deadline"), (_in_chunks, "idle_timeout")],
    ids=["idle, with a length", "deadline, with a length", "idle, in chunks"],
)
@at_any_pace
def test_a_stream_whose_reader_is_slow_does_not_end_the_call_that_has_its_connection_now(
    answer: Callable[[HttpMessage], bytes], limit: str, count: Callable[..., None], client_on: Opens, pace: float
) -> None:
    mine, others = new_nonce(), new_nonce()
    with (
        ThreadPoolExecutor(1) as threads,
        FaultServer(VENDORS["kapa"], (_stream_at_once(answer, pace),)) as server,
        client_on("kapa", server.url) as client,
    ):
        pieces = client.with_policy(**{limit: 0.1 * pace}).stream(f"Question {mine}")
        texts = [next(pieces).text]
        other = threads.submit(client.chat, f"Question {others}")
        assert text_for(others) in other.result().text
        texts += [piece.text for piece in pieces]
        assert "".join(texts) == pieces.answer.text == text_for(mine)
    count(57, f"a slow reader beside another caller, {answer.__name__.strip('_')}, {limit}")


@at_any_pace
def test_a_slow_reader_does_not_count_as_silence_of_the_vendor(
    count: Callable[..., None], client_on: Opens, pace: float
) -> None:
    nonce = new_nonce()

    def fault(connection: Connection) -> bool:
        records = kapa_records(connection.read().nonce)
        connection.write(http(200, b"", content_length="", transfer_encoding="chunked", **STREAM))
        for piece in (*records, b""):
            connection.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            connection.pause(0.01)
        return True

    with (
        FaultServer(VENDORS["kapa"], (fault,)) as server,
        client_on("kapa", server.url, idle_timeout=0.2 * pace) as client,
    ):
        pieces = client.stream(f"Question {nonce}")
        next(pieces)
        time.sleep(_A_WHILE * pace)
        assert "".join(piece.text for piece in pieces) == text_for(nonce)
    count(55, "a reader slower than the limit of silence")


@at_any_pace
def test_a_reader_that_is_slower_than_the_deadline_is_interrupted_whatever_has_come(
    count: Callable[..., None], client_on: Opens, pace: float
) -> None:
    def fault(connection: Connection) -> bool:
        first = kapa_records(connection.read().nonce)[1]
        connection.write(http(200, b"", content_length="", transfer_encoding="chunked", **STREAM))
        while True:
            connection.write(b"%x\r\n%s\r\n" % (len(first), first))

    with (
        FaultServer(VENDORS["kapa"], (fault,)) as server,
        client_on("kapa", server.url, deadline=0.3 * pace) as client,
    ):
        pieces = client.stream(f"Question {new_nonce()}")
        next(pieces)
        time.sleep(_A_WHILE * pace)
        with pytest.raises(StreamInterrupted) as caught:
            deque(pieces, maxlen=0)
        assert caught.value.stopped_by == "deadline"
    count(55, "a reader slower than the deadline, and a vendor that never ends")


def test_streams_that_are_forgotten_give_their_connections_back(count: Callable[..., None], client_on: Opens) -> None:
    before = open_sockets()
    with (
        FaultServer(VENDORS["kapa"], (*[then_silence(3)] * (_CONNECTIONS + 1), good)) as server,
        client_on("kapa", server.url, deadline=PATIENCE, connections=_CONNECTIONS) as client,
    ):
        for _ in range(_CONNECTIONS + 1):
            next(client.stream(f"Question {new_nonce()}"))
        nonce = new_nonce()
        assert text_for(nonce) in client.chat(f"Question {nonce}").text
    assert not open_sockets() - before
    count(56, "more streams forgotten than there are connections")


def test_more_callers_than_connections_wait_for_one(count: Callable[..., None], client_on: Opens) -> None:
    def slowly(connection: Connection) -> bool:
        received = connection.read()
        connection.pause(0.02)
        connection.write(connection.good(received))
        return True

    nonces = [new_nonce() for _ in range(12)]
    with (
        FaultServer(VENDORS["kapa"], (slowly,)) as server,
        client_on("kapa", server.url, connections=_CONNECTIONS) as client,
        ThreadPoolExecutor(len(nonces)) as threads,
    ):
        answers = list(threads.map(lambda nonce: client.chat(f"Question {nonce}").text, nonces))
        assert answers == [text_for(nonce) for nonce in nonces]
        assert server.most_open == _CONNECTIONS
    count(57, "12 callers on 3 connections")


def _with_surplus(received: HttpMessage) -> bytes:
    """The right answer, and in the same write a whole answer that nobody has asked for."""
    return as_json({**kapa_answer(received.nonce), "answer": text_for(received.nonce) * (1 + len(received.body) % 7)})


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("framed", [_with_surplus, _in_chunks], ids=["with a length", "in chunks"])
def test_what_follows_an_answer_does_not_answer_the_next_question(
    framed: Callable[[HttpMessage], bytes], secure: bool, count: Callable[..., None], client_on: Opens
) -> None:
    surplus = as_json({**kapa_answer(""), "answer": "somebody else's answer"})

    def fault(connection: Connection) -> bool:
        connection.write(framed(connection.read()) + surplus)
        return True

    tls = context_for("good") if secure else None
    settings = {"ca_bundle": authority_file()} if secure else {}
    with (
        FaultServer(VENDORS["kapa"], (fault,), tls=tls) as server,
        client_on("kapa", server.url, **settings) as client,
    ):
        for number in range(20):
            nonce = new_nonce()
            question = f"Question {nonce}" + "?" * number
            if framed is _in_chunks:
                assert "".join(piece.text for piece in client.stream(question)) == text_for(nonce)
            else:
                assert text_for(nonce) in client.chat(question).text
        assert server.accepted == 20
    count(33, f"a second answer behind the first, {framed.__name__.strip('_')}, {'TLS' if secure else 'plain'}")


def test_a_body_that_comes_late_after_a_204_answers_nobody(count: Callable[..., None], client_on: Opens) -> None:
    def fault(connection: Connection) -> bool:
        received = connection.read()
        if not received.target.endswith("/upsert/"):
            connection.write(connection.good(received))
            return True
        connection.write(http(204, b"", content_length=""))
        connection.pause(0.1)
        connection.write(as_json({**kapa_answer(""), "answer": "somebody else's answer"}))
        return True

    with FaultServer(VENDORS["kapa"], (fault,)) as server, client_on("kapa", server.url) as client:
        client.feedback("484fbe4d-af7f-4b72-aecb-cde0e9e50cf3", Rating.UP, user="u")
        nonce = new_nonce()
        assert text_for(nonce) in client.chat(f"Question {nonce}").text
    count(32, "204, and a body a while later")


@pytest.mark.parametrize("size", [1_000_000, 40_000_000])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_an_answer_before_the_end_of_the_request_leaves_no_rest_of_it_for_the_next(
    secure: bool, size: int, transport: str, count: Callable[..., None], client_on: Opens
) -> None:
    if transport == "requests" and size > 1_000_000:
        pytest.skip("it sends the whole request before it reads")

    def at_the_head(connection: Connection) -> bool:
        head = connection.receive()
        assert b"Content-Length: " in head
        nonce = NONCE.search(head.decode("latin-1"))
        if nonce is None:
            nonce = NONCE.search(connection.receive().decode("latin-1"))
        assert nonce is not None
        connection.write(as_json(kapa_answer(nonce[0])))
        # Nobody reads on: the rest of the request is still to come.
        with contextlib.suppress(Gone):
            connection.pause(_A_WHILE)
        return True

    first, second = new_nonce(), new_nonce()
    tls = context_for("good") if secure else None
    settings = {"ca_bundle": authority_file()} if secure else {}
    with (
        FaultServer(VENDORS["kapa"], (at_the_head, good), tls=tls) as server,
        client_on("kapa", server.url, **settings) as client,
    ):
        answer = client.chat(f"Question {first}", metadata={"page": "x" * size})
        assert text_for(first) in answer.text
        assert text_for(second) in client.chat(f"Question {second}").text
        assert server.accepted == 2
    count(33, f"an answer before the end of a request of {size:,} bytes, {'TLS' if secure else 'plain'}")
