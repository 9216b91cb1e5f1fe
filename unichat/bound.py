"""What the sync and the async client share: settings, capabilities, checks, the vendor's operations, paging."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Generic, Protocol, Self, TypeVar

from attrs import asdict, evolve, fields

from unichat.adapter import Adapter, Capabilities, ClearCall
from unichat.calls import Checks
from unichat.endpoint import Endpoints
from unichat.engine import Engine
from unichat.errors import InvalidInput, InvalidResponse, Unsupported
from unichat.models import ClearOutcome, ClearResult
from unichat.operation import Operation, Page, Paged, Replay, StreamOperation
from unichat.settings import CommonSettings, PolicySettings

T = TypeVar("T")

_REMEMBERED_ROWS = 10_000
"""At least so many, and at most twice as many."""

_SHARED = frozenset({"connect_timeout", "connections", "retry_budget", "breaker_failures", "breaker_reset", "rate"})
"""Policy settings of what a client and its siblings share."""


class _Driver(Protocol):
    engine: Engine

    def with_policy(self, policy: PolicySettings) -> Self: ...


D = TypeVar("D", bound=_Driver)


class BoundClient(Generic[D]):
    """One backend with its settings, and a driver of whichever kind."""

    def __init__(
        self, backend: str, adapter: Adapter, driver: D, *, endpoints: Endpoints, settings: CommonSettings
    ) -> None:
        self.backend = backend
        self._adapter = adapter
        self._driver = driver
        self._endpoints = endpoints
        self._settings = settings
        self._checks = Checks(backend, adapter.capabilities, settings.on_unsupported, settings.replay)
        known = {name: value for name, value in asdict(settings, recurse=False).items() if value is not None}
        self.operations = BoundOperations(endpoints, known)

    @property
    def capabilities(self) -> Capabilities:
        """What the backend can do, known before anything is sent."""
        return self._adapter.capabilities

    def with_policy(self, **changes: Any) -> Self:
        """Return a client with other policy settings, such as `attempts=1`, that shares all else with this one.

        Connections, token, retry budget, breaker and pace are shared; closing either client closes both. So
        `client.with_policy(replay="always").chat(…)` sets anything for one call.

        Raises:
            ConfigError: the value is not acceptable.
            InvalidInput: there is no such policy setting, or it can be set for a whole client only.
        """
        names = {item.name for item in fields(PolicySettings)} - _SHARED
        for name in changes.keys() - names:
            nearest = get_close_matches(name, names, n=1)
            raise InvalidInput(
                f"{name} cannot be set so",
                argument=name,
                hint=f"Did you mean {nearest[0]}?" if nearest else f"These can: {', '.join(sorted(names))}.",
            )
        settings = evolve(self._settings, **changes)
        driver = self._driver.with_policy(settings)
        return type(self)(self.backend, self._adapter, driver, endpoints=self._endpoints, settings=settings)

    def probes(self) -> tuple[Operation[Any], ...]:
        """Harmless operations that together show whether address, credential and ids are right."""
        return self._adapter.probes()

    def _detached(self, checked: ClearCall) -> ClearResult | None:
        """Return what stands for a clearing on a backend that has none; None where it has one.

        Raises:
            Unsupported: unless the caller asked for less.
        """
        if self.capabilities.clear_history:
            return None
        checked.cannot(
            "clear_history", f"{self.backend} has no call that clears a conversation", "Start a new one with chat()."
        )
        return ClearResult(outcome=ClearOutcome.DETACHED, user=checked.user.id if checked.user else None)

    def _own(self, operation: Operation[Any] | StreamOperation[Any]) -> bool:
        """Check what `run` was given; return whether it asks a question."""
        if not isinstance(operation, Operation | StreamOperation):
            raise InvalidInput(
                f"{type(operation).__name__} is no operation", argument="operation", hint="Use client.operations."
            )
        if operation.backend != self.backend:
            raise Unsupported(
                f"{operation.name} is an operation of {operation.backend}, and this client talks to {self.backend}",
                backend=self.backend,
                operation=operation.name,
                argument="operation",
                hint="Build it with client.operations.",
            )
        return operation.replay is Replay.ASK

    def __repr__(self) -> str:
        return f"<unichat client of {self.backend}>"


class Paging(Generic[T]):
    """A list in pages, read so that each row is given once and the reading ends."""

    def __init__(self, paged: Paged[T], limit: int) -> None:
        self.operation: Operation[Page[T]] | None = paged.first
        self._paged = paged
        self._limit = limit
        self._pages = 0
        # Bounded, so that memory stays flat: a row moves to a page near by, if any.
        self._seen: set[object] = set()
        self._seen_before: set[object] = set()
        self._last: tuple[T, ...] = ()
        self._stale = 0

    def rows(self, page: Page[T]) -> Iterator[T]:
        """Return the rows of one page that the page before did not have; `operation` is then the next to run.

        Raises:
            InvalidResponse: this was the last page allowed, and more would follow.
        """
        fresh = [] if page.items == self._last else [item for item in page.items if self._is_new(item)]
        self._last = page.items
        # One page of known rows may be rows that new ones pushed along; two in a row are a vendor that ignores the
        # page number, and would for ever.
        self._stale = 0 if fresh else self._stale + 1
        self.operation = page.next if page.items and self._stale < 2 else None
        self._pages += 1
        keep = self._paged.keep
        yield from fresh if keep is None else filter(keep, fresh)
        if self.operation is not None and self._pages >= self._limit:
            raise InvalidResponse(
                f"the history did not end after {self._limit:,} pages",
                hint="Pass limit=, or a larger page_size.",
                backend=self._paged.first.backend,
                operation="history",
            )

    def _is_new(self, item: T) -> bool:
        key = self._paged.key(item)
        if key is None:
            return True
        known = key in self._seen or key in self._seen_before
        self._seen.add(key)
        if len(self._seen) == _REMEMBERED_ROWS:
            self._seen_before, self._seen = self._seen, set()
        return not known


class BoundOperations:
    """The vendor's endpoints, with the ids that the client's settings know filled in.

    `client.operations.chat(query="…")` is `unichat_kapa.operations.chat(project_id=…, query="…")`.
    """

    def __init__(self, endpoints: Endpoints, known: Mapping[str, Any]) -> None:
        self._endpoints = endpoints
        self._known = known

    def __getattr__(self, name: str) -> Callable[..., Any]:
        # Names with an underscore first: copy and pickle look for them before there is a table to look into.
        if name.startswith("_") or name not in self._endpoints.names():
            names = "" if name.startswith("_") else f": {', '.join(self)}"
            raise AttributeError(f"{type(self).__name__} has no operation {name!r}{names}")
        endpoint = self._endpoints[name]
        filled = {parameter: self._known[key] for parameter, key in endpoint.known.items() if key in self._known}

        def build(**arguments: Any) -> Any:
            return endpoint.function(**{**filled, **arguments})

        build.__name__ = build.__qualname__ = name
        build.__doc__ = endpoint.function.__doc__
        return build

    def __iter__(self) -> Iterator[str]:
        return iter(self._endpoints.names())

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]
