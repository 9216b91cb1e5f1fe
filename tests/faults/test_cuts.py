"""Rows 13 and 53: answers that end at any byte, and streams that come in any pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.injection import good
from tests.faults.neutral import OPERATIONS, Neutral, Opens, new_nonce, no_wait
from tests.faults.oracles import check_error
from tests.faults.server import Connection, Fault, FaultServer, HttpMessage
from tests.faults.vendors import STREAM, VENDORS, encode_chunks, http, kapa_records, text_for
from unichat.errors import ConnectionFailed, InvalidResponse, StreamInterrupted, UnichatError

_STEPS = {"requests": 1, "h11": 3}
"""Bytes from one cut to the next: what is read of an answer is read alike over both, down to the pieces."""
_USUAL_STEP = 5
"""What they are multiplied by, without `--thorough`."""
_BROKEN = (ConnectionFailed, InvalidResponse, StreamInterrupted)


@pytest.fixture
def step(transport: str, request: pytest.FixtureRequest) -> int:
    """Bytes from one cut to the next."""
    return _STEPS[transport] * (1 if request.config.getoption("thorough") else _USUAL_STEP)


def _length(client_on: Opens, neutral: Neutral) -> int:
    """How long the good answer is."""
    lengths: list[int] = []

    def measure(received: HttpMessage) -> bytes:
        data = VENDORS[neutral.backend](received)
        lengths.append(len(data))
        return data

    with FaultServer(measure, (good,)) as server, client_on(neutral.backend, server.url) as client:
        assert neutral.run(client, new_nonce()).right
    return lengths[0]


def reset_at(count: int) -> Fault:
    """So many bytes of the good answer, then a reset."""

    def fault(connection: Connection) -> bool:
        connection.write(connection.good(connection.read())[:count])
        connection.reset()
        return False

    return fault


def _script(neutral: Neutral, cuts: range) -> Iterator[Fault]:
    for cut in cuts:
        yield reset_at(cut)
        if neutral.replay.value not in ("ask", "insert"):
            # A reading is sent again.
            yield good


@pytest.mark.parametrize("neutral", OPERATIONS, ids=lambda neutral: neutral.name)
def test_an_answer_that_is_reset_at_any_byte_is_never_taken_for_whole(
    neutral: Neutral, step: int, count: Callable[..., None], client_on: Opens
) -> None:
    if neutral.call != "chat" and not neutral.streamed:
        step *= 9
    cuts = range(0, _length(client_on, neutral), step)
    with (
        FaultServer(VENDORS[neutral.backend], tuple(_script(neutral, cuts))) as server,
        client_on(neutral.backend, server.url, sleep=no_wait) as client,
    ):
        for cut in cuts:
            nonce = new_nonce()
            error: UnichatError | None = None
            try:
                assert neutral.run(client, nonce).right, "not the answer to the question"
            except UnichatError as raised:
                error = raised
            assert server.seen[nonce] <= (1 if neutral.replay.value in ("ask", "insert") else 2)
            if error is not None:
                assert isinstance(error, _BROKEN), f"after {cut} bytes: {error!r}"
                assert error.maybe_delivered is True
                _right_so_far(error, nonce)
            if cut % 50 == 0 and error is not None:
                check_error(error)
    count(13, f"reset at any byte: {neutral.name}")


def _right_so_far(error: UnichatError, nonce: str) -> None:
    if isinstance(error, StreamInterrupted):
        assert text_for(nonce).startswith(error.text), "events were lost or doubled"
        assert error.events > 0


def close_at(count: int, encode: Callable[[bytes], bytes]) -> Fault:
    """So many bytes of a stream's answer, then an end."""

    def fault(connection: Connection) -> bool:
        body = b"".join(kapa_records(connection.read().nonce))
        connection.write(encode(body)[:count])
        return False

    return fault


def _one_by_one(body: bytes) -> bytes:
    return encode_chunks([body[at : at + 1] for at in range(len(body))], **STREAM)


def _with_a_length(body: bytes) -> bytes:
    return http(200, body, **STREAM)


_FRAMES: dict[str, Callable[[bytes], bytes]] = {
    "one chunk": lambda body: encode_chunks([body], **STREAM),
    "a length": _with_a_length,
}


@pytest.mark.parametrize("frame", _FRAMES)
def test_a_stream_that_is_cut_at_any_byte_is_interrupted_with_the_right_text_so_far(
    frame: str, step: int, count: Callable[..., None], client_on: Opens
) -> None:
    encode = _FRAMES[frame]
    whole = len(encode(b"".join(kapa_records(new_nonce()))))
    # With the size of the last chunk, everything has been said.
    cuts = range(0, whole - len(b"0\r\n\r\n") if frame == "one chunk" else whole, step)
    with (
        FaultServer(VENDORS["kapa"], tuple(close_at(cut, encode) for cut in cuts)) as server,
        client_on("kapa", server.url, sleep=no_wait) as client,
    ):
        for cut in cuts:
            nonce = new_nonce()
            texts: list[str] = []
            with pytest.raises(_BROKEN) as caught, client.stream(f"Question {nonce}") as pieces:
                texts.extend(event.text for event in pieces)
            assert server.seen[nonce] == 1, f"cut at {cut}"
            _right_so_far(caught.value, nonce)
            if isinstance(caught.value, StreamInterrupted):
                assert "".join(texts) == caught.value.text
            else:
                assert not texts
    count(53, f"cut at any byte, in {frame}")


def in_two(at: int) -> Fault:
    """A stream's answer in two chunks."""

    def fault(connection: Connection) -> bool:
        body = b"".join(kapa_records(connection.read().nonce))
        connection.write(encode_chunks([part for part in (body[:at], body[at:]) if part], **STREAM))
        return True

    return fault


def test_a_stream_in_any_two_pieces_gives_the_same_events(
    step: int, count: Callable[..., None], client_on: Opens
) -> None:
    cuts = range(0, len(b"".join(kapa_records(new_nonce()))), step)
    with (
        FaultServer(VENDORS["kapa"], tuple(in_two(cut) for cut in cuts)) as server,
        client_on("kapa", server.url) as client,
    ):
        expected: list[Any] = []
        for _ in cuts:
            nonce = new_nonce()
            with client.stream(f"Question {nonce}") as pieces:
                events = [(event.type, event.text.replace(nonce, "")) for event in pieces]
            assert pieces.answer.text == text_for(nonce), "not the answer to the question"
            shape = [kind for kind, _ in events]
            expected = expected or shape
            assert shape == expected, "events were lost or doubled"
        assert server.accepted == 1, "a stream that ended well gives its connection back"
    count(53, "in any two pieces")


def test_a_stream_in_pieces_of_one_byte_gives_the_same_events(count: Callable[..., None], client_on: Opens) -> None:
    def make(received: HttpMessage) -> bytes:
        return _one_by_one(b"".join(kapa_records(received.nonce)))

    nonce = new_nonce()
    with FaultServer(make, (good,)) as server, client_on("kapa", server.url) as client:
        with client.stream(f"Question {nonce}") as pieces:
            texts = [event.text for event in pieces]
        assert pieces.answer.text == "".join(texts) == text_for(nonce), "events were lost or doubled"
    count(53, "in pieces of one byte")
