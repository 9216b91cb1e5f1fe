"""Rows 35 to 38 and 47 to 51: bodies that cannot be decoded, are too large, or say something else than they should."""

from __future__ import annotations

import gzip
import json
import zlib
from functools import cache
from typing import Any

from tests.faults.injection import Different, Injection, good, is_kadal, is_question, reply, send, whole
from tests.faults.outcome import Expected, answer, answers, exhausts, interrupts, never, withholds
from tests.faults.server import Connection, Fault, HttpMessage
from tests.faults.vendors import VENDORS, encode_chunks, http, kapa_records
from unichat.errors import InsufficientTokens, InvalidInput, InvalidResponse, NotFound

LIMIT = 100_000
"""Bytes that a body may have in these rows; a test of its own tries the real limit with a gigabyte."""


def good_body(received: HttpMessage) -> bytes:
    """The body of the good answer; a stream's without its chunks."""
    if received.target.endswith("/stream/"):
        return b"".join(kapa_records(received.nonce))
    backend = "kadal" if received.target.startswith("/aiwb") else "kapa"
    return VENDORS[backend](received).partition(b"\r\n\r\n")[2]


# Faults


def body(change: Any, **headers: str) -> Fault:
    """Answer well but for the body, which `change` makes of the right one."""
    return reply(lambda received: http(200, change(good_body(received)), **headers))


def without_length(change: Any, **headers: str) -> Fault:
    """The same, without a length: the body ends with the connection."""
    fields = {"content_length": "", "connection": "close", **headers}
    return reply(lambda received: http(200, change(good_body(received)), **fields), keep=False)


def change_fields(**fields: Any) -> Fault:
    """Answer well but for these fields of the JSON."""
    return body(lambda data: json.dumps({**json.loads(data), **fields}).encode())


def endless_body(connection: Connection) -> bool:
    """A body without end."""
    connection.read()
    connection.write(http(200, b"", content_length=""))
    while True:
        connection.write(b"[" * 65_536)


def endless_chunks(connection: Connection) -> bool:
    """The same, in chunks."""
    connection.read()
    connection.write(http(200, b"", content_length="", transfer_encoding="chunked"))
    while True:
        connection.write(b"10000\r\n" + b"[" * 65_536 + b"\r\n")


@cache
def zeros() -> bytes:
    """Ten megabytes of zeros in ten kilobytes."""
    return gzip.compress(bytes(10_000_000))


