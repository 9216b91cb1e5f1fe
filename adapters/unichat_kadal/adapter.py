"""Kadal behind the neutral calls: one conversation for each user and bot, or isolated threads."""

from __future__ import annotations

import uuid
from typing import Any

from attrs import evolve, field, frozen

from unichat.adapter import (
    Adapter,
    Argument,
    Capabilities,
    ChatCall,
    ClearCall,
    ConversationCall,
    Credential,
    FeedbackCall,
    Flow,
    HistoryCall,
    Method,
    Operation,
    Page,
    Paged,
    PythonOnly,
    Setting,
    Template,
    Term,
    as_flow,
    ask,
    check_scope,
    drop_comment_flags,
    drop_unsupported,
    exclusive,
    quoted,
    reconcile,
    require_user_id,
    resolve_owner,
)
from unichat.errors import ConfigError, InvalidInput, ThreadMismatch
from unichat.models import (
    Answer,
    ClearOutcome,
    ClearResult,
    Exchange,
    Feedback,
    FeedbackReceipt,
    Rating,
    ThreadRef,
)
from unichat_kadal import operations
from unichat_kadal.access_tokens import fetch_token
from unichat_kadal.conversations import CURRENT, ISOLATED, Conversations, stale_thread_error
from unichat_kadal.models import ChatList, ChatReply, ChatRow, Common, FeedbackRow
from unichat_kadal.settings import KadalSettings

PAGE_SIZE = 50
"""Rows per request by default: modest, since no maximum is documented."""

_NAMESPACE = uuid.UUID("6f6c3a5e-9c1f-5d0b-8f4e-2b7f4d1c9a10")
"""Namespace of the UUIDs made from users' ids. It must never change: Kadal keeps conversations under these UUIDs."""


