"""Answers and the parts of questions as the text that a store keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from attrs import evolve

from unichat.conversations.messages import Part
from unichat.models import Answer, Source, ThreadRef


def encode_answer(answer: Answer, thread: str | None) -> str:
    """Return an answer as JSON, without the vendor's own and without how the call went.

    Args:
        answer: the answer.
        thread: what `encode_thread` returns for its thread.
    """
    return json.dumps(
        {
            "text": answer.text,
            "id": answer.id,
            "thread": thread,
            "sources": [[source.url, source.title, source.internal] for source in answer.sources],
            "uncertain": answer.uncertain,
            "maybe_duplicated": answer.maybe_duplicated,
            "began": answer.began,
            "carried_over": answer.carried_over,
            "profile": answer.profile,
        }
    )


def decode_answer(text: str) -> Answer:
    """Return the answer that `encode_answer` encoded."""
    fields: dict[str, Any] = json.loads(text)
    fields["sources"] = tuple(Source(*each) for each in fields["sources"])
    fields["thread"] = decode_thread(fields["thread"])
    return Answer(**fields)


def encode_thread(thread: ThreadRef | None) -> str | None:
    """Return a thread's text form, without what was said in it.

    Where a vendor keeps no conversations, a reference may hold the whole conversation (`ThreadRef.state`). To continue
    it, one is enough; an answer says only to which thread it belongs.
    """
    if thread is None or thread.state is None:
        return None if thread is None else str(thread)
    return str(evolve(thread, state=None))


def without_state(text: str | None) -> str | None:
    """Return a thread's text form as `encode_thread` makes it."""
    return encode_thread(decode_thread(text)) if text is not None and "state=" in text else text


@lru_cache(maxsize=512)
def decode_thread(text: str | None) -> ThreadRef | None:
    """Return the thread whose text form is given; kept for the next question in it."""
    return None if text is None else ThreadRef.parse(text)


def encode_parts(parts: Sequence[Part]) -> str | None:
    """Return parts as JSON; None for none."""
    return json.dumps([[part.speaker, part.event, part.text] for part in parts]) if parts else None


def decode_parts(text: str | None) -> tuple[Part, ...]:
    """Return the parts that `encode_parts` encoded."""
    return () if text is None else tuple(Part(*fields) for fields in json.loads(text))


def storable(text: str) -> str:
    """Return a text as every database keeps it: without NUL, and without half a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
