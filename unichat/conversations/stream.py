"""A streamed answer of a conversation: its turn lasts until the stream's end."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from unichat.adapter import EventSource
from unichat.client.streams import SingleEventStream
from unichat.conversations.entries import QueueTurn
from unichat.conversations.message_handler import Manner, MessageHandler
from unichat.conversations.readers import Reader
from unichat.errors import UnichatError
from unichat.execution.effects import Program
from unichat.execution.stream_relay import StreamRelay
from unichat.models import Answer, ThreadRef

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

        opened, manner = yield from handler.send(entry, send)
        source, finish = (SingleEventStream(opened), _keep) if isinstance(opened, Answer) else opened
        handed_over = True
        return ConversationStream(handler, entry, source, finish, manner, background)
    finally:
        if not handed_over:
            handler.leases.drop(handler.message)


def _keep(answer: Answer) -> Answer:
    return answer


class ConversationStream(StreamRelay[Answer]):
    """The events of a streamed answer; at its end, or when it is left, its turn ends."""

    def __init__(
        self,
        handler: MessageHandler,
        turn: QueueTurn,
        source: EventSource[Answer],
        finish: Finish,
        manner: Manner,
        background: Background,
    ) -> None:
        self._handler = handler
        self._turn = turn
        self._finish = finish
        self._manner = manner
        self._background = background
        self._reader = Reader(handler.message, handler.caller())
        super().__init__(source)

    def _end(self, failure: UnichatError | None) -> Program[bool]:
        self._over = True
        try:
            if failure is not None:
                yield from self._handler.fail(self._turn, failure)
                raise failure
            self._result = self._manner.describe(self._finish(self._result))
            yield from self._handler.keep(self._turn, self._result, self._manner)
        finally:
            self._let_go()
        return False

    def _note_reader(self) -> None:
        self._reader.caller = self._handler.caller()

    def _leave(self) -> None:
        self._give_back(self._background.now)

    def _forget(self) -> None:
        self._give_back(self._background.soon)

    def _give_back(self, run: Callable[[Program[object]], object]) -> None:
        self._let_go()
        partial = self._source.partial()
        run(
            self._handler.give_back(
                self._turn, maybe_delivered=True, thread=None if partial is None else partial.thread
            )
        )

    def _let_go(self) -> None:
        self._reader.caller = None
        self._handler.leases.drop(self._handler.message)
