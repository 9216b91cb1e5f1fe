"""Turns of conversations: what they cost beside the call, and a thousand conversations at once.

`python -m bench.costs.turns one STORE ROUNDS TURNS` prints one JSON object: `cpu` and `wall` of a turn beside its call,
in microseconds. `python -m bench.costs.turns many ROUNDS` prints how a thousand conversations over one async client get
in each other's way: `held`, the share of a call's time that a round takes beyond that time and its own CPU, and
`grown`, the KiB of memory that each conversation adds in the second half of the rounds.

No server is used: what a call costs is measured elsewhere. The vendor's answers come from memory.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from bench.costs import canned
from bench.costs.contestants import settings, without_orjson
from bench.costs.cores import pin
from bench.costs.memory import peak
from bench.costs.pieces import answer_at_once
from bench.costs.worker import measure

CONVERSATIONS = 1_000
_TURNS_EACH = 20
"""Of a conversation in which turns are measured, the first of them included."""
_SECONDS = 2.0
"""How long each call of the thousand takes."""
_NOWHERE = "http://127.0.0.1:9"


def one(store: str, rounds: int, turns: int) -> dict[str, float]:
    """Return what a turn costs beside its call: calls and turns alternate, since what disturbs one disturbs both."""
    import unichat

    with unichat.connect("kapa", **settings("kapa", _NOWHERE)) as client:
        answer_at_once(client)
        with unichat.Conversations(client, store=store) as conversations:
            numbers = count()

            def ask() -> None:
                for number in range(turns):
                    if number % _TURNS_EACH == 0:
                        talk = conversations.get(f"conversation-{next(numbers)}")
                    talk.ask(canned.QUESTION, user=canned.USER, event=f"event-{next(numbers)}")

            def call() -> None:
                thread = client.chat(canned.QUESTION, user=canned.USER).thread
                for _ in range(turns - 1):
                    client.continue_thread(thread, canned.QUESTION, user=canned.USER)

            ask()
            call()
            found: dict[str, list[float]] = {"cpu": [], "wall": []}
            for _ in range(rounds):
                whole, calls = measure(ask), measure(call)
                for kind, values in found.items():
                    values.append((whole[kind] - calls[kind]) / turns * 1e6)
    return {kind: median(values) for kind, values in found.items()}


async def many(store: str, rounds: int, seconds: float = _SECONDS) -> dict[str, float]:
    """Let a thousand conversations ask at once, round after round."""
    import unichat
    from unichat.adapter import Reply

    body, headers = canned.encode(canned.KAPA_CHAT), {"content-type": "application/json"}

    async def send(*_: Any, **__: Any) -> Reply:
        await asyncio.sleep(seconds)
        return Reply(200, headers, body)

    async with (
        unichat.connect_async("kapa", **settings("kapa", _NOWHERE)) as client,
        unichat.AsyncConversations(client, store=store) as conversations,
    ):
        client._transport.send = send  # type: ignore[method-assign]

        async def ask(number: int, turn: int) -> None:
            talk = conversations.get(f"conversation-{number}")
            await talk.ask(canned.QUESTION, user=f"user-{number}", event=f"event-{turn}")

        held: list[float] = []
        settled = 0
        for turn in range(rounds):
            began, used = time.perf_counter(), time.process_time()
            await asyncio.gather(*(ask(number, turn) for number in range(CONVERSATIONS)))
            wall, cpu = time.perf_counter() - began, time.process_time() - used
            held.append((wall - cpu - seconds) / seconds)
            if turn == rounds // 2:
                settled = peak()
    return {"held": median(held), "grown": (peak() - settled) / CONVERSATIONS}


@contextmanager
def sqlite() -> Iterator[str]:
    """The address of a new file."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        yield f"sqlite:///{Path(folder) / 'bot.db'}"


@contextmanager
def postgresql(url: str) -> Iterator[str]:
    """The address of a new schema in a database of PostgreSQL."""
    import sqlalchemy

    name = f"benchmark_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE SCHEMA {name}"))
        yield f"{url}?options=-csearch_path%3D{name}"
        connection.execute(sqlalchemy.text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()


def main(arguments: list[str]) -> dict[str, float]:
    """Measure what is asked for."""
    if arguments[0] == "many":
        with sqlite() as address:
            return asyncio.run(many(address, int(arguments[1])))
    _, store, rounds, turns = arguments
    with sqlite() if store == "sqlite" else postgresql(store) as address:
        return one(address, int(rounds), int(turns))


if __name__ == "__main__":
    pin("client")
    without_orjson()
    print(json.dumps(main(sys.argv[1:])), flush=True)
