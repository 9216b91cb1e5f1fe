"""Rows 1 to 15: connections that are not made, break, or say nothing."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.faults.bench import Bench
from tests.faults.injection import DEADLINE, Different, Injection, good
from tests.faults.outcome import answer, answers, every, exhausts, loses, raises, withholds
from tests.faults.server import Connection, FaultServer
from tests.faults.vendors import http
from unichat.errors import ConnectionFailed, DeadlineExceeded

# Faults


def close_at_once(_: Connection) -> bool:
    """Close before reading anything."""
    return False


def reset_after_reading(connection: Connection) -> bool:
    """Read the whole request, then reset."""
    connection.read()
    connection.reset()
    return False


def close_after_reading(connection: Connection) -> bool:
    """Read the whole request, then close without an answer."""
    connection.read()
    return False


def say_nothing(connection: Connection) -> bool:
    """Read the whole request, then keep silent."""
    connection.read()
    connection.wait()
    return False


def _drip(connection: Connection, data: bytes) -> bool:
    for at in range(len(data)):
        connection.write(data[at : at + 1])
        connection.pause(0.02)
    return False


def drip_the_head(connection: Connection) -> bool:
    """Send the head a byte at a time: each byte starts a time-out anew."""
    return _drip(connection, connection.good(connection.read()))


def drip_the_body(connection: Connection) -> bool:
    """Send the head, then the body a byte at a time."""
    head, _, body = connection.good(connection.read()).partition(b"\r\n\r\n")
    connection.write(head + b"\r\n\r\n")
    return _drip(connection, body)


def drip_a_compressed_body(connection: Connection) -> bool:
    """The same, compressed: bytes come, and none can be decoded for long."""
    body = gzip.compress(connection.good(connection.read()).partition(b"\r\n\r\n")[2])
    head, _, body = http(200, body, content_encoding="gzip").partition(b"\r\n\r\n")
    connection.write(head + b"\r\n\r\n")
    return _drip(connection, body)


def stall_in_the_body(connection: Connection) -> bool:
    """Send half of the body, then keep silent."""
    data = connection.good(connection.read())
    connection.write(data[: data.index(b"\r\n\r\n") + 40])
    connection.wait()
    return False


def close_when_idle(connection: Connection) -> bool:
    """Answer well as if the connection stayed open, and close it."""
    connection.write(connection.good(connection.read()))
    return False


# Surroundings


def unresolvable(bench: Bench) -> None:
    """No name resolves any more; nobody outside is asked."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    bench.url = f"https://vendor.invalid:{bench.server.port}"
    bench.patch.setattr(socket, "getaddrinfo", fail)


@contextmanager
def full_port() -> Iterator[str]:
    """The address of a port that listens, but whose queue is full: a connection is neither made nor refused."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def full_queue(bench: Bench) -> None:
    """The client is sent to such a port."""
    bench.url = bench.opened.enter_context(full_port())


def listen_at_the_second_wait(server: FaultServer, wait: int) -> None:
    """Two attempts are refused; then the vendor is back."""
    if wait == 2:
        server.listen()


_LATE = every(raises(DeadlineExceeded, delivered=True, stopped_by="deadline"))
_MEASURED = {"deadline": DEADLINE}

INJECTIONS = (
    Injection(
        row=1,
        name="closed port",
        server={"listening": False},
        expected=exhausts(ConnectionFailed, "refused", seen=0),
    ),
    Injection(
        row=2, name="unresolvable name", arrange=unresolvable, expected=exhausts(ConnectionFailed, "dns", seen=0)
    ),
    Injection(
        row=3,
        name="black hole: the accept queue is full",
        arrange=full_queue,
        settings={"connect_timeout": 0.05},
        expected=exhausts(ConnectionFailed, "connect_timeout", seen=0),
    ),
    Injection(
        row=4,
        name="refused twice, then listening",
        server={"listening": False},
        between=listen_at_the_second_wait,
        expected=answers(3, seen=1),
    ),
    Injection(
        row=5,
        name="closed before reading",
        script=(close_at_once, good),
        expected=withholds(ConnectionFailed, "closed", "reset"),
        over_h11=Different(
            withholds(ConnectionFailed, "closed", "reset", otherwise=answer(2, seen=1)),
            "the event loop may see the end of the connection before it has written anything",
        ),
    ),
    Injection(
        row=6,
        name="reset after reading",
        script=(reset_after_reading, good),
        expected=withholds(ConnectionFailed, "reset"),
    ),
    Injection(
        row=6,
        name="reset after reading, every time",
        script=(reset_after_reading,),
        expected=loses(3, ConnectionFailed, "reset"),
    ),
    Injection(
        row=7,
        name="closed after reading",
        script=(close_after_reading, good),
        expected=withholds(ConnectionFailed, "closed"),
    ),
    Injection(row=8, name="silence", script=(say_nothing, good), settings=_MEASURED, expected=_LATE),
    Injection(row=9, name="head sent byte by byte", script=(drip_the_head, good), settings=_MEASURED, expected=_LATE),
    Injection(
        row=10,
        name="body sent byte by byte",
        script=(drip_the_body, good),
        settings=_MEASURED,
        # A stream's first record takes longer to drip than the deadline allows, so it is not an interruption yet.
        expected=_LATE,
    ),
    Injection(
        row=11,
        name="compressed body sent byte by byte",
        script=(drip_a_compressed_body, good),
        settings=_MEASURED,
        expected=_LATE,
    ),
    Injection(row=12, name="stall in the body", script=(stall_in_the_body, good), settings=_MEASURED, expected=_LATE),
    Injection(
        row=14,
        name="idle connection closed before the second call",
        script=(close_when_idle, good),
        warm=0,
        expected=answers(1),
    ),
    Injection(
        row=15,
        name="reused connection closed after reading the second request",
        script=(good, close_after_reading, good),
        warm=1,
        expected=withholds(ConnectionFailed, "closed"),
    ),
    Injection(
        row=15,
        name="reused connection reset after reading the second request",
        script=(good, reset_after_reading, good),
        warm=1,
        expected=withholds(ConnectionFailed, "reset"),
    ),
)
