"""Waits until a message has its turn, and ends turns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from unichat._text.log import log
from unichat._text.printable import format_value
from unichat.conversations import queue
from unichat.conversations.entries import Entry, Message, QueueTurn, Refused, Waiting
from unichat.conversations.readers import check_reader
from unichat.conversations.stores.base import Store, Transaction, transact
from unichat.errors import ConversationBusy, StoreError
from unichat.execution.cleanup import run_with_cleanup
from unichat.execution.context import wait_timeout
from unichat.execution.effects import Acquire, Program, Sleep
from unichat.execution.locks import KeyedLocks
from unichat.models import Answer
from unichat.transport.base import Deadline

T = TypeVar("T")

_FIRST_LOOK, _LONGEST_LOOK = 0.01, 0.25
"""Seconds between looks at whose turn it is: an answer takes seconds, and each look costs a query."""

ENDING_SECONDS = 5.0
"""How long the end of a turn may wait for others who write. After that, its lease runs out by itself."""


def wait_for_turn(
    store: Store,
    message: Message,
    deadline: Deadline,
    caller: Callable[[], object],
    arrivals: KeyedLocks | None = None,
) -> Program[QueueTurn | Answer]:
    """Wait for a message's turn; return it, or an answer that needs none.

    Args:
        store: where its ticket is.
        message: the message.
        deadline: until when it waits.
        caller: returns the thread or task that sends it.
        arrivals: by conversation, locks that let messages of this process that arrive at once take their tickets in
            order; None where nothing overtakes them.

    Raises:
        InvalidInput: it would wait for a stream that its own caller reads.
        ConversationBusy: another message has its turn, and this one does not want to wait.
        DeadlineExceeded: the turn did not come in time.
        StoreError: the store cannot be read or written.
    """

    def leave(failure: BaseException) -> Program[None]:
        # Also where a cancelled transaction may have made a ticket, or given it its turn.
        if not isinstance(failure, StoreError):
            yield from end_turn(store, message, partial(queue.leave, message=message), deadline)

    entry = yield from run_with_cleanup(_wait(store, message, deadline, caller, arrivals), leave)
    if isinstance(entry, Refused):
        raise ConversationBusy(
            f"another message of the conversation {format_value(message.conversation)} is being answered",
            hint="Ask again when it has been.",
            conversation=message.conversation,
        )
    assert isinstance(entry, QueueTurn | Answer)
    return entry


def _wait(
    store: Store, message: Message, deadline: Deadline, caller: Callable[[], object], arrivals: KeyedLocks | None
) -> Program[Entry]:
    """Take a ticket, and wait for as long as it is not the next one."""

    def run(function: Callable[[Transaction], T], *, writes: bool = True) -> Program[T]:
        return transact(store, function, writes=writes, may_wait=lambda: deadline.remaining() > 0)

    entry = yield from _run_in_order(
        run(partial(queue.enter, message=message)), arrivals, message.conversation, deadline
    )
    wait = _FIRST_LOOK
    if isinstance(entry, Waiting):
        check_reader(message, entry.behind, caller())
    while isinstance(entry, Waiting):
        left = deadline.remaining()
        if left <= 0:
            raise wait_timeout("another message of the conversation", deadline)
        yield Sleep(min(wait, left))
        wait = min(2 * wait, _LONGEST_LOOK)
        if deadline.remaining() <= 0:
            continue
        if (yield from run(partial(queue.may_advance, message=message, waiting=entry), writes=False)):
            entry = yield from run(partial(queue.advance, message=message, waiting=entry))
    return entry


def _run_in_order(program: Program[T], locks: KeyedLocks | None, key: str, deadline: Deadline) -> Program[T]:
    """Run a program after those of the same key that began before it in this process, if there are locks."""
    if locks is None:
        return (yield from program)
    lock = locks.join(key)
    try:
        # If it is not to be had, there is no time left, which the program finds out as well.
        lock.permit = yield Acquire(lock.lock, deadline)
        return (yield from program)
    finally:
        lock.release()


def end_turn(
    store: Store, message: Message, function: Callable[[Transaction], T], deadline: Deadline
) -> Program[T | None]:
    """Run a transaction at the end of a turn: if the store fails, that is logged, and changes nothing else."""
    clock = deadline.clock
    until = clock() + ENDING_SECONDS
    try:
        return (yield from transact(store, function, may_wait=lambda: clock() < until))
    except StoreError as error:
        log.error("the end of a turn in %s was not stored: %s", format_value(message.conversation), error)
        return None
