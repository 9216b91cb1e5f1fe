"""How a call is run, as a program: a generator that yields the I/O that it needs and is sent the results.

Everything that decides is here and in what this module calls: flows, retries, locks, tokens, streams. Everything that
does I/O is in the two performers, which are a loop and a `match` each.
"""

from __future__ import annotations

from typing import Any, TypeVar

from unichat.adapter import Flow, Operation, Reply, Secret, StreamOperation
from unichat.adapter.secrets import Signature
from unichat.errors import UnichatError
from unichat.execution.attempt import OperationRun
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.execution.effects import FetchToken, Open, Program, Read, Send, Sleep
from unichat.execution.flow_run import FlowRun
from unichat.execution.live_stream import LiveStream, fail_before_first_event
from unichat.execution.token_provider import require_secret
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
    # Without the library's own exception, through whose traceback a key could leak.
    raise final from None


def _attempt(operation_run: OperationRun[Any]) -> Program[Done[Any] | Failed]:
    """Make one attempt, if pacer and breaker let it through."""
    call, context = operation_run.call, operation_run.context
    wait = operation_run.reserve()
    if isinstance(wait, Failed):
        return wait
    if wait:
        yield Sleep(wait)
    context.check_open()
    signature = None
    if operation_run.operation.signed:
        # Before the clock of the attempt starts: fetching a token is a call of its own.
        signature = context.tokens.fixed
        if signature is None:
            signature = yield from _sign(call, context)
            context.check_open()
    operation_run.signature = signature
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


def _sign(call: Call, context: Context) -> Program[Signature]:
    """Return how to sign a request, after fetching a token if one is due, within the call's deadline."""
    tokens = context.tokens
    source = tokens.source
    if isinstance(source, Operation):
        # A call of its own: the record that an answer carries is that of the question.
        secret = tokens.cached() or (yield from complete(tokens.fetch(source), Call(call.deadline), context))
    elif isinstance(source, Secret):
        secret = source
    else:
        secret = require_secret((yield FetchToken(source, call.deadline)))
    return tokens.signature(secret)


def _open(operation_run: OperationRun[Any]) -> Program[Done[Any] | Failed]:
    """Open a stream and wait for its first event: until then, and only until then, it may be requested again."""
    context = operation_run.context
    reply = yield Open(
        context.transport, operation_run.request(), operation_run.call.deadline, context.policy.first_event_timeout
    )
    if isinstance(reply, TransportFailure):
        return operation_run.judge.failure(fail_before_first_event(reply))
    outcome: Done[Any] | Failed | None = None
    try:
        operation_run.note_head(reply.status, reply.headers)
        if 200 <= reply.status < 300:
            outcome = yield from LiveStream(operation_run, reply).first()
        else:
            outcome = yield from _read_error(operation_run, reply)
    finally:
        if not isinstance(outcome, Done):
            reply.close()
    return outcome


def _read_error(operation_run: OperationRun[Any], reply: Any) -> Program[Failed]:
    """Read the body of an error status and judge it as any other response."""
    body = bytearray()
    while chunk := (yield Read(reply)):
        expired = operation_run.call.deadline.remaining() <= 0
        if isinstance(chunk, TransportFailure) or len(body) > _ERROR_BODY_LIMIT or expired:
            break
        body += chunk
    judged = operation_run.judge.reply(Reply(reply.status, reply.headers, bytes(body)))
    assert isinstance(judged, Failed)
    return judged
