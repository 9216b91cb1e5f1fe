"""Chat, chat in thread and custom chat, each plain and streamed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from starlette.responses import Response

from unichat.sandbox import Answer
from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.projects import format_time
from unichat_kapa.simulator.records import NewAnswer
from unichat_kapa.simulator.schemas import CHAT, CUSTOM_CHAT
from unichat_kapa.simulator.serializers import Sources, describe_sources, serialize_sources
from unichat_kapa.simulator.streaming import stream_answer

_WITHOUT_RETRIEVAL = "Retrieval is switched off for this question, and I know nothing but the documentation."


@frozen(kw_only=True)
class ChatResult:
    """An answered question; the ids are None if the exchange was not to be stored."""

    text: str
    uncertain: bool
    sources: Sources
    thread_id: str | None
    answer_id: str | None
    full_sources: bool = False
    messages: Sequence[Mapping[str, Any]] = ()


def chat(context: Context) -> Response:
    """Answer in a new thread. Source: Kapa reference, 'Chat'."""
    return _json_response(context, _answer_question(context, None))


def chat_in_thread(context: Context) -> Response:
    """Answer in an existing thread. Source: Kapa reference, 'Chat in thread'."""
    return _json_response(context, _answer_question(context, context.require_thread()["id"]))


def chat_streamed(context: Context) -> Response:
    """Answer in a new thread, as a stream. Source: Kapa reference, 'Chat streamed'."""
    return _stream_response(context, _answer_question(context, None))


def chat_in_thread_streamed(context: Context) -> Response:
    """Answer in an existing thread, as a stream. Source: Kapa reference, 'Chat in thread streamed'."""
    return _stream_response(context, _answer_question(context, context.require_thread()["id"]))


def custom_chat(context: Context) -> Response:
    """Answer a whole conversation. Source: Kapa reference, 'Custom chat'."""
    result = _answer_conversation(context)
    return context.ok(
        {
            "answer": result.text,
            "thread_id": result.thread_id,
            "question_answer_id": result.answer_id,
            "messages": [*result.messages, {"role": "assistant", "content": result.text}],
            "relevant_sources": serialize_sources(result.sources, context.simulator.source_url, full=True),
        }
    )


def custom_chat_streamed(context: Context) -> Response:
    """Answer a whole conversation, as a stream. Source: Kapa reference, 'Custom chat streamed'."""
    return _stream_response(context, _answer_conversation(context))


def _json_response(context: Context, result: ChatResult) -> Response:
    return context.ok(
        {
            "answer": result.text,
            "thread_id": result.thread_id,
            "question_answer_id": result.answer_id,
            "is_uncertain": result.uncertain,
            "relevant_sources": serialize_sources(result.sources, context.simulator.source_url, full=False),
        }
    )


def _stream_response(context: Context, result: ChatResult) -> Response:
    sources = serialize_sources(result.sources, context.simulator.source_url, full=result.full_sources)
    return stream_answer(
        context.quirks,
        text=result.text,
        sources=sources,
        uncertain=result.uncertain,
        thread_id=result.thread_id,
        answer_id=result.answer_id,
    )


def _answer_question(context: Context, thread_id: str | None) -> ChatResult:
    body = context.read_body(CHAT)
    integration = context.check_integration_id(body["integration_id"])
    earlier = context.records.list_questions(thread_id) if thread_id else []
    answer = context.simulator.answer(body["query"], earlier)
    sources = describe_sources(answer.passages)
    new = NewAnswer(
        question=body["query"],
        answer=answer.text,
        uncertain=answer.uncertain,
        sources=sources,
        integration=integration,
        user=context.records.find_or_create_user(body["user"]),
        redacted=False,
        created_at=format_time(context.simulator.now()),
    )
    thread_id, answer_id = context.records.add_exchange(new, thread_id)
    return ChatResult(
        text=answer.text, uncertain=answer.uncertain, sources=sources, thread_id=thread_id, answer_id=answer_id
    )


def _answer_conversation(context: Context) -> ChatResult:
    body = context.read_body(CUSTOM_CHAT)
    integration = context.check_integration_id(body["integration_id"])
    # A conversation may have no message of the user: its last message is then the question.
    questions = [each["content"] for each in body["messages"] if each["role"] in ("user", "query")] or [
        body["messages"][-1]["content"]
    ]
    answer = _find_answer(context, body, questions)
    sources = describe_sources(answer.passages)
    if body["label_internal_sources"]:
        for each in sources:
            each["title"] = f"[INTERNAL] {each['title']}" if each["contains_internal_data"] else each["title"]
    text = answer.text if body["response_format"] is None else json.dumps({"answer": answer.text})
    thread_id = answer_id = None
    if body["persist_answer"]:
        new = NewAnswer(
            question=questions[-1],
            answer=text,
            uncertain=answer.uncertain,
            sources=sources,
            integration=integration,
            user=None,
            redacted=body["redact_conversation"],
            created_at=format_time(context.simulator.now()),
        )
        thread_id, answer_id = context.records.add_exchange(new, None)
    return ChatResult(
        text=text,
        uncertain=answer.uncertain,
        sources=sources,
        thread_id=thread_id,
        answer_id=answer_id,
        full_sources=True,
        messages=body["messages"],
    )


def _find_answer(context: Context, body: Mapping[str, Any], questions: Sequence[str]) -> Answer:
    if not body["use_retrieval"]:
        return Answer(_WITHOUT_RETRIEVAL, (), uncertain=True)
    documents = None
    if body["source_ids_include"]:
        wanted = set(body["source_ids_include"])
        documents = [
            each.name for each in context.simulator.manual.documents if context.project.source_id(each) in wanted
        ]
    return context.simulator.answer(body["retrieval_query"] or questions[-1], questions[:-1], documents)
