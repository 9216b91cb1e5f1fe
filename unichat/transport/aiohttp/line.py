"""The line to one host: aiohttp's connections and its parser of answers, without its session.

The session sends a GET again by itself when the connection drops, and one vendor asks questions by GET; it follows
redirects and keeps cookies unless it is told not to; and it takes as long for a call as the rest of aiohttp.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import aiohttp
from aiohttp.http import RawResponseMessage, StreamWriter
from urllib3.util import wait_for_read
from yarl import URL

import unichat
from unichat.transport import limits
from unichat.transport.aiohttp.phases import Handshake, Sending, current

_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)
"""aiohttp's own time-outs are not used: all waits have ours."""


class Answer:
    """An answer whose head is here. Its connection is free again once the body has ended.

    Attributes:
        headers: by lower-case names, several of one name joined as HTTP allows.
        content: where the body comes.
        closed: whether the body has ended, or was given up.
    """

    __slots__ = ("_connection", "_keep", "_leave", "closed", "content", "headers", "status", "version")

    def __init__(
        self,
        message: RawResponseMessage,
        content: aiohttp.StreamReader,
        connection: Any,
        leave: Callable[[], None],
        *,
        keep: bool,
    ) -> None:
        self.status, self.version = message.code, message.version
        self.headers = _lower(message.headers)
        self.content = content
        self.closed = False
        self._connection, self._leave, self._keep = connection, leave, keep
        content.on_eof(self._ended)

    def _ended(self) -> None:
        if not self.closed:
            self.closed = True
            if self._keep:
                # Whatever comes now is nobody's. Without a parser it stays visible; with one, half a head would not.
                self._connection.protocol._parser = None
                self._connection.release()
            else:
                if self._connection.transport is not None:
                    self._connection.transport.abort()
                self._connection.close()
            self._leave()

    def close(self) -> None:
        """Give up what has not come yet, and the connection with it. Closing twice is fine."""
        if not self.closed:
            self.closed = True
            if self.content.exception() is None:
                self.content.set_exception(aiohttp.ClientConnectionError("the answer was closed"))
            self._connection.close()
            self._leave()


def _lower(headers: Any) -> dict[str, str]:
    lower: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        lower[key] = f"{lower[key]}, {value}" if key in lower else value
    return lower


class _Way(aiohttp.ClientRequest):
    """Where to connect to, and how: of a request, what aiohttp's connector looks at."""

    @cached_property
    def connection_key(self) -> Any:
        """Which kept connections will do."""
        return super().connection_key


