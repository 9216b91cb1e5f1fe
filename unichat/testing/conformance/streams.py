"""Streams, in whatever pieces they come, and wherever they break."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from unichat import StreamEvent, join_text
from unichat.errors import InvalidInput, StreamInterrupted, UnichatError
from unichat.testing.answers import CannedReply, CannedStream, as_stream, resolve_bytes
from unichat.testing.conformance.base import (
    OTHER_QUESTION,
    QUESTION,
    ConformanceCase,
    need,
    record_requests,
    with_fault,
)
from unichat.testing.faults import Fault
from unichat.transport.base import TransportFailure


def _rechunk(change: Callable[[bytes], list[bytes | TransportFailure]]) -> Fault:
    """Return the fault that makes other chunks of a stream's bytes."""

    def outcome(answer: CannedReply) -> CannedStream:
        return evolve(as_stream(answer), chunks=change(b"".join(resolve_bytes(answer))))

    return Fault("changed", "the same bytes in other chunks", outcome)


def _split_body(size: int) -> Fault:
    return _rechunk(lambda body: [body[begin : begin + size] for begin in range(0, len(body), size)])


def _cut_body(share: float) -> Fault:
    return _rechunk(lambda body: [body[: int(len(body) * share)], TransportFailure("truncated", phase="body")])


class Streams(ConformanceCase):
    """`stream`, of a vendor that streams; another's comes as one event."""

    def test_stream_events_join_to_the_answer(self, client: Any, user: str | None) -> None:
        with client.stream(QUESTION, user=user) as stream:
            events = list(stream)
        assert all(isinstance(event, StreamEvent) for event in events)
        assert join_text(events) == stream.answer.text

    def test_stream_of_a_vendor_that_does_not_stream_is_one_event(self, client: Any, user: str | None) -> None:
        if client.capabilities.streaming:
            pytest.skip("the vendor streams")
        with client.stream(QUESTION, user=user) as stream:
            assert len([event for event in stream if event.text]) == 1

    def test_stream_answer_has_what_chat_has(self, client: Any, user: str | None) -> None:
        whole = client.chat(QUESTION, user=user)
        with client.stream(OTHER_QUESTION, user=user) as stream:
            list(stream)
        answer = stream.answer
        assert (answer.id is None, answer.thread is None) == (whole.id is None, whole.thread is None)
        assert answer.raw
        assert [attempt.outcome for attempt in answer.call.attempts] == ["ok"]

    def test_stream_answer_can_be_continued(self, client: Any, user: str | None) -> None:
        with client.stream(QUESTION, user=user) as stream:
            list(stream)
        if stream.answer.thread is None:
            pytest.skip("the vendor's answers cannot be continued")
        assert client.continue_thread(stream.answer, OTHER_QUESTION).thread == stream.answer.thread

    def test_stream_continues_a_thread(self, client: Any, user: str | None) -> None:
        first = client.chat(QUESTION, user=user)
        if first.thread is None:
            pytest.skip("the vendor's answers cannot be continued")
        with client.stream(OTHER_QUESTION, thread=str(first.thread)) as stream:
            list(stream)
        assert stream.answer.thread == first.thread

    def test_stream_sends_nothing_before_it_is_entered(self, client: Any, user: str | None) -> None:
        bot, sent = record_requests(client)
        stream = bot.stream(QUESTION, user=user)
        assert not sent
        with stream:
            list(stream)
        assert len(sent) >= 1

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1_000_000])
    def test_stream_is_the_same_in_pieces_of_any_size(self, client: Any, user: str | None, size: int) -> None:
        need(client, "streaming")
        bot = with_fault(client, _split_body(size))
        with bot.stream(QUESTION, user=user) as stream:
            events = list(stream)
        assert join_text(events) == stream.answer.text
        assert stream.answer.text == client.chat(QUESTION, user=user).text

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9])
    def test_stream_that_breaks_never_passes_for_the_whole(self, client: Any, user: str | None, share: float) -> None:
        need(client, "streaming")
        whole = client.chat(QUESTION, user=user).text
        bot = with_fault(client, _cut_body(share))
        got: list[StreamEvent] = []
        broke: UnichatError | None = None
        try:
            with bot.stream(QUESTION, user=user) as stream:
                for event in stream:
                    got.append(event)  # noqa: PERF402 - what came before it broke
        except UnichatError as error:
            broke = error
        if broke is None:
            # Every record had come, and the vendor's own mark of the end.
            assert join_text(got) == whole
        elif got:
            assert isinstance(broke, StreamInterrupted)
            assert broke.text == join_text(got)

    def test_stream_that_breaks_is_an_error_of_unichats(self, client: Any, user: str | None) -> None:
        need(client, "streaming")
        bot = with_fault(client, "cut_stream")
        with pytest.raises(UnichatError), bot.stream(QUESTION, user=user) as stream:
            list(stream)

    def test_stream_that_is_left_early_leaves_the_client_usable(self, client: Any, user: str | None) -> None:
        with client.stream(QUESTION, user=user) as stream:
            next(stream)
        assert client.chat(OTHER_QUESTION, user=user).text is not None

    def test_stream_rejects_its_arguments_at_once(self, client: Any, user: str | None) -> None:
        bot, sent = record_requests(client)
        with pytest.raises(InvalidInput):
            bot.stream("", user=user)
        assert not sent

    @pytest.mark.parametrize("fault", ["503", "429", "reset_after_send", "silence", "html", "half_json", "empty"])
    def test_stream_that_cannot_be_opened_is_an_error_of_unichats(
        self, open_client: Any, user: str | None, fault: str
    ) -> None:
        bot = with_fault(open_client(attempts=1), fault)
        with pytest.raises(UnichatError), bot.stream(QUESTION, user=user) as stream:
            list(stream)
