"""Takes away unichat's protections, one function each, for `table.py`."""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import attrs
import requests
import urllib3.connectionpool
from attrs import evolve
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

import unichat.adapter.endpoints
import unichat.adapter.operations
import unichat.client.sync_client
import unichat.execution.driver
import unichat.execution.engine
import unichat.transport.timers
import unichat_kadal.operations
import unichat_kapa.adapter
import unichat_kapa.operations
import unichat_kapa.stream
from unichat.adapter import Replay, Reply, Request, Secret
from unichat.adapter.secrets import Signature
from unichat.errors import ConnectionFailed
from unichat.policy import backoff as waits
from unichat.policy import failures, retrying
from unichat.policy.backoff import Backoff
from unichat.policy.budget import Budget
from unichat.policy.retrying import Attempts
from unichat.transport.base import TransportFailure
from unichat.transport.requests import connections as phases
from unichat.transport.requests import transport as on_requests

# Reading heads


def interim_answers() -> None:
    """A 103 is taken for the answer, as the standard library does."""
    phases._Response._read_status = http.client.HTTPResponse._read_status  # type: ignore[attr-defined]


def ends_of_heads() -> None:
    """A head that was cut is taken for a short one."""
    phases._Lines.readline = lambda self, limit: self.file.readline(limit)  # type: ignore[method-assign]


def header_lines() -> None:
    """What follows a line that is no header is lost."""
    phases.assert_header_parsing = lambda _: None  # type: ignore[attr-defined]


# Redirects and cookies: sent by the session instead of its adapter


def _by_the_session(*, follow: bool, keep: bool) -> None:
    get_adapter = requests.Session.get_adapter
    prepare = requests.Session.prepare_request

    class Session:
        def __init__(self, session: requests.Session) -> None:
            self._session = session

        def send(self, prepared: Any, **options: Any) -> Any:
            requests.Session.get_adapter = get_adapter  # type: ignore[method-assign]
            try:
                return self._session.send(prepared, allow_redirects=follow, **options)
            finally:
                requests.Session.get_adapter = wrapped  # type: ignore[method-assign, assignment]

    def wrapped(session: requests.Session, url: str) -> Any:
        return Session(session)

    def forgetful(session: requests.Session, request: Any) -> Any:
        session.cookies.clear()
        return prepare(session, request)

    requests.Session.get_adapter = wrapped  # type: ignore[method-assign, assignment]
    if not keep:
        requests.Session.prepare_request = forgetful  # type: ignore[method-assign]


def redirects() -> None:
    """Redirects are followed."""
    _by_the_session(follow=True, keep=False)


def redirects_bodies() -> None:
    """Redirects are not followed, but read, whatever their size."""
    _by_the_session(follow=False, keep=False)


def cookies() -> None:
    """Cookies are kept."""
    _by_the_session(follow=False, keep=True)


# Phases and deadlines


def bytes_written() -> None:
    """Nobody counts what was sent."""
    phases._Tracked.send = HTTPConnection.send  # type: ignore[method-assign]


def blame_of_proxies() -> None:
    """A proxy is blamed for whatever breaks behind it."""
    failure_of = on_requests.failure_of

    def blaming(error: Exception, progress: phases.Sending) -> TransportFailure:
        progress.phase = "connecting"
        return failure_of(error, progress)

    on_requests.failure_of = blaming


def tracked_proxies() -> None:
    """Connections through a proxy are the library's own."""
    on_requests._Adapter.proxy_manager_for = HTTPAdapter.proxy_manager_for  # type: ignore[method-assign]


def alarm() -> None:
    """Only the socket's own time-out is left, which starts anew with each byte."""
    never = unichat.transport.timers.Alarm(0.0, None)
    on_requests.alarms = SimpleNamespace(at=lambda when, ring: never)  # type: ignore[assignment]


def handshakes() -> None:
    """A handshake cannot be ended from outside."""
    phases._TrackedTLS._new_conn = phases._Tracked._new_conn  # type: ignore[method-assign]


def patience() -> None:
    """A stream may be silent for ever."""
    quiet = SimpleNamespace(heard=lambda seconds: None, cancel=lambda: None)
    on_requests.Patience = lambda seconds, ring: quiet  # type: ignore[assignment, misc]


def closing() -> None:
    """A client that is closed lets its calls run on."""
    stop = phases.Sending.stop

    def unless_cancelled(progress: phases.Sending, reason: str) -> None:
        if reason != "cancelled":
            stop(progress, reason)

    phases.Sending.stop = unless_cancelled  # type: ignore[method-assign]


