"""Rows 25 to 34: heads that are not heads, interim answers, and lengths that lie."""

from __future__ import annotations

import json

from tests.faults.injection import Different, Injection, good, reply, send, whole
from tests.faults.outcome import answer, answers, interrupts, never, raises, withholds
from tests.faults.server import Connection, Fault, HttpMessage
from tests.faults.vendors import VENDORS, http
from unichat.errors import InvalidResponse, NotFound


def _good(received: HttpMessage) -> bytes:
    return VENDORS["kadal" if received.target.startswith("/aiwb") else "kapa"](received)


def _parts(received: HttpMessage) -> tuple[bytes, bytes]:
    head, _, body = _good(received).partition(b"\r\n\r\n")
    return head, body


# Faults


def after(interim: bytes) -> Fault:
    """Answer well, with this before it."""
    return reply(lambda received: interim + _good(received))


def with_lines(lines: bytes) -> Fault:
    """Answer well, with these lines at the end of the head."""

    def make(received: HttpMessage) -> bytes:
        head, body = _parts(received)
        return head + b"\r\n" + lines + b"\r\n\r\n" + body

    return reply(make, keep=False)


def with_length(change: object, *, also: bytes = b"") -> Fault:
    """Answer well, with another Content-Length: `change` makes it of the right one."""

    def make(received: HttpMessage) -> bytes:
        _, body = _parts(received)
        length = change(len(body)) if callable(change) else change
        status = 201 if b"/upsert/" in received.target.encode() else 200
        return http(status, body, content_length=str(length)).replace(b"\r\n\r\n", also + b"\r\n\r\n", 1)

    return reply(make, keep=False)


def in_chunks(encode: object) -> Fault:
    """Answer well but for the chunks, which `encode` makes of the body."""

    def make(received: HttpMessage) -> bytes:
        _, body = _parts(received)
        if received.target.endswith("/stream/"):
            body = b"".join(_decode_chunks(body))
        assert callable(encode)
        return http(200, b"", content_length="", transfer_encoding="chunked") + encode(body)

    return reply(make, keep=False)


def _decode_chunks(body: bytes) -> list[bytes]:
    pieces = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        pieces.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]
    return pieces


def a_moment_after_the_head(chunk: bytes) -> Fault:
    """Send a good head, then a chunk in a piece of its own, and keep the connection open."""

    def fault(connection: Connection) -> bool:
        connection.read()
        connection.write(http(200, b"", content_length="", transfer_encoding="chunked"))
        connection.pause(0.02)
        connection.write(chunk)
        connection.wait()
        return False

    return fault


def endless_head(connection: Connection) -> bool:
    """Header lines without end."""
    connection.read()
    connection.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.write(b"X-More: and more\r\n" * 100)


def endless_header_line(connection: Connection) -> bool:
    """One header line without end."""
    connection.read()
    connection.write(b"HTTP/1.1 200 OK\r\nX-More: ")
    while True:
        connection.write(b"and more " * 1000)


def late_body(connection: Connection) -> bool:
    """A 204, and then a body that nobody may take for the next answer."""
    connection.read()
    connection.write(http(204, b"", content_length="") + json.dumps({"answer": "of somebody else"}).encode())
    return True


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_NO_HEAD = withholds(InvalidResponse, "head")
_CUT = withholds(InvalidResponse, "truncated")
_CUT_OR_INTERRUPTED = _CUT.but(streamed=interrupts())
_SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"


_REFUSED = Different(_NO_HEAD, "its parser rejects the head")


def _no_head(row: int, name: str, fault: Fault) -> Injection:
    return Injection(row=row, name=name, script=(fault, good), expected=_NO_HEAD)


