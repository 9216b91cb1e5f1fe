"""`FakeBackend`: a vendor whose answers and failures a test scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Self

from attrs import evolve, fields

from unichat.adapter import Capabilities
from unichat.client.async_client import AsyncClient
from unichat.client.sync_client import Client
from unichat.connecting import async_client_for, client_for
from unichat.hooks import Hook
from unichat.models import Source
from unichat.testing.canned import AsyncCannedTransport, CannedTransport
from unichat.testing.clock import FakeClock
from unichat.testing.fake_adapter import FakeSettings, fake_backend
from unichat.testing.fake_vendor import FakeCall, FakeVendor, ScriptedAnswer, ScriptedFault
from unichat.testing.faults import find_fault


def _read_sources(sources: Iterable[Source | str]) -> tuple[Source, ...]:
    if isinstance(sources, str):
        raise TypeError(f"sources is the text {sources!r}; give a list of addresses or sources: [{sources!r}]")
    if not isinstance(sources, Iterable):
        raise TypeError(f"sources is {sources!r}; give a list of addresses or sources")
    cited = []
    for each in sources:
        if not isinstance(each, Source | str):
            raise TypeError(f"a source is {each!r}; give its address, or a Source")
        cited.append(Source(each) if isinstance(each, str) else each)
    return tuple(cited)


_CAPABILITIES = Capabilities(
    streaming=True,
    clear_history=True,
    parallel_threads=True,
    history_by_thread=True,
    history_by_user=True,
    sources=True,
    uncertainty=True,
    timestamps=True,
    metadata=True,
    user_details=True,
    feedback_comment_on_up=True,
)


class FakeBackend:
    """A vendor of a test's own, behind the policy and the errors of any other.

    What is scripted comes in that order, to `chat`, `continue_thread` and `stream`. Ratings and clearing succeed
    unscripted, and the history has what was asked and answered. A question for which nothing is left is an
    `AssertionError`, which no bot takes for a vendor's failure; `verify` raises it again.

    Args:
        scope: names the bot that its threads belong to (`ThreadRef.scope`), so that a route tells several apart.

    Attributes:
        clock: what its clients wait by: it moves on by itself whenever they would wait.
    """

    def __init__(self, *, scope: str | None = None) -> None:
        self.clock = FakeClock()
        self._vendor = FakeVendor(_CAPABILITIES, scope)
        self._has_clients = False

    @property
    def calls(self) -> list[FakeCall]:
        """What was asked of it, in order: calls, however many attempts each took."""
        return list(self._vendor.calls)

    def answers(self, text: str, *, sources: Iterable[Source | str] = (), uncertain: bool | None = None) -> Self:
        """Give this answer to the next question that has none yet.

        Args:
            sources: what it is based on: sources, or their addresses.
            uncertain: whether the vendor marks it as uncertain.
        """
        return self.streams(text, sources=sources, uncertain=uncertain)

    def streams(
        self,
        *pieces: str,
        cut: bool = False,
        sources: Iterable[Source | str] = (),
        uncertain: bool | None = None,
    ) -> Self:
        """Give an answer in these pieces to the next question that has none yet; `chat` gets them as one.

        Args:
            cut: whether the connection breaks after the last piece.

        Raises:
            TypeError: a piece is not text, `sources` is not a list of addresses and sources, or `uncertain` is neither
                True, False nor None.
        """
        for piece in pieces:
            if not isinstance(piece, str):
                raise TypeError(f"an answer is text, not {type(piece).__name__}")
        if not isinstance(uncertain, bool | None):
            raise TypeError(f"uncertain is {uncertain!r}; give True, False, or None where the vendor does not say")
        self._vendor.script(ScriptedAnswer(pieces, _read_sources(sources), uncertain, cut))
        return self

    def fails(self, fault: str, *, times: int = 1) -> Self:
        """Fail, by the name of a fault: see `FAULTS`.

        A question fails where the failure stands in the script; any other call meets the next failure that there is.

        Args:
            times: how many requests fail. While nothing is scripted after it, further attempts of the same call fail
                as well, whatever call it is, so that `fails("503")` alone is an error however often the policy tries.

        Raises:
            TypeError: the name is not text.
            ValueError: there is no such fault, or `times` is not a number from 1.
        """
        if not isinstance(fault, str):
            raise TypeError(f"the name of a fault is text, not {fault!r}; give it as {str(fault)!r}")
        if isinstance(times, bool) or not isinstance(times, int) or times < 1:
            raise ValueError(f"times is {times!r}; give a whole number from 1")
        self._vendor.script(ScriptedFault(find_fault(fault), times))
        return self

    def capabilities(self, **changes: Any) -> Self:
        """Say what it can do, such as `streaming=False`: everything, unless it is said.

        Raises:
            TypeError: there is no such capability (it names the nearest), or the value is none of it.
            RuntimeError: it has clients already, which go by what it could do before.
        """
        if self._has_clients:
            raise RuntimeError("the fake backend has clients already: say what it can do before it makes them")
        known = [item.name for item in fields(Capabilities)]
        for name in changes.keys() - set(known):
            nearest = get_close_matches(name, known, n=1)
            meant = f" (did you mean {nearest[0]}?)" if nearest else ""
            raise TypeError(f"there is no capability {name!r}{meant}; there are {', '.join(known)}")
        for name, value in changes.items():
            if isinstance(getattr(_CAPABILITIES, name), bool) and not isinstance(value, bool):
                raise TypeError(f"{name} is {value!r}; give True or False")
        self._vendor.capabilities = evolve(self._vendor.capabilities, **changes)
        return self

    def client(self, *, hooks: Sequence[Hook] = (), **policy: Any) -> Client:
        """Return a client of it.

        Args:
            policy: the settings that every backend has, such as `attempts=1`.
        """
        self._has_clients = True
        return client_for(
            fake_backend(self._vendor),
            FakeSettings(**policy),
            transport=CannedTransport(answer=self._vendor.answer, clock=self.clock),
            clock=self.clock.clock,
            hooks=hooks,
        )

    def async_client(self, *, hooks: Sequence[Hook] = (), **policy: Any) -> AsyncClient:
        """Return an asyncio client of it; both kinds share the script and the calls."""
        self._has_clients = True
        return async_client_for(
            fake_backend(self._vendor),
            FakeSettings(**policy),
            transport=AsyncCannedTransport(answer=self._vendor.answer, clock=self.clock),
            clock=self.clock.clock,
            hooks=hooks,
        )

    def verify(self) -> None:
        """Check that nothing was asked without an answer; the fixture `fake_backend` does so at a test's end.

        Raises:
            AssertionError: something was, even if the bot went on.
        """
        if self._vendor.unscripted:
            asked = ", ".join(self._vendor.unscripted)
            script = self._vendor.describe_script()
            raise AssertionError(f"the fake backend had no answer scripted for: {asked}; the script was: {script}")
