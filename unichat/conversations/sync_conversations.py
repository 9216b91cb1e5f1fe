"""Conversations, synchronously."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from unichat.client.streams import AnswerStream
from unichat.client.sync_client import Client
from unichat.conversations.base import BaseConversations, check_client
from unichat.conversations.erasing import Erasure
from unichat.conversations.messages import check_id
from unichat.conversations.questions import AskedQuestion, Position, start_at
from unichat.conversations.stream import Background, open_stream
from unichat.execution.sync_performer import SyncPerformer
from unichat.models import Answer, Exchange, FeedbackReceipt, Rating, ThreadRef, User


class Conversations(BaseConversations):
    """The conversations of one bot, in a store that survives restarts and is shared by processes.

    A context manager; safe to share between threads. See `unichat.conversations.queue` for what happens when messages
    overlap, and the page "Conversations" of the documentation.

    Args:
        client: whom to ask. It stays the caller's: closing the conversations does not close it.
        store: `memory:`, `sqlite:///PATH`, or a URL of SQLAlchemy (extra `sql`).
        keep_texts: whether to keep questions and answers, and not only ids.
        carry_over: whether a thread that has to be started anew is given the earlier exchanges.
        lease: seconds after which the turn of a worker that was killed passes on; at least 1.
        event_ttl: seconds for which the answer to an event is kept.
        reactions: more reactions that are verdicts, such as `{"white_check_mark": "up"}`.
        overlap: what becomes of messages that come while another is answered: `wait`, `join` (they become one
            question), or `refuse` (`ConversationBusy`).

    Raises:
        ConfigError: a setting is wrong, or the store cannot be used.
    """

    _client: Client
    _make_lock = SyncPerformer.make_lock

    def __init__(
        self,
        client: Client,
        *,
        store: str = "memory:",
        keep_texts: bool = False,
        carry_over: bool = False,
        lease: float = 30.0,
        event_ttl: float = 86400.0,
        reactions: Mapping[str, str | Rating] | None = None,
        overlap: str = "wait",
    ) -> None:
        check_client(client, Client, "AsyncConversations")
        super().__init__(
            client,
            store=store,
            keep_texts=keep_texts,
            carry_over=carry_over,
            lease=lease,
            event_ttl=event_ttl,
            reactions=reactions,
            overlap=overlap,
        )

    def get(self, key: str) -> Conversation:
        """Return the conversation of a key: whatever names it on the platform, text of 1 to 1,000 characters.

        Reads nothing.

        Raises:
            InvalidInput: the key is something else.
        """
        self._check_open()
        return Conversation(self, check_id("key", key))

    def posted(self, answer: Answer, message_id: str) -> None:
        """Keep under which message an answer is shown, so that `rate` finds it. One answer may be shown in several.

        Raises:
            InvalidInput: the answer has no id.
            StoreError: it could not be kept.
        """
        self._client._performer.perform(self._post(answer, message_id))

    def rate(
        self,
        message_id: str,
        reaction: str | Rating,
        *,
        user: str | User | None = None,
        comment: str | None = None,
    ) -> FeedbackReceipt | None:
        """Rate the answer that a message shows; None for a reaction that is not a verdict, or a message never `posted`.

        Args:
            message_id: as `posted` got it.
            reaction: a `Rating`, or a reaction of the platform, such as `"👍"`, `"+1"` or `"thumbsdown"`.
            user: who reacted; anybody. Where the vendor needs somebody and nobody is named, it is who asked.
            comment: what they said about it.

        Raises:
            ThreadMismatch: the answer is of a vendor that this client does not reach. Nothing was sent.
            UnichatError: as `Client.feedback`.
        """
        return self._client._performer.perform(self._rate_message(message_id, reaction, user=user, comment=comment))

    def export(self, *, user: str | User) -> dict[str, Any]:
        """Return everything that the store has about one person, as JSON values; nothing is asked of the vendor.

        `conversations` is a list, each with its `key`: what they asked, what they rated, and what waits for an answer.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._client._performer.perform(self._export(user))

    def erase(self, *, user: str | User) -> Erasure:
        """Remove what the store has about one person, and clear at the vendor where that can be done.

        Waits for messages that are being answered. A conversation is cleared at the vendor only where the person was
        alone in it; the report says which were, and why others were not.

        Raises:
            DeadlineExceeded: a message was being answered for too long; what was removed before stays removed.
            StoreError: the store cannot be written.
        """
        return self._client._performer.perform(self._erase(user))

    def expire(self, *, older_than: timedelta) -> int:
        """Remove conversations that were not used for so long, and older answers of others; return how many rows.

        At the vendor, nothing is removed.

        Raises:
            InvalidInput: the age is not positive.
            StoreError: the store cannot be written.
        """
        return self._client._performer.perform(self._expire(older_than))

    def questions(self, *, since: datetime | None = None) -> Iterator[AskedQuestion]:
        """Iterate over what people asked, oldest first, with the answers and their ratings.

        Args:
            since: a time with a zone; None for all that is kept.

        Raises:
            InvalidInput: texts are not kept (`keep_texts`), or the time has no zone.
        """
        read, start = self._read_questions(), start_at(since)

        def questions() -> Iterator[AskedQuestion]:
            position: Position | None = start
            while position is not None:
                rows, position = self._client._performer.perform(read(position))
                yield from rows

        return questions()

    def close(self) -> None:
        """Close the store, not the client. Closing twice is fine; any other call afterwards raises `InvalidInput`."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Conversation:
    """One conversation, as `Conversations.get` returns it. Many objects may stand for the same one.

    Attributes:
        key: what names it on the platform.
        thread: its thread, as this object saw it last; None before its first answer or `load`.
    """

    def __init__(self, conversations: Conversations, key: str) -> None:
        self.key = key
        self.thread: ThreadRef | None = None
        self._conversations = conversations
        self._perform = conversations._client._performer.perform

    def ask(
        self,
        text: str,
        *,
        user: str | User | None = None,
        event: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Ask in the conversation: the first question starts a thread, later ones continue it (`answer.began`).

        Waits until earlier messages of the conversation are answered.

        Args:
            text: the question.
            user: who speaks.
            event: the platform's id of the message. If it was answered, its answer is returned, and nothing is asked.
            metadata: JSON about the question.
            deadline: seconds for waiting and asking together.

        Raises:
            InvalidInput: an argument is wrong; nothing was sent.
            ConversationBusy: another message is being answered, with `overlap="refuse"`.
            StoreError: the store cannot be read or written; nothing was sent.
            DeadlineExceeded: the turn did not come in time, or the answer.
            UnichatError: as `Client.chat` and `Client.continue_thread`.
        """
        begin = self._conversations._arrive(
            self.key, text, user=user, event=event, metadata=metadata, deadline=deadline
        )
        answer = self._perform(begin().ask())
        self.thread = answer.thread or self.thread
        return answer

    def stream(
        self,
        text: str,
        *,
        user: str | User | None = None,
        event: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> AnswerStream[Answer]:
        """Ask, and stream the answer, as `Client.stream`. The next message waits for the end of the stream.

        Nothing is sent before the block is entered. Raises as `ask`, and `StreamInterrupted` as `Client.stream`.
        """
        conversations = self._conversations
        begin = conversations._arrive(self.key, text, user=user, event=event, metadata=metadata, deadline=deadline)
        background = Background(self._perform, conversations._client._start_soon)

        def finish(answer: Answer) -> Answer:
            self.thread = answer.thread or self.thread
            return answer

        return AnswerStream(lambda: self._perform(open_stream(begin(), background)), self._perform, finish)

    def rate(
        self, reaction: str | Rating, *, user: str | User | None = None, comment: str | None = None
    ) -> FeedbackReceipt | None:
        """Rate the conversation's newest answer; None for a reaction that is not a verdict. As `Conversations.rate`.

        Raises:
            InvalidInput: there is no answer yet.
        """
        return self._perform(self._conversations._rate_latest(self.key, reaction, user=user, comment=comment))

    def reset(self) -> None:
        """Leave the thread: the next question starts another. At the vendor, nothing is cleared."""
        self._conversations._check_open()
        self._perform(self._conversations._reset(self.key))
        self.thread = None

    def load(self) -> ThreadRef | None:
        """Read the conversation's thread from the store, and return it; None if it has none."""
        self._conversations._check_open()
        self.thread = self._perform(self._conversations._load(self.key))
        return self.thread

    def history(self) -> Iterator[Exchange]:
        """Iterate over the exchanges of the conversation's thread, as `Client.history` does; none without a thread."""
        self._conversations._check_open()

        def exchanges() -> Iterator[Exchange]:
            thread = self.load()
            if thread is not None:
                yield from self._conversations._client.history(thread)

        return exchanges()

    def __repr__(self) -> str:
        return f"<unichat conversation {self.key!r}>"
