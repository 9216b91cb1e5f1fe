"""What the sync and the async client share: settings, siblings, members, and the vendor's own operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, Self

from attrs import asdict, evolve, fields

from unichat._text.name_lists import list_names
from unichat._text.templates import PythonOnly, Template
from unichat.adapter import (
    Adapter,
    Capabilities,
    CommonSettings,
    Endpoints,
    Operation,
    PolicySettings,
    Replay,
    StreamOperation,
)
from unichat.client.arguments import ArgumentChecker, check_deadline
from unichat.client.bound_operations import BoundOperations
from unichat.client.call_records import attach_if_possible
from unichat.client.neutral_calls import NeutralCalls
from unichat.errors import InvalidInput, Unsupported
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.execution.effects import Program
from unichat.execution.program import run
from unichat.models import Answer, Exchange, ThreadRef, User
from unichat.policy.mistakes import call_adapter
from unichat.transport.base import AsyncTransport, Deadline, Transport

_NO_MEMBERS: Mapping[str, Any] = MappingProxyType({})

_SHARED = frozenset({"connect_timeout", "connections", "retry_budget", "breaker_failures", "breaker_reset", "rate"})
"""Policy settings of the resources that a client and its siblings share."""


class BaseClient(NeutralCalls):
    """One backend with its settings, and the context that its operations run in."""

    def __init__(
        self, backend: str, adapter: Adapter, context: Context, *, endpoints: Endpoints, settings: CommonSettings
    ) -> None:
        self.backend = backend
        self._adapter = adapter
        self._context = context
        self._endpoints = endpoints
        self._settings = settings
        capabilities = call_adapter(
            "could not say what it can do",
            lambda: adapter.capabilities,
            context.redact,
            backend=backend,
            operation=None,
        )
        self._arguments = ArgumentChecker(backend, capabilities, settings.on_unsupported, settings.replay)
        known = {name: value for name, value in asdict(settings, recurse=False).items() if value is not None}
        self.operations = BoundOperations(endpoints, known)

    @property
    def members(self) -> Mapping[str, Self]:
        """A route's members by name, in order; empty on a plain client. See `unichat.routing`."""
        return _NO_MEMBERS

    def member_for(
        self, *, user: str | User | None = None, thread: ThreadRef | Answer | Exchange | str | None = None
    ) -> str | None:
        """Return the name of the route's member that would be asked, without sending; None on a plain client."""
        return None

    @property
    def _scope(self) -> str | None:
        """The bot or project that its threads belong to, as their references have it."""

        def scope() -> str | None:
            # An adapter that does not derive from the protocol need not have it.
            return getattr(self._adapter, "scope", None)

        return call_adapter("has no scope", scope, self._context.redact, backend=self.backend, operation=None)

    def _find_capabilities(self, thread: ThreadRef | None) -> Capabilities:
        """Return what can be done in a thread; None for a new one."""
        return self.capabilities

    def _answering_clients(self) -> tuple[BaseClient, ...]:
        """Return the clients of a route's members whose answers its callers get; none of a plain client."""
        return ()

    def _reaches(self, backend: str) -> bool:
        """Whether it talks to this vendor, itself or by a member."""
        return backend == self.backend

    def _find_backend(self, answer: Answer) -> str:
        """Return the vendor that gave one of its answers."""
        return self.backend

    def _as_member(self, profile: str) -> Self:
        """Return a client whose answers and attempts have this name, and which shares everything else with this one."""
        sibling = copy(self)
        sibling._context = evolve(self._context, profile=profile)
        return sibling

    def with_policy(self, **changes: Any) -> Self:
        """Return a client with other policy settings, such as `attempts=1`, that shares everything else with this one.

        Connections, token, retry budget, breaker and pacing are shared; closing either client closes both. So
        `client.with_policy(replay="always").chat(…)` sets it for one call.

        Raises:
            ConfigError: the value is not acceptable.
            InvalidInput: there is no such policy setting, or it can only be set for a whole client.
        """
        names = {item.name for item in fields(PolicySettings)} - _SHARED
        for name in changes.keys() - names:
            nearest = next(iter(get_close_matches(name, names)), None)
            raise InvalidInput(
                f"{name} cannot be set this way",
                argument=name,
                hint=f"Did you mean {nearest}?"
                if nearest
                else list_names(name, sorted(names), label="These can", where="the page on configuration"),
            )
        settings = evolve(self._settings, **changes)
        sibling = copy(self)
        sibling._settings = settings
        sibling._context = self._context.with_policy(settings)
        sibling._arguments = evolve(self._arguments, on_unsupported=settings.on_unsupported, replay=settings.replay)
        return sibling

    def _with_transport(self, transport: Transport | AsyncTransport) -> Self:
        """Return a client that sends by another transport, and shares everything else with this one."""
        sibling = copy(self)
        setattr(sibling, "_transport", transport)  # noqa: B010 - each client has one of its own kind
        sibling._context = evolve(self._context, transport=transport)
        return sibling

    def probes(self) -> tuple[Operation[Any], ...]:
        """Harmless operations that together show whether address, credential and ids are right."""
        redact = self._context.redact
        return call_adapter("has no probes", self._adapter.probes, redact, backend=self.backend, operation=None)

    def _run(
        self, operation: Operation[Any] | StreamOperation[Any], deadline: object
    ) -> tuple[Callable[[], Program[Any]], Callable[[Any], Any]]:
        """Check the arguments of `run`.

        Returns:
            A function that makes its program, and one that gives the operation's result the record of the call.
        """
        self._check_backend(operation)
        kind: Literal["question", "other"] = "question" if operation.replay is Replay.ASK else "other"
        seconds = check_deadline(deadline)
        call: Call | None = None

        def start() -> Program[Any]:
            nonlocal call
            # The deadline starts when it is sent.
            call = self._context.call(seconds, kind=kind)
            return run(operation, call, self._context)

        return start, lambda result: attach_if_possible(result, call)

    def _check_backend(self, operation: Operation[Any] | StreamOperation[Any]) -> None:
        check_operation(operation)
        if operation.backend != self.backend:
            raise Unsupported(
                f"{operation.name} is an operation of {operation.backend}, and this client talks to {self.backend}",
                backend=self.backend,
                operation=operation.name,
                argument="operation",
                hint=Template(PythonOnly("Build it with client.operations.")),
            )

    def _check_open(self) -> None:
        """Reject a call after the client was closed."""
        self._context.check_open()

    def _begin_deadline(
        self, seconds: float | Deadline | None = None, kind: Literal["question", "other"] = "other"
    ) -> Deadline:
        """Return the deadline of a call that begins now; without one of its own, the client's."""
        return self._context.call(seconds, kind=kind).deadline

    def _caller(self) -> object:
        """Return the thread or task that runs."""
        return self._context.caller()

    def _start_soon(self, program: Program[object]) -> None:
        """Run a program in the background, from whichever thread."""
        performer: Any = self._performer  # type: ignore[attr-defined]  # each client has one of its own kind
        performer.call_soon(partial(performer.start, program))

    def __repr__(self) -> str:
        return f"<unichat client of {self.backend}>"


def check_operation(operation: object) -> None:
    """Reject what `run` cannot run."""
    if not isinstance(operation, Operation | StreamOperation):
        raise InvalidInput(
            f"{type(operation).__name__} is not an operation",
            argument="operation",
            hint=Template(PythonOnly("Use client.operations.")),
        )
