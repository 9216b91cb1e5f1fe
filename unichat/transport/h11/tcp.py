"""TCP connections: addresses are tried in turn, each with a head start before the next (RFC 8305, "Happy Eyeballs").

The socket is made here and handed to the event loop, rather than made by it: uvloop tries one address after the other,
and a socket of our own can be closed after the loop has ended.
"""

from __future__ import annotations

import asyncio

# The resolution of names uses both, and would load them late: while that holds up the event loop, and perhaps where no
# file descriptor is left to read them with.
import concurrent.futures.thread  # noqa: F401
import encodings.idna  # noqa: F401
import socket
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, zip_longest
from typing import Any

_HEAD_START = 0.25
"""Seconds from one address to the next, as RFC 8305 recommends."""

_Address = tuple[int, int, int, Any]
"""Family, type, protocol and address, as `getaddrinfo` has them."""


async def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that is connected to `host`.

    Raises:
        socket.gaierror, UnicodeError: its name cannot be resolved.
        OSError: none of its addresses can be reached; the last one's error.
    """
    addresses = _literal(host, port) or await _resolve(host, port)
    if len(addresses) == 1:
        return await _connect(addresses[0])
    return await _race(_interleave(addresses))


def _literal(host: str, port: int) -> list[_Address]:
    """Return the address that `host` is, if it is one: resolving takes a thread."""
    for family, address in ((socket.AF_INET, (host, port)), (socket.AF_INET6, (host, port, 0, 0))):
        with suppress(OSError, ValueError):
            socket.inet_pton(family, host)
            return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, address)]
    return []


async def _resolve(host: str, port: int) -> list[_Address]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
    return [(family, kind, protocol, address) for family, kind, protocol, _, address in found]


def _interleave(addresses: Sequence[_Address]) -> list[_Address]:
    """Return the addresses with families in turn, that of the first one first."""
    first = [each for each in addresses if each[0] == addresses[0][0]]
    others = [each for each in addresses if each[0] != addresses[0][0]]
    return [each for each in chain.from_iterable(zip_longest(first, others)) if each is not None]


async def _connect(to: _Address) -> socket.socket:
    family, kind, protocol, address = to
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setblocking(False)
        # An answer may take minutes, in which routers forget connections on which nothing moves.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await asyncio.get_running_loop().sock_connect(opened, address)
    except BaseException:
        opened.close()
        raise
    return opened


async def _race(addresses: Sequence[_Address]) -> socket.socket:
    """Return the first socket that is connected. All others are closed."""
    attempts: list[asyncio.Task[socket.socket]] = []
    running: set[asyncio.Task[socket.socket]] = set()
    waiting = iter(addresses)
    try:
        while True:
            if (address := next(waiting, None)) is not None:
                attempts.append(asyncio.ensure_future(_connect(address)))
                running.add(attempts[-1])
            elif not running:
                return attempts[-1].result()
            head_start = _HEAD_START if address is not None else None
            done, running = await asyncio.wait(running, timeout=head_start, return_when=asyncio.FIRST_COMPLETED)
            winner = next((task for task in attempts if task in done and task.exception() is None), None)
            if winner is not None:
                attempts.remove(winner)
                return winner.result()
    finally:
        for task in attempts:
            task.cancel()
            task.add_done_callback(_close)


def _close(task: asyncio.Task[socket.socket]) -> None:
    # Asked for its exception, or the loop would complain that nobody did.
    if not task.cancelled() and task.exception() is None:
        task.result().close()
