"""What can go wrong, by name: on the wire of a `FaultServer`, and as the outcome of a `CannedTransport`."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from unichat.adapter import Reply
from unichat.testing.answers import SILENCE, CannedReply, CannedStream, Silence, as_stream, json_answer, resolve_bytes
from unichat.transport.base import TransportFailure

if TYPE_CHECKING:
    from unichat.testing.server import Connection


@frozen
class Fault:
    """One way in which a vendor, or the network before it, fails.

    Attributes:
        name: as `CannedTransport` and `FaultServer` take it.
        wire: what happens on the wire.
        outcome: what a transport makes of it: from the good answer, what comes instead.
        serve: does it to a connection, and returns whether the connection stays open; None where no connection can show
            it.
        once: whether it happens once, even to what goes on failing otherwise.
        answered: whether the vendor begins its good answer, so that it has done what was asked.
    """

    name: str
    wire: str
    outcome: Callable[[CannedReply], CannedReply | TransportFailure | Silence] = field(repr=False)
    serve: Callable[[Connection], bool] | None = field(default=None, repr=False)
    once: bool = False
    answered: bool = False

    @property
    def is_harmless(self) -> bool:
        """Whether a client that tries again gets the good answer in spite of it."""
        return self.once or self.outcome is _keep


def _keep(answer: CannedReply) -> CannedReply:
    return answer


def _fail(kind: str, *, delivered: bool | None = None, phase: str) -> Callable[[CannedReply], TransportFailure]:
    return lambda _: TransportFailure(kind, delivered=delivered, phase=phase)


def _instead(answer: Reply) -> Fault:
    """A fault that is an answer like any other."""
    return Fault("", "", lambda _: answer, lambda connection: connection.answer(answer))


def _status(status: int) -> Fault:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "no name"
    return evolve(
        _instead(json_answer({}, status)),
        name=str(status),
        wire=f"an answer of status {status} ({phrase}), with `{{}}`",
    )


def _half(answer: CannedReply) -> list[bytes]:
    """Return the first half of the chunks, or of the one that there is."""
    chunks = resolve_bytes(answer)
    if len(chunks) > 1:
        return chunks[: len(chunks) // 2]
    return [chunk[: len(chunk) // 2] for chunk in chunks]


def _cut(end: TransportFailure | Silence) -> Callable[[CannedReply], CannedStream]:
    return lambda answer: evolve(as_stream(answer), chunks=[*_half(answer), end])


# On the wire


def _good(connection: Connection) -> bool:
    connection.write(connection.good(connection.read()))
    return True


def _reset_after_send(connection: Connection) -> bool:
    connection.read()
    connection.reset()
    return False


def _close_after_send(connection: Connection) -> bool:
    connection.read()
    return False


def _silence(connection: Connection) -> bool:
    connection.read()
    connection.wait()
    return False


def _not_http(connection: Connection) -> bool:
    connection.read()
    connection.write(b"220 mail.example ESMTP ready\r\n")
    return False


def _interim(connection: Connection) -> bool:
    received = connection.read()
    connection.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + connection.good(received))
    return True


def _cut_body(connection: Connection) -> bool:
    head, _, body = connection.good(connection.read()).partition(b"\r\n\r\n")
    connection.write(head + b"\r\n\r\n" + body[: len(body) // 2])
    return False


def _reset_in_body(connection: Connection) -> bool:
    _cut_body(connection)
    connection.reset()
    return False


def _stall_in_body(connection: Connection) -> bool:
    _cut_body(connection)
    connection.wait()
    return False


def _endless_body(connection: Connection) -> bool:
    connection.read()
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b" " * 65_536
    while True:
        connection.write(b"%x\r\n%s\r\n" % (len(piece), piece))


_TRUNCATED = TransportFailure("truncated", phase="body")
_PAGE = Reply(200, {"content-type": "text/html"}, b"<html><body>Please sign in.</body></html>")
_HALF_JSON = Reply(200, {"content-type": "application/json"}, b'{"answer": ')
_EMPTY = Reply(200, {"content-type": "application/json"}, b"")
_REDIRECT = Reply(302, {"location": "http://127.0.0.1:9/elsewhere", "content-type": "text/plain"}, b"")

_STATUSES = (400, 401, 403, 404, 422, 429, 500, 502, 503, 504, 507)

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("good", "the vendor's good answer", _keep, _good, answered=True),
        *map(_status, _STATUSES),
        evolve(
            _instead(json_answer({}, 429, Retry_After="86400")),
            name="quota",
            wire="status 429 with `Retry-After: 86400`, as after a day's last question",
        ),
        evolve(_status(503), name="503_once", wire="status 503 once, and from then on good answers", once=True),
        Fault("dns", "the host's name is not found", _fail("dns", phase="resolving")),
        Fault("refused", "the connection is refused", _fail("refused", phase="connecting")),
        Fault("connect_timeout", "the connection is not made in time", _fail("connect_timeout", phase="connecting")),
        Fault("tls", "the TLS handshake fails", _fail("tls", phase="handshake")),
        Fault("certificate", "the certificate is not trusted", _fail("certificate", phase="handshake")),
        Fault(
            "reset_after_send",
            "the whole request is read, and the connection is reset",
            _fail("reset", phase="waiting"),
            _reset_after_send,
        ),
        Fault(
            "close_after_send",
            "the whole request is read, and the connection is closed",
            _fail("closed", phase="waiting"),
            _close_after_send,
        ),
        Fault("silence", "the whole request is read, and nothing comes", lambda _: SILENCE, _silence),
        Fault("not_http", "a line of another protocol, and the end", _fail("head", phase="waiting"), _not_http),
        Fault("interim", "`103 Early Hints`, and then the good answer", _keep, _interim, answered=True),
        evolve(_instead(_REDIRECT), name="redirect", wire="status 302, to another port"),
        evolve(_instead(_PAGE), name="html", wire="status 200 with a page of HTML, as a proxy or a sign-in gives"),
        evolve(_instead(_HALF_JSON), name="half_json", wire="status 200 with half a JSON document"),
        evolve(_instead(_EMPTY), name="empty", wire="status 200 with an empty body"),
        Fault(
            "cut_body",
            "the good answer up to the middle of its body, and the end",
            _cut(_TRUNCATED),
            _cut_body,
            answered=True,
        ),
        Fault(
            "cut_stream",
            "the first half of the good answer's chunks, and the end",
            _cut(_TRUNCATED),
            lambda connection: connection.stream_half(),
            answered=True,
        ),
        Fault("reset_in_body", "the same as `cut_body`, with a reset", _cut(_TRUNCATED), _reset_in_body, answered=True),
        Fault("stall_in_body", "the same as `cut_body`, with silence", _cut(SILENCE), _stall_in_body, answered=True),
        Fault("endless_body", "a body that never ends", _fail("too_large", phase="body"), _endless_body),
    )
}
"""Every fault that has a name. Another status is a name, too: `find_fault("418")`."""


def find_fault(name: str) -> Fault:
    """Return the fault of that name.

    Raises:
        ValueError: there is none; it names the nearest, and lists those that there are.
    """
    if name in FAULTS:
        return FAULTS[name]
    if name.isascii() and name.isdecimal() and 200 <= int(name) <= 599:
        return _status(int(name))
    nearest = get_close_matches(name, FAULTS, n=1)
    meant = f" (did you mean {nearest[0]}?)" if nearest else ""
    raise ValueError(
        f"no fault is called {name!r}{meant}; there are {', '.join(FAULTS)}, and every status from 200 to 599"
    )
