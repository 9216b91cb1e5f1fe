"""The stub: one thread, raw sockets, bytes made beforehand. It reads no more of a request than it needs.

`python -m bench.costs.server` prints the port and serves until standard input ends. `GET /cpu` answers with the seconds
of CPU that the process has used, `GET /stop` ends it.
"""

from __future__ import annotations

import heapq
import itertools
import re
import select
import socket
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from bench.costs import canned
from bench.costs.cores import pin

Answer = bytes | Callable[[bytes], bytes]
"""A whole HTTP answer, or what makes one of a request."""

_LINE = b"HTTP/1.1 200 OK\r\n"
_PAGE = re.compile(rb"[?&]page(?:_no)?=(\d+)")


def whole(body: bytes) -> bytes:
    """Return the HTTP answer that has `body`, JSON, with its length."""
    return _LINE + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def encode_chunks(pieces: Iterable[bytes], content_type: bytes) -> bytes:
    """Return the HTTP answer whose body comes as one chunk for each piece, as streaming servers send it."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return _LINE + b"Content-Type: " + content_type + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


def _together(records: list[bytes], size: int = 16_384) -> list[bytes]:
    body = b"".join(records)
    return [body[begin : begin + size] for begin in range(0, len(body), size)]


def _answer_pages(backend: str) -> Callable[[bytes], bytes]:
    def answer(request: bytes) -> bytes:
        match = _PAGE.search(request)
        return whole(canned.page(backend, int(match[1]) if match else 1))

    return answer


def routes() -> dict[bytes, Answer]:
    """Return the answers by method and path."""
    kapa, kadal = f"/query/v1/projects/{canned.PROJECT}", "/aiwb/chat/api"
    kapa_records, openai_records = canned.kapa_records(), canned.openai_records()
    known: dict[str, Answer] = {
        f"POST {kapa}/chat/": whole(canned.encode(canned.KAPA_CHAT)),
        f"POST {kapa}/chat/stream/": encode_chunks(kapa_records, b"application/json"),
        f"POST /together{kapa}/chat/stream/": encode_chunks(_together(kapa_records), b"application/json"),
        f"POST {kapa}/retrieval/": whole(canned.encode(canned.KAPA_RETRIEVAL)),
        f"GET {kapa}/question-answers/": _answer_pages("kapa"),
        f"POST {kadal}/v2/{canned.BOT}": whole(canned.encode(canned.KADAL_CHAT)),
        f"GET {kadal}/v1/": _answer_pages("kadal"),
        "POST /v1/chat/completions": whole(canned.encode(canned.OPENAI_CHAT)),
        "POST /stream/v1/chat/completions": encode_chunks(openai_records, b"text/event-stream"),
        "POST /together/v1/chat/completions": encode_chunks(_together(openai_records), b"text/event-stream"),
        "GET /cpu": lambda _: whole(b"%f" % time.process_time()),
        "GET /stop": lambda _: sys.exit(0),
    }
    return {line.encode(): answer for line, answer in known.items()}


class Stub:
    """Serves the routes over kept connections, until it is stopped."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._routes = routes()
        # By the first line up to the query's end, as it came: most clients send the same one again and again.
        self._answers: dict[bytes, tuple[Answer, float]] = {}
        self._open: dict[int, socket.socket] = {}
        self._parts: dict[int, bytes] = {}
        self._due: list[tuple[float, int, socket.socket, bytes]] = []
        self._order = itertools.count()

    def serve(self) -> None:
        """Serve for ever."""
        # poll() counts in milliseconds where epoll() counts in seconds.
        waiting, second = (select.epoll(), 1.0) if hasattr(select, "epoll") else (select.poll(), 1000.0)
        listening = self._listener.fileno()
        waiting.register(listening, select.POLLIN)
        while True:
            for number, _ in waiting.poll(self._until_due() * second if self._due else None):
                if number == listening:
                    self._accept(waiting)
                else:
                    self._read(waiting, number)
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, connection, answer = heapq.heappop(self._due)
                # Its caller may have given up in the meantime.
                with suppress(OSError):
                    connection.sendall(answer)

    def _until_due(self) -> float:
        return max(0.0, self._due[0][0] - time.monotonic())

    def _accept(self, waiting: select.epoll | select.poll) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open[connection.fileno()] = connection
        waiting.register(connection.fileno(), select.POLLIN)

    def _read(self, waiting: select.epoll | select.poll, number: int) -> None:
        connection = self._open[number]
        try:
            data = connection.recv(65_536)
        except ConnectionResetError:
            data = b""
        if not data:
            waiting.unregister(number)
            connection.close()
            del self._open[number]
            self._parts.pop(number, None)
            return
        if self._parts:
            data = self._parts.pop(number, b"") + data
        # A request without a body ends with an empty line, one with a body with the brace of its JSON: no header needs
        # to be read. Clients that send head and body apart come here twice.
        if not data.endswith(b"}") and not (data.startswith(b"GET") and data.endswith(b"\r\n\r\n")):
            self._parts[number] = data
            return
        target = data[: data.index(b" ", 5)]
        answer, delay = self._answers.get(target) or self._find_route(target)
        if callable(answer):
            answer = answer(data)
        if delay:
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._order), connection, answer))
        else:
            connection.sendall(answer)

    def _find_route(self, target: bytes) -> tuple[Answer, float]:
        method, _, path = target.partition(b"?")[0].partition(b" ")
        slow = canned.SLOW.encode()
        line = method + b" " + path.removeprefix(slow)
        missing = whole(b'{"detail": "no such route"}').replace(b"200 OK", b"404 Not Found", 1)
        found = (self._routes.get(line, missing), canned.DELAY if path.startswith(slow) else 0.0)
        self._answers[target] = found
        return found


def main() -> None:
    """Say the port, and serve until standard input ends."""
    pin("server")
    stub = Stub()
    print(stub.port, flush=True)
    stub.serve()


if __name__ == "__main__":
    main()
