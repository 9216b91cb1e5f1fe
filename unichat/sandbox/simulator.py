"""The base class of simulators, for the built-in ones and for those of third-party adapters."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from starlette.types import ASGIApp

from unichat.sandbox.answers import Answer, Library
from unichat.sandbox.pages import page_url
from unichat.sandbox.scripted_faults import ScriptedFaults
from unichat.sandbox.seen_requests import SeenRequest
from unichat.sandbox.store import Store

_REQUESTS_KEPT = 1000


class Simulator(ABC):
    """A vendor, simulated: an ASGI app, and what a client needs to reach it.

    Register the class in the entry-point group `unichat.simulators` under the adapter's name. It is created with the
    sandbox's store, the documents to answer from, and its own origin (such as `http://127.0.0.1:8101`).

    `requests` holds the last 1000 requests received, secrets replaced by `***`. `faults` are those that the next
    requests meet. `clock` gives the time in seconds since 1970: replace it to let time pass in a test.
    """

    name: ClassVar[str]
    """The adapter's name, as in `unichat.connect(name)`; also the prefix of the simulator's tables."""
    schema: ClassVar[str] = ""
    """SQL that creates the tables if they are missing (`CREATE TABLE IF NOT EXISTS …`)."""

    def __init__(self, store: Store, library: Library, base_url: str) -> None:
        self.store = store
        self.manual = library
        self.base_url = base_url
        self.requests: deque[SeenRequest] = deque(maxlen=_REQUESTS_KEPT)
        self.faults = ScriptedFaults()
        self.clock: Callable[[], float] = time.time
        store.create(self.schema)

    @classmethod
    def sample_answers(cls, text: str) -> Mapping[str, Any]:
        """Return a vendor's JSON for an answer with this text, by the name of each operation that asks a question.

        For `unichat.testing.responses.stub_chat`; streamed operations are left out.
        """
        return {}

    @abstractmethod
    def app(self) -> ASGIApp:
        """Return the app that answers the vendor's paths."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments of `unichat.connect(name, …)` that reach this simulator."""

    def secrets(self) -> Sequence[str]:
        """Return the valid keys and tokens, which are redacted in recorded requests besides the usual headers."""
        return ()

    def reset(self) -> None:
        """Forget the requests and the faults, and go by the real time again; the store has been reset already.

        One that has quirks, or state outside of the store, resets them as well.
        """
        self.requests.clear()
        self.faults.clear()
        self.clock = time.time

    def now(self) -> datetime:
        """Return the time of `clock`, in UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def source_url(self, path: str) -> str:
        """Return the URL at which the sandbox shows the passage with this `path` (`guide/start.md#retries`)."""
        return page_url(self.base_url, path)

    def answer(self, question: str, earlier: Sequence[str] = (), documents: Sequence[str] | None = None) -> Answer:
        """Answer from the documents; see `Library.answer`."""
        return self.manual.answer(
            question, earlier, source_url=lambda passage: self.source_url(passage.path), documents=documents
        )
