"""Takes away unichat's protections, one function each, for `table.py`."""

from __future__ import annotations

import http.client
import json
import random
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import requests
import urllib3.connectionpool
from attrs import evolve
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar, get_cookie_header
from urllib3.connection import HTTPConnection

import unichat.adapter.endpoint_context
import unichat.adapter.messages
import unichat.client.base
import unichat.execution.context
import unichat.transport.requests.connections as connections
import unichat.transport.requests.progress as progress
import unichat.transport.requests.response as response
import unichat.transport.requests.session as session
import unichat.transport.requests.transport as transport
import unichat.transport.timers
import unichat_kadal.operations
import unichat_kadal.operations.errors
import unichat_kapa.history
import unichat_kapa.operations.arguments
import unichat_kapa.stream
from unichat.adapter import Replay, Reply, Secret
from unichat.errors import ConnectionFailed
from unichat.execution.attempt import OperationRun
from unichat.execution.call import Call
from unichat.execution.sync_performer import SyncPerformer
from unichat.policy import failures, judge, retry
from unichat.policy.backoff import Backoff
from unichat.policy.budget import Budget
from unichat.policy.failures import Retry
from unichat.policy.judge import Judge
from unichat.transport.base import HttpRequest, TransportFailure
from unichat.transport.requests.progress import SocketProgress
from unichat.transport.weak_semaphore import WeakSemaphore

# Reading heads


def interim_answers() -> None:
    """A 103 is taken for the answer, as the standard library does."""
    connections._Response._read_status = http.client.HTTPResponse._read_status  # type: ignore[attr-defined]


def head_ends() -> None:
    """A head that was cut is taken for a short one."""
    connections._CompleteLines.readline = lambda self, limit: self.file.readline(limit)  # type: ignore[method-assign]


def header_lines() -> None:
    """What follows a line that is not a header is lost."""
    connections.assert_header_parsing = lambda _: None  # type: ignore[attr-defined]


# Redirects and cookies: sent by the session instead of its adapter


def _by_the_session(*, follow: bool, keep: bool) -> None:
    get_adapter = requests.Session.get_adapter

    class Session:
        def __init__(self, session: requests.Session) -> None:
            self._session = session

        def send(self, prepared: Any, **options: Any) -> Any:
            requests.Session.get_adapter = get_adapter  # type: ignore[method-assign]
            # The session keeps them here; a request made by hand has no place for any.
            prepared._cookies = RequestsCookieJar()
            kept = get_cookie_header(self._session.cookies, prepared) if keep else None
            if kept:
                prepared.headers["Cookie"] = kept
            try:
                return self._session.send(prepared, allow_redirects=follow, **options)
            finally:
                requests.Session.get_adapter = wrap  # type: ignore[method-assign, assignment]

    def wrap(session: requests.Session, url: str) -> Any:
        return Session(session)

    requests.Session.get_adapter = wrap  # type: ignore[method-assign, assignment]


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


def counting_of_bytes() -> None:
    """Nobody counts what was sent."""
    connections.TrackedConnection.send = HTTPConnection.send  # type: ignore[method-assign]


def proxy_blame() -> None:
    """A proxy is blamed for whatever breaks behind it."""
    classify_error = transport.classify_error

    def blame(error: Exception, attempt: SocketProgress) -> TransportFailure:
        attempt.phase = "connecting"
        return classify_error(error, attempt)

    transport.classify_error = blame


def tracked_proxies() -> None:
    """Connections through a proxy are the library's own."""
    session.TrackingAdapter.proxy_manager_for = HTTPAdapter.proxy_manager_for  # type: ignore[method-assign]


def timer() -> None:
    """Only the socket's own time-out is left, which starts anew with each byte."""
    never = unichat.transport.timers.Timer(0.0, None)
    progress.timers = SimpleNamespace(call_at=lambda when, callback: never)  # type: ignore[assignment]


def handshakes() -> None:
    """A handshake cannot be ended from outside."""
    connections.TrackedTLSConnection._new_conn = connections.TrackedConnection._new_conn  # type: ignore[method-assign]


def idle_timeout() -> None:
    """A stream may be silent for ever."""
    quiet = SimpleNamespace(reset=lambda seconds: None, cancel=lambda: None, pause=lambda: None, resume=lambda: None)
    progress.IdleTimer = lambda seconds, callback: quiet  # type: ignore[assignment, misc]


def client_close() -> None:
    """A client that is closed lets its calls run on."""
    stop = SocketProgress.stop

    def stop_unless_cancelled(attempt: SocketProgress, reason: str) -> None:
        if reason != "cancelled":
            stop(attempt, reason)

    SocketProgress.stop = stop_unless_cancelled  # type: ignore[method-assign]


