"""What came of a request, as a recording keeps it: the head without what may identify, and the body without people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

from attrs import evolve

from unichat.adapter import Reply
from unichat.testing.answers import CannedStream
from unichat.testing.people import People
from unichat.transport.base import TransportFailure

IsError = Callable[[Reply], bool]
_KEPT_HEADERS = ("content-type", "retry-after")


def _failure_to_json(failure: TransportFailure) -> dict[str, Any]:
    return {"kind": failure.kind, "delivered": failure.delivered, "phase": failure.phase}


def _head_to_json(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    return {"status": status, "headers": {name: headers[name] for name in _KEPT_HEADERS if name in headers}}


def reply_to_outcome(reply: Reply | TransportFailure, people: People, is_error: IsError) -> dict[str, Any]:
    """Return what is kept of a whole answer, or of a failure; `is_error` says whether an answer reports one."""
    if isinstance(reply, TransportFailure):
        return {"failure": _failure_to_json(reply)}
    text = reply.body.decode("utf-8", "surrogateescape").encode("utf-8", "backslashreplace").decode()
    outcome = _head_to_json(reply.status, reply.headers)
    try:
        outcome["json"] = people.hide_answer(json.loads(reply.body), is_error=is_error(reply))
    except ValueError:
        outcome["body"] = people.hide_in_text(text)
    return outcome if reply.cut is None else {**outcome, "cut": reply.cut}


def outcome_to_answer(
    outcome: Mapping[str, Any], people: People, is_error: IsError
) -> Reply | CannedStream | TransportFailure:
    """Return the answer that was kept, with the people of now."""
    if "status" not in outcome:
        return TransportFailure(**outcome["failure"])
    status, headers = outcome["status"], outcome["headers"]
    if "chunks" not in outcome:
        if "json" not in outcome:
            return Reply(status, headers, people.show_in_text(outcome["body"]).encode(), outcome.get("cut"))
        kept = Reply(status, headers, json.dumps(outcome["json"]).encode(), outcome.get("cut"))
        return evolve(kept, body=json.dumps(people.show_answer(outcome["json"], is_error=is_error(kept))).encode())
    kept_chunks = _rewrite(outcome["chunks"], people.show_answer, people.show_in_text)
    chunks: list[bytes | TransportFailure] = [text.encode() for text in kept_chunks]
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
    chunks = _rewrite(_split_text(body, cuts), people.hide_answer, people.hide_in_text)
    outcome = {**_head_to_json(status, headers), "delimited": delimited, "chunks": chunks}
    return outcome if failure is None else {**outcome, "failure": _failure_to_json(failure)}


def _rewrite(chunks: Sequence[str], change: Callable[[Any], Any], change_text: Callable[[str], str]) -> list[str]:
    """Return the chunks with their JSON changed, which may be cut anywhere, and what is no JSON between.

    They end where they ended; within a piece that has changed, as far from its start.
    """
    ends = list(accumulate(map(len, chunks)))
    rewritten, read = "", 0
    new_ends: list[int] = []
    for old, new in _pieces("".join(chunks), change, change_text):
        while len(new_ends) < len(ends) and ends[len(new_ends)] < read + len(old):
            new_ends.append(len(rewritten) + min(ends[len(new_ends)] - read, len(new)))
        read += len(old)
        rewritten += new
    new_ends += [len(rewritten)] * (len(ends) - len(new_ends))
    texts = [rewritten[begun:end] for begun, end in pairwise([0, *new_ends])]
    return [text for text in texts if text]


def _pieces(text: str, change: Callable[[Any], Any], change_text: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield the objects and arrays of a text, and what is between, each as it was and as it is to be."""
    decoder = json.JSONDecoder()
    done = 0
    for start in re.finditer(r"[{\[]", text):
        if start.start() < done:
            continue
        try:
            value, end = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        between, document = text[done : start.start()], text[start.start() : end]
        changed = change(value)
        yield between, change_text(between)
        yield document, document if changed == value else json.dumps(changed, ensure_ascii=False)
        done = end
    yield text[done:], change_text(text[done:])


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
