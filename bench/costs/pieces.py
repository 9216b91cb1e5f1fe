"""What a call, a row of a history and a record of a stream are made of: their pieces, in memory, without a server.

`python -m bench.costs.pieces ROUNDS SECONDS` prints, as JSON, the microseconds of CPU time that each piece takes, one
figure for each round. In a round every piece has its turn, of `SECONDS` or up to twice as many.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from attrs import frozen

from bench.costs import canned, streams
from bench.costs.contestants import find, settings, without_orjson
from bench.costs.cores import pin
from bench.costs.worker import measure, times

_NOWHERE = "http://127.0.0.1:9"
"""Where the clients would send to, if their transports did not answer at once."""
PARTS = (
    "chat call, checking the arguments",
    "chat call, building the operation",
    "chat call, reading the answer",
)
WHOLE, WHOLE_ASYNC = "chat call, the whole, sync", "chat call, the whole, async"
_ALL_ELSE = {WHOLE: "chat call, all else, sync", WHOLE_ASYNC: "chat call, all else, async"}
"""What is left of a whole call without `PARTS`: attempts, deadline, record, budget, breaker, the performer's loop."""


@frozen
class Piece:
    """One piece.

    Attributes:
        call: a function or a coroutine function, called over and over; it gives what the piece makes.
        count: rows or records in one call.
    """

    name: str
    call: Callable[[], Any]
    count: int = 1


async def table() -> list[Piece]:
    """Return all pieces; a coroutine, since an async client is made within its event loop."""
    import unichat

    kapa = unichat.connect("kapa", **settings("kapa", _NOWHERE))
    asynchronous = unichat.connect_async("kapa", **settings("kapa", _NOWHERE))
    kadal = unichat.connect("kadal", **settings("kadal", _NOWHERE))
    answer_at_once(kapa)
    answer_at_once_async(asynchronous)
    kapa_list = kapa.operations.list_question_answers(page=1, page_size=canned.PAGE_SIZE)
    kadal_list = kadal.operations.list_chats(page_no=1, page_size=canned.PAGE_SIZE)
    return [
        *_chat_pieces(kapa, asynchronous),
        *_row_pieces("kapa", kapa, kapa_list.map(lambda found: found.items)),
        *_row_pieces("kadal", kadal, kadal_list.map(lambda found: found.rows)),
        *_record_pieces(kapa, asynchronous),
    ]


def _chat_pieces(client: Any, asynchronous: Any) -> Iterator[Piece]:
    body = canned.encode(canned.KAPA_CHAT)
    reply = _make_replies(body)
    checked = _check(client, "chat")
    operation = next(client._adapter.chat(checked))

    async def whole_async() -> str:
        text: str = (await asynchronous.chat(canned.QUESTION, user=canned.USER)).text
        return text

    yield Piece("chat call, json.loads of the answer alone", lambda: json.loads(body))
    checking, building, reading = PARTS
    yield Piece(checking, lambda: _check(client, "chat"))
    yield Piece(building, lambda: next(client._adapter.chat(checked)))
    yield Piece(reading, lambda: operation.parse(reply()))
    yield Piece(WHOLE, lambda: client.chat(canned.QUESTION, user=canned.USER).text)
    yield Piece(WHOLE_ASYNC, whole_async)


def _row_pieces(backend: str, client: Any, listing: Any) -> Iterator[Piece]:
    """Yield the steps of reading a page, each with those before it; `listing` is the vendor's own list."""
    from unichat.client.paging import Paging

    page, key = canned.page(backend, 1), "results" if backend == "kapa" else "data"
    reply = _make_replies(page)
    paged, limit = _read_pages(client), client._settings.page_limit

    def piece(name: str, call: Callable[[], Any]) -> Piece:
        return Piece(f"row of {backend.title()}'s history, {name}", call, canned.PAGE_SIZE)

    def page_through() -> Any:
        paging = Paging(paged, limit)
        paging.next_step()
        paging.take_page(paged.first.parse(reply()))
        return paging.next_step()

    yield piece("json.loads alone", lambda: json.loads(page)[key])
    yield piece("with the vendor's model", lambda: listing.parse(reply()))
    yield piece("with the shared model as well", lambda: paged.first.parse(reply()).items)
    yield piece("with paging as well", page_through)