def pools() -> None:
    """Pools are forgotten instead of closed."""
    session.TrackingAdapter.close = HTTPAdapter.close  # type: ignore[method-assign]


def idle_connections() -> None:
    """A connection is used however long it was idle."""
    connections.TrackedConnection.is_connected = HTTPConnection.is_connected  # type: ignore[method-assign, assignment]


def forks() -> None:
    """A child goes on over its parent's sockets."""
    transport._reset_all.__code__ = (lambda: None).__code__


# Retrying


def budget() -> None:
    """Retries are unlimited."""
    Budget.take = lambda self, cost: True  # type: ignore[method-assign]


def _without_reason(reason: str) -> None:
    stop_reason = retry.stop_reason
    retry.stop_reason = lambda *given: None if (found := stop_reason(*given)) == reason else found


def attempts() -> None:
    """Only the budget ends them."""
    _without_reason("attempts")


def waits_within_deadline() -> None:
    """A wait may outlast the deadline."""
    _without_reason("deadline")


def retry_after() -> None:
    """The vendor's Retry-After is ignored."""
    judge.retry_after = lambda headers: None


def retry_after_cap() -> None:
    """A day's wait is waited for."""
    _without_reason("retry_after")


def _rules(change: Any) -> None:
    failures._BY_KIND = {kind: change(rule) for kind, rule in failures._BY_KIND.items()}


def slow_curve() -> None:
    """A 507 is retried as fast as a 503."""
    _rules(lambda rule: evolve(rule, backoff=Backoff.SERVER) if rule.kind == "507" else rule)


def jitter() -> None:
    """All clients come back at the same time."""
    retry.random = SimpleNamespace(uniform=lambda least, most: most)  # type: ignore[attr-defined]
    assert random.uniform(0, 1) <= 1


def ambiguous_questions() -> None:
    """Whatever failed is sent again."""
    always = dict.fromkeys(Replay, Retry.YES)
    _rules(lambda rule: evolve(rule, retry=always) if Retry.AMBIGUOUS in rule.retry.values() else rule)


def ambiguous_inserts() -> None:
    """A rating is sent again like an upsert."""
    asking = {**dict.fromkeys(Replay, Retry.YES), Replay.ASK: Retry.AMBIGUOUS}
    _rules(lambda rule: evolve(rule, retry=asking) if Retry.AMBIGUOUS in rule.retry.values() else rule)


def kadals_get() -> None:
    """A question by GET passes for a reading."""
    get_chat = unichat_kadal.operations.get_chat
    unichat_kadal.operations.get_chat = lambda **given: evolve(get_chat(**given), replay=Replay.READ)


def duplicates() -> None:
    """An answer after a 500 looks like any other."""
    attach_record = unichat.client.base.attach_record
    unichat.client.base.attach_record = lambda result, call: attach_record(result, evolve(call, maybe_duplicated=False))


# Bodies


def body_limit() -> None:
    """An answer may have any size."""
    send = transport.RequestsTransport.send

    def send_unlimited(self: Any, request: HttpRequest, deadline: Any, *, limit: int) -> Any:
        return send(self, request, deadline, limit=2**60)

    transport.RequestsTransport.send = send_unlimited  # type: ignore[method-assign]


def record_limit() -> None:
    """A record may have any size."""
    begin = unichat_kapa.stream.Decoder.__init__
    unichat_kapa.stream.Decoder.__init__ = (  # type: ignore[method-assign]
        lambda self, limit, thread_id=None: begin(self, 2**60, thread_id)
    )


def cut_bodies() -> None:
    """A body that broke off looks like one that ended."""
    read = response.HttpResponse.read
    response.HttpResponse.read = lambda self: each if isinstance(each := read(self), bytes) else None  # type: ignore[method-assign]


def stream_ends() -> None:
    """A stream may end anywhere."""
    unichat_kapa.stream.Decoder.end = lambda self: None  # type: ignore[method-assign]


def unframed_stream_ends() -> None:
    """A stream without a length is whole whenever its connection ends."""

    begin = response.HttpResponse.__init__

    def wrapper(self: Any, *given: Any) -> None:
        begin(self, *given)
        self.delimited = True

    response.HttpResponse.__init__ = wrapper  # type: ignore[method-assign]


def strict_json() -> None:
    """JSON as the standard library reads it."""
    unichat.adapter.messages.decode_json = lambda body: json.loads(body)  # type: ignore[attr-defined]


def content_type() -> None:
    """Whatever comes is JSON."""
    Reply.is_json = True  # type: ignore[assignment, method-assign]


