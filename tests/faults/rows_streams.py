"""Rows 54 and 55, and what else only a stream can do: records that are odd, missing or late."""

from __future__ import annotations

import json
from typing import Any

from tests.faults.injection import DEADLINE, Injection, good, is_streamed, reply
from tests.faults.outcome import Outcome, answer, every, interrupts, raises
from tests.faults.server import Connection, Fault
from tests.faults.vendors import SEPARATOR, STREAM, encode_chunks, http, kapa_records
from unichat.errors import DeadlineExceeded, InvalidResponse

# Faults


def records(change: Any) -> Fault:
    """Answer well but for the records, which `change` makes of the right ones; each in a chunk of its own."""
    return reply(lambda received: encode_chunks(change(kapa_records(received.nonce)), **STREAM))


def record(kind: str, **content: Any) -> bytes:
    """One record."""
    return json.dumps({"chunk": {"type": kind, "content": content, "stream_end": False}}).encode() + SEPARATOR


def mark_all(pieces: list[bytes], *, ends: bool) -> list[bytes]:
    """The records, all with the same mark of the end."""
    values = [json.loads(piece.removesuffix(SEPARATOR)) for piece in pieces]
    return [json.dumps({"chunk": {**each["chunk"], "stream_end": ends}}).encode() + SEPARATOR for each in values]


def after_the_end(pieces: list[bytes]) -> list[bytes]:
    """The mark of the end and the identifiers first, and the text after them."""
    return [pieces[-1], *pieces[:-1]]


def split_at_the_separator(pieces: list[bytes]) -> list[bytes]:
    """Chunks that end within the separator."""
    whole = b"".join(pieces)
    cuts = [at + 1 for at in range(len(whole)) if whole.startswith(SEPARATOR, at)]
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


def without_a_length(change: Any) -> Fault:
    """The records in a body that ends with its connection: whether it is whole, HTTP does not say."""
    return reply(
        lambda received: http(
            200, b"".join(change(kapa_records(received.nonce))), content_length="", connection="close", **STREAM
        ),
        keep=False,
    )


def then_silence(count: int, *, beat: bytes = b"") -> Fault:
    """So many records, then none; perhaps something else that keeps the connection warm."""

    def fault(connection: Connection) -> bool:
        pieces = kapa_records(connection.read().nonce)[:count]
        connection.write(http(200, b"", content_length="", transfer_encoding="chunked", **STREAM))
        for piece in pieces:
            connection.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        while beat:
            connection.write(b"%x\r\n%s\r\n" % (len(beat), beat))
            connection.pause(0.02)
        connection.wait()
        return False

    return fault


def with_pauses(count: int) -> Fault:
    """So many records, then a while of empty ones, then the rest."""

    def fault(connection: Connection) -> bool:
        pieces = kapa_records(connection.read().nonce)
        connection.write(http(200, b"", content_length="", transfer_encoding="chunked", **STREAM))
        for piece in [*pieces[:count], *[SEPARATOR] * 12, *pieces[count:]]:
            if piece == SEPARATOR:
                connection.pause(DEADLINE / 3)
            connection.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.write(b"0\r\n\r\n")
        return True

    return fault


def silence_before_the_head(connection: Connection) -> bool:
    """Not even a head."""
    connection.read()
    connection.wait()
    return False


_LARGE = record("partial_answer", text="a" * 2**21)
_BROKEN = b'{"chunk": {' + SEPARATOR
_FAILED = record("error", reason="the model is gone")
_ALL = 100


def _stream(row: int, name: str, fault: Fault, outcome: Outcome, **settings: Any) -> Injection:
    return Injection(
        row=row,
        name=f"stream: {name}",
        script=(fault, good),
        where=is_streamed,
        expected=every(outcome),
        # No more than the limit measured: should that not hold, the fault must not last for minutes.
        settings={**({"deadline": 2.0} if settings else {}), **settings},
    )


_UNREADABLE = raises(InvalidResponse, "shape", delivered=True)
_LATE = raises(DeadlineExceeded, delivered=True, stopped_by="deadline")