class Line:
    """Connections to one host, each with the attempt that had it last. Made within the event loop that it belongs to.

    Args:
        base_url: with an encoded path, without a slash at its end.
        proxy: its address, credentials included; None for none.
        tls: how to check whom it talks to; None where nothing is encrypted.
        connect_timeout: seconds for one connection.
        connections: how many there may be at a time.
    """

    def __init__(
        self,
        base_url: str,
        proxy: str | None,
        tls: ssl.SSLContext | None,
        connect_timeout: float,
        connections: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._base_url = base_url
        # Encoded already; yarl would decode what it thinks needs no encoding, and a dot segment would come to life.
        url = URL(base_url, encoded=True)
        # Made once, since it costs as much as sending.
        self._way = _Way(
            "GET",
            url,
            headers={"User-Agent": f"unichat/{unichat.__version__}"},
            loop=self._loop,
            proxy=URL(proxy) if proxy else None,
        )
        # To a proxy goes the whole address, unless it only passes on what is encrypted.
        self._before_target = base_url if proxy and url.scheme == "http" else url.raw_path.rstrip("/")
        self._connect_timeout = connect_timeout
        # Our own places: aiohttp's count would pass for a part of connecting, which has a time-out of its own.
        self._places = connections
        self._queue: deque[asyncio.Future[None]] = deque()
        self._connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=limits.IDLE_LIFE,
            ssl=tls or True,
            resolver=aiohttp.ThreadedResolver(),
        )
        if tls is not None:
            tls.sslobject_class = Handshake
        self._waiting: set[Sending] = set()
        """Those without a connection yet."""
        self._users: dict[Any, Sending] = {}

    async def ask(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None, attempt: Sending
    ) -> Answer:
        """Send a request and return when the head of its answer is there; raise whatever aiohttp does.

        The attempt has taken a place, which is free again when its answer has ended.
        """
        try:
            connection = await self._connected(attempt)
        except BaseException:
            self._leave()
            raise
        try:
            protocol = connection.protocol
            protocol.set_response_params(
                read_until_eof=True,
                max_line_size=limits.LONGEST_LINE,
                max_field_size=limits.LONGEST_LINE,
                max_headers=limits.MOST_HEADERS,
            )
            # After connecting, which adds what a proxy wants to see.
            sent = self._way.headers.copy()
            sent.update(headers)
            if method != "GET":
                sent["Content-Length"] = str(len(body or b""))
            writer = StreamWriter(protocol, self._loop)
            await writer.write_headers(f"{method} {self._before_target}{target} HTTP/1.1", sent)
            if body:
                # Not waiting until it is out: the answer may come before, and then the rest is not wanted.
                await writer.write(body, drain=False)
            writer.set_eof()
            attempt.phase, attempt.written = "waiting", True
            message, content = await _final(protocol)
            attempt.phase, attempt.reader = "body", content
            keep = len(body or b"") <= limits.LARGE_REQUEST
            return Answer(message, content, connection, self._leave, keep=keep)
        except BaseException:
            self.abandon(attempt)
            connection.close()
            self._leave()
            raise

    def took_place(self) -> bool:
        """Take a place for another connection, if there is one; `ask` must follow."""
        if not self._places:
            return False
        self._places -= 1
        return True

    async def wait_for_place(self, attempt: Sending) -> None:
        """Wait until somebody leaves a place, and take it; `ask` must follow."""
        attempt.phase = "queued"
        self._waiting.add(attempt)
        left: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(left)
        try:
            await left
        except asyncio.CancelledError:
            if left.done() and not left.cancelled():
                # Given to one who does not want it any longer.
                self._leave()
            raise
        finally:
            self._waiting.discard(attempt)
        attempt.phase = "connecting"

    def _leave(self) -> None:
        while self._queue:
            left = self._queue.popleft()
            if not left.done():
                left.set_result(None)
                return
        self._places += 1

    async def _connected(self, attempt: Sending) -> Any:
        """Return a connection, kept or new, on which nothing came unasked."""
        while True:
            # A time-out costs more than looking for a kept one first.
            connection: Any = await self._connector._get(self._way.connection_key, []) or await self._made(attempt)
            kept = self._give(connection.protocol, attempt)
            if not kept or _is_silent(connection.protocol):
                attempt.phase = "sending"
                return connection
            connection.close()

    async def _made(self, attempt: Sending) -> Any:
        """Return a new connection, a proxy's answer included, within the time for that."""
        self._waiting.add(attempt)
        before = current.set(attempt)
        try:
            async with asyncio.timeout(self._connect_timeout) as limit:
                return await self._connector.connect(self._way, [], _NO_TIMEOUT)
        except TimeoutError:
            if not limit.expired():
                raise
        finally:
            current.reset(before)
            self._waiting.discard(attempt)
        raise aiohttp.ConnectionTimeoutError("nobody answers")

    def _give(self, protocol: Any, attempt: Sending) -> bool:
        """Give an attempt a connection; return whether another had it before."""
        kept = protocol in self._users
        if not kept and protocol.closed is not None:
            protocol.closed.add_done_callback(partial(self._lost, protocol))
        self._users[protocol] = attempt
        attempt.protocol, attempt.transport = protocol, protocol.transport
        return kept

    def _lost(self, protocol: Any, closed: asyncio.Future[None]) -> None:
        if not closed.cancelled():
            # Asked for, or the loop would complain that nobody did.
            closed.exception()
        reader = self._users.pop(protocol).reader
        # After a broken chunk aiohttp closes the connection, and leaves whoever waits for the rest of it waiting.
        if reader is not None and not reader.is_eof() and reader.exception() is None:
            reader.set_exception(aiohttp.ClientPayloadError("the connection ended"))

    def abandon(self, attempt: Sending) -> None:
        """End an attempt's connection, if no other has it by now.

        Without a farewell: TLS would wait for the answer to its own, and keep the socket until then.
        """
        if attempt.transport is not None and self._users.get(attempt.protocol) is attempt:
            attempt.transport.abort()

    async def close(self) -> None:
        """Close all connections, and end what is running."""
        for attempt in (*self._waiting, *self._users.values()):
            attempt.stop()
        await self._connector.close()
        # Connections that were given up end in the loop's next turn.
        await asyncio.sleep(0)


async def _final(protocol: Any) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Return the first head that is no interim one."""
    for _ in range(limits.MOST_INTERIM + 1):
        message, content = await protocol.read()
        if not 100 <= message.code < 200 or message.code == 101:
            return message, content
    raise ValueError(f"more than {limits.MOST_INTERIM} interim answers")


def _is_silent(protocol: Any) -> bool:
    """Whether nothing came on a kept connection: its end, or what would pass for the answer to the next question."""
    # What the loop has read, and what the kernel still has.
    return not protocol.should_close and not wait_for_read(protocol.transport.get_extra_info("socket"), timeout=0.0)
