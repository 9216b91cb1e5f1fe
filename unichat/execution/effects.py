"""What a program needs done: each effect is a value that a performer carries out, synchronously or on asyncio.

Transports and replies are `Any` here: a `Transport` with one performer, an `AsyncTransport` with the other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from attrs import define, field

from unichat.adapter import TokenProvider
from unichat.transport.base import Deadline, HttpRequest

T = TypeVar("T")


@define(eq=False)
class Send:
    """Send once and read the whole answer; its result is a `Reply` or a `TransportFailure`."""

    transport: Any = field(repr=False)
    request: HttpRequest
    deadline: Deadline
    limit: int


@define(eq=False)
class Open:
    """Send once and read the head; its result is an open reply or a `TransportFailure`."""

    transport: Any = field(repr=False)
    request: HttpRequest
    deadline: Deadline
    idle_timeout: float


@define(eq=False)
class Read:
    """Read the next bytes of a body; its result is bytes, a `TransportFailure`, or None at the end."""

    reply: Any = field(repr=False)


@define(eq=False)
class Sleep:
    """Wait; raises `InvalidInput` if the client is closed meanwhile."""

    seconds: float


@define(eq=False)
class Acquire:
    """Acquire a lock; its result releases it, or is None if that was not possible within the deadline."""

    lock: Any
    deadline: Deadline


@define(eq=False)
class FetchToken:
    """Call the caller's function for a token; its result is a `ProviderResult`."""

    provider: TokenProvider = field(repr=False)
    deadline: Deadline


@define(eq=False)
class Start:
    """Start another program in the background; its result is None. What it raises is only logged."""

    program: Program[object] = field(repr=False)


@define(eq=False)
class Execute:
    """Call a function that does I/O of its own, such as a database's; its result is what the function returns.

    Attributes:
        blocks: whether it may take long. On asyncio it then runs in a thread, and its end is waited for even if the
            task is cancelled: what it did is known afterwards.
    """

    function: Callable[[], Any] = field(repr=False)
    blocks: bool


Effect = Send | Open | Read | Sleep | Acquire | FetchToken | Start | Execute
Program = Generator[Effect, Any, T]
"""A generator without I/O: it yields effects, is sent the result of each, and returns a result."""
