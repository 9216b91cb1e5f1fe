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

    RFC 9110 (9.2.2) recovers so: by reading the state first. It asks again once, and only if the look finds nothing.

    Args:
        question: makes the flow that asks; every flow it makes sends the same request.
        look: makes the flow that reads the thread or the history, and returns the answer if it is there.
    """
    try:
        return (yield from question())
    except UnichatError as error:
        if error.call is None or error.call.stopped_by != "maybe_delivered":
            raise
    found = yield from look()
    return found if found is not None else (yield from question())
