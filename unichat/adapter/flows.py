"""Flows: neutral calls as generators that yield the operations to run and are sent their results."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from typing import Any, Never, TypeVar

from attrs import field, frozen

from unichat._text.templates import Template
from unichat.adapter.operations import Operation, StreamOperation
from unichat.adapter.streaming import EventSource
from unichat.errors import UnichatError

T = TypeVar("T")
A = TypeVar("A")


@frozen
class Exclusive:
    """A step that waits for the lock on `key`, such as one user's conversation, and holds it until the flow ends.

    A flow that returns a stream ends with the stream: until then, its caller still reads the answer.

    Attributes:
        waiting_for: what holds the lock, in words, for the message of a call that waits too long.
    """

    key: Hashable = field()
    waiting_for: str

    @key.validator
    def _check_key(self, _: object, key: Hashable) -> None:
        hash(key)


@frozen
class Relay:
    """A step that opens a stream, gives its events to the caller, and is sent the stream's result at its end.

    If the stream cannot be opened or breaks, the error is thrown in. If its reader leaves early, the flow is closed.
    """

    operation: StreamOperation[Any]


Step = Operation[Any] | StreamOperation[Any] | Exclusive | Relay
"""What a flow yields."""
Flow = Generator[Step, Any, T]
"""A neutral call as an adapter makes it: it yields steps, is sent the result of each, and returns a model."""


def as_flow(result: T) -> Generator[Never, Any, T]:
    """Return a flow that sends nothing, and returns `result`."""
    return result
    yield


def ask(operation: Operation[T]) -> Flow[T]:
    """Run one operation from within a flow, and return its result; use it with `yield from`."""
    result: T = yield operation
    return result


def open_stream(operation: StreamOperation[T]) -> Flow[EventSource[T]]:
    """Open a stream from within a flow, and return it once its first event has arrived."""
    stream: EventSource[T] = yield operation
    return stream


def relay_stream(operation: StreamOperation[T]) -> Flow[T]:
    """Open a stream from within a flow, give its events to the caller, and return its result at its end."""
    result: T = yield Relay(operation)
    return result


def exclusive(key: Hashable, waiting_for: str = "another call in the same conversation") -> Flow[None]:
    """Wait for the lock on `key` among this client's flows, and hold it until this flow ends, and its stream if any.

    A flow that holds it already goes on at once, so that a part of a flow can ask for the lock that the whole has.
    """
    yield Exclusive(key, waiting_for)


def reconcile(send: Callable[[], Flow[T]], find: Callable[[], Flow[A | None]]) -> Flow[T | A]:
    """Ask; if the question may have been received but its answer was lost, look for the answer before asking again.

    This is how RFC 9110 (9.2.2) recovers: by reading the state first. The question is sent once more, and only if no
    answer is found; if the search itself fails, the first error is raised.

    Args:
        send: makes the flow that asks; every flow it makes sends the same request.
        find: makes the flow that reads the thread or the history, and returns the answer if it is there.
    """
    try:
        return (yield from send())
    except UnichatError as error:
        if error.stopped_by != "maybe_delivered":
            raise
        lost = error
    found, search_failed = None, False
    try:
        found = yield from find()
    except UnichatError:
        search_failed = True
    if search_failed:
        # Whether the question was received is as uncertain as before, and that is what matters to the caller.
        lost.hint = Template(lost.hint, " The answer could not be looked up, since the history could not be read.")
        raise lost
    return found if found is not None else (yield from send())