def _record_pieces(client: Any, asynchronous: Any) -> Iterator[Piece]:
    body = b"".join(canned.kapa_records())
    operation = next(client._adapter.stream(_check(client, "stream")))
    limit = client._settings.record_limit

    def read_stream() -> str:
        with client.stream(canned.QUESTION, user=canned.USER) as pieces:
            return "".join([event.text for event in pieces])

    async def read_stream_async() -> str:
        async with asynchronous.stream(canned.QUESTION, user=canned.USER) as pieces:
            return "".join([event.text async for event in pieces])

    def piece(name: str, call: Callable[[], Any]) -> Piece:
        return Piece(f"record of a stream, {name}", call, canned.RECORDS)

    yield piece(streams.LOOP, find("stream", streams.LOOP).factory(_NOWHERE))
    yield piece(
        "unichat's decoder alone", lambda: "".join([event.text for event in operation.decoder(limit).feed(body)])
    )
    yield piece("the whole stream, sync", read_stream)
    yield piece("the whole stream, async", read_stream_async)


# What the pieces need


def _check(client: Any, operation: str) -> Any:
    checks = client._arguments
    return checks.chat(operation, canned.QUESTION, user=canned.USER, metadata=None, on_unsupported=None, options={})


def _read_pages(client: Any) -> Any:
    """Return the whole history in pages, as the adapter gives it."""
    call = client._arguments.history(
        None, user=None, newest_first=False, page_size=canned.PAGE_SIZE, on_unsupported=None, options={}
    )
    from unichat.execution.program import complete

    context = client._context
    return client._performer.perform(complete(client._adapter.history(call), context.call(), context))


def _make_replies(body: bytes) -> Callable[[], Any]:
    """Return what makes a fresh reply each time, since one decodes its JSON once."""
    from unichat.adapter import Reply

    headers = {"content-type": "application/json"}
    return lambda: Reply(200, headers, body)


class _CannedReply:
    """A streamed answer in memory."""

    status = 200
    delimited = True

    def __init__(self, records: list[bytes]) -> None:
        self.headers = {"content-type": "application/json"}
        self._rest = iter(records)

    def read(self) -> bytes | None:
        return next(self._rest, None)

    def reset_idle_timeout(self, seconds: float) -> None:
        """Nothing is waited for."""

    def close(self) -> None:
        """There is nothing to close."""


class _AsyncCannedReply(_CannedReply):
    """A streamed answer in memory, for asyncio."""

    async def read(self) -> bytes | None:  # type: ignore[override]
        return next(self._rest, None)


def answer_at_once(client: Any) -> None:
    """Put answers in memory in the place of a client's transport: a whole one, and one of a record a piece."""
    records = canned.kapa_records()
    reply = _make_replies(canned.encode(canned.KAPA_CHAT))
    transport = client._transport
    transport.send = lambda *_, **__: reply()
    transport.open = lambda *_, **__: _CannedReply(records)


def answer_at_once_async(client: Any) -> None:
    """Do the same for an async client."""
    records = canned.kapa_records()
    reply = _make_replies(canned.encode(canned.KAPA_CHAT))

    async def send(*_: Any, **__: Any) -> Any:
        return reply()

    async def open_(*_: Any, **__: Any) -> Any:
        return _AsyncCannedReply(records)

    transport = client._transport
    transport.send, transport.open = send, open_


# Measuring


def run(rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return the microseconds of each piece, and what is left of a whole call without its parts: one for each round."""
    loop = asyncio.new_event_loop()
    turns = {
        piece.name: _turn(times(piece.call, loop), piece.count, seconds) for piece in loop.run_until_complete(table())
    }
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            taken[name].append(turn())
    loop.close()
    return with_all_else(taken)


def _turn(many: Callable[[int], None], each: int, seconds: float) -> Callable[[], float]:
    """Warm up; return what takes a turn and gives the microseconds of one row or record, `each` of them in a call."""
    calls = 1
    while _cpu(many, calls) < seconds:
        calls *= 2
    return lambda: _cpu(many, calls) / calls / each * 1e6


def _cpu(many: Callable[[int], None], calls: int) -> float:
    """Return the seconds of CPU that so many calls take. As with `timeit`, no garbage is collected meanwhile.

    A collection looks at everything in the process, and would be charged to the piece that happens to be at work.
    """
    gc.collect()
    gc.disable()
    try:
        return measure(partial(many, calls))["cpu"]
    finally:
        gc.enable()


def with_all_else(taken: dict[str, list[float]]) -> dict[str, list[float]]:
    """Put before each whole call what it takes beside its parts: by rounds, since what disturbs one disturbs all."""
    full: dict[str, list[float]] = {}
    for name, each in taken.items():
        if name in _ALL_ELSE:
            together = zip(each, *(taken[part] for part in PARTS), strict=True)
            full[_ALL_ELSE[name]] = [whole - sum(parts) for whole, *parts in together]
        full[name] = each
    return full


if __name__ == "__main__":
    pin("client")
    without_orjson()
    print(json.dumps(run(int(sys.argv[1]), float(sys.argv[2]))), flush=True)
