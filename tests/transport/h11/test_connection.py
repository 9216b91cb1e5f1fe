"""One exchange over one connection: what is read of it, what breaks it, and whether another may follow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.h11.fakes import Wire, new_progress, receive, run, turns
from unichat.transport import limits
from unichat.transport.h11.connection import Connection
from unichat.transport.h11.progress import AttemptFailed, AttemptStopped, TaskProgress

REQUEST = b"GET / HTTP/1.1\r\nHost: any\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\n\r\nhello"


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


def begin(wire: Wire, progress: TaskProgress | None = None, body: bytes = b"") -> Connection:
    wire.connection.begin(progress or new_progress(), REQUEST, body)
    return wire.connection


async def read_answer(connection: Connection) -> bytes:
    await connection.read_head()
    body = b""
    while not connection.complete:
        piece = connection.read_available()
        if not piece and not connection.complete:
            await connection.wait()
        body += piece
    return body


@pytest.mark.parametrize("answer", [OK, CHUNKED], ids=["length", "chunks"])
@given(cuts=st.lists(st.integers(0, 80), max_size=6).map(sorted))
def test_an_answer_is_read_however_it_is_cut(answer: bytes, cuts: list[int]) -> None:
    async def test() -> None:
        wire = Wire()
        connection = begin(wire)
        for start, end in zip([0, *cuts], [*cuts, len(answer)], strict=True):
            if answer[start:end]:
                receive(connection, answer[start:end])
        assert await read_answer(connection) == b"hello"
        assert connection.finish()
        wire.close()

    run(test())


def test_head_and_small_body_go_out_in_one_piece_and_a_large_body_is_not_copied(wire: Wire) -> None:
    async def test() -> None:
        connection = begin(wire, body=b"x" * limits.LARGE_REQUEST)
        connection.finish()
        begin(wire, body=b"x" * (limits.LARGE_REQUEST + 1))
        assert [len(data) for data in wire.transport.written] == [
            len(REQUEST) + limits.LARGE_REQUEST, len(REQUEST), limits.LARGE_REQUEST + 1,
        ]  # fmt: skip

    run(test())


def ends(connection: Connection) -> None:
    connection.eof_received()
    connection.connection_lost(None)


def resets(connection: Connection) -> None:
    connection.connection_lost(ConnectionResetError(104, "reset"))


@pytest.mark.parametrize(
    ("came", "end", "kind"),
    [
        (b"", ends, "closed"),
        (b"", resets, "reset"),
        (b"HTTP/1.1 20", ends, "head"),
        (b"HTTP/1.1 20", resets, "reset"),
        (b"HTTP/1.1 103 Early\r\n\r\n", ends, "head"),
        (b"HTTP/1.1 103 Early\r\n\r\n" * 101, None, "head"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", None, "head"),
        (b"\x15\x03\x01\x00\x02\x02\x46", None, "head"),
        (b"HTTP/1.1 200 OK\r\nX: a\rY: b\r\n\r\n", None, "head"),
        (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", None, "head"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n", None, "head"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * limits.LARGEST_HEAD, None, "head"),
        (b"HTTP/1.1 200 OK\r\n" + b"X:" + b" " * limits.LARGEST_HEAD + b"\r\n\r\n", None, "head"),
        (OK[:-1], ends, "truncated"),
        (OK[:-1], resets, "truncated"),
        (CHUNKED[:-5], ends, "truncated"),
        (CHUNKED[:-5], resets, "truncated"),
        (CHUNKED.replace(b"2\r\nlo", b"x\r\nlo"), None, "truncated"),
        (CHUNKED.replace(b"2\r\nlo", b"2;" + b"x" * 70_000 + b"\r\nlo"), None, "truncated"),
        (UNTIL_CLOSED, resets, "truncated"),
    ],
)  # fmt: skip
def test_what_breaks_an_answer_has_a_name(wire: Wire, came: bytes, end: object, kind: str) -> None:
    async def test() -> None:
        connection = begin(wire)
        if came:
            receive(connection, came)
        if callable(end):
            end(connection)
        with pytest.raises(AttemptFailed) as caught:
            await read_answer(connection)
        assert caught.value.kind == kind
        assert not connection.finish()

    run(test())


def test_what_came_before_a_break_is_given_out_first(wire: Wire) -> None:
    async def test() -> None:
        connection = begin(wire)
        receive(connection, CHUNKED.replace(b"2\r\nlo", b"x\r\nlo"))
        await connection.read_head()
        assert connection.read_available() == b"hel"
        for _ in range(2):
            with pytest.raises(AttemptFailed):
                connection.read_available()

    run(test())


def test_a_long_extension_is_refused_however_it_is_cut(wire: Wire) -> None:
    async def test() -> None:
        connection = begin(wire)
        answer = CHUNKED.replace(b"2\r\nlo", b"2;" + b"x" * 70_000 + b"\r\nlo")
        receive(connection, answer[:40_000])
        await connection.read_head()
        connection.read_available()
        receive(connection, answer[40_000:])
        # What came of the chunk behind it is given out, and no more.
        connection.read_available()
        with pytest.raises(AttemptFailed):
            connection.read_available()

    run(test())


def test_many_tiny_chunks_are_no_long_lines(wire: Wire) -> None:
    async def test() -> None:
        connection = begin(wire)
        head, _, _ = CHUNKED.partition(b"3\r\n")
        receive(connection, head + b"1\r\nx\r\n" * 30_000 + b"0\r\n\r\n")
        assert await read_answer(connection) == b"x" * 30_000

    run(test())


def test_a_body_without_a_length_ends_with_its_connection(wire: Wire) -> None:
    async def test() -> None:
        connection = begin(wire)
        receive(connection, UNTIL_CLOSED)
        ends(connection)
        assert await read_answer(connection) == b"hello"
        assert not connection.finish()

    run(test())


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda wire: receive(wire.connection, b"HTTP/1.1 200 OK\r\n"), id="surplus"),
        pytest.param(lambda wire: ends(wire.connection), id="end"),
        pytest.param(lambda wire: setattr(wire.transport, "unsent", 1), id="unsent rest"),
        pytest.param(lambda wire: setattr(wire.transport, "closing", True), id="closing"),
    ],
)
def test_a_connection_is_not_used_again_if_anything_is_left_of_the_exchange(wire: Wire, spoil: object) -> None:
    async def test() -> None:
        connection = begin(wire)
        receive(connection, OK)
        assert callable(spoil)
        spoil(wire)
        assert await read_answer(connection) == b"hello"
        assert not connection.finish()

    run(test())


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"])
def test_a_connection_whose_server_does_not_keep_it_is_not_used_again(wire: Wire, head: bytes) -> None:
    async def test() -> None:
        connection = begin(wire)
        receive(connection, head + b"Content-Length: 5\r\n\r\nhello")
        assert await read_answer(connection) == b"hello"
        assert not connection.finish()

    run(test())


def test_one_exchange_follows_the_other(wire: Wire) -> None:
    async def test() -> None:
        for _ in range(3):
            connection = begin(wire)
            receive(connection, b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)
            assert await read_answer(connection) == b"hello"
            assert connection.finish()

    run(test())


@pytest.mark.parametrize("state", ["ended", "closing", "refuses"])
def test_nothing_is_sent_over_a_connection_that_has_ended(wire: Wire, state: str) -> None:
    async def test() -> None:
        if state == "ended":
            ends(wire.connection)
        else:
            setattr(wire.transport, state, True)
        with pytest.raises(AttemptFailed) as caught:
            begin(wire)
        assert caught.value.kind == "unsent"

    run(test())


def test_a_body_is_not_read_ahead_of_its_reader(wire: Wire) -> None:
    async def test() -> None:
        connection = begin(wire)
        receive(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        await connection.read_head()
        for _ in range(9):
            assert wire.transport.reading
            receive(connection, b"x" * 8_000)
        assert not wire.transport.reading
        assert len(connection.read_available()) == 72_000
        assert wire.transport.reading

    run(test())


def test_a_long_head_does_not_stop_the_reading_of_itself(wire: Wire) -> None:
    async def test() -> None:
        progress = new_progress()
        connection = begin(wire, progress)
        line = b"X: " + b"a" * 50_000 + b"\r\n"
        receive(connection, b"HTTP/1.1 200 OK\r\n" + line * 2)
        loop_turned = turns(3)
        reading = connection.read_head()
        reading.send(None)
        assert wire.transport.reading
        receive(connection, b"\r\n")
        await loop_turned
        with pytest.raises(StopIteration) as caught:
            reading.send(None)
        assert len(caught.value.value.headers) == 2

    run(test())


def test_a_wait_that_is_stopped_says_so(wire: Wire) -> None:
    async def test() -> None:
        progress = new_progress(0.001)
        with pytest.raises(AttemptStopped):
            await begin(wire, progress).read_head()
        assert progress.stopped == "deadline"

    run(test())