def pools() -> None:
    """Pools are forgotten instead of closed."""
    on_requests._Adapter.close = HTTPAdapter.close  # type: ignore[method-assign]


def idle_connections() -> None:
    """A connection is used however long it was idle."""
    phases._Tracked.is_connected = HTTPConnection.is_connected  # type: ignore[method-assign, assignment]


def forks() -> None:
    """A child goes on over its parent's sockets."""
    on_requests._renew_all.__code__ = (lambda: None).__code__


# Retrying


def budget() -> None:
    """Retries are unlimited."""
    Budget.take = lambda self, cost: True  # type: ignore[method-assign]


def attempts() -> None:
    """Only the budget ends them."""
    Attempts._enough_attempts = lambda self, state: False  # type: ignore[method-assign]


def waits_within_deadline() -> None:
    """A wait may outlast the deadline."""
    Attempts._no_time = lambda self, state: False  # type: ignore[method-assign]


def retry_after() -> None:
    """The vendor's wish is not heard."""
    waits.retry_after = lambda headers: None


def retry_after_cap() -> None:
    """A day's wait is waited for."""
    Attempts._too_long_a_wish = lambda self, state: False  # type: ignore[method-assign]


def _rows(change: Any) -> None:
    failures.TABLE = {kind: change(row) for kind, row in failures.TABLE.items()}


def slow_curve() -> None:
    """A 507 is retried as fast as a 503."""
    _rows(lambda row: evolve(row, backoff=Backoff.SERVER) if row.kind == "507" else row)


def jitter() -> None:
    """All clients come back at the same time."""
    retrying.random = SimpleNamespace(uniform=lambda least, most: most)  # type: ignore[attr-defined]
    assert random.uniform(0, 1) <= 1


def withholding() -> None:
    """Whatever failed is sent again."""
    _rows(lambda row: evolve(row, again=row.again.replace("C", "Y")))


def withholding_inserts() -> None:
    """A rating is sent again like an upsert."""
    _rows(lambda row: evolve(row, again="CYYYY") if row.again == "CCYYY" else row)


def kadals_get() -> None:
    """A question by GET passes for a reading."""
    get_chat = unichat_kadal.operations.get_chat
    unichat_kadal.operations.get_chat = lambda **given: evolve(get_chat(**given), replay=Replay.READ)


def duplicates() -> None:
    """An answer after a 500 looks like any other."""
    attach_record = unichat.client.sync_client.attach_record
    unichat.client.sync_client.attach_record = lambda result, call: attach_record(
        result, evolve(call, maybe_duplicated=False)
    )


# Bodies


def body_limit() -> None:
    """An answer may have any size."""
    send = on_requests.RequestsTransport.send

    def unlimited(self: Any, request: Any, signature: Any, deadline: Any, *, limit: int, careful: bool) -> Any:
        return send(self, request, signature, deadline, limit=2**60, careful=careful)

    on_requests.RequestsTransport.send = unlimited  # type: ignore[method-assign]


def record_limit() -> None:
    """A record may have any size."""
    begin = unichat_kapa.stream.Decoder.__init__
    unichat_kapa.stream.Decoder.__init__ = (  # type: ignore[method-assign]
        lambda self, limit, thread_id=None: begin(self, 2**60, thread_id)
    )


def cut_bodies() -> None:
    """A body that broke off looks like one that ended."""
    pieces = on_requests._pieces
    on_requests._pieces = lambda raw, progress: (each for each in pieces(raw, progress) if isinstance(each, bytes))


def end_of_streams() -> None:
    """A stream may end anywhere."""
    unichat_kapa.stream.Decoder.end = lambda self: None  # type: ignore[method-assign]


def unframed_streams() -> None:
    """A stream without a length is whole whenever its connection ends."""

    class Framed(on_requests.OpenReply):
        def __init__(self, status: int, headers: Any, pieces: Any, framed: bool, *rest: Any) -> None:
            super().__init__(status, headers, pieces, True, *rest)

    on_requests.OpenReply = Framed  # type: ignore[misc]


def strict_json() -> None:
    """JSON as the standard library reads it."""
    unichat.adapter.operations.decode_json = lambda body: json.loads(body)  # type: ignore[attr-defined]


def content_type() -> None:
    """Whatever comes is JSON."""
    Reply.is_json = True  # type: ignore[assignment, method-assign]


