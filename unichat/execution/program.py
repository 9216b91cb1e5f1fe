"""How a call is run, as a program: a generator that yields the I/O that it needs and is sent the results.

Everything that decides is here and in what this module calls: flows, retries, locks, tokens, streams. Everything that
does I/O is in the two performers, which are a loop and a `match` each.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

from unichat.adapter import Flow, Operation, Reply, Secret, StreamOperation
from unichat.adapter.secrets import Signature
from unichat.errors import UnichatError
from unichat.execution.attempt import OperationRun
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.execution.effects import FetchToken, Open, Program, Read, Send, Sleep
from unichat.execution.flow_run import FlowRun
from unichat.execution.live_stream import LiveStream
from unichat.execution.signing import sign_by
from unichat.execution.stream_failures import fail_before_first_event
from unichat.execution.token_provider import require_secret
from unichat.execution.tokens import Tokens
from unichat.policy.judge import Done, Failed
from unichat.transport.base import TransportFailure

T = TypeVar("T")

_ERROR_BODY_LIMIT = 65_536
"""How many bytes of an error response's body are read where a stream was requested."""


def complete(flow: Flow[T], call: Call, context: Context) -> Program[T]:
    """Run `flow` to its end and return its result; where it relays a stream, return that, which runs the rest."""
    return FlowRun(flow, call, context, run).advance()


def run(operation: Operation[Any] | StreamOperation[Any], call: Call, context: Context) -> Program[Any]:
    """Run one operation with its retries; return its result, or its stream once the first event has arrived."""
    context.check_open()
    operation_run = OperationRun(operation, call, context)
    operation_run.start()
    outcome: Done[Any] | Failed | UnichatError
    try:
        outcome = yield from _attempt(operation_run)
        while isinstance(outcome, Failed) and (wait := operation_run.next_wait(outcome)) is not None:
            yield Sleep(wait)
            outcome = yield from _attempt(operation_run)
    except UnichatError as error:
        # Without a verdict on the last attempt: the client was closed, or no token could be obtained.
        outcome = error
    except BaseException as error:
        operation_run.finish(error)
        raise
    if isinstance(outcome, Done):
        if isinstance(outcome.value, LiveStream):
            operation_run.hand_over()
        else:
            operation_run.finish(outcome)
        return outcome.value
    final = operation_run.finish(outcome)
    assert final is not None
    # Without the library's own exception, through whose traceback a key could leak. A cause is an adapter's mistake.
    raise final from final.__cause__


def sign(
    operation: Operation[Any] | StreamOperation[Any], call: Call, context: Context
) -> Program[tuple[Signature, ...]]:
    """Return how a request would be signed now, after fetching the tokens that are due; it is not sent."""
    return (yield from _sign(OperationRun(operation, call, context)))


def _attempt(operation_run: OperationRun[Any]) -> Program[Done[Any] | Failed]:
    """Make one attempt, if pacer and breaker let it through."""
    call, context = operation_run.call, operation_run.context
    wait = operation_run.reserve()
    if isinstance(wait, Failed):
        return wait
    if wait:
        yield Sleep(wait)
    context.check_open()
    signatures = context.signing.fixed if operation_run.operation.signed else ()
    if signatures is None:
        # Before the clock of the attempt starts: fetching a token is a call of its own.
        signatures = yield from _sign(operation_run)
        context.check_open()
    operation_run.sign(signatures)
    refusal = operation_run.admit()
    if refusal is not None:
        return refusal
    began = call.deadline.elapsed()
    outcome: Done[Any] | Failed | None = None
    try:
        if isinstance(operation_run.operation, Operation):
            result = yield Send(context.transport, operation_run.request(), call.deadline, context.policy.body_limit)
            outcome = operation_run.judge_result(result)
        else:
            outcome = yield from _open(operation_run)
    finally:
        operation_run.end_attempt(began, outcome)
    return outcome


def _sign(operation_run: OperationRun[Any]) -> Program[tuple[Signature, ...]]:
    """Return how to sign a request, after fetching the tokens that are due, within the call's deadline."""
    signatures: list[Signature] = []
    for part in operation_run.context.signing.parts:
        if isinstance(part, Tokens):
            secret = yield from _fetch_secret(part, operation_run.call, operation_run.context)
            signatures.append(part.signature(secret))
        else:
            sign = partial(sign_by, part, operation_run.operation.request)
            signatures += operation_run.call_adapter("could not sign the request", sign)
    return tuple(signatures)


def _fetch_secret(tokens: Tokens, call: Call, context: Context) -> Program[Secret]:
    source = tokens.source
    if isinstance(source, Operation):
        # A call of its own: the record that an answer carries is that of the question.
        return tokens.cached_secret() or (yield from complete(tokens.fetch(source), Call(call.deadline), context))
    if isinstance(source, Secret):
        return source
    return require_secret((yield FetchToken(source, call.deadline)))


def _open(operation_run: OperationRun[Any]) -> Program[Done[Any] | Failed]:
    """Open a stream and wait for its first event: until then, and only until then, it may be requested again."""
    context, deadline = operation_run.context, operation_run.call.deadline
    silence = context.policy.first_event_timeout
    if deadline.whole is not None:
        silence = min(silence, deadline.remaining())
    reply = yield Open(context.transport, operation_run.request(), deadline.whole or deadline, silence)
    if isinstance(reply, TransportFailure):
        return operation_run.judge.failure(fail_before_first_event(reply))
    outcome: Done[Any] | Failed | None = None
    try:
        operation_run.note_head(reply.status, reply.headers)
        if 200 <= reply.status < 300 and not Reply(reply.status, reply.headers, b"").is_page:
            outcome = yield from LiveStream(operation_run, reply).first()
        else:
            outcome = yield from _read_error(operation_run, reply)
    finally:
        if not isinstance(outcome, Done):
            reply.close()
    if isinstance(outcome, Done):
        operation_run.call.begin_whole_deadline()
    return outcome


def _read_error(operation_run: OperationRun[Any], reply: Any) -> Program[Failed]:
    """Read the body of an error status or a page, as far as it arrives, and judge it as any other response."""
    body = bytearray()
    cut: str | None = None
    while cut is None and (chunk := (yield Read(reply))):
        if isinstance(chunk, TransportFailure):
            if chunk.kind == "cancelled":
                return operation_run.judge.failure(chunk)
            cut = chunk.kind
        else:
            body += chunk
            if len(body) > _ERROR_BODY_LIMIT:
                cut = "too_large"
            elif operation_run.call.deadline.remaining() <= 0:
                cut = "deadline"
    judged = operation_run.judge.reply(Reply(reply.status, reply.headers, bytes(body), cut))
    assert isinstance(judged, Failed)
    return judged