@frozen
class KadalAdapter(Adapter):
    """Turns neutral calls into Kadal's operations; sends nothing itself, and remembers which threads it has seen."""

    settings: KadalSettings
    conversations: Conversations = field(factory=Conversations)

    @property
    def _isolated(self) -> bool:
        return self.settings.threads == "isolated"

    @property
    def capabilities(self) -> Capabilities:
        """What Kadal can do, with these settings."""
        newer_history = self.settings.history_version == "v7"
        return Capabilities(
            clear_history=True,
            parallel_threads=self._isolated,
            history_by_thread=self._isolated and not newer_history,
            history_by_user=not self._isolated and not newer_history,
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

    def probes(self) -> tuple[Operation[Any], ...]:
        """Return the operations for the service's health and for one row, which needs a valid token and bot."""
        return (
            operations.health(),
            operations.list_chats(chat_bot_id=self.settings.chat_bot_id, page_no=1, page_size=1, order="desc"),
        )

    # Users and threads

    def _resolve_user(self, call: ConversationCall) -> str | None:
        """Return the bot's own id of the user whose conversation it is, and check that the thread is this client's."""
        if call.thread is not None:
            check_scope(call, self.settings.chat_bot_id, kind="bot", setting="chat_bot_id")
            self._check_mode(call, call.thread)
        user = resolve_owner(call)
        if user is None and self.settings.require_user:
            require_user_id(
                call, "require_user is set", ": with a service token, users without one may share a conversation"
            )
        return user

    def _check_mode(self, call: ConversationCall, thread: ThreadRef) -> None:
        """Reject a thread that was made with another value of the setting `threads`."""
        if thread.id.startswith(ISOLATED) is self._isolated:
            return
        made, used = ("isolated", "per-user") if not self._isolated else ("per-user", "isolated")
        raise ThreadMismatch(
            f"the thread was made with threads = '{made}', and this client has '{used}'",
            hint=Template(
                "Set ", Setting("threads", f"'{made}'"), " for it, or start a new thread with ", Method("chat"), "."
            ),
            backend="kadal",
            operation=call.operation,
            expected=used,
            found=made,
        )

    def _resolve_user_or_drop(self, call: ConversationCall, alternative: str) -> str | None:
        """Do what `_resolve_user` does; without a thread, a user identifies nothing if threads are isolated."""
        user = self._resolve_user(call)
        if user is None or call.thread is not None or not self._isolated:
            return user
        call.reject_or_drop("user", "each isolated thread has a user reference of its own", alternative)
        return None

    def _user_reference(self, user: str | None, thread: ThreadRef | None = None) -> str | None:
        """Return the `ext_user_id_ref` that identifies the user, or the isolated thread."""
        if thread is not None and self._isolated:
            return str(uuid.uuid5(_NAMESPACE, f"{user or ''}\n{thread.id}"))
        if user is not None and self.settings.user_ids == "uuid5":
            return str(uuid.uuid5(_NAMESPACE, user))
        return user

    # Asking

    def chat(self, call: ChatCall) -> Flow[Answer]:
        """Ask. Source: Kadal reference, 'Post Chat by Bot ID' or 'Get Chat by Bot ID'."""
        thread = call.thread
        user = self._resolve_user(call)
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
        if not self._isolated:
            self.conversations.check(thread)
        return self._continue_thread(call, thread, self._user_reference(user, thread))

    def _start_thread(self, call: ChatCall, user: str | None) -> Flow[Answer]:
        if self._isolated:
            identity = ISOLATED + self.conversations.make_id()
            thread = ThreadRef("kadal", identity, user=user, scope=self.settings.chat_bot_id)
            return (yield from self._ask_question(call, thread, self._user_reference(user, thread), continuing=False))
        reference = self._user_reference(user)
        # Kadal continues the newest conversation, so two questions of one user at a time would get mixed up.
        yield from exclusive((self.settings.chat_bot_id, reference))
        # Only once the lock is held: of two threads that start at once, the one that is sent last is the newer.
        thread = ThreadRef("kadal", self.conversations.make_id(), user=user, scope=self.settings.chat_bot_id)
        return (yield from self._ask_question(call, thread, reference, continuing=False))

    def _continue_thread(self, call: ChatCall, thread: ThreadRef, reference: str | None) -> Flow[Answer]:
        yield from exclusive((self.settings.chat_bot_id, reference))
        if not self._isolated:
            # Again, since another thread may have started while this call waited for the lock.
            self.conversations.check(thread)
            if self.settings.check_thread:
                yield from self._check_newest_row(thread, reference)
        return (yield from self._ask_question(call, thread, reference, continuing=True))

    def _ask_question(
        self, call: ChatCall, thread: ThreadRef, reference: str | None, *, continuing: bool
    ) -> Flow[Answer]:
        def send() -> Flow[Answer]:
            reply = yield from self._send_question(call, reference, continuing)
            position = evolve(thread, position=reply.message_id)
            return Answer(text=reply.message, id=reply.message_id, thread=position, raw=reply.raw)

        if call.reconcile:
            answer = yield from reconcile(send, lambda: self._find_answer(call, thread, reference))
        else:
            answer = yield from send()
        if answer.thread is not None and not self._isolated:
            self.conversations.record_answer(answer.thread)
        return answer

    def _find_answer(self, call: ChatCall, thread: ThreadRef, reference: str | None) -> Flow[Answer | None]:
        """Look in the newest row for the answer to a question that may have been received.

        Rows have no times, so a row that this client has seen before does not count.
        """
        row = yield from self._fetch_newest_row(reference)
        if row is None or row.id is None or row.user_query != call.question or not row.bot_response:
            return None
        if self.conversations.has_seen(thread, row.id):
            return None
        return Answer(text=row.bot_response, id=row.id, thread=evolve(thread, position=row.id), raw=row.raw)

    def _fetch_newest_row(self, reference: str | None) -> Flow[ChatRow | None]:
        # Always version 1: only that one filters by the reference that the question is sent with.
        newest = operations.list_chats(
            chat_bot_id=self.settings.chat_bot_id, page_no=1, page_size=1, order="desc", ext_user_id_ref=reference
        )
        page = yield from ask(newest.default_if_not_found(ChatList(rows=())))
        return page.rows[0] if page.rows else None

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
            if not _is_missing_in_query(error, ("message", "query")):
                raise
        call = drop_unsupported(call, "metadata", reason="this server takes the message only in the query")
        return (yield from ask(post("query")))

    def _check_newest_row(self, thread: ThreadRef, reference: str | None) -> Flow[None]:
        newest = yield from self._fetch_newest_row(reference)
        if newest is not None and newest.id is not None and not self.conversations.has_answer(thread, newest.id):
            raise stale_thread_error(thread, None)

    # Feedback

    def feedback(self, call: FeedbackCall) -> Flow[FeedbackReceipt]:
        """Rate an answer; a second call may make a second row. Source: Kadal reference, 'Add Feedback API'."""
        user = self._resolve_user_or_drop(call, Template("Rate it ", Term("by its Answer, not by its id"), "."))
        call = drop_comment_flags(call, "Kadal accepts only text")
        fields: dict[str, Any] = {
            "bot_response_id": _parse_response_id(call.answer_id),
            "is_positive": call.rating is Rating.UP,
            "rating_id": self._find_rating_id(call),
            "comment": None if call.comment is None else call.comment.text,
            "ext_user_id_ref": self._user_reference(user, call.thread),
        }
        # Built here already, so that a value which cannot be sent raises at once.
        operations.add_feedback(**fields)
        return self._send_feedback(call, fields)

    def _send_feedback(self, call: FeedbackCall, fields: dict[str, Any]) -> Flow[FeedbackReceipt]:
        encoding = self.settings.feedback_encoding
        first = operations.add_feedback(**fields, feedback_encoding="json" if encoding == "auto" else encoding)
        row: FeedbackRow | None = None
        try:
            row = yield from ask(first)
        except InvalidInput as error:
            if encoding != "auto" or not _is_missing_in_query(error, _FEEDBACK_FIELDS):
                raise
        if row is None:
            # The 422 stored nothing, so this does not add a second rating.
            row = yield from ask(operations.add_feedback(**fields, feedback_encoding="query"))
        return call.receipt(id=row.id, raw=row.raw)

    def _find_rating_id(self, call: FeedbackCall) -> int:
        given = call.options.get("rating_id")
        if given is not None:
            if isinstance(given, bool) or not isinstance(given, int):
                raise InvalidInput(f"rating_id is {quoted(given)}, not a whole number", argument="rating_id")
            return given
        known = self.settings.rating_ids or {}
        if call.rating.value not in known:
            raise ConfigError(
                f"Kadal needs a rating_id, and rating_ids has none for {call.rating.value!r}",
                key="rating_ids",
                hint=Template(
                    "Set ",
                    Setting("rating_ids", "{up = ..., down = ...}"),
                    " with your tenant's ids",
                    Template(", or pass ", Argument("rating_id")),
                    ".",
                ),
                backend="kadal",
                operation="feedback",
            )
        return known[call.rating.value]

    # History

    def history(self, call: HistoryCall) -> Flow[Paged[Exchange]]:
        """Read a user's conversation, or all of the bot's. Source: Kadal reference, 'List Chats', or the v7 listing."""
        thread, user = call.thread, None
        if call.user is not None or thread is not None:
            user = self._resolve_user_or_drop(call, Template("Pass ", Argument("thread"), "."))
            if thread is None and user is None:
                # Dropped: without it, the history would be somebody else's.
                return as_flow(Paged.empty())
        if thread is None and user is not None:
            thread = ThreadRef("kadal", CURRENT, user=user, scope=self.settings.chat_bot_id)
        reference = self._user_reference(user, thread)
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
        return self._read_history(call, thread, reference)

    def _read_history(
        self, call: HistoryCall, thread: ThreadRef | None, reference: str | None
    ) -> Flow[Paged[Exchange]]:
        first = self._list_exchanges(call, thread, reference, 1, 0)
        keep = None if self.settings.include_events else _is_not_event
        return Paged(first, lambda exchange: exchange.id, keep)
        yield

    def _list_exchanges(
        self, call: HistoryCall, thread: ThreadRef | None, reference: str | None, page: int, seen: int
    ) -> Operation[Page[Exchange]]:
        size = call.page_size or PAGE_SIZE
        operation = self._list_chats(call, page, size, reference)
        if page > 1:
            operation = operation.default_if_not_found(ChatList(rows=()), route_exists=True)

        def read(listing: ChatList) -> Page[Exchange]:
            seen_so_far = seen + len(listing.rows)
            return Page(
                tuple(_row_to_exchange(row, thread) for row in listing.rows),
                None
                if listing.is_last(seen_so_far, size)
                else self._list_exchanges(call, thread, reference, page + 1, seen_so_far),
                raw=listing.raw,
            )

        return operation.map(read)

    def _list_chats(self, call: HistoryCall, page: int, size: int, reference: str | None) -> Operation[ChatList]:
        settings = self.settings
        order = "desc" if call.newest_first else "asc"
        if settings.history_version == "v7":
            return operations.list_chats_v7(
                chat_bot_id=settings.chat_bot_id,
                page_no=page,
                page_size=size,
                order=order,
                exclude_tool_verbose=settings.exclude_tool_verbose,
                text=call.options.get("text"),
                created_by=call.options.get("created_by"),
            )
        return operations.list_chats(
            chat_bot_id=settings.chat_bot_id, page_no=page, page_size=size, order=order, ext_user_id_ref=reference
        )

    # Clearing

    def clear_history(self, call: ClearCall) -> Flow[ClearResult]:
        """Clear a user's conversation, or the token owner's. Source: Kadal reference, 'Clear Chat History …'."""
        user = self._resolve_user_or_drop(call, Template("Pass ", Argument("thread"), "."))
        if call.user is not None and call.thread is None and user is None:
            # Dropped: without it, somebody else's conversation would be cleared.
            return as_flow(ClearResult.detached(call.user))
        if call.thread is not None and not self._isolated:
            # Clearing a thread that a newer one has replaced would clear the newer one.
            self.conversations.check(call.thread)
        return self._clear(call, user, self._user_reference(user, call.thread))

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


_FEEDBACK_FIELDS = ("bot_response_id", "is_positive", "rating_id", "comment")


def _is_missing_in_query(error: InvalidInput, names: tuple[str, ...]) -> bool:
    """Whether a 422 says that a field is missing in the query. Nothing was stored, so the call may be sent again."""
    return error.status == 422 and error.argument in {f"query.{name}" for name in names}


def _parse_response_id(answer_id: str | int) -> int:
    # Digits only: ids of the v7 listing are text, which the feedback endpoint does not accept.
    if isinstance(answer_id, int):
        return answer_id
    if answer_id.isascii() and answer_id.isdigit() and len(answer_id) < 20 and str(int(answer_id)) == answer_id:
        return int(answer_id)
    raise InvalidInput(
        f"the answer's id is {quoted(answer_id)}, and Kadal's feedback takes whole numbers",
        hint=Template("Pass ", Template(PythonOnly("the Answer, or ")), "its message_id."),
        backend="kadal",
        operation="feedback",
        argument="answer",
        value=quoted(answer_id),
    )


def _row_to_exchange(row: ChatRow, thread: ThreadRef | None) -> Exchange:
    rating = {True: Rating.UP, False: Rating.DOWN}.get(row.is_positive) if row.is_positive is not None else None
    return Exchange(
        question=row.user_query,
        answer=row.bot_response,
        id=row.id,
        thread=None if thread is None else evolve(thread, position=row.id),
        created_at=row.created_at,
        feedback=() if rating is None else (Feedback(rating=rating, raw=row.raw),),
        cleared=row.is_cleared,
        raw=row.raw,
    )


def _is_not_event(exchange: Exchange) -> bool:
    metadata = exchange.raw.get("metadata")
    return not isinstance(metadata, dict) or metadata.get("category") != "event"