def envelope() -> None:
    """The status in the body does not count."""
    unichat_kadal.operations.errors._parse_status = lambda status, strict: None


# Histories and conversations


def row_identity() -> None:
    """Rows have no identity."""
    unichat_kapa.history._exchange_id = lambda exchange: None


def holds() -> None:
    """Nobody waits for a turn."""

    SyncPerformer.make_lock = partial(WeakSemaphore, 1000)


# Ids, keys and what is shown


def kapa_ids() -> None:
    """Anything is an id."""
    # Its code, since the modules of the operations have the function by its name.
    unichat_kapa.operations.arguments.check_id.__code__ = (lambda name, value: str(value)).__code__


def segments() -> None:
    """Two dots walk up the path."""
    unichat.adapter.endpoint_context._encode_segment = lambda value, name: quote(value, safe="")


def origin() -> None:
    """A path may begin with anything, a host included."""
    unichat.adapter.messages.Request.__attrs_post_init__ = lambda self: None  # type: ignore[method-assign]


def netrc() -> None:
    """The library makes the request, and may look for a login by itself."""

    def prepare(self: Any, address: str, request: HttpRequest) -> Any:
        url = address + request.target
        asked = requests.Request(request.method, url, headers=dict(request.headers), data=request.body)
        return self._session.prepare_request(asked)

    transport.RequestsTransport._prepare = prepare  # type: ignore[method-assign]


def certificates() -> None:
    """Any certificate will do."""
    urllib3.connectionpool.warnings = SimpleNamespace(warn=lambda *_: None)  # type: ignore[assignment]
    send = HTTPAdapter.send

    def send_unverified(self: Any, request: Any, **options: Any) -> Any:
        return send(self, request, **{**options, "verify": False})

    session.TrackingAdapter.send = send_unverified  # type: ignore[method-assign, assignment]


def clean_errors() -> None:
    """An error is raised where the library's is caught, and so holds it, and the request with the key."""

    def raise_error(error: Exception, attempt: SocketProgress) -> TransportFailure:
        raise ConnectionFailed("not trusted", kind="certificate", hint="Check it.", maybe_delivered=False)

    transport.classify_error = raise_error


def clean_frames() -> None:
    """An error keeps the frames of the function that read the answer."""
    unreadable = Judge._judge_unreadable

    def keep(self: Judge[Any], error: Any, status: int) -> Any:
        frames = error.__traceback__
        failed = unreadable(self, error, status)
        error.__traceback__ = frames
        return failed

    Judge._judge_unreadable = keep  # type: ignore[method-assign]


def pool_return() -> None:
    """A connection goes back to its pool while a timer of its last call can still end it."""
    SocketProgress.release = lambda self: None  # type: ignore[method-assign]


def surplus() -> None:
    """What follows an answer stays where it is."""
    connections.TrackedConnection.has_surplus = lambda self, file: False  # type: ignore[method-assign]


def connections_after_204() -> None:
    """A connection is kept after a 204 as after any other answer."""
    connections.TrackedConnection._close_after = property(lambda self: False, lambda self, value: None)  # type: ignore[assignment]


def pool_slots() -> None:
    """A stream that is forgotten is not closed, and its slot is not known by a weak reference."""
    acquire = WeakSemaphore.acquire
    kept = []

    def keep(self: WeakSemaphore, timeout: float) -> Any:
        kept.append(acquire(self, timeout))
        return kept[-1]

    WeakSemaphore.acquire = keep  # type: ignore[method-assign]
    SyncPerformer.discard = lambda self, reply: None  # type: ignore[method-assign]


def slow_readers() -> None:
    """Silence counts, also that of the reader."""
    unichat.transport.timers.IdleTimer.pause = lambda self: None  # type: ignore[method-assign]


def redaction() -> None:
    """A vendor's words are repeated as they are."""
    unichat.execution.context.redaction_for = lambda *secrets: str  # type: ignore[assignment]


def quiet_log() -> None:
    """The log repeats the vendor's words."""
    log = OperationRun._log

    def loud(self: Any, error: Any) -> None:
        self.facts.vendor = evolve(self.facts.vendor, message="")
        log(self, error)

    OperationRun._log = loud  # type: ignore[method-assign]


def doubt() -> None:
    """What became of the look, or of the second asking, is all that counts."""
    Call.lost = property(lambda self: (), lambda self, attempts: None)  # type: ignore[assignment]


def secrets() -> None:
    """A secret shows itself."""
    Secret.__repr__ = Secret.reveal  # type: ignore[method-assign, assignment]
    Secret.__str__ = Secret.reveal  # type: ignore[method-assign, assignment]
