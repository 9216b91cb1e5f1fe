"""Flows that are the same for every vendor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from unichat.errors import UnichatError
from unichat.operation import Flow

T = TypeVar("T")
A = TypeVar("A")


def reconciled(question: Callable[[], Flow[T]], look: Callable[[], Flow[A | None]]) -> Flow[T | A]:
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
        lost.hint = f"{lost.hint} It was looked for in vain: the history could not be read."
        raise lost
    return found if found is not None else (yield from question())
