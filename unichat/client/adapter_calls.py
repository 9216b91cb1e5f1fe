"""Calls of an adapter's own code: a mistake in it reaches the caller as a `UnichatError` that names the adapter."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from types import GeneratorType
from typing import Any, TypeVar

from unichat._interruptions import is_interruption
from unichat.adapter import Adapter, Backend, CommonSettings, Flow, NeutralCall
from unichat.errors import UnichatError
from unichat.execution.call import Call
from unichat.execution.context import Context, Performer
from unichat.hooks import Hook
from unichat.policy.flow_errors import judge_flow_error
from unichat.policy.mistakes import MISTAKES, adapter_error, call_adapter
from unichat.policy.redaction import Redaction, redaction_for, secrets_in_settings
from unichat.transport.base import AsyncTransport, Clock, Transport

T = TypeVar("T")


def _redaction(settings: CommonSettings) -> Redaction:
    return redaction_for(*(secret.reveal() for secret in secrets_in_settings(settings)))


def build_adapter(backend: Backend[Any], settings: CommonSettings) -> Adapter:
    """Return a backend's adapter.

    Raises:
        AdapterError: its code has a mistake.
    """
    redact = _redaction(settings)
    return call_adapter(
        "could not be made", lambda: backend.build(settings), redact, backend=backend.name, operation=None
    )


def build_context(
    backend: str,
    adapter: Adapter,
    transport: Transport | AsyncTransport,
    settings: CommonSettings,
    performer: Performer,
    clock: Clock,
    hooks: Sequence[Hook],
) -> Context:
    """Return the context of a new client.

    Raises:
        AdapterError: the adapter's credential cannot be used.
    """

    def build() -> Context:
        return Context.build(transport, adapter.credential, settings, performer, clock, hooks)

    redact = _redaction(settings)
    return call_adapter("has a credential that cannot be used", build, redact, backend=backend, operation=None)


def begin_flow(method: Callable[[Any], Flow[T]], call: NeutralCall, context: Context) -> Flow[T]:
    """Call one of the adapter's methods, and return its flow: nothing of it has run.

    Args:
        method: calls the adapter's method, so that one that is missing is a mistake as well.

    Raises:
        AdapterError: the method made a mistake, or returned something else.
    """
    names = {"backend": call.backend, "operation": call.operation}
    flow = call_adapter(f"could not begin {call.operation}", lambda: method(call), context.redact, **names)
    # A generator function's is told at once, and any other Generator is not.
    if isinstance(flow, GeneratorType | Generator):
        return flow
    if hasattr(flow, "close"):
        # A coroutine that nobody awaits would be told of on standard error.
        flow.close()
    kind = type(flow).__name__
    raise adapter_error(f"returned {kind} instead of a flow", None, context.redact, **names)


def call_in(call: Call, context: Context, function: Callable[[], T]) -> T:
    """Return what a function returns that is part of what a flow returned, such as the key of a list.

    Raises:
        AdapterError: it made a mistake. It tells of what `call` has sent.
    """
    mistake: Exception
    try:
        return function()
    except MISTAKES as error:
        if is_interruption(error):
            raise
        mistake = error
    names = _names(call)
    redact = context.redaction(call.signatures)
    judged = judge_flow_error(mistake, redact, **names, record=call.record, has_question=call.has_question)
    raise judged from judged.__cause__


def wrong_result(found: str, call: Call, context: Context) -> UnichatError:
    """Return the error for a flow that returned a `found`; what was sent may have been acted on all the same.

    Only the type's name is passed: the result itself, in a frame of the error's traceback, could show a secret.
    """
    names = _names(call)
    redact = context.redaction(call.signatures)
    error = adapter_error(f"returned {found}", None, redact, **{**names, "backend": names["backend"] or "the backend"})
    return judge_flow_error(error, redact, **names, record=call.record, has_question=call.has_question)


def _names(call: Call) -> dict[str, Any]:
    """Return the backend and the operation that an error of a call names."""
    neutral = call.neutral
    if neutral is None:
        return {"backend": None, "operation": None}
    return {"backend": neutral.backend, "operation": neutral.operation}
