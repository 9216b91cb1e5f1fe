"""A streamed answer of a conversation: its turn lasts until the stream's end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from unichat.adapter import EventSource
from unichat.client.streams import SingleEventStream
from unichat.conversations.entries import QueueTurn
from unichat.conversations.message_handler import MessageHandler
from unichat.conversations.readers import Reader
from unichat.errors import UnichatError
from unichat.execution.effects import Program
from unichat.models import Answer, StreamEvent, ThreadRef

Finish = Callable[[Answer], Answer]


@frozen
class Background:
    """Runs what is left to do for a stream whose reader has left.

    Attributes:
        now: called by the reader, who waits for the end of the program if that is possible.
        soon: called from whichever thread, in the middle of anything, by the garbage collector.
    """

    now: Callable[[Program[object]], object]
    soon: Callable[[Program[object]], object]


_Opened = tuple[EventSource[Answer], Finish]


def open_stream(handler: MessageHandler, background: Background) -> Program[EventSource[Answer]]:
    """Wait for the turn, ask, and return the stream once its first event has come."""
    handler.leases.hold(handler.message)
    handed_over = False
    try:
        entry = yield from handler.enter()
        if isinstance(entry, Answer):
            return SingleEventStream(entry)

        def send(thread: ThreadRef | None, question: str) -> Program[_Opened]:
            start, finish = handler.client._open_stream(question, **handler.arguments(thread))
            return (yield from start()), finish

        failure: BaseException
        try:
            opened, manner = yield from handler.send(entry, send)
        except GeneratorExit:
            raise
        except BaseException as error:
            failure = error
        else:
            source, finish = (SingleEventStream(opened), _keep) if isinstance(opened, Answer) else opened
            handed_over = True
            return ConversationStream(
                handler, entry, source, lambda answer: manner.describe(finish(answer)), background
            )
        yield from handler.fail(entry, failure)
        raise failure
    finally:
        if not handed_over:
            handler.leases.drop(handler.message)


def _keep(answer: Answer) -> Answer:
    return answer


class ConversationStream:
    """The events of a streamed answer; at its end, or when it is left, its turn ends."""

    def __init__(
        self,
        handler: MessageHandler,
        turn: QueueTurn,
        source: EventSource[Answer],
        finish: Finish,
        background: Background,
    ) -> None:
        self._handler = handler
        self._turn = turn
        self._source = source
        self._finish = finish
        self._background = background
        self._failure: UnichatError | None = None
        self._answer: Answer | None = None
        self._over = False
        self._reader = Reader(handler.message, handler.caller())

    def __del__(self) -> None:
        # One that was forgotten rather than closed.
        if not self._over:
            self._abandon(self._background.soon)

    def ready(self) -> StreamEvent | None:
        """Return the next event of what has come, or None where more must come first."""
        if self._over or self._failure is not None:
            return None
        try:
            return self._source.ready()
        except UnichatError as error:
            # For `more`: to end the turn takes a program.
            self._failure = error
            return None

    def more(self) -> Program[bool]:
        """Wait until more has come; False at the end.

        Raises:
            UnichatError: the stream broke.
        """
        if self._over:
            return False
        self._reader.caller = self._handler.caller()
        failure, self._failure = self._failure, None
        if failure is None:
            try:
                if (yield from self._source.more()):
                    return True
                self._answer = self._finish(self._source.result())
            except UnichatError as error:
                failure = error
        if self._over:
            # Closed meanwhile, from another thread or task.
            return False
        self._over = True
        try:
            if failure is not None:
                yield from self._handler.fail(self._turn, failure)
                raise failure
            assert self._answer is not None
            yield from self._handler.keep(self._turn, self._answer)
        finally:
            self._leave()
        return False

    def result(self) -> Answer:
        """Return the answer, once all events have come."""
        assert self._answer is not None
        return self._answer

    def partial(self) -> Answer | None:
        """Return the answer as far as it has come."""
        return self._source.partial()

    @property
    def records(self) -> list[Any]:
        """The vendor's records so far."""
        return self._source.records

    def close(self, interrupted_by: BaseException | None = None) -> None:
        """Give the stream up, and end the turn. Closing twice is fine."""
        self._source.close(interrupted_by)
        if not self._over:
            self._abandon(self._background.now)

    def _leave(self) -> None:
        self._reader.caller = None
        self._handler.leases.drop(self._handler.message)

    def _abandon(self, run: Callable[[Program[object]], object]) -> None:
        self._over = True
        self._leave()
        partial = self._source.partial()
        run(
            self._handler.give_back(
                self._turn, maybe_delivered=True, thread=None if partial is None else partial.thread
            )
        )