INJECTIONS = (
    _stream(54, "separator split between two chunks", records(split_at_the_separator), answer()),
    _stream(54, "all records in one chunk", records(lambda pieces: [b"".join(pieces)]), answer()),
    _stream(54, "empty records", records(lambda pieces: [b"".join(SEPARATOR + each for each in pieces)]), answer()),
    _stream(54, "blank lines between records", records(lambda pieces: [b"\n" + each for each in pieces]), answer()),
    _stream(
        54,
        "record of 2 MiB, first",
        records(lambda pieces: [_LARGE, *pieces]),
        raises(InvalidResponse, "too_large", delivered=True),
    ),
    _stream(54, "record of 2 MiB, midway", records(lambda pieces: [*pieces[:3], _LARGE]), interrupts()),
    _stream(
        54,
        "endless record",
        records(lambda pieces: [*pieces[:3], *[b"a" * 65_536] * 20]),
        interrupts(),
    ),
    _stream(
        54,
        "record of an unknown type",
        records(lambda pieces: [record("agent_activity_update", name="search"), *pieces]),
        answer(),
    ),
    _stream(54, "the vendor's error, first", records(lambda pieces: [_FAILED, *pieces]), answer(2, duplicated=True)),
    _stream(54, "the vendor's error, midway", records(lambda pieces: [*pieces[:3], _FAILED]), interrupts()),
    _stream(54, "not JSON, first", records(lambda pieces: [_BROKEN, *pieces]), _UNREADABLE),
    _stream(54, "not JSON, midway", records(lambda pieces: [*pieces[:3], _BROKEN]), interrupts()),
    _stream(54, "invalid UTF-8, midway", records(lambda pieces: [*pieces[:3], b'"\xff"' + SEPARATOR]), interrupts()),
    _stream(54, "text after the end marker", records(after_the_end), answer()),
    _stream(54, "every record marked as the end", records(lambda pieces: mark_all(pieces, ends=True)), answer()),
    _stream(54, "no record marked as the end", records(lambda pieces: mark_all(pieces, ends=False)), answer()),
    _stream(
        54,
        "neither end marker nor identifiers",
        records(lambda pieces: mark_all(pieces[:-1], ends=False)),
        interrupts(),
    ),
    _stream(54, "half a record at the end", records(lambda pieces: [*pieces[:-1], pieces[-1][:20]]), interrupts()),
    _stream(
        54,
        "empty",
        records(lambda _: []),
        raises(InvalidResponse, "truncated", delivered=True, stopped_by="maybe_delivered"),
    ),
    _stream(54, "complete, without a length", without_a_length(lambda pieces: pieces), answer()),
    _stream(
        54,
        "cut between records, without a length, every record marked as the end",
        without_a_length(lambda pieces: mark_all(pieces[:3], ends=True)),
        interrupts(),
    ),
    _stream(
        54,
        "cut after the identifiers, without a length",
        without_a_length(lambda pieces: mark_all([pieces[-1], *pieces[:3]], ends=False)),
        interrupts(),
    ),
    _stream(55, "silence before the head", silence_before_the_head, _LATE, first_event_timeout=DEADLINE),
    _stream(55, "silence before the first record", then_silence(0), _LATE, first_event_timeout=DEADLINE),
    _stream(
        55, "blank lines before the first record", then_silence(0, beat=b"\n"), _LATE, first_event_timeout=DEADLINE
    ),
    _stream(55, "silence between records", then_silence(3), interrupts(), idle_timeout=DEADLINE),
    _stream(55, "blank lines between records", then_silence(3, beat=b"\n"), interrupts(), idle_timeout=DEADLINE),
    _stream(55, "silence after everything has arrived", then_silence(_ALL), answer(), idle_timeout=DEADLINE),
    _stream(55, "empty records between records", with_pauses(3), answer(), idle_timeout=DEADLINE * 2),
    _stream(55, "empty records before the first record", with_pauses(0), answer(), first_event_timeout=DEADLINE * 2),
    _stream(55, "everything has arrived, silence past the deadline", then_silence(_ALL), answer(), deadline=1.5),
    _stream(55, "silence past the deadline", then_silence(3), interrupts(stopped_by="deadline"), deadline=DEADLINE),
    _stream(
        55,
        "unknown records past the deadline",
        then_silence(3, beat=record("agent_activity_update")),
        interrupts(stopped_by="deadline"),
        deadline=DEADLINE,
        idle_timeout=5.0,
    ),
)
