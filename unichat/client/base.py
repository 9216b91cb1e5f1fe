"""What the sync and the async client share: settings, capabilities, checks, the vendor's operations, paging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, Self, TypeVar

from attrs import asdict, evolve, fields

from unichat._text.name_lists import list_names
from unichat._text.templates import PythonOnly, Template
from unichat.adapter import (
    Adapter,
    Capabilities,
    ChatCall,
    CommonSettings,
    Endpoints,
    EventSource,
    Flow,
    NeutralCall,
    Operation,
    PolicySettings,
    Replay,
    StreamOperation,
)
from unichat.client.adapter_calls import begin_flow, wrong_result
from unichat.client.arguments import ArgumentChecker, check_deadline, check_limit
from unichat.client.bound_operations import BoundOperations
from unichat.client.call_records import attach_if_possible, attach_record
from unichat.client.paging import PagedReader, RowReader
from unichat.client.streams import SingleEventStream
from unichat.client.support import replace_clearing, replace_feedback, replace_history, require_user
from unichat.errors import InvalidInput, Unsupported
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.execution.effects import Program
from unichat.execution.program import complete, run
from unichat.models import Answer, ClearResult, Exchange, FeedbackReceipt, ThreadRef, User
from unichat.policy.mistakes import call_adapter
from unichat.transport.base import AsyncTransport, Deadline, Transport

M = TypeVar("M")

StartStream = Callable[..., Program[EventSource[Answer]]]
"""Makes the program that asks a streamed question; takes the deadline of the call that it is part of, if any."""

_NO_MEMBERS: Mapping[str, Any] = MappingProxyType({})

_SHARED = frozenset({"connect_timeout", "connections", "retry_budget", "breaker_failures", "breaker_reset", "rate"})
"""Policy settings of the resources that a client and its siblings share."""


class BaseClient:
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
    def capabilities(self) -> Capabilities:
        """What the backend can do, known before anything is sent."""
        return self._arguments.capabilities

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
            nearest = get_close_matches(name, names, n=1)
            raise InvalidInput(
                f"{name} cannot be set this way",
                argument=name,
                hint=f"Did you mean {nearest[0]}?"
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

    def _ask(
        self,
        operation: str,
        question: object,
        *,
        thread: object = None,
        deadline: object,
        **arguments: Any,
    ) -> Program[Answer]:
        """Check the arguments of a question, and return the program that asks it."""
        checked = self._arguments.chat(operation, question, thread=thread, **arguments)
        call = self._context.call(check_deadline(deadline), kind="question", call=checked)
        flow = self._begin(lambda call: self._adapter.chat(call), checked)
        return self._complete(flow, call, Answer)

    def _open_stream(
        self, question: object, *, deadline: object, **arguments: Any
    ) -> tuple[StartStream, Callable[[Answer], Answer]]:
        """Check the arguments of a streamed question.

        Returns:
            A function that makes the program that asks it, within a deadline if it is given one, and one that turns the
            stream's answer into the caller's.
        """
        checked = self._arguments.chat("stream", question, **arguments)
        seconds = check_deadline(deadline)
        call: Call | None = None
        streaming = self.capabilities.streaming
        method: Callable[[ChatCall], Flow[EventSource[Answer] | Answer]] = (
            (lambda call: self._adapter.stream(call)) if streaming else lambda call: self._adapter.chat(call)
        )
        flow = self._begin(method, checked)

        def start(within: Deadline | None = None) -> Program[EventSource[Answer]]:
            nonlocal call
            # The deadline starts when it is sent.
            call = self._context.call(within or seconds, kind="question", call=checked)
            answer: Any = yield from complete(flow, call, self._context)
            if not (isinstance(answer, Answer) or hasattr(answer, "ready")):
                found, answer = type(answer).__name__, None
                raise wrong_result(found, call, self._context)
            return SingleEventStream(answer) if isinstance(answer, Answer) else answer

        return start, lambda result: attach_record(result, call) if isinstance(result, Answer) else result

    def _rate(self, answer: object, rating: object, *, deadline: object, **arguments: Any) -> Program[FeedbackReceipt]:
        """Check the arguments of `feedback`, and return the program that sends it."""
        self._context.check_open()
        checked = self._arguments.feedback(answer, rating, **arguments)
        seconds = check_deadline(deadline)
        if (substitute := replace_feedback(self.capabilities, checked)) is not None:
            return substitute
        call = self._context.call(seconds, call=checked)
        flow = self._begin(lambda call: self._adapter.feedback(call), checked)
        return self._complete(flow, call, FeedbackReceipt)

    def _read_history(
        self, thread: object, *, deadline: object, limit: object, **arguments: Any
    ) -> RowReader[Exchange]:
        """Check the arguments of `history`, and return its reader."""
        self._context.check_open()
        checked = self._arguments.history(thread, **arguments)
        max_rows = check_limit(limit)
        seconds = check_deadline(deadline)

        def begin_call(preparing: bool) -> Call:
            return self._context.call(seconds, call=checked if preparing else None)

        flow = replace_history(self.capabilities, checked) or self._begin(
            lambda call: self._adapter.history(call), checked
        )
        return PagedReader(
            flow,
            begin_call,
            self._context,
            limit=max_rows,
            page_limit=self._settings.page_limit,
        )

    def _clear(self, thread: object, *, deadline: object, **arguments: Any) -> Program[ClearResult]:
        """Check the arguments of `clear_history`, and return the program that clears, or its substitute."""
        self._context.check_open()
        checked = self._arguments.clear_history(thread, **arguments)
        seconds = check_deadline(deadline)
        if (substitute := replace_clearing(self.capabilities, checked)) is not None:
            return substitute
        call = self._context.call(seconds, call=checked)
        flow = self._begin(lambda call: self._adapter.clear_history(call), checked)
        return self._complete(flow, call, ClearResult)

    def _begin(self, method: Callable[[Any], Flow[M]], checked: NeutralCall) -> Flow[M]:
        """Return the flow of one of the adapter's methods: nothing of it has run."""
        flow = begin_flow(method, checked, self._context)
        # After the adapter's own check, which can say why its vendor needs one.
        require_user(self.capabilities, checked)
        return flow

    def _complete(self, flow: Flow[M], call: Call, kind: type[M]) -> Program[M]:
        """Run a neutral call's flow, and give its result, which must be of this kind, the record of the call."""
        result: Any = yield from complete(flow, call, self._context)
        if not isinstance(result, kind):
            found, result = type(result).__name__, None
            raise wrong_result(found, call, self._context)
        return attach_record(result, call)  # type: ignore[no-any-return]

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
