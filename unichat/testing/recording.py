"""`recorded`: a client whose exchanges are kept in a file, and replayed from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from attrs import define, field

from unichat._text.printable import format_value
from unichat._text.templates import PythonOnly, Template
from unichat.adapter import Reply
from unichat.client.async_client import AsyncClient
from unichat.client.sync_client import Client
from unichat.errors import ConfigError
from unichat.testing.canned import AsyncCannedTransport, CannedTransport
from unichat.testing.people import People
from unichat.testing.recorded_outcomes import outcome_to_answer, reply_to_outcome, stream_to_outcome
from unichat.testing.recording_file import begin_file, read_exchanges
from unichat.testing.steps import Steps, run, run_async
from unichat.testing.tape import MODES, Mode, Tape
from unichat.transport.base import (
    AsyncOpenReply,
    Deadline,
    HttpRequest,
    OpenReply,
    TransportFailure,
)

C = TypeVar("C", Client, AsyncClient)


def recorded(client: C, path: str | os.PathLike[str], mode: Mode = "auto", keep_people: bool = False) -> C:
    """Return a client like `client` whose exchanges are kept in a file, and replayed from it.

    They are found again by operation and arguments, whatever the address, and each once, in the order in which they
    were recorded. Keys and tokens are never kept. People (users, their e-mail and other addresses) are numbers, in
    order of appearance. The texts of questions and answers are kept.

    Args:
        client: a client or an asyncio client; closing the one that is returned closes it.
        path: a file of JSON Lines.
        mode: `replay` sends nothing; `record` begins a new file; `auto` replays what the file has, and sends and
            records the rest.
        keep_people: whether people are kept as they are.

    Raises:
        ConfigError: the file cannot be used, or is of another version; or `client` is no client.
        RecordingMissing: later, by a call that is not in the file, with `replay`.
    """
    if not isinstance(client, Client | AsyncClient):
        raise ConfigError(
            f"client is {format_value(client)}, and not a client",
            key="client",
            hint=Template(PythonOnly("Give what unichat.connect or unichat.connect_async returns.")),
        )
    if mode not in MODES:
        raise ConfigError(
            f"mode is {format_value(mode)}", key="mode", hint="Use 'auto', 'replay' or 'record'.", accepted=MODES
        )
    file = Path(path)
    if mode == "record":
        begin_file(file)
    exchanges = [] if mode == "record" else read_exchanges(file)
    tape = Tape(client._endpoints, file, mode, People(keep_people), exchanges, client._context.redact)
    if isinstance(client, AsyncClient):
        return client._with_transport(AsyncRecordingTransport(client._transport, tape))
    return client._with_transport(RecordingTransport(client._transport, tape))


@define
class _StreamRecording:
    """A stream that is being recorded: its outcome is written once, when it ends or is given up."""

    tape: Tape
    request: HttpRequest
    status: int
    headers: Mapping[str, str]
    delimited: bool
    _body: bytearray = field(factory=bytearray)
    _cuts: list[int] = field(factory=list)
    _written: bool = False

    def add(self, chunk: bytes | TransportFailure | None) -> None:
        if isinstance(chunk, bytes):
            self._body += chunk
            self._cuts.append(len(self._body))
        else:
            self.write(chunk)

    def write(self, failure: TransportFailure | None = None) -> None:
        if self._written:
            return
        self._written = True
        body, cuts = bytes(self._body), self._cuts
        text = body.decode("utf-8", "replace")
        if self.tape.redact(text) != text:
            # A secret may be cut in two, and would not be known in the pieces.
            cuts = [len(body)]
        outcome = stream_to_outcome(self.status, self.headers, body, cuts, failure, self.tape.people, self.delimited)
        self.tape.keep(self.request, outcome)


@define
class _Reply:
    """A streamed answer that is recorded while it is read; what both kinds share."""

    inner: Any
    recording: _StreamRecording

    @property
    def status(self) -> int:
        status: int = self.inner.status
        return status

    @property
    def headers(self) -> Mapping[str, str]:
        headers: Mapping[str, str] = self.inner.headers
        return headers

    @property
    def delimited(self) -> bool:
        delimited: bool = self.inner.delimited
        return delimited

    def reset_idle_timeout(self, seconds: float) -> None:
        self.inner.reset_idle_timeout(seconds)

    def close(self) -> None:
        self.inner.close()
        self.recording.write()

    def _read(self) -> Steps[Any]:
        chunk = yield self.inner.read()
        self.recording.add(chunk)
        return chunk


class _RecordingReply(_Reply):
    def read(self) -> bytes | TransportFailure | None:
        chunk: bytes | TransportFailure | None = run(self._read())
        return chunk


class _AsyncRecordingReply(_Reply):
    async def read(self) -> bytes | TransportFailure | None:
        chunk: bytes | TransportFailure | None = await run_async(self._read())
        return chunk


@define
class _Recording:
    """What both transports share: their methods, as steps (`unichat.testing.steps`)."""

    inner: Any
    tape: Tape

    canned: ClassVar[type[CannedTransport | AsyncCannedTransport]]
    reply: ClassVar[type[_Reply]]

    def _send(self, request: HttpRequest, deadline: Deadline, limit: int) -> Steps[Any]:
        outcome = self.tape.find(request)
        if outcome is not None:
            canned = self.canned(outcome_to_answer(outcome, self.tape.people, self.tape.is_error))
            return (yield canned.send(request, deadline, limit=limit))
        reply = yield self.inner.send(request, deadline, limit=limit)
        self.tape.keep(request, reply_to_outcome(reply, self.tape.people, self.tape.is_error))
        return reply

    def _open(self, request: HttpRequest, deadline: Deadline, idle_timeout: float) -> Steps[Any]:
        outcome = self.tape.find(request)
        if outcome is not None:
            canned = self.canned(outcome_to_answer(outcome, self.tape.people, self.tape.is_error))
            return (yield canned.open(request, deadline, idle_timeout=idle_timeout))
        reply = yield self.inner.open(request, deadline, idle_timeout=idle_timeout)
        if isinstance(reply, TransportFailure):
            self.tape.keep(request, reply_to_outcome(reply, self.tape.people, self.tape.is_error))
            return reply
        recording = _StreamRecording(self.tape, request, reply.status, dict(reply.headers), reply.delimited)
        return self.reply(reply, recording)


@define
class RecordingTransport(_Recording):
    """Sends by another transport what is not on the tape, and records it."""

    canned = CannedTransport
    reply = _RecordingReply

    def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Return what the tape has, or what came of sending."""
        reply: Reply | TransportFailure = run(self._send(request, deadline, limit))
        return reply

    def open(self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float) -> OpenReply | TransportFailure:
        """Return the stream that the tape has, or the one that came of sending."""
        opened: OpenReply | TransportFailure = run(self._open(request, deadline, idle_timeout))
        return opened

    def close(self) -> None:
        """Close the other transport."""
        self.inner.close()


@define
class AsyncRecordingTransport(_Recording):
    """The same on asyncio."""

    canned = AsyncCannedTransport
    reply = _AsyncRecordingReply

    async def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Reply | TransportFailure:
        """Return what the tape has, or what came of sending."""
        reply: Reply | TransportFailure = await run_async(self._send(request, deadline, limit))
        return reply

    async def open(
        self, request: HttpRequest, deadline: Deadline, *, idle_timeout: float
    ) -> AsyncOpenReply | TransportFailure:
        """Return the stream that the tape has, or the one that came of sending."""
        opened: AsyncOpenReply | TransportFailure = await run_async(self._open(request, deadline, idle_timeout))
        return opened

    async def close(self) -> None:
        """Close the other transport."""
        await self.inner.close()
