"""Who is measured: the table of contestants, and what all of them send.

A factory imports what it needs itself, so that a process holds one contestant's libraries only, and an absent library
is found out there. What it returns is called over and over; it gives the text that was answered.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from attrs import frozen

from bench.costs import canned

Factory = Callable[[str], Callable[[], Any]]
"""Takes the stub's address; returns what makes one call: a function, or a coroutine function."""


@frozen
class Contestant:
    """One line of a table.

    Attributes:
        case: the table.
        name: unique within it.
        needs: the distribution whose version is shown, and without which it is absent.
        built_in_loop: whether the factory must run within the event loop.
    """

    case: str
    name: str
    factory: Factory
    needs: str
    built_in_loop: bool = False


_TABLE: list[Contestant] = []
FIRST_EVENTS: list[float] = []
"""Seconds from the question to the first event of a stream, in this process, since they were last looked at."""


def contestant(case: str, name: str, needs: str, *, built_in_loop: bool = False) -> Callable[[Factory], Factory]:
    """Enter the decorated factory into the table."""

    def enter(factory: Factory) -> Factory:
        _TABLE.append(Contestant(case, name, factory, needs, built_in_loop))
        return factory

    return enter


def table() -> list[Contestant]:
    """Return all contestants, in the order in which they stand in their modules."""
    for name in ("chats", "streams", "histories"):
        import_module(f"bench.costs.{name}")
    return _TABLE


def contestants_for(case: str) -> list[Contestant]:
    """Return a case's contestants."""
    return [each for each in table() if each.case == case]


def find(case: str, name: str) -> Contestant:
    """Return one contestant."""
    return next(each for each in table() if (each.case, each.name) == (case, name))


# What all of them send and use

WITH_ORJSON = ", with orjson"
"""Ends the name of a contestant that may use it; all others are measured as if it were not installed, though some
peers bring it along."""


def without_orjson() -> None:
    """Have this process find no orjson."""
    sys.modules["orjson"] = None  # type: ignore[assignment]


KEY = "k" * 32
BARE = "bare requests"
CHAT_PATH = f"/query/v1/projects/{canned.PROJECT}/chat/"
HEADERS = {"X-API-KEY": KEY}
QUESTION = {"query": canned.QUESTION, "user": {"unique_client_id": canned.USER}}
MESSAGES = [{"role": "user", "content": canned.QUESTION}]
MODEL = "gpt-4o-mini"


def settings(backend: str, address: str) -> dict[str, str]:
    """Return what `unichat.connect` needs to talk to the stub; all the rest is left at its default."""
    if backend == "kapa":
        return {"api_key": KEY, "project_id": canned.PROJECT, "base_url": address}
    return {"token": KEY, "chat_bot_id": canned.BOT, "base_url": address}


def raw_request(path: str, body: Any) -> bytes:
    """Return the bytes of a POST that holds no more than it must."""
    data = canned.encode(body)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}"
    return f"{head}\r\n\r\n".encode() + data


def connect(address: str) -> socket.socket:
    """Return a connection to the stub."""
    host, port = address.removeprefix("http://").split("/")[0].split(":")
    opened = socket.create_connection((host, int(port)))
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened
