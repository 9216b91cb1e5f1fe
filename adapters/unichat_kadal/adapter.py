"""Kadal behind the neutral calls: one conversation for each user and bot, or isolated threads."""

from __future__ import annotations

from typing import Any

from attrs import evolve, field, frozen

from unichat.adapter import (
    Adapter,
    Argument,
    Capabilities,
    ChatCall,
    ClearCall,
    Credential,
    FeedbackCall,
    Flow,
    HistoryCall,
    Operation,
    Paged,
    Setting,
    Template,
    as_flow,
    ask,
    drop_unsupported,
    exclusive,
    reconcile,
)
from unichat.errors import InvalidInput
from unichat.models import Answer, ClearOutcome, ClearResult, Exchange, FeedbackReceipt, ThreadRef
from unichat_kadal import operations
from unichat_kadal.access_tokens import fetch_token
from unichat_kadal.conversations import CURRENT, ISOLATED, Conversations
from unichat_kadal.history import History
from unichat_kadal.identity import Identity
from unichat_kadal.models import ChatReply, Common
from unichat_kadal.newest_rows import NewestRows
from unichat_kadal.operations.errors import is_missing_in_query
from unichat_kadal.ratings import rate
from unichat_kadal.settings import KadalSettings


@frozen
class KadalAdapter(Adapter):
    """Turns neutral calls into Kadal's operations; sends nothing itself, and remembers which threads it has seen."""

    settings: KadalSettings
    conversations: Conversations = field(factory=Conversations)

    @property
    def _identity(self) -> Identity:
        return Identity(self.settings)

    @property
    def _newest_rows(self) -> NewestRows:
        return NewestRows(self.settings, self.conversations)

    @property
    def capabilities(self) -> Capabilities:
        """What Kadal can do, with these settings."""
        newer_history = self.settings.history_version == "v7"
        return Capabilities(
            clear_history=True,
            parallel_threads=self._identity.isolates_threads,
            history_by_thread=self._identity.isolates_threads and not newer_history,
            history_by_user=not self._identity.isolates_threads and not newer_history,
            timestamps=newer_history,
            metadata=self._supports_metadata,
            needs_user=self.settings.require_user,
            feedback_comment_on_up=True,
            options={
                "feedback": ("rating_id",),
                "clear_history": ("missing_ok",),
                "history": ("created_by", "text") if newer_history else (),
            },
        )

    @property
    def _supports_metadata(self) -> bool:
        return self.settings.send_version == "v2" and self.settings.message_encoding != "query"

    @property
    def credential(self) -> Credential:
        """The bearer token: fixed, from a function, or fetched for a client account."""
        return Credential("Authorization", "Bearer", self.settings.token or fetch_token(self.settings))

    @property
    def scope(self) -> str:
        """The bot."""
        return self.settings.chat_bot_id

    def probes(self) -> tuple[Operation[Any], ...]:
        """Return the operations for the service's health and for one row, which needs a valid token and bot."""
        return (
            operations.health(),
            operations.list_chats(chat_bot_id=self.settings.chat_bot_id, page_no=1, page_size=1, order="desc"),
        )

    # Asking

    def chat(self, call: ChatCall) -> Flow[Answer]:
        """Ask. Source: Kadal reference, 'Post Chat by Bot ID' or 'Get Chat by Bot ID'."""
        thread = call.thread
        user = self._identity.resolve_speaker(call)
        if not self._supports_metadata:
            call = drop_unsupported(
                call,
                "metadata",
                reason="it is sent only in the JSON body of v2",
                alternative="Use send_version v2 with JSON.",
            )
        if thread is None:
            return self._start_thread(call, user)
        thread = self.conversations.resolve(thread)
        self.conversations.check(thread)
        return self._continue_thread(call, thread, self._identity.reference(user, thread))

    def _start_thread(self, call: ChatCall, user: str | None) -> Flow[Answer]:
        if self._identity.isolates_threads:
            identity = ISOLATED + self.conversations.make_id()
            thread = ThreadRef("kadal", identity, user=user, scope=self.settings.chat_bot_id)
            return (
                yield from self._ask_question(call, thread, self._identity.reference(user, thread), continuing=False)
            )
        reference = self._identity.reference(user)
        # Kadal continues the newest conversation, so two questions of one user at a time would get mixed up.
        yield from exclusive((self.settings.chat_bot_id, reference))
        # Only once the lock is held: of two threads that start at once, the one that is sent last is the newer.
        thread = ThreadRef("kadal", self.conversations.make_id(), user=user, scope=self.settings.chat_bot_id)
        return (yield from self._ask_question(call, thread, reference, continuing=False))

    def _continue_thread(self, call: ChatCall, thread: ThreadRef, reference: str | None) -> Flow[Answer]:
        yield from exclusive((self.settings.chat_bot_id, reference))
        if not self._identity.isolates_threads:
            # Again, since another thread may have started while this call waited for the lock.
            self.conversations.check(thread)
            yield from self._newest_rows.check(call, thread, reference)
        return (yield from self._ask_question(call, thread, reference, continuing=True))

    def _ask_question(
        self, call: ChatCall, thread: ThreadRef, reference: str | None, *, continuing: bool
    ) -> Flow[Answer]:
        def send() -> Flow[Answer]:
            reply = yield from self._send_question(call, reference, continuing)
            position = evolve(thread, position=reply.message_id)
            return Answer(text=reply.message, id=reply.message_id, thread=position, raw=reply.raw)

        if call.reconcile:
            answer = yield from reconcile(send, lambda: self._newest_rows.find_answer(call, thread, reference))
        else:
            answer = yield from send()
        if answer.thread is not None:
            self.conversations.record_answer(answer.thread)
        return answer

    def _send_question(self, call: ChatCall, reference: str | None, continuing: bool) -> Flow[ChatReply]:
        settings = self.settings
        if settings.send_version == "v1":
            return (
                yield from ask(
                    operations.get_chat(
                        chat_bot_id=settings.chat_bot_id,
                        query=call.question,
                        continue_last_chat=continuing,
                        ext_user_id_ref=reference,
                    )
                )
            )

        def post(encoding: Any) -> Operation[ChatReply]:
            return operations.post_chat(
                chat_bot_id=settings.chat_bot_id,
                message=call.question,
                continue_last_chat=continuing,
                ext_user_id_ref=reference,
                metadata=call.metadata if encoding == "json" else None,
                message_encoding=encoding,
            )

        if settings.message_encoding != "auto":
            return (yield from ask(post(settings.message_encoding)))
        try:
            return (yield from ask(post("json")))
        except InvalidInput as error:
            if not is_missing_in_query(error, ("message", "query")):
                raise
        call = drop_unsupported(call, "metadata", reason="this server takes the message only in the query")
        return (yield from ask(post("query")))

    # Feedback, history, clearing

    def feedback(self, call: FeedbackCall) -> Flow[FeedbackReceipt]:
        """Rate an answer; a second call may make a second row. Source: Kadal reference, 'Add Feedback API'."""
        return rate(call, self._identity.rater_reference(call), self.settings)

    def history(self, call: HistoryCall) -> Flow[Paged[Exchange]]:
        """Read a user's conversation, or all of the bot's. Source: Kadal reference, 'List Chats', or the v7 listing."""
        thread, user = call.thread, None
        if call.user is not None or thread is not None:
            user = self._identity.resolve_owner_or_drop(call)
            if thread is None and user is None:
                # Dropped: without it, the history would be somebody else's.
                return as_flow(Paged.empty())
        if thread is None and user is not None:
            thread = ThreadRef("kadal", CURRENT, user=user, scope=self.settings.chat_bot_id)
        reference = self._identity.reference(user, thread)
        if self.settings.history_version == "v7" and reference is not None:
            call.reject_or_drop(
                "thread" if call.thread is not None else "user",
                "the v7 listing filters only by Kadal's own user id",
                Template(
                    "Set ",
                    Setting("history_version", "'v1'"),
                    Template(", or pass ", Argument("created_by"), " with that id"),
                    ".",
                ),
            )
            if call.options.get("created_by") is None:
                return as_flow(Paged.empty())
            reference = None
        return History(self.settings).read(call, thread, reference)

    def clear_history(self, call: ClearCall) -> Flow[ClearResult]:
        """Clear a user's conversation, or the token owner's. Source: Kadal reference, 'Clear Chat History …'."""
        user = self._identity.resolve_owner_or_drop(call)
        if call.user is not None and call.thread is None and user is None:
            # Dropped: without it, somebody else's conversation would be cleared.
            return as_flow(ClearResult.detached(call.user))
        if call.thread is not None:
            # Clearing a thread that a newer one has replaced would clear the newer one.
            self.conversations.check(call.thread)
        return self._clear(call, user, self._identity.reference(user, call.thread))

    def _clear(self, call: ClearCall, user: str | None, reference: str | None) -> Flow[ClearResult]:
        # No question may be sent between the first attempt to clear and a retry.
        yield from exclusive((self.settings.chat_bot_id, reference))
        operation: Operation[Common | None] = operations.clear_chat_history(
            chat_bot_id=self.settings.chat_bot_id, ext_user_id_ref=reference
        ).map(lambda done: done)
        if call.options.get("missing_ok", self.settings.missing_ok):
            operation = operation.default_if_not_found(None)
        done = yield from ask(operation)
        if done is None:
            return ClearResult(outcome=ClearOutcome.NOTHING_TO_CLEAR, user=user)
        return ClearResult(outcome=ClearOutcome.CLEARED, user=user, message=done.message, raw=done.raw)
