"""Dify behind the neutral calls: threads are conversations, and each belongs to a user."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from unichat.adapter import (
    Adapter,
    Capabilities,
    ChatCall,
    ClearCall,
    Credential,
    EventSource,
    FeedbackCall,
    Flow,
    HistoryCall,
    Operation,
    Page,
    Paged,
    as_flow,
    ask,
    drop_comment_flags,
    drop_unsupported,
    oldest_first,
    open_stream,
    reconcile_call,
    require_owner,
)
from unichat.models import Answer, ClearOutcome, ClearResult, Exchange, FeedbackReceipt, Rating
from unichat_dify import operations
from unichat_dify.settings import DifySettings

_WORDS: Mapping[Rating, operations.Word] = {Rating.UP: "like", Rating.DOWN: "dislike"}


@frozen
class DifyAdapter(Adapter):
    """Turns neutral calls into Dify's operations; sends nothing itself."""

    settings: DifySettings
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def capabilities(self) -> Capabilities:
        """What Dify can do."""
        return Capabilities(
            streaming=True,
            clear_history=True,
            parallel_threads=True,
            history_by_thread=True,
            history_by_user=True,
            sources=True,
            timestamps=True,
            needs_user=True,
            feedback_comment_on_up=True,
        )

    @property
    def credential(self) -> Credential:
        """The app's key. Source: Dify reference, 'Authentication'."""
        return Credential("Authorization", "Bearer", self.settings.api_key)

    def probes(self) -> tuple[Operation[Any], ...]:
        """Return the operation that retrieves the app: it needs the right address and key."""
        return (operations.retrieve_app(),)

    def _question(self, call: ChatCall) -> dict[str, Any]:
        drop_unsupported(call, "metadata", reason="Dify's inputs are the app's variables", alternative="Set inputs.")
        thread, inputs = call.thread.id if call.thread else "", self.settings.inputs
        return {"query": call.question, "user": require_owner(call), "conversation_id": thread, "inputs": inputs}

    def chat(self, call: ChatCall) -> Flow[Answer]:
        """Ask. Source: Dify reference, 'Send Chat Message', blocking mode."""
        operation = operations.send_message(**self._question(call))
        return reconcile_call(call, lambda: ask(operation), lambda: _read_newest(call), self.now())

    def stream(self, call: ChatCall) -> Flow[EventSource[Answer] | Answer]:
        """Ask, streamed. Source: Dify reference, 'Send Chat Message', streaming mode."""
        operation = operations.send_message_streamed(**self._question(call))
        return reconcile_call(call, lambda: open_stream(operation), lambda: _read_newest(call), self.now())

    def feedback(self, call: FeedbackCall) -> Flow[FeedbackReceipt]:
        """Rate an answer; a later rating replaces it. Source: Dify reference, 'Message Feedback'."""
        call = drop_comment_flags(call, "Dify accepts only text")
        content = call.comment.text if call.comment else None
        operation = operations.rate_message(
            message_id=call.answer_id, rating=_WORDS[call.rating], user=require_owner(call), content=content
        )
        return ask(operation.map(lambda done: call.receipt(raw=done.raw)))

    def history(self, call: HistoryCall) -> Flow[Paged[Exchange]]:
        """Read a conversation, or all of a user's. Source: Dify reference, 'Get Conversation History Messages'."""
        user, size = require_owner(call), min(call.page_size or operations.PAGE_SIZE, operations.PAGE_SIZE)

        def messages(conversation_id: str) -> Paged[Exchange]:
            first = operations.list_messages(conversation_id=conversation_id, user=user, limit=size)
            paged = Paged(first, lambda exchange: exchange.id)
            return paged if call.newest_first else oldest_first(paged)

        if call.thread is not None:
            return as_flow(messages(call.thread.id))
        order = "-created_at" if call.newest_first else "created_at"
        conversations = Paged(operations.list_conversations(user=user, sort_by=order), lambda id: id)
        return as_flow(conversations.flat_map(messages))

    def clear_history(self, call: ClearCall) -> Flow[ClearResult]:
        """Delete a conversation, or all of a user's. Source: Dify reference, 'Delete Conversation'."""
        return self._delete(require_owner(call), call.thread.id if call.thread else None)

    def _delete(self, user: str, thread: str | None) -> Flow[ClearResult]:
        if thread is not None:
            yield from ask(operations.delete_conversation(conversation_id=thread, user=user))
            return ClearResult(outcome=ClearOutcome.CLEARED, user=user)
        # All of them are read before any is deleted, since deleting moves the rows between the pages.
        ids: dict[str, None] = {}
        operation: Operation[Page[str]] | None = operations.list_conversations(user=user)
        while operation is not None:
            page = yield from ask(operation)
            operation = page.next if page.items and page.items[-1] not in ids else None
            ids.update(dict.fromkeys(page.items))
        for id in ids:
            delete = operations.delete_conversation(conversation_id=id, user=user)
            yield from ask(delete.default_if_not_found(None))
        return ClearResult(outcome=ClearOutcome.CLEARED if ids else ClearOutcome.NOTHING_TO_CLEAR, user=user)


def _read_newest(call: ChatCall) -> Flow[Sequence[Exchange]]:
    """Return the newest exchange of the call's conversation, or of the user's newest one."""
    user, id = require_owner(call), call.thread.id if call.thread else None
    if id is None:
        newest = yield from ask(operations.list_conversations(user=user, limit=1, sort_by="-created_at"))
        id = newest.items[0] if newest.items else None
    return (
        () if id is None else (yield from ask(operations.list_messages(conversation_id=id, user=user, limit=1))).items
    )
