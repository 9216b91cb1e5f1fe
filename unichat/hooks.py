"""Hooks: observers that are told of each operation's start, each attempt, and the end. Unused, they cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from unichat._interruptions import is_interruption
from unichat._text.log import log
from unichat.record import CallRecord


class Hook(Protocol):
    """An observer. It is told of every operation, including those within a neutral call; what it raises is only logged.

    `record.call_id` names the call, as in the log; `record.request_id` is the vendor's own id for the request.
    """

    def started(self, record: CallRecord) -> None:
        """Called when an operation begins; the record has no attempts yet."""
        ...

    def attempted(self, record: CallRecord) -> None:
        """Called after each attempt: `record.attempts[-1]`."""
        ...

    def finished(self, record: CallRecord, error: BaseException | None) -> None:
        """Called at the end; `error` is None after a success.

        It is a `UnichatError`, or what aborted the call: `asyncio.CancelledError`, `KeyboardInterrupt` or the like;
        `record.stopped_by` is then `cancelled`.
        """
        ...


class Hooks:
    """The observers of one client."""

    def __init__(self, hooks: Sequence[Hook]) -> None:
        self._hooks = tuple(hooks)

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def notify(self, event: str, *arguments: object) -> None:
        """Call the method `event` of each; one that raises affects neither the call nor the others."""
        for hook in self._hooks:
            try:
                getattr(hook, event)(*arguments)
            except Exception as error:
                if is_interruption(error):
                    raise
                log.exception("the hook %s failed", type(hook).__name__)