INJECTIONS = (
    _no_head(25, "garbage instead of a status line", send(b"\x00\x01garbage\r\n\r\n")),
    _no_head(25, "an SSH banner instead of a status line", send(b"SSH-2.0-OpenSSH_9.2\r\n")),
    _no_head(25, "blank lines instead of a status line", send(b"\r\n\r\n\r\n")),
    _no_head(21, "a TLS alert instead of a status line", send(b"\x15\x03\x01\x00\x02\x02\x46")),
    _no_head(26, "HTTP/2.0 in the status line", send(b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}")),
    _no_head(26, "status 20", send(b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}")),
    _no_head(26, "status 999", send(b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\n{}")),
    _no_head(26, "status 600", send(b"HTTP/1.1 600 Odd\r\nContent-Length: 2\r\n\r\n{}")),
    _no_head(26, "status that is not a number", send(b"HTTP/1.1 OK OK\r\nContent-Length: 2\r\n\r\n{}")),
    _no_head(27, "header line of 70 KiB", with_lines(b"X-Long: " + b"a" * 70_000)),
    _no_head(28, "101 headers", with_lines(b"\r\n".join(b"X-%d: a" % n for n in range(101)))),
    _no_head(29, "header line without a colon", with_lines(b"no colon here\r\nX-After: a")),
    _no_head(29, "head cut within a line", reply(lambda received: _parts(received)[0][:-5], keep=False)),
    _no_head(29, "head cut after a line", reply(lambda received: _parts(received)[0] + b"\r\n", keep=False)),
    _no_head(29, "head with only a status line", send(b"HTTP/1.1 200 OK\r\n")),
    Injection(row=29, name="folded header line", script=(with_lines(b"X-Folded: a\r\n  b"), good), expected=answers(1)),
    Injection(
        row=29,
        name="header lines that end in a bare CR",
        script=(with_lines(b"X-One: a\rX-Two: b"), good),
        expected=answers(1),
        over_h11=_REFUSED,
    ),
    Injection(
        row=30,
        name="100 interim responses, then the answer",
        script=(after(b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 50),),
        expected=answers(1),
    ),
    _no_head(30, "101 interim responses, then the answer", after(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 101)),
    Injection(
        row=31,
        name="103 on a reused connection, then the next question",
        script=(after(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),),
        warm=1,
        expected=answers(1),
    ),
    _no_head(32, "101 as the final response", send(_SWITCHING)),
    Injection(
        row=32,
        name="204 with a late body",
        script=(late_body,),
        expected=never(InvalidResponse, "json", delivered=True).but(
            kapa_feedback=answer(),
            kadal_feedback=answer(),
            kadal_clear=answer(),
            kadal_chat=raises(NotFound, delivered=True),
            kadal_continue=raises(NotFound, delivered=True),
            kadal_stream=raises(NotFound, delivered=True),
            kadal_history=raises(NotFound, delivered=True),
            kapa_stream=raises(InvalidResponse, "truncated", delivered=True, stopped_by="maybe_delivered"),
        ),
    ),
    Injection(
        row=33,
        name="Content-Length longer than the body",
        script=(with_length(lambda length: length + 5), good),
        where=whole,
        expected=_CUT,
    ),
    Injection(
        row=33,
        name="Content-Length shorter than the body",
        script=(with_length(lambda length: length - 5), good),
        where=whole,
        expected=never(InvalidResponse, "json", delivered=True),
    ),
    Injection(
        row=33,
        name="two Content-Lengths in one line",
        script=(with_length(lambda length: f"{length}, {length + 1}"), good),
        where=whole,
        expected=_NO_HEAD,
    ),
    Injection(
        row=33,
        name="two Content-Lengths in two lines",
        script=(with_length(lambda length: length, also=b"\r\nContent-Length: 3"), good),
        where=whole,
        expected=_NO_HEAD,
    ),
    *(
        Injection(
            row=33,
            name=f"Content-Length {value}",
            script=(with_length(value), good),
            where=whole,
            # It is not a length, so the body ends with the connection, and the JSON decides whether it is whole.
            expected=answers(1),
            over_h11=_REFUSED,
        )
        for value in ("-1", "many")
    ),
    Injection(
        row=34,
        name="cut within a chunk",
        script=(in_chunks(lambda body: _chunk(body)[:-12]), good),
        expected=_CUT,
        over_h11=Different(_CUT_OR_INTERRUPTED, "it delivers the part of a chunk that has arrived"),
    ),
    Injection(
        row=34,
        name="cut between chunks",
        script=(in_chunks(lambda body: _chunk(body[:-8])), good),
        expected=_CUT_OR_INTERRUPTED,
    ),
    Injection(
        row=34,
        name="chunk size that is not a number",
        script=(in_chunks(lambda body: b"size\r\n" + body), good),
        expected=_CUT,
    ),
    Injection(
        row=34,
        name="chunk size that is not a number, a moment after the head",
        script=(a_moment_after_the_head(b"size\r\n"), good),
        # Should nobody notice, the fault must not last for minutes.
        settings={"deadline": 5.0},
        expected=_CUT,
    ),
    Injection(
        row=34,
        name="negative chunk size",
        script=(in_chunks(lambda body: b"-5\r\n" + body), good),
        expected=_CUT,
    ),
    Injection(
        row=34,
        name="chunk size line of 70 KB",
        script=(in_chunks(lambda body: b"1;" + b"x" * 70_000 + b"\r\n" + body), good),
        expected=_CUT,
    ),
    Injection(
        row=34,
        name="no last chunk",
        script=(in_chunks(_chunk), good),
        expected=_CUT_OR_INTERRUPTED,
    ),
    Injection(
        row=34,
        name="chunks together with a Content-Length",
        script=(
            reply(
                lambda received: (
                    http(200, b"", content_length="7", transfer_encoding="chunked")
                    + _chunk(_parts(received)[1])
                    + b"0\r\n\r\n"
                ),
                keep=False,
            ),
            good,
        ),
        where=whole,
        expected=answers(1),
    ),
    _no_head(38, "endless header lines", endless_head),
    _no_head(38, "an endless header line", endless_header_line),
)
