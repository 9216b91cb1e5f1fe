"""What the sync and the async client share: settings, capabilities, checks, the vendor's operations, paging."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Generic, Protocol, Self, TypeVar

from attrs import asdict, evolve, fields

from unichat._text.templates import Method, PythonOnly, Template
from unichat.adapter import (
    Adapter,
    Capabilities,
    ClearCall,
    CommonSettings,
    Endpoints,
    Operation,
    PolicySettings,
    Replay,
    StreamOperation,
)
from unichat.client.arguments import ArgumentChecker
from unichat.client.bound_operations import BoundOperations
from unichat.errors import InvalidInput, Unsupported
from unichat.execution.engine import Engine
from unichat.models import ClearOutcome, ClearResult

T = TypeVar("T")

_SHARED = frozenset({"connect_timeout", "connections", "retry_budget", "breaker_failures", "breaker_reset", "rate"})
"""Policy settings of what a client and its siblings share."""


class _Driver(Protocol):
    engine: Engine

    def with_policy(self, policy: PolicySettings) -> Self: ...


D = TypeVar("D", bound=_Driver)


class BaseClient(Generic[D]):
    """One backend with its settings, and a driver of whichever kind."""

    def __init__(
        self, backend: str, adapter: Adapter, driver: D, *, endpoints: Endpoints, settings: CommonSettings
    ) -> None:
        self.backend = backend
        self._adapter = adapter
        self._driver = driver
        self._endpoints = endpoints
        self._settings = settings
        self._checks = ArgumentChecker(backend, adapter.capabilities, settings.on_unsupported, settings.replay)
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
        checked.reject_or_drop(
            "clear_history",
            f"{self.backend} has no call that clears a conversation",
            Template("Start a new one with ", Method("chat"), "."),
        )
        return ClearResult(outcome=ClearOutcome.DETACHED, user=checked.user.id if checked.user else None)

    def _own(self, operation: Operation[Any] | StreamOperation[Any]) -> bool:
        """Check what `run` was given; return whether it asks a question."""
        if not isinstance(operation, Operation | StreamOperation):
            raise InvalidInput(
                f"{type(operation).__name__} is no operation",
                argument="operation",
                hint=Template(PythonOnly("Use client.operations.")),
            )
        if operation.backend != self.backend:
            raise Unsupported(
                f"{operation.name} is an operation of {operation.backend}, and this client talks to {self.backend}",
                backend=self.backend,
                operation=operation.name,
                argument="operation",
                hint=Template(PythonOnly("Build it with client.operations.")),
            )
        return operation.replay is Replay.ASK

    def __repr__(self) -> str:
        return f"<unichat client of {self.backend}>"
