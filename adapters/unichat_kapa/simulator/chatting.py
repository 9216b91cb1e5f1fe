"""Chat, chat in thread and custom chat, each plain and streamed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from starlette.responses import Response

from unichat.sandbox import Answer
from unichat_kapa.simulator.calls import Call
from unichat_kapa.simulator.forms import CHAT, CUSTOM_CHAT
from unichat_kapa.simulator.projects import timestamp
from unichat_kapa.simulator.records import NewAnswer
from unichat_kapa.simulator.shapes import Sources, kept_sources, relevant_sources
from unichat_kapa.simulator.streaming import streamed

_WITHOUT_RETRIEVAL = "Retrieval is switched off for this question, and I know nothing but the documentation."


@frozen(kw_only=True)
class Asked:
    """A question that was answered; the ids are None where it was not to be kept."""

    text: str
    uncertain: bool
    sources: Sources
    thread_id: str | None
    answer_id: str | None
    full_sources: bool = False
    messages: Sequence[Mapping[str, Any]] = ()


def chat(call: Call) -> Response:
    """Answer in a new thread. Source: Kapa reference, 'Chat'."""
    return _plain(call, _asked(call, None))


def chat_in_thread(call: Call) -> Response:
    """Answer in an existing thread. Source: Kapa reference, 'Chat in thread'."""
    return _plain(call, _asked(call, call.thread()["id"]))


def chat_streamed(call: Call) -> Response:
    """Answer in a new thread, as a stream. Source: Kapa reference, 'Chat streamed'."""
    return _stream(call, _asked(call, None))


def chat_in_thread_streamed(call: Call) -> Response:
    """Answer in an existing thread, as a stream. Source: Kapa reference, 'Chat in thread streamed'."""
    return _stream(call, _asked(call, call.thread()["id"]))


def custom_chat(call: Call) -> Response:
    """Answer a conversation given whole. Source: Kapa reference, 'Custom chat'."""
    asked = _asked_custom(call)
    return call.ok(
        {
            "answer": asked.text,
            "thread_id": asked.thread_id,
            "question_answer_id": asked.answer_id,
            "messages": [*asked.messages, {"role": "assistant", "content": asked.text}],
            "relevant_sources": relevant_sources(asked.sources, call.simulator.source_url, full=True),
        }
    )


def custom_chat_streamed(call: Call) -> Response:
    """Answer a conversation given whole, as a stream. Source: Kapa reference, 'Custom chat streamed'."""
    return _stream(call, _asked_custom(call))


def _plain(call: Call, asked: Asked) -> Response:
    return call.ok(
        {
            "answer": asked.text,
            "thread_id": asked.thread_id,
            "question_answer_id": asked.answer_id,
            "is_uncertain": asked.uncertain,
            "relevant_sources": relevant_sources(asked.sources, call.simulator.source_url, full=False),
        }
    )


def _stream(call: Call, asked: Asked) -> Response:
    sources = relevant_sources(asked.sources, call.simulator.source_url, full=asked.full_sources)
    return streamed(
        call.quirks,
        text=asked.text,
        sources=sources,
        uncertain=asked.uncertain,
        thread_id=asked.thread_id,
        answer_id=asked.answer_id,
    )


def _asked(call: Call, thread_id: str | None) -> Asked:
    body = call.form(CHAT)
    integration = call.integration_id(body["integration_id"])
    earlier = call.records.questions(thread_id) if thread_id else []
    answer = call.simulator.answer(body["query"], earlier)
    sources = kept_sources(answer.passages)
    new = NewAnswer(
        question=body["query"],
        answer=answer.text,
        uncertain=answer.uncertain,
        sources=sources,
        integration=integration,
        user=call.records.user(body["user"]),
        redacted=False,
        created_at=timestamp(call.simulator.now()),
    )
    thread_id, answer_id = call.records.keep(new, thread_id)
    return Asked(
        text=answer.text, uncertain=answer.uncertain, sources=sources, thread_id=thread_id, answer_id=answer_id
    )


def _asked_custom(call: Call) -> Asked:
    body = call.form(CUSTOM_CHAT)
    integration = call.integration_id(body["integration_id"])
    # A conversation without the user's own words is still one: its last message is then what is asked.
    said = [each["content"] for each in body["messages"] if each["role"] in ("user", "query")] or [
        body["messages"][-1]["content"]
    ]
    answer = _answered(call, body, said)
    sources = kept_sources(answer.passages)
    if body["label_internal_sources"]:
        for each in sources:
            each["title"] = f"[INTERNAL] {each['title']}" if each["contains_internal_data"] else each["title"]
    text = answer.text if body["response_format"] is None else json.dumps({"answer": answer.text})
    thread_id = answer_id = None
    if body["persist_answer"]:
        new = NewAnswer(
            question=said[-1],
            answer=text,
            uncertain=answer.uncertain,
            sources=sources,
            integration=integration,
            user=None,
            redacted=body["redact_conversation"],
            created_at=timestamp(call.simulator.now()),
        )
        thread_id, answer_id = call.records.keep(new, None)
    return Asked(
        text=text,
        uncertain=answer.uncertain,
        sources=sources,
        thread_id=thread_id,
        answer_id=answer_id,
        full_sources=True,
        messages=body["messages"],
    )


def _answered(call: Call, body: Mapping[str, Any], said: Sequence[str]) -> Answer:
    if not body["use_retrieval"]:
        return Answer(_WITHOUT_RETRIEVAL, (), uncertain=True)
    documents = None
    if body["source_ids_include"]:
        wanted = set(body["source_ids_include"])
        documents = [each.name for each in call.simulator.manual.documents if call.project.source_id(each) in wanted]
    return call.simulator.answer(body["retrieval_query"] or said[-1], said[:-1], documents)
