"""Answers that a vendor could give: whole ones, and streams in chunks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field

from unichat.adapter import Reply
from unichat.transport.base import HttpRequest, TransportFailure

_JSON = {"content-type": "application/json"}


class Silence:
    """Nothing, until the client gives up."""

    def __repr__(self) -> str:
        return "SILENCE"


SILENCE = Silence()

Chunk = bytes | TransportFailure | Silence
"""A piece of a body; the last may be how it broke instead."""


@define
class CannedStream:
    """An answer whose body comes in chunks.

    Attributes:
        chunks: what comes, piece by piece; a function is called when its chunk is wanted, and returns it.
        delimited: whether the answer says where its body ends.
        reads: how many chunks were read.
        closed: how often it was closed.
        idle_timeouts: the seconds of silence that were allowed, with each event.
    """

    chunks: Iterable[Chunk | Callable[[], Chunk]] = ()
    status: int = 200
    headers: Mapping[str, str] = field(factory=lambda: dict(_JSON))
    delimited: bool = True
    reads: int = 0
    closed: int = 0
    idle_timeouts: list[float] = field(factory=list)


CannedReply = Reply | CannedStream
Answering = Callable[[HttpRequest], Any]
"""A vendor: the good answer to each request; or any other outcome."""


def json_answer(value: Any = None, status: int = 200, **headers: str) -> Reply:
    """Return a whole answer with `value` as JSON; in names of headers, underscores stand for hyphens."""
    named = {name.replace("_", "-").lower(): text for name, text in headers.items()}
    return Reply(status, {**_JSON, **named}, json.dumps(value).encode())


def as_stream(answer: CannedReply) -> CannedStream:
    """Return a whole answer as a stream of one chunk."""
    if isinstance(answer, CannedStream):
        return answer
    return CannedStream([answer.body] if answer.body else [], answer.status, answer.headers)


def resolve_chunk(chunk: Chunk | Callable[[], Chunk]) -> Chunk:
    """Return the chunk, or what its function makes."""
    return chunk() if callable(chunk) else chunk


def resolve_bytes(answer: CannedReply) -> list[bytes]:
    """Return the bytes of a good answer, chunk by chunk."""
    chunks = [resolve_chunk(chunk) for chunk in as_stream(answer).chunks]
    return [chunk for chunk in chunks if isinstance(chunk, bytes)]
