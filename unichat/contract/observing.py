"""Runs one operation with a client, and takes down what the vendor answered, whatever the adapter makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, evolve, field

from unichat.adapter import ErrorResponse, Operation, Reply, StreamDecoder, StreamFailure, StreamOperation
from unichat.client.sync_client import Client
from unichat.errors import ConnectionFailed, DeadlineExceeded, InvalidResponse, UnichatError
from unichat.models import StreamEvent

_NOT_WHOLE = ("head", "truncated", "too_large", "encoding")
"""Kinds of `InvalidResponse` that say nothing of the vendor's API."""


@define
class Observation:
    """What came of one operation, after all of its attempts.

    Attributes:
        reply: the last response; None if none arrived, and for a stream that began.
        refusal: the error that the adapter sees in it, if it does.
        error: what the client would have raised.
        value: what the adapter made of the answer.
        problem: why it could make nothing of it.
        records: of a stream, as far as they came; None if it did not begin.
        stream_end: why the stream may not end where it did, though its body ended properly.
        ended: whether the stream's body ended properly.
        ended_within_record: whether it did so in the middle of a record, as one that is cut may do.
        is_unreadable: whether the adapter could not read a record, besides the vendor's own report of a failure.
        data: a stream's body, as far as it came.
    """

    reply: Reply | None = None
    refusal: ErrorResponse | None = None
    error: UnichatError | None = None
    value: Any = field(default=None, repr=False)
    problem: Exception | None = None
    records: list[Any] | None = field(default=None, repr=False)
    stream_end: str | None = None
    ended: bool = False
    ended_within_record: bool = False
    is_unreadable: bool = False
    data: bytes = field(default=b"", repr=False)

    @property
    def is_whole(self) -> bool:
        """Whether the last attempt got a whole answer."""
        if isinstance(self.error, ConnectionFailed | DeadlineExceeded):
            return False
        if isinstance(self.error, InvalidResponse) and self.error.kind in _NOT_WHOLE and not self.ended:
            return False
        return self.reply is not None or self.records is not None

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer, or of the head of a stream; None if none arrived."""
        call = getattr(self.value, "call", None) if self.error is None else self.error.call
        return getattr(call, "status", None) if self.reply is None else self.reply.status

    @property
    def failure(self) -> str:
        """The kind of the error."""
        return getattr(self.error, "kind", None) or type(self.error).__name__

    @property
    def body(self) -> Any:
        """The answer's JSON, or the list of a stream's records; None where there is none."""
        if self.records is not None:
            return self.records
        try:
            return None if self.reply is None else self.reply.json()
        except InvalidResponse:
            return None


def observe(client: Client, operation: Operation[Any] | StreamOperation[Any]) -> Observation:
    """Run an operation as `client.run` does, with its attempts and deadline; return what was seen."""
    seen = Observation()
    detect_error = _watch_errors(operation.detect_error, seen)
    try:
        if isinstance(operation, Operation):
            client.run(evolve(operation, detect_error=detect_error, parse=_watch_parser(operation.parse, seen)))
        else:
            _read_stream(client, evolve(operation, detect_error=detect_error), seen)
    except UnichatError as error:
        seen.error = error
    return seen


def _watch_errors(
    detect_error: Callable[[Reply], ErrorResponse | None], seen: Observation
) -> Callable[[Reply], ErrorResponse | None]:
    def detect(reply: Reply) -> ErrorResponse | None:
        seen.reply, seen.refusal = reply, None
        try:
            seen.refusal = detect_error(reply)
        except UnichatError as error:
            if reply.status >= 300:
                raise
            seen.problem = error
        return seen.refusal

    return detect


def _watch_parser(parse: Callable[[Reply], Any], seen: Observation) -> Callable[[Reply], None]:
    def observe(reply: Reply) -> None:
        try:
            seen.value = parse(reply)
        except Exception as error:
            # Whatever it is: the contract decides what the answer amounts to.
            seen.problem = seen.problem or error

    return observe


def _read_stream(client: Client, operation: StreamOperation[Any], seen: Observation) -> None:
    make_decoder = operation.decoder

    def watch(record_limit: int) -> Any:
        seen.reply = None
        return _ObservingDecoder(make_decoder(record_limit), seen)

    with client.run(evolve(operation, decoder=watch)) as stream:
        for _ in stream:
            pass
        seen.value = stream.answer


class _ObservingDecoder:
    """A decoder that also takes down the records and how the stream ended."""

    def __init__(self, decoder: StreamDecoder[Any], seen: Observation) -> None:
        self._decoder = decoder
        self._seen = seen
        seen.records, seen.data, seen.is_unreadable = [], b"", False
        seen.ended = seen.ended_within_record = False

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        self._seen.data += data
        try:
            yield from self._decoder.feed(data)
        except Exception as error:
            # Of any other kind, it is one of the adapter's.
            self._seen.is_unreadable = not isinstance(error, StreamFailure) or error.kind == "record"
            raise
        finally:
            self._seen.records = self._decoder.records

    def end(self) -> str | None:
        reason = self._decoder.end()
        self._seen.ended = True
        self._seen.ended_within_record = getattr(self._decoder, "within_record", False)
        self._seen.records, self._seen.stream_end = self._decoder.records, reason
        return reason

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)
