"""One answer read with h11: heads, bodies in any pieces, limits, and what a connection is good for afterwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.loopback import encode_chunks, http
from unichat.transport import limits
from unichat.transport.h11.progress import AttemptFailed
from unichat.transport.h11.response_reader import ResponseReader

OK = http(200, b'{"ok": 1}')
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"


def read(*pieces):
    """Feed the pieces, and return the reader, the status and the body."""
    reader, status, body = ResponseReader(), None, b""
    for piece in pieces:
        reader.feed(bytearray(piece))
        if status is None:
            head = reader.read_head()
            status = None if head is None else head.status_code
        if status is not None:
            body += reader.read_body()
    return reader, status, body


def test_an_answer_with_a_length_is_complete_at_its_end_and_keeps_the_connection():
    reader, status, body = read(OK)
    assert (status, body) == (200, b'{"ok": 1}')
    assert reader.complete
    assert reader.keeps_connection
    assert not reader.has_surplus


@given(st.sampled_from([OK, EARLY + OK, encode_chunks(b"ab", b"c")]), st.data())
def test_an_answer_in_any_two_pieces_is_the_same(data, draw):
    at = draw.draw(st.integers(1, len(data) - 1))
    whole, halves = read(data), read(data[:at], data[at:])
    assert halves[1:] == whole[1:]
    assert (halves[0].complete, halves[0].keeps_connection) == (True, True)


def test_an_interim_answer_is_read_past_up_to_the_limit():
    assert read(EARLY * limits.MOST_INTERIM + OK)[1] == 200
    with pytest.raises(AttemptFailed) as caught:
        read(EARLY * (limits.MOST_INTERIM + 1) + OK)
    assert caught.value.kind == "head"


@pytest.mark.parametrize(
    "data", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n"]
)
def test_a_head_that_is_not_http_fails(data):
    with pytest.raises(AttemptFailed) as caught:
        read(data)
    assert caught.value.kind == "head"


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_a_head_over_the_limit_fails_whether_it_has_come_whole_or_not(end):
    field = b"X-Field: " + b"x" * 1_000 + b"\r\n"
    count = limits.LARGEST_HEAD // len(field) + 2
    with pytest.raises(AttemptFailed) as caught:
        read(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + field * count + end)
    assert caught.value.kind == "head"


def test_a_body_that_ends_early_is_truncated_after_what_came_was_returned():
    reader, status, body = read(OK[:-3])
    assert (status, body, reader.complete) == (200, b'{"ok":', False)
    reader.feed(bytearray())
    with pytest.raises(AttemptFailed) as caught:
        reader.read_body()
    assert caught.value.kind == "truncated"


def test_a_body_whose_framing_breaks_gives_what_came_before_and_then_fails():
    reader, _, body = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nnot a size\r\n")
    assert body == b"ab"
    with pytest.raises(AttemptFailed):
        reader.read_body()


def test_a_chunk_with_a_long_extension_is_truncated():
    extension = b";" + b"x" * (2 * limits.LONGEST_LINE)
    reader, _, _ = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2" + extension + b"\r\nab\r\n0\r\n\r\n")
    assert not reader.complete
    assert not reader.keeps_connection


def test_what_follows_an_answer_keeps_its_connection_from_being_used_again():
    reader, _, body = read(OK + b"HTTP/1.1 200 OK\r\n")
    assert body == b'{"ok": 1}'
    assert reader.has_surplus
    assert not reader.keeps_connection


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_an_answer_of_a_server_that_will_close_does_not_keep_the_connection(head):
    reader, _, body = read(head + b"Content-Length: 2\r\n\r\nab")
    assert (body, reader.complete, reader.keeps_connection) == (b"ab", True, False)
