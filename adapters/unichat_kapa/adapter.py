"""Kapa behind the neutral calls: threads, streams, votes, and the history of a thread, a user or a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from unichat.adapter import (
    Adapter,
    Capabilities,
    ChatCall,
    Credential,
    EventSource,
    FeedbackCall,
    Flow,
    HistoryCall,
    Operation,
    Page,
    Paged,
    ask,
    drop_none,
    drop_unsupported,
    open_stream,
    reconcile_call,
    require_user_id,
)
from unichat.errors import Unsupported
from unichat.models import Answer, Comment, Exchange, FeedbackReceipt, Rating, ThreadRef, User
from unichat_kapa import operations
from unichat_kapa.models import ChatReply, EndUser, Listing, QuestionAnswer, Thread
from unichat_kapa.settings import KapaSettings

PAGE_SIZE = 100
"""Rows per request by default."""

_REACTIONS = {Rating.UP: "upvote", Rating.DOWN: "downvote"}


@frozen
class KapaAdapter(Adapter):
    """Turns neutral calls into Kapa's operations; sends nothing itself."""

    settings: KapaSettings
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def capabilities(self) -> Capabilities:
        """What Kapa can do: everything but clearing."""
        return Capabilities(
            streaming=True,
            parallel_threads=True,
            history_by_thread=True,
            history_by_user=True,
            sources=True,
            uncertainty=True,
            timestamps=True,
            metadata=True,
            user_details=True,
            feedback_needs_user=True,
            question_limit=operations.QUERY_LIMIT,
            options={"chat": ("integration_id",)},
        )

    @property
    def credential(self) -> Credential:
        """The project's key. Source: Kapa's documentation, `X-API-KEY`."""
        return Credential("X-API-KEY", "", self.settings.api_key)

    def probes(self) -> tuple[Operation[Any], ...]:
        """Return the operation that retrieves the project: it needs the right address, key and id."""
        return (operations.retrieve_project(id=self.settings.project_id),)

    def _question_arguments(self, call: ChatCall) -> dict[str, Any]:
        return {
            "query": call.question,
            "user": None if call.user is None else _user_to_json(call.user),
            "metadata": call.metadata,
            "integration_id": call.options.get("integration_id", self.settings.integration_id),
        }

    def chat(self, call: ChatCall) -> Flow[Answer]:
        """Ask. Source: Kapa reference, 'Chat' and 'Chat in thread'."""
        question = self._question_arguments(call)
        if call.thread is None:
            operation = operations.chat(project_id=self.settings.project_id, **question)
        else:
            operation = operations.chat_in_thread(thread_id=call.thread.id, **question)
        answer_operation = operation.map(lambda reply: _reply_to_answer(reply, call.thread))
        return reconcile_call(call, lambda: ask(answer_operation), lambda: self._read_newest(call), self.now())

    def stream(self, call: ChatCall) -> Flow[EventSource[Answer] | Answer]:
        """Ask, streamed. Source: Kapa reference, 'Chat streamed' and 'Chat in thread streamed'."""
        question = self._question_arguments(call)
        if call.thread is None:
            operation = operations.chat_streamed(project_id=self.settings.project_id, **question)
        else:
            operation = operations.chat_in_thread_streamed(thread_id=call.thread.id, **question)
        return reconcile_call(call, lambda: open_stream(operation), lambda: self._read_newest(call), self.now())

    def _read_newest(self, call: ChatCall) -> Flow[Sequence[Exchange]]:
        """Return the last exchange of the call's thread, or without a thread the project's newest exchanges."""
        if call.thread is not None:
            thread = yield from ask(operations.retrieve_thread(id=call.thread.id))
            rows = sorted_by_time(thread.question_answers)[-1:]
        else:
            newest = operations.list_question_answers(
                project_id=self.settings.project_id, ordering="-created_at", page=1, page_size=PAGE_SIZE
            )
            rows = list((yield from ask(newest)).items)
        return _rows_to_exchanges(rows, call.thread)

    def feedback(self, call: FeedbackCall) -> Flow[FeedbackReceipt]:
        """Rate an answer; a later rating by the same user replaces it. Source: Kapa reference, 'Upsert feedback'."""
        user = require_user_id(
            call, "Kapa keeps one rating for each user and answer", ", something stable and unique for the person"
        )
        if call.rating is Rating.UP:
            call = drop_unsupported(call, "comment", reason="Kapa accepts a comment only with a downvote")
        comment = call.comment
        operation = operations.upsert_feedback(
            question_answer=call.answer_id,  # type: ignore[arg-type]  # an int is rejected there, with the reason
            reaction=_REACTIONS[call.rating],
            user_identifier=user,
            comment=None if comment is None else _comment_to_json(comment),
        )
        return ask(operation.map(lambda row: call.receipt(id=row.id, raw=row.raw)))

    def history(self, call: HistoryCall) -> Flow[Paged[Exchange]]:
        """Read a thread, or the project's questions and answers, filtered by Kapa's own user id.

        Source: Kapa reference, 'Retrieve a thread', 'List Question Answers', 'List End Users'.
        """
        if call.user is not None and not (call.user.id or call.user.email):
            raise Unsupported(
                "Kapa's end users can be looked up only by the bot's own id or by e-mail",
                hint="Give the user's id or e-mail.",
                backend="kapa",
                operation="history",
                argument="user",
            )
        thread = None if call.thread is None else operations.retrieve_thread(id=call.thread.id)
        return self._read_history(call, thread)

    def _read_history(self, call: HistoryCall, thread: Operation[Thread] | None) -> Flow[Paged[Exchange]]:
        first = (
            self._list_exchanges(call, 1, 0)
            if thread is None
            else thread.map(lambda found: _thread_to_page(found, call))
        )
        if call.user is None:
            return Paged(first, _exchange_id)
        end_user_id = yield from self._find_end_user_id(call.user)
        # A user whom Kapa does not know has asked nothing.
        return Paged(
            first,
            _exchange_id,
            lambda exchange: end_user_id is not None and exchange.raw.get("end_user_id") == end_user_id,
        )

    def _list_exchanges(self, call: HistoryCall, page: int, seen: int) -> Operation[Page[Exchange]]:
        page_size = call.page_size or PAGE_SIZE
        operation = operations.list_question_answers(
            project_id=self.settings.project_id,
            ordering="-created_at" if call.newest_first else "created_at",
            page=page,
            page_size=page_size,
        )
        if page > 1:
            # A bare list ends with an empty page, or with a 404 for the page after the last.
            operation = operation.default_if_not_found(Listing(items=()), route_exists=True)

        def read(listing: Listing[QuestionAnswer]) -> Page[Exchange]:
            seen_so_far = seen + len(listing.items)
            return Page(
                _rows_to_exchanges(listing.items),
                # Pages are numbered without gaps: beyond an empty one there is nothing, whatever it claims.
                None
                if not listing.items or listing.is_last(seen_so_far, page_size)
                else self._list_exchanges(call, page + 1, seen_so_far),
                raw=listing.raw,
            )

        return operation.map(read)

    def _find_end_user_id(self, user: User) -> Flow[str | None]:
        seen = 0
        ids: set[str | None] = set()
        for page in range(1, self.settings.page_limit + 1):
            operation = operations.list_end_users(
                project_id=self.settings.project_id, search=user.id or user.email, page=page, page_size=PAGE_SIZE
            )
            if page > 1:
                operation = operation.default_if_not_found(Listing(items=()), route_exists=True)
            listing = yield from ask(operation)
            for row in listing.items:
                if _is_same_user(row, user):
                    return row.id
            seen += len(listing.items)
            new_ids = {row.id for row in listing.items} - ids
            if listing.is_last(seen, PAGE_SIZE) or not new_ids:
                # A page without a new row: the vendor repeats a page, and would do so forever.
                return None
            ids |= new_ids
        return None