def envelope() -> None:
    """The status in the body does not count."""
    unichat_kadal.operations._parse_status = lambda status, strict: None


# Histories and conversations


def known_rows() -> None:
    """Rows have no identity."""
    unichat_kapa.adapter._exchange_id = lambda exchange: None


def holds() -> None:
    """Nobody waits for a turn."""

    @contextmanager
    def at_once(self: Any, key: object, deadline: object) -> Iterator[None]:
        yield

    unichat.execution.driver._Holds.alone_with = at_once  # type: ignore[method-assign, assignment]


# Ids, keys and what is shown


def kapa_ids() -> None:
    """Anything is an id."""
    unichat_kapa.operations._check_id = lambda name, value: str(value)


def segments() -> None:
    """Two dots walk up the path."""
    unichat.adapter.endpoints._encode_segment = lambda value, name: quote(value, safe="")


def origin() -> None:
    """A path may begin with anything, a host included."""
    attrs.validators.set_disabled(True)


def netrc() -> None:
    """The library makes the request, and may look for a login by itself."""

    def prepared(self: Any, address: str, request: Request, signature: Signature, accept: str) -> Any:
        headers = {"Accept": accept, "Content-Type": request.content_type, signature.header: signature.value}
        asked = requests.Request(request.method, address + request.target, headers=headers, data=request.body)
        return self._session.prepare_request(asked)

    on_requests.RequestsTransport._prepared = prepared  # type: ignore[method-assign]


def certificates() -> None:
    """Any certificate will do."""
    urllib3.connectionpool.warnings = SimpleNamespace(warn=lambda *_: None)  # type: ignore[assignment]
    send = HTTPAdapter.send

    def trusting(self: Any, request: Any, **options: Any) -> Any:
        return send(self, request, **{**options, "verify": False})

    on_requests._Adapter.send = trusting  # type: ignore[method-assign, assignment]


def clean_errors() -> None:
    """An error is raised where the library's is caught, and so holds it, and the request with the key."""

    def raising(error: Exception, progress: phases.Sending) -> TransportFailure:
        raise ConnectionFailed("not trusted", kind="certificate", hint="Check it.", maybe_delivered=False)

    on_requests.failure_of = raising


def clean_frames() -> None:
    """An error keeps the frames of whoever read the answer."""
    unreadable = Attempts.unreadable

    def keeping(self: Attempts[Any], error: Any) -> Any:
        frames = error.__traceback__
        failed = unreadable(self, error)
        error.__traceback__ = frames
        return failed

    Attempts.unreadable = keeping  # type: ignore[method-assign]


def letting_go() -> None:
    """A connection goes back to its pool while an alarm of its last call can still end it."""
    phases.Sending.finish = lambda self: None  # type: ignore[method-assign]


def surplus() -> None:
    """What follows an answer stays where it is."""
    phases._Tracked.holds_more = lambda self, file: False  # type: ignore[method-assign]


def spent() -> None:
    """A connection is kept after a 204 as after any other answer."""
    phases._Tracked._spent = property(lambda self: False, lambda self, spent: None)  # type: ignore[assignment]


def places() -> None:
    """Only closing gives the place of a stream back."""
    pieces = on_requests._pieces

    def keeping(raw: Any, watch: Any) -> Iterator[Any]:
        kept = SimpleNamespace(
            progress=watch.progress, handing_out=watch.handing_out, waiting=watch.waiting, end=lambda: None
        )
        return pieces(raw, kept)  # type: ignore[arg-type]

    on_requests._pieces = keeping


def slow_readers() -> None:
    """Silence counts whoever keeps silent."""
    unichat.transport.timers.Patience.pause = lambda self: None  # type: ignore[method-assign]


def redaction() -> None:
    """A vendor's words are repeated as they are."""
    retrying.redaction_of = lambda *secrets: str  # type: ignore[assignment]


def quiet_log() -> None:
    """The log repeats the vendor's words."""
    log = retrying.Attempts._log

    def loud(self: Any, error: Any) -> None:
        self.vendor_message = ""
        log(self, error)

    retrying.Attempts._log = loud  # type: ignore[method-assign]


def doubt() -> None:
    """What became of the look, or of the second asking, is all that counts."""
    unichat.execution.engine.Call.lose = lambda self, attempts: None  # type: ignore[method-assign]


def secrets() -> None:
    """A secret shows itself."""
    Secret.__repr__ = Secret.reveal  # type: ignore[method-assign, assignment]
    Secret.__str__ = Secret.reveal  # type: ignore[method-assign, assignment]
