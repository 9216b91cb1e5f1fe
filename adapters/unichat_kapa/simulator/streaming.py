"""Kapa's streams: JSON records, each followed by U+241E."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from starlette.responses import Response, StreamingResponse

from unichat.sandbox import dump_json, split_for_stream
from unichat_kapa.simulator.quirks import KapaQuirks

DELIMITER = "\N{SYMBOL FOR RECORD SEPARATOR}".encode()
Record = tuple[str, dict[str, Any]]


def stream_answer(
    quirks: KapaQuirks,
    *,
    text: str,
    sources: Sequence[object],
    uncertain: bool,
    thread_id: str | None,
    answer_id: str | None,
) -> Response:
    """Return an answer as a stream of records, of the types and in the order that the live API is known to use.

    Source: Kapa reference, 'Chat streamed', for the form of a record.
    """
    opening: list[Record] = []
    if quirks.agent_activity:
        activity = {"id": "1", "name": "search", "num_results": len(sources), "summary": "", "error": None}
        opening = [
            ("stream_start", {"thread_id": thread_id}),
            ("agent_activity_update", {**activity, "status": "started"}),
            ("agent_activity_update", {**activity, "status": "finished"}),
        ]
    # An answer that was not stored has no ids.
    closing: list[Record] = (
        [("identifiers", {"thread_id": thread_id, "question_answer_id": answer_id})] if answer_id else []
    )
    records = [
        *opening,
        ("relevant_sources", {"relevant_sources": sources}),
        *[("partial_answer", {"text": piece}) for piece in [""] * quirks.empty_pieces + split_for_stream(text)],
        ("metadata", {"is_uncertain": uncertain}),
        *closing,
    ]
    return StreamingResponse(
        _send_slowly(list(encode_records(records, quirks)), quirks.seconds_between_records),
        headers={"content-type": quirks.stream_content_type, "cache-control": "no-cache"},
    )


def encode_records(records: Sequence[Record], quirks: KapaQuirks) -> Iterator[bytes]:
    """Yield each record with its delimiter. JSON in ASCII: a U+241E in a text is escaped, so it delimits nothing."""
    for number, (kind, content) in enumerate(records, start=1):
        end = quirks.stream_end == "all" or (quirks.stream_end == "last" and number == len(records))
        yield dump_json({"chunk": {"type": kind, "content": content, "stream_end": end}}).encode() + DELIMITER


async def _send_slowly(records: Sequence[bytes], seconds: float) -> AsyncIterator[bytes]:
    for record in records:
        await sleep(seconds)
        yield record
