"""What came of a request, as a recording keeps it: the head without what may identify, and the body without people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from unichat.adapter import Reply
from unichat.testing.answers import CannedStream
from unichat.testing.people import People
from unichat.transport.base import TransportFailure

_KEPT_HEADERS = ("content-type", "retry-after")


def _failure_to_json(failure: TransportFailure) -> dict[str, Any]:
    return {"kind": failure.kind, "delivered": failure.delivered, "phase": failure.phase}


def _head_to_json(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    return {"status": status, "headers": {name: headers[name] for name in _KEPT_HEADERS if name in headers}}


def reply_to_outcome(reply: Reply | TransportFailure, people: People) -> dict[str, Any]:
    """Return what is kept of a whole answer, or of a failure."""
    if isinstance(reply, TransportFailure):
        return {"failure": _failure_to_json(reply)}
    text = reply.body.decode("utf-8", "surrogateescape").encode("utf-8", "backslashreplace").decode()
    outcome = _head_to_json(reply.status, reply.headers)
    try:
        outcome["json"] = people.hide_answer(json.loads(reply.body))
    except ValueError:
        outcome["body"] = people.hide_in_text(text)
    return outcome if reply.cut is None else {**outcome, "cut": reply.cut}


def outcome_to_answer(outcome: Mapping[str, Any], people: People) -> Reply | CannedStream | TransportFailure:
    """Return the answer that was kept, with the people of now."""
    if "status" not in outcome:
        return TransportFailure(**outcome["failure"])
    status, headers = outcome["status"], outcome["headers"]
    if "chunks" not in outcome:
        body = json.dumps(people.show(outcome["json"])) if "json" in outcome else people.show_in_text(outcome["body"])
        return Reply(status, headers, body.encode(), outcome.get("cut"))
    chunks: list[bytes | TransportFailure] = [people.show_in_text(text).encode() for text in outcome["chunks"]]
    if "failure" in outcome:
        chunks.append(TransportFailure(**outcome["failure"]))
    return CannedStream(chunks, status, headers, outcome["delimited"])


def stream_to_outcome(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    cuts: Sequence[int],
    failure: TransportFailure | None,
    people: People,
    delimited: bool,
) -> dict[str, Any]:
    """Return what is kept of a streamed answer: its chunks end where they ended, and it breaks where it broke."""
    chunks = [people.hide_in_text(text) for text in _split_text(body, cuts)]
    outcome = {**_head_to_json(status, headers), "delimited": delimited, "chunks": chunks}
    return outcome if failure is None else {**outcome, "failure": _failure_to_json(failure)}


def _split_text(body: bytes, cuts: Sequence[int]) -> list[str]:
    """Return the chunks as text: a character that was cut in two goes to the later one."""
    texts, begun = [], 0
    for cut in cuts:
        end = cut
        while end > begun and end < len(body) and body[end] & 0xC0 == 0x80:
            end -= 1
        texts.append(body[begun:end].decode("utf-8", "replace"))
        begun = end
    return [text for text in texts if text]