def _user_to_json(user: User) -> dict[str, Any]:
    """Return the `user` object. Source: Kapa reference, 'Chat' (EndUserInfo)."""
    return drop_none(
        unique_client_id=user.id,
        email=user.email,
        fingerprint_id=user.fingerprint_id,
        slack_id=user.slack_id,
        discord_id=user.discord_id,
        metadata=user.metadata,
    )


def _comment_to_json(comment: Comment) -> dict[str, Any]:
    """Return the `comment` object. Source: Kapa reference, 'Upsert feedback' (FeedbackComment)."""
    return drop_none(
        issue=comment.text,
        incorrect=comment.incorrect,
        irrelevant=comment.irrelevant,
        unaddressed=comment.unaddressed,
    )


def _reply_to_answer(reply: ChatReply, thread: ThreadRef | None) -> Answer:
    return Answer(
        text=reply.answer,
        id=reply.question_answer_id,
        thread=ThreadRef("kapa", reply.thread_id) if reply.thread_id else thread,
        sources=reply.relevant_sources,
        uncertain=reply.is_uncertain,
        raw=reply.raw,
    )


def _rows_to_exchanges(rows: Sequence[QuestionAnswer], thread: ThreadRef | None = None) -> tuple[Exchange, ...]:
    # Rows of one thread share its reference, which costs nearly as much as the rest of an exchange.
    ids = {row.thread_id for row in rows if row.thread_id is not None}
    threads: dict[str | None, ThreadRef] = {each: ThreadRef("kapa", each) for each in ids}
    return tuple([_row_to_exchange(row, threads.get(row.thread_id, thread)) for row in rows])


def _row_to_exchange(row: QuestionAnswer, thread: ThreadRef | None) -> Exchange:
    return Exchange(
        question=row.question,
        answer=row.answer,
        id=row.id,
        thread=thread,
        created_at=row.created_at,
        sources=row.relevant_sources,
        feedback=row.feedback,
        uncertain=row.is_uncertain,
        raw=row.raw,
    )


def _thread_to_page(thread: Thread, call: HistoryCall) -> Page[Exchange]:
    rows = sorted_by_time(thread.question_answers)
    if call.newest_first:
        rows.reverse()
    return Page(_rows_to_exchanges(rows, call.thread), raw=thread.raw)


def sorted_by_time(rows: Sequence[QuestionAnswer]) -> list[QuestionAnswer]:
    """Return the rows, oldest first if all have times: the reference promises no order within a thread."""
    times = {row.id: row.created_at for row in rows if row.created_at is not None}
    return sorted(rows, key=lambda row: times[row.id]) if len(times) == len(rows) else list(rows)


def _exchange_id(exchange: Exchange) -> str | None:
    return exchange.id


def _is_same_user(row: EndUser, user: User) -> bool:
    if user.id is not None:
        return row.unique_client_id == user.id
    return row.email is not None and row.email == user.email
