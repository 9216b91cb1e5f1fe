"""How the public API is used, for mypy: it is checked and never run, so that a type that gets lost is noticed.

Every `assert_type` is a promise to callers; changing one is a change of the API.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, assert_type

import unichat
import unichat_kadal
import unichat_kapa
from unichat import (
    Answer,
    AnswerStream,
    AsyncAnswerStream,
    AsyncClient,
    AsyncConversations,
    AsyncOutcomes,
    Attempt,
    CallRecord,
    Capabilities,
    ClearOutcome,
    ClearResult,
    Client,
    Comment,
    Conversations,
    Exchange,
    Feedback,
    FeedbackReceipt,
    Outcome,
    Outcomes,
    Progress,
    Rating,
    Secret,
    Source,
    StreamEvent,
    ThreadRef,
    User,
    errors,
)
from unichat.adapter import Adapter, Backend, Flow, Operation, Page, Paged, StreamOperation, ask, relay_stream
from unichat_kadal.models import ChatList, Common, Health
from unichat_kadal.models import ChatReply as KadalReply
from unichat_kadal.models import FeedbackRow as KadalFeedback
from unichat_kapa.models import (
    Activity,
    ChatReply,
    EndUser,
    FeedbackRow,
    Integration,
    KnowledgeSource,
    Listing,
    Project,
    QuestionAnswer,
    SearchResult,
    Thread,
    ThreadSummary,
)


def check_connecting() -> None:
    assert_type(unichat.connect(), Client)
    assert_type(unichat.connect("kapa", api_key="…", project_id="…"), Client)
    assert_type(unichat.connect("kadal://bot?user_ids=uuid5"), Client)
    assert_type(unichat.connect(profile="support", config="unichat.toml"), Client)
    with unichat.connect("kadal") as client:
        assert_type(client, Client)
    assert_type(client.capabilities, Capabilities)
    assert_type(client.capabilities.streaming, bool)
    assert_type(client.capabilities.question_limit, int | None)
    assert_type(client.backend, str)
    assert_type(client.close(), None)


def check_asking(client: Client) -> None:
    answer = client.chat("Hi?", user="ann", metadata={"page": "/"}, deadline=5, on_unsupported="drop", tone="warm")
    assert_type(answer, Answer)
    assert_type(answer.text, str)
    assert_type(answer.id, str | None)
    assert_type(answer.thread, ThreadRef | None)
    assert_type(answer.sources, tuple[Source, ...])
    assert_type(answer.uncertain, bool | None)
    assert_type(answer.maybe_duplicated, bool)
    assert_type(answer.call, CallRecord | None)
    assert_type(answer.raw, Any)
    assert_type(answer.sources[0].url, str | None)
    assert_type(answer.sources[0].title, str | None)

    metadata: Mapping[str, object] = MappingProxyType({"page": "/"})
    assert_type(client.chat("Hi?", user=User("ann", email="a@example.com"), metadata=metadata), Answer)
    assert_type(client.continue_thread(ThreadRef("kapa", "t"), "And?"), Answer)
    assert_type(client.continue_thread("kapa:1:t~00000000", "And?", user="ann"), Answer)
    assert_type(client.continue_thread(answer, "And?"), Answer)
    assert_type(ThreadRef.parse("…"), ThreadRef)
    assert_type(str(ThreadRef.parse("…")), str)


def check_streaming(client: Client, thread: ThreadRef) -> None:
    with client.stream("Hi?", thread=thread, user="ann") as stream:
        assert_type(stream, AnswerStream[Answer])
        for event in stream:
            assert_type(event, StreamEvent)
            assert_type(event.text, str)
            assert_type(event.sources, tuple[Source, ...])
    assert_type(stream.answer, Answer)
    assert_type(stream.raw, list[Any])


def check_rating(client: Client, answer: Answer, exchange: Exchange) -> None:
    receipt = client.feedback(answer, Rating.DOWN, user="ann", comment=Comment("wrong", incorrect=True))
    assert_type(receipt, FeedbackReceipt)
    assert_type(receipt.id, str | None)
    assert_type(receipt.rating, Rating)
    assert_type(client.feedback(exchange, "up"), FeedbackReceipt)
    assert_type(client.feedback("an id", "down", comment="wrong"), FeedbackReceipt)
    assert_type(client.feedback(17, Rating.UP, rating_id=3), FeedbackReceipt)


def check_threads(client: Client, thread: ThreadRef) -> None:
    assert_type(client.history(), Iterator[Exchange])
    for exchange in client.history(thread, user="ann", newest_first=True, page_size=10, limit=5):
        assert_type(exchange, Exchange)
        assert_type(exchange.question, str)
        assert_type(exchange.answer, str)
        assert_type(exchange.created_at, datetime | None)
        assert_type(exchange.feedback, tuple[Feedback, ...])
        assert_type(exchange.feedback[0].rating, Rating)
        client.continue_thread(exchange, "And?")
    cleared = client.clear_history(thread, user="ann")
    assert_type(cleared, ClearResult)
    assert_type(cleared.outcome, ClearOutcome)


def check_errors(client: Client) -> None:
    try:
        client.chat("Hi?")
    except errors.StreamInterrupted as error:
        assert_type(error.text, str)
        assert_type(error.thread, ThreadRef | None)
    except errors.UnichatError as error:
        assert_type(error.backend, str | None)
        assert_type(error.operation, str | None)
        assert_type(error.status, int | None)
        assert_type(error.retry_after, float | None)
        assert_type(error.retryable, bool)
        assert_type(error.maybe_delivered, bool | None)
        assert_type(error.attempts, tuple[Attempt, ...])
        assert_type(error.call, CallRecord | None)


def many(client: Client, questions: list[str]) -> None:
    outcomes = unichat.map_concurrent(client.chat, questions, concurrency=4, ordered=False)
    assert_type(outcomes, Outcomes[str, Answer])
    with outcomes:
        for outcome in outcomes:
            assert_type(outcome, Outcome[str, Answer])
            assert_type(outcome.item, str)
            assert_type(outcome.index, int)
            assert_type(outcome.ok, bool)
            assert_type(outcome.error, errors.UnichatError | None)
            assert_type(outcome.result, Answer)
    assert_type(outcomes.close(), None)

    rows = [("Hi?", "ann")]
    rated = unichat.map_concurrent(lambda row: client.feedback(client.chat(row[0]), "up", user=row[1]), rows)
    assert_type(next(rated), Outcome[tuple[str, str], FeedbackReceipt])
    wider: Outcome[object, object] = next(outcomes)
    assert_type(wider.result, object)

    def watch(progress: Progress) -> None:
        assert_type(progress.done, int)
        assert_type(progress.failed, int)
        assert_type(progress.total, int | None)

    unichat.map_concurrent(client.chat, (question for question in questions), on_progress=watch)
    unichat.map_concurrent(client.chat, [5])  # type: ignore[arg-type]


async def many_asynchronously(client: AsyncClient, questions: AsyncIterator[str]) -> None:
    async with unichat.map_concurrent_async(client.chat, questions) as outcomes:
        assert_type(outcomes, AsyncOutcomes[str, Answer])
        async for outcome in outcomes:
            assert_type(outcome, Outcome[str, Answer])
    assert_type(await anext(unichat.map_concurrent_async(client.chat, ["Hi?"])), Outcome[str, Answer])
    assert_type(await outcomes.close(), None)


def secrets() -> None:
    assert_type(Secret("…").reveal(), str)


def kapa(client: Client) -> None:
    operations = unichat_kapa.operations
    assert_type(operations.retrieve_project(id="p"), Operation[Project])
    assert_type(operations.list_sources(project_id="p"), Operation[Listing[KnowledgeSource]])
    assert_type(operations.list_integrations(project_id="p"), Operation[Listing[Integration]])
    assert_type(operations.chat(project_id="p", query="Hi?"), Operation[ChatReply])
    assert_type(operations.custom_chat(project_id="p", messages=[]), Operation[ChatReply])
    assert_type(operations.chat_in_thread(thread_id="t", query="Hi?"), Operation[ChatReply])
    assert_type(operations.custom_chat_streamed(project_id="p", messages=[]), StreamOperation[Answer])
    assert_type(operations.chat_streamed(project_id="p", query="Hi?"), StreamOperation[Answer])
    assert_type(
        operations.chat_streamed(project_id="p", query="Hi?").map(lambda answer: answer.text), StreamOperation[str]
    )
    assert_type(relay_stream(operations.chat_streamed(project_id="p", query="Hi?")), Flow[Answer])
    assert_type(operations.chat_in_thread_streamed(thread_id="t", query="Hi?"), StreamOperation[Answer])
    assert_type(operations.search(project_id="p", query="Hi?"), Operation[Listing[SearchResult]])
    assert_type(
        operations.upsert_feedback(question_answer="a", reaction="upvote", user_identifier="ann"),
        Operation[FeedbackRow],
    )
    assert_type(operations.activity(project_id="p", aggregation_period="DAY"), Operation[Activity])
    assert_type(operations.list_end_users(project_id="p"), Operation[Listing[EndUser]])
    assert_type(operations.retrieve_thread(id="t"), Operation[Thread])
    assert_type(operations.list_question_answers(project_id="p"), Operation[Listing[QuestionAnswer]])
    assert_type(operations.retrieval(project_id="p", query="Hi?"), Operation[Listing[SearchResult]])
    assert_type(operations.list_threads(project_id="p"), Operation[Listing[ThreadSummary]])

    assert_type(client.run(operations.retrieve_project(id="p")), Project)
    assert_type(client.run(operations.retrieve_project(id="p"), deadline=5).raw, Any)
    assert_type(client.run(operations.retrieve_project(id="p")).call, CallRecord | None)
    assert_type(client.run(operations.search(project_id="p", query="Hi?")).call, CallRecord | None)
    assert_type(client.run(operations.chat_streamed(project_id="p", query="Hi?")), AnswerStream[Answer])
    assert_type(client.run(operations.chat_streamed(project_id="p", query="Hi?")).call, CallRecord | None)


def kadal(client: Client) -> None:
    operations = unichat_kadal.operations
    assert_type(operations.health(), Operation[Health])
    assert_type(operations.list_chats(chat_bot_id="b", page_no=1, page_size=5), Operation[ChatList])
    assert_type(operations.get_chat(chat_bot_id="b", query="Hi?"), Operation[KadalReply])
    assert_type(operations.clear_chat_history(chat_bot_id="b"), Operation[Common])
    assert_type(operations.post_chat(chat_bot_id="b", message="Hi?", metadata={"a": 1}), Operation[KadalReply])
    assert_type(operations.add_feedback(bot_response_id=1, is_positive=True, rating_id=1), Operation[KadalFeedback])
    assert_type(operations.list_chats_v7(chat_bot_id="b"), Operation[ChatList])

    assert_type(client.run(operations.health()), Health)
    assert_type(client.run(operations.post_chat(chat_bot_id="b", message="Hi?")), KadalReply)


def conversations(client: Client) -> None:
    with Conversations(client, store="sqlite:///bot.db", reactions={"ok": "up"}) as talks:
        talk = talks.get("c")
        assert_type(talk.ask("Hi?", user="ann", event="e1", deadline=5), Answer)
        assert_type(talk.stream("Hi?"), AnswerStream[Answer])
        assert_type(talk.rate(Rating.UP), FeedbackReceipt | None)
        assert_type(talk.thread, ThreadRef | None)
        assert_type(talk.history(), Iterator[Exchange])
        assert_type(talk.load(), ThreadRef | None)
        assert_type(talks.rate("m1", "👍", user="ben"), FeedbackReceipt | None)
        assert_type(talks.export(user="ann"), dict[str, Any])
        assert_type(talks.erase(user="ann").not_cleared, Mapping[str, str])
        assert_type(talks.expire(older_than=timedelta(days=9)), int)
        assert_type([each.ratings for each in talks.questions()], list[tuple[Rating, ...]])


async def conversations_on_asyncio(client: AsyncClient) -> None:
    async with AsyncConversations(client) as talks:
        talk = talks.get("c")
        assert_type(await talk.ask("Hi?"), Answer)
        assert_type(talk.stream("Hi?"), AsyncAnswerStream[Answer])
        assert_type(await talk.load(), ThreadRef | None)
        assert_type(talk.history(), AsyncIterator[Exchange])
        assert_type(await talks.rate("m1", "👍"), FeedbackReceipt | None)


def wrong(client: Client, answer: Answer) -> None:
    # Each line below must be an error: mypy reports a `type: ignore` that is not needed.
    client.chat(5)  # type: ignore[arg-type]
    client.chat("Hi?", "ann")  # type: ignore[call-arg]
    client.chat("Hi?", on_unsupported="ignore")  # type: ignore[arg-type]
    client.continue_thread(5, "Hi?")  # type: ignore[arg-type]
    client.feedback(answer, 1)  # type: ignore[arg-type]
    client.history(limit="5")  # type: ignore[arg-type]
    client.run("chat")  # type: ignore[call-overload]
    answer.text = "other"  # type: ignore[misc]
    unichat_kapa.operations.chat("p", "Hi?")  # type: ignore[call-arg]
    unichat_kadal.operations.post_chat(chat_bot_id="b")  # type: ignore[call-arg]


# What somebody who writes an adapter relies on.


def flow(operation: Operation[Answer]) -> Flow[str]:
    answer = yield from ask(operation)
    assert_type(answer, Answer)
    return answer.text


def check_mapping(operation: Operation[Answer], pages: Operation[Page[Exchange]]) -> None:
    assert_type(operation.map(lambda answer: answer.text), Operation[str])
    assert_type(operation.default_if_not_found(Answer(text="")), Operation[Answer])
    assert_type(Paged(pages, lambda exchange: exchange.id), Paged[Exchange])


def backends() -> None:
    adapters: list[Adapter] = []
    kapa_backend: Backend[Any] = unichat_kapa.backend
    kadal_backend: Backend[Any] = unichat_kadal.backend
    adapters += [kapa_backend.build(kapa_backend.settings()), kadal_backend.build(kadal_backend.settings())]


def routes(client: Client, async_client: AsyncClient) -> None:
    """Routes are clients of their members' kind."""
    safe = unichat.routing.fallback({"kapa": client, "kadal": client}, patience=2, fall_back_on=["refused"])
    assert_type(safe, Client)
    assert_type(unichat.routing.split({"kapa": client, "safe": safe}, {"kapa": 70, "safe": 0.5}), Client)
    assert_type(unichat.routing.fallback({"kapa": async_client}), AsyncClient)
    assert_type(safe.members, Mapping[str, Client])
    assert_type(safe.member_for(user="ada", thread="kapa:1:t~0"), str | None)
    answer = safe.chat("Hello?")
    assert_type(answer.profile, str | None)
    if answer.call is not None:
        assert_type(answer.call.attempts[0].profile, str | None)
        assert_type(answer.call.attempts[0].maybe_delivered, bool | None)
    assert_type(safe.clear_history(user="ada").parts, Mapping[str, ClearResult | unichat.errors.UnichatError])