def _cut_inside(data: bytes) -> bytes:
    return gzip.compress(data)[: len(gzip.compress(data)) * 9 // 10]


def _six_times(data: bytes) -> bytes:
    for _ in range(6):
        data = gzip.compress(data)
    return data


_NOT_JSON = never(InvalidResponse, "json", delivered=True)
_ENCODING = never(InvalidResponse, "encoding", delivered=True)
_LABEL = never(InvalidResponse, "content_type", delivered=True)
_TOO_LARGE = never(InvalidResponse, "too_large", delivered=True)
_UNDECODABLE = withholds(InvalidResponse, "truncated")
_NOTICED = Different(_UNDECODABLE, "there, a compressed body has to have an end")


def _whole(row: int, name: str, fault: Fault, expected: Expected, **more: Any) -> Injection:
    return Injection(row=row, name=name, script=(fault, good), where=whole, expected=expected, **more)


def _large(row: int, name: str, fault: Fault) -> Injection:
    return _whole(row, name, fault, _TOO_LARGE, settings={"body_limit": LIMIT})


_GZIP = {"content_encoding": "gzip"}

INJECTIONS = (
    _whole(35, "JSON truncated, then closed", without_length(lambda data: data[:-4]), _NOT_JSON),
    _whole(35, "complete JSON without a length, then closed", without_length(lambda data: data), answers(1)),
    _whole(35, "gzip truncated, with the right length", body(_cut_inside, **_GZIP), _NOT_JSON, over_h11=_NOTICED),
    _whole(35, "gzip truncated, then closed", without_length(_cut_inside, **_GZIP), _NOT_JSON, over_h11=_NOTICED),
    _whole(35, "plain text declared as gzip", body(lambda data: data, **_GZIP), _UNDECODABLE),
    _whole(35, "valid gzip", body(gzip.compress, **_GZIP), answers(1)),
    _whole(35, "valid deflate", body(zlib.compress, content_encoding="deflate"), answers(1)),
    _whole(35, "six encodings", body(_six_times, content_encoding=", ".join(["gzip"] * 6)), _UNDECODABLE),
    _whole(35, "unknown encoding", body(gzip.compress, content_encoding="sdch"), _ENCODING),
    Injection(
        row=35,
        name="stream in gzip chunks, truncated",
        script=(
            reply(lambda received: encode_chunks([_cut_inside(good_body(received))], content_encoding="gzip")),
            good,
        ),
        where=lambda neutral: neutral.streamed,
        expected=_UNDECODABLE.but(streamed=interrupts()),
    ),
    _large(36, "ten megabytes of zeros in gzip", body(lambda _: zeros(), **_GZIP)),
    _large(36, "ten megabytes of zeros in gzip chunks", reply(lambda _: encode_chunks([zeros()], **_GZIP))),
    _large(37, "endless body", endless_body),
    _large(37, "endless chunks", endless_chunks),
    Injection(
        row=47,
        name="a real 204",
        script=(send(http(204, b"", content_length=""), keep=True), good),
        where=is_kadal,
        expected=never(NotFound, delivered=True).but(kadal_feedback=answer(), kadal_clear=answer()),
    ),
    _whole(
        47,
        "200 with an empty body",
        send(http(200, b""), keep=True),
        _NOT_JSON.but(kadal_feedback=answer(), kadal_clear=answer(), kapa_feedback=answer()),
    ),
    *(
        _whole(
            47,
            f"200 with {value}",
            send(http(200, value.encode()), keep=True),
            never(InvalidResponse, "shape", delivered=True),
        )
        for value in ("null", '""', "[]", "7")
    ),
    _whole(
        48,
        "HTML instead of JSON: a sign-in page",
        send(http(200, b"<html>Sign in</html>", content_type="text/html"), keep=True),
        _LABEL,
    ),
    _whole(48, "JSON declared as plain text", body(lambda data: data, content_type="text/plain"), _LABEL),
    _whole(48, "JSON without a content type", body(lambda data: data, content_type=""), _LABEL),
    _whole(
        48,
        "JSON declared as latin-1",
        body(
            lambda data: json.dumps(json.loads(data), ensure_ascii=False).encode(),
            content_type="application/json; charset=latin-1",
        ),
        answers(1),
    ),
    _whole(
        48,
        "JSON declared as problem+json",
        body(lambda data: data, content_type="application/problem+json"),
        answers(1),
    ),
    _whole(49, "invalid UTF-8", body(lambda data: data[:-1] + b',"x":"\xff"}'), _ENCODING),
    _whole(49, "byte order mark", body(lambda data: b"\xef\xbb\xbf" + data), answers(1)),
    _whole(49, "UTF-16", body(lambda data: data.decode().encode("utf-16")), _ENCODING),
    _whole(49, "lone surrogate", body(lambda data: data[:-1] + rb',"x":"\ud800"}'), _ENCODING),
    _whole(49, "NaN", body(lambda data: data[:-1] + b',"x":NaN}'), _NOT_JSON),
    _whole(49, "100,000 nested lists", body(lambda _: b"[" * 100_000), _NOT_JSON),
    _whole(49, "number of 5,000 digits", body(lambda data: data[:-1] + b',"x":' + b"7" * 5_000 + b"}"), _NOT_JSON),
    _whole(49, "two documents", body(lambda data: data + data), _NOT_JSON),
    _whole(
        49,
        "a duplicate field",
        body(lambda data: data[:-1] + b',"x":1,"x":2}'),
        answers(1),
    ),
    _whole(
        49,
        "JSON inside a JSON string",
        body(lambda data: json.dumps(data.decode()).encode()),
        # Kadal's public callers met this, so its adapter reads it.
        never(InvalidResponse, "shape", delivered=True).but(
            **dict.fromkeys(
                ("kadal_chat", "kadal_continue", "kadal_stream", "kadal_feedback", "kadal_history", "kadal_clear"),
                answer(),
            )
        ),
    ),
    Injection(
        row=51,
        name="the error's message in the field of the answer",
        script=(change_fields(status_code=507, message="No tokens left"),),
        where=is_kadal,
        expected=exhausts(InsufficientTokens),
    ),
    Injection(
        row=51,
        name="400 on clear",
        script=(send(http(400, b'{"status_code": 400, "message": "connection error"}'), keep=True),),
        where=lambda neutral: neutral.call == "clear",
        expected=never(InvalidInput),
    ),
    Injection(
        row=51,
        name="ids as strings",
        script=(change_fields(message_id="16516", id="7"),),
        where=lambda neutral: is_kadal(neutral) and neutral.call != "history",
        expected=answers(1),
    ),
    Injection(
        row=51,
        name="ids as integers",
        script=(change_fields(thread_id=7, question_answer_id=8),),
        where=lambda neutral: neutral.backend == "kapa" and is_question(neutral),
        expected=answers(1),
    ),
)
