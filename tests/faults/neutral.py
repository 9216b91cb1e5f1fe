"""The neutral operations that every fault is tried on, each with a nonce in it that the vendor's answer repeats."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from attrs import field, frozen

from tests.blocking import BlockingClient, Runs
from tests.faults import vendors
from tests.vendors import BUILT_IN, VENDORS
from unichat.adapter import Replay, Secret
from unichat.client.sync_client import Client
from unichat.connecting import async_client_for, client_for
from unichat.hooks import Hook
from unichat.models import Answer, Exchange, ThreadRef
from unichat.record import CallRecord
from unichat.transport.base import REAL_TIME, Clock

CORE = "sentinel0f1e2d3c4b5a"
SECRET = f'{CORE}/+ "%\\='
"""The key of every client of the bench: each way of writing it down changes it."""
USER = "user-1"


def settings_for(backend: str, url: str, **given: Any) -> Any:
    """The settings of a client that talks to `url`."""
    vendor = VENDORS[backend]
    return vendor.backend.settings(**{**vendor.given, vendor.key: Secret(SECRET), "base_url": url, **given})


BACKENDS: dict[str, Any] = {name: VENDORS[name].backend for name in BUILT_IN}
"""Those with a stub in `tests.faults.vendors`, in whose records the faults within a stream are written."""


TRANSPORTS = ("requests", "h11")
"""By the library that they send with. `h11 on uvloop` is a third, for a part of the bench."""


class Opens(Protocol):
    """Opens a client of the bench, of either transport; an asynchronous one blocks (`BlockingClient`)."""

    def __call__(
        self,
        backend: str,
        url: str,
        *,
        sleep: Callable[[float], None] | None = None,
        hooks: Sequence[Hook] = (),
        **given: Any,
    ) -> Client: ...


def sync_client_on(
    backend: str,
    url: str,
    *,
    sleep: Callable[[float], None] | None = None,
    hooks: Sequence[Hook] = (),
    **given: Any,
) -> Client:
    """A client over the sync transport. `sleep` stands in for the waits between attempts."""
    clock = REAL_TIME if sleep is None else Clock(sleep=sleep)
    return client_for(BACKENDS[backend], settings_for(backend, url, **given), clock=clock, hooks=hooks)


def async_client_on(
    loop: Runs,
    backend: str,
    url: str,
    *,
    sleep: Callable[[float], None] | None = None,
    hooks: Sequence[Hook] = (),
    **given: Any,
) -> Client:
    """The same over the asyncio transport, in `loop`."""

    async def in_a_thread(seconds: float) -> None:
        # What stands in for a wait may wait itself, and may look at what goes on in the loop meanwhile.
        await asyncio.to_thread(sleep, seconds)

    client = async_client_for(
        BACKENDS[backend],
        settings_for(backend, url, **given),
        clock=REAL_TIME if sleep is None else Clock(sleep=in_a_thread),
        hooks=hooks,
    )
    return cast(Client, BlockingClient(loop, client))


def no_wait(_: float) -> None:
    """A `sleep` that takes no time."""


def new_nonce() -> str:
    """A UUID that no other question has."""
    text = uuid.uuid4().hex
    return f"5eed{text[:4]}-{text[4:8]}-4{text[8:11]}-8{text[11:14]}-{text[14:26]}"


@frozen
class CallResult:
    """What a call gave: whether it is right, whole and the question's own, and what its record says."""

    right: bool
    shown: str
    record: CallRecord | None = None
    duplicated: bool = False


@frozen
class Neutral:
    """One neutral call of one backend.

    Attributes:
        streamed: whether its answer comes in pieces.
    """

    backend: str
    call: str
    replay: Replay
    _run: Callable[[Client, str], CallResult] = field(repr=False, eq=False)
    streamed: bool = False

    @property
    def name(self) -> str:
        return f"{self.backend} {self.call}"

    @property
    def asks(self) -> bool:
        return self.replay is Replay.ASK

    def run(self, client: Client, nonce: str) -> CallResult:
        return self._run(client, nonce)


def thread_for(backend: str) -> ThreadRef:
    """A thread to go on in."""
    if backend == "kapa":
        return ThreadRef("kapa", vendors.THREAD)
    return ThreadRef("kadal", "current", user=USER, scope=vendors.BOT)


def _check_answer(answer: Answer, nonce: str) -> CallResult:
    right = answer.text == vendors.text_for(nonce) and answer.id is not None
    return CallResult(right, answer.text, answer.call, answer.maybe_duplicated)


def _chat(client: Client, nonce: str) -> CallResult:
    return _check_answer(client.chat(f"Question {nonce}", user=USER), nonce)


def _continue(client: Client, nonce: str) -> CallResult:
    return _check_answer(client.continue_thread(thread_for(client.backend), f"Question {nonce}"), nonce)


def _stream(client: Client, nonce: str) -> CallResult:
    with client.stream(f"Question {nonce}", user=USER) as pieces:
        texts = [event.text for event in pieces]
        given = _check_answer(pieces.answer, nonce)
    assert "".join(texts) == pieces.answer.text, "events were lost or doubled"
    return given


def _feedback(client: Client, nonce: str) -> CallResult:
    if client.backend == "kapa":
        receipt = client.feedback(vendors.QUESTION_ANSWER, "down", user=nonce)
    else:
        receipt = client.feedback(16516, "down", comment=nonce)
    # A 204 is a receipt without a row; the rating is stored all the same.
    return CallResult(not receipt.raw or nonce in json.dumps(receipt.raw), str(receipt.raw), receipt.call)


def _history(client: Client, nonce: str) -> CallResult:
    if client.backend == "kapa":
        rows = list(client.history(ThreadRef("kapa", nonce)))
    else:
        rows = list(client.history(user=nonce))
    return CallResult(all(_is_row(row, nonce) for row in rows), str(rows))


def _is_row(row: Exchange, nonce: str) -> bool:
    return nonce in row.question and row.answer == vendors.text_for(nonce)


def _clear(client: Client, nonce: str) -> CallResult:
    result = client.clear_history(user=nonce)
    return CallResult(not result.message or nonce in result.message, result.message, result.call)


OPERATIONS: tuple[Neutral, ...] = (
    Neutral("kapa", "chat", Replay.ASK, _chat),
    Neutral("kapa", "continue", Replay.ASK, _continue),
    Neutral("kapa", "stream", Replay.ASK, _stream, True),
    Neutral("kapa", "feedback", Replay.UPSERT, _feedback),
    Neutral("kapa", "history", Replay.READ, _history),
    Neutral("kadal", "chat", Replay.ASK, _chat),
    Neutral("kadal", "continue", Replay.ASK, _continue),
    Neutral("kadal", "stream", Replay.ASK, _stream),
    Neutral("kadal", "feedback", Replay.INSERT, _feedback),
    Neutral("kadal", "history", Replay.READ, _history),
    Neutral("kadal", "clear", Replay.CLEAR, _clear),
)
"""Kapa has no call that clears: `clear_history` raises before anything is sent."""
