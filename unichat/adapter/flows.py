"""Flows: neutral calls of several operations, as generators that yield what they need and are sent what came of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from typing import Any, TypeVar

from attrs import field, frozen

from unichat._text.templates import Template
from unichat.adapter.operations import Operation, StreamOperation
from unichat.adapter.secrets import TokenProvider
from unichat.adapter.streaming import EventSource
from unichat.errors import UnichatError

T = TypeVar("T")
A = TypeVar("A")


@frozen
class Exclusive:
    """A flow's wish to be alone with `key` until it ends, such as one user's conversation.

    Attributes:
        waiting_for: what it waits for meanwhile, in words.
    """

    key: Hashable
    waiting_for: str


@frozen
class FetchToken:
    """A flow's wish for the token that a function of the caller's gives; it is sent a `ProviderResult`."""

    provider: TokenProvider = field(repr=False)


Step = Operation[Any] | StreamOperation[Any] | Exclusive | FetchToken
Flow = Generator[Step, Any, T]


def ask(operation: Operation[T]) -> Flow[T]:
    """Run one operation from within a flow: `yield from` it and take its result."""
    result: T = yield operation
    return result


def open_stream(operation: StreamOperation[T]) -> Flow[EventSource[T]]:
    """Open a stream from within a flow, and return it with its first event in hand."""
    stream: EventSource[T] = yield operation
    return stream


def exclusive(key: Hashable, waiting_for: str = "another call in the same conversation") -> Flow[None]:
    """Wait until no other flow of this client holds `key`, then hold it until this flow ends."""
    yield Exclusive(key, waiting_for)


def reconcile(question: Callable[[], Flow[T]], look: Callable[[], Flow[A | None]]) -> Flow[T | A]:
    """Ask; if the question may have been received but its answer was lost, look for it before asking again.

    RFC 9110 (9.2.2) recovers so: by reading the state first. It asks again once, and only if the look finds nothing;
    a look that fails leaves the first error standing.

    Args:
        question: makes the flow that asks; every flow it makes sends the same request.
        look: makes the flow that reads the thread or the history, and returns the answer if it is there.
    """
    try:
        return (yield from question())
    except UnichatError as error:
        if error.stopped_by != "maybe_delivered":
            raise
        lost = error
    found, unknown = None, False
    try:
        found = yield from look()
    except UnichatError:
        unknown = True
    if unknown:
        # Whether it was received is as open as before, and that is what counts for the caller.
        lost.hint = Template(lost.hint, " It was looked for in vain: the history could not be read.")
        raise lost
    return found if found is not None else (yield from question())
