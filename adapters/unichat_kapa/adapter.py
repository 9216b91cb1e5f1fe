"""Kapa behind the neutral calls: threads, streams, votes, and the history of a thread, a user or a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import evolve, frozen

from unichat.adapter import (
    Adapter,
    Capabilities,
    ChatCall,
    ConversationCall,
    Credential,
    EventSource,
    FeedbackCall,
    Flow,
    HistoryCall,
    Operation,
    Paged,
    ask,
    check_scope,
    drop_unsupported,
    open_stream,
    reconcile_call,
    require_user_id,
)
from unichat.errors import Unsupported
from unichat.models import Answer, Exchange, FeedbackReceipt, Rating
from unichat_kapa import operations
from unichat_kapa.exchanges import comment_to_json, reply_to_answer, rows_to_exchanges, sort_by_time, user_to_json
from unichat_kapa.history import PAGE_SIZE, History
from unichat_kapa.settings import KapaSettings
from unichat_kapa.stream import Decoder

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

    @property
    def scope(self) -> str:
        """The project."""
        return self.settings.scope

    def probes(self) -> tuple[Operation[Any], ...]:
        """Return the operation that retrieves the project: it needs the right address, key and id."""
        return (operations.retrieve_project(id=self.settings.project_id),)

    def _check_scope(self, call: ConversationCall) -> None:
        check_scope(call, self.settings.scope, kind="project", setting="project_id")

    def _question_arguments(self, call: ChatCall) -> dict[str, Any]:
        return {
            "query": call.question,
            "user": None if call.user is None else user_to_json(call.user),
            "metadata": call.metadata,
            "integration_id": call.options.get("integration_id", self.settings.integration_id),
        }

    def chat(self, call: ChatCall) -> Flow[Answer]:
        """Ask. Source: Kapa reference, 'Chat' and 'Chat in thread'."""
        self._check_scope(call)
        question = self._question_arguments(call)
        if call.thread is None:
            operation = operations.chat(project_id=self.settings.project_id, **question)
        else:
            operation = operations.chat_in_thread(thread_id=call.thread.id, **question)
        answer_operation = operation.map(lambda reply: reply_to_answer(reply, self.settings.scope, call.thread))
        return reconcile_call(call, lambda: ask(answer_operation), lambda: self._read_newest(call), self.now())

    def stream(self, call: ChatCall) -> Flow[EventSource[Answer] | Answer]:
        """Ask, streamed. Source: Kapa reference, 'Chat streamed' and 'Chat in thread streamed'."""
        self._check_scope(call)
        question = self._question_arguments(call)
        if call.thread is None:
            operation = operations.chat_streamed(project_id=self.settings.project_id, **question)
        else:
            operation = operations.chat_in_thread_streamed(thread_id=call.thread.id, **question)
        thread_id = None if call.thread is None else call.thread.id
        # The operation's own decoder cannot know the project of a thread.
        operation = evolve(operation, decoder=lambda limit: Decoder(limit, thread_id, self.settings.scope))
        return reconcile_call(call, lambda: open_stream(operation), lambda: self._read_newest(call), self.now())

    def _read_newest(self, call: ChatCall) -> Flow[Sequence[Exchange]]:
        """Return the last exchange of the call's thread, or without a thread the project's newest exchanges."""
        if call.thread is not None:
            thread = yield from ask(operations.retrieve_thread(id=call.thread.id))
            rows = sort_by_time(thread.question_answers)[-1:]
        else:
            newest = operations.list_question_answers(
                project_id=self.settings.project_id, ordering="-created_at", page=1, page_size=PAGE_SIZE
            )
            rows = list((yield from ask(newest)).items)
        return rows_to_exchanges(rows, self.settings.scope, call.thread)

    def feedback(self, call: FeedbackCall) -> Flow[FeedbackReceipt]:
        """Rate an answer; a later rating by the same user replaces it. Source: Kapa reference, 'Upsert feedback'."""
        self._check_scope(call)
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
            comment=None if comment is None else comment_to_json(comment),
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
        self._check_scope(call)
        thread = None if call.thread is None else operations.retrieve_thread(id=call.thread.id)
        return History(self.settings).read(call, thread)
