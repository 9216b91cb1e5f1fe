"""The transport on `requests`, over real HTTP on loopback."""

import base64
import gzip
import json
import pickle
import socket
import threading
import traceback
import tracemalloc
import zlib
from contextlib import suppress
from urllib.parse import quote

import pytest
import requests
from attrs import evolve

import unichat
from tests.canned import (
    ALL_CAPABILITIES,
    Bench,
    EchoAdapter,
    EchoSettings,
    LineDecoder,
    Ticks,
    detect_error,
    endpoints,
    operation,
    records,
    stream_operation,
)
from tests.loopback import (
    CERTIFICATE,
    answering,
    chunked,
    closing_after,
    dripping,
    http,
    resetting_after,
    silent,
    stalling_after,
)
from tests.pace import at_any_pace
from unichat.adapter import Capabilities, Credential, Operation, Replay, Request, Secret, StreamOperation
from unichat.adapter.secrets import Signature
from unichat.client.sync_client import Client
from unichat.errors import (
    ConfigError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidInput,
    InvalidResponse,
    NotFound,
    ServerError,
    StreamInterrupted,
    UnichatError,
)
from unichat.transport.base import Clock, Deadline, HttpRequest, TransportFailure
from unichat.transport.requests.transport import RequestsTransport

MEBIBYTE = 1024 * 1024
ASK, READ = Replay.ASK, Replay.READ
SENTINEL = "sentinel/+secret=key"
QUESTION = "sentinel question?"
OK = http(200, b'{"ok": 1}')
EVENTS = b"".join(records({"text": "Hel"}, {"text": "lo"}, {"end": True}))


class Line:
    """A driver on the real transport, whose waits between attempts are none."""

    body_limit = 16 * 1024 * 1024

    def __init__(self, url, *, attempts=3, header="X-Token", idle_timeout=30.0, **options):
        self.transport = RequestsTransport(url, **options)
        credential = Credential(header, "", Secret(SENTINEL))
        settings = EchoSettings(
            base_url="https://echo.example", attempts=attempts, body_limit=self.body_limit, idle_timeout=idle_timeout
        )
        adapter = EchoAdapter(Capabilities(**ALL_CAPABILITIES), credential)
        self.client = Client(
            "echo", adapter, self.transport, endpoints=endpoints, settings=settings, clock=Clock(sleep=lambda _: None)
        )
        self.bench = Bench(self.transport, Ticks(), self.client, adapter)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def run(self, replay=READ, deadline=20.0, wanted=None):
        return self.bench.run(wanted or operation(replay), deadline)

    def error(self, replay=READ, deadline=20.0, wanted=None):
        with pytest.raises(UnichatError) as caught:
            self.run(replay, deadline, wanted)
        check_nothing_leaks(caught.value)
        return caught.value

    def open(self, deadline=20.0):
        return self.bench.open(stream_operation(), deadline)

    def stream_error(self, deadline=20.0):
        with pytest.raises(UnichatError) as caught:
            list(self.open(deadline))
        check_nothing_leaks(caught.value)
        return caught.value


def check_nothing_leaks(error):
    """No secret, in any form, and nothing of the HTTP libraries hangs on an error."""
    texts = [str(error), repr(error), repr(vars(error)), pickle.dumps(error).decode("latin-1")]
    frame = error.__traceback__
    while frame is not None:
        if "/unichat/" in frame.tb_frame.f_code.co_filename:
            values = frame.tb_frame.f_locals.values()
            texts += [repr(value) for value in values]
            foreign = [type(value) for value in values if isinstance(value, BaseException | requests.PreparedRequest)]
            assert all(issubclass(kind, UnichatError) for kind in foreign), foreign
        frame = frame.tb_next
    assert error.__cause__ is None
    assert error.__context__ is None
    forms = [
        SENTINEL,
        quote(SENTINEL, safe=""),
        json.dumps(SENTINEL).replace("/", "\\/"),
        *(base64.b64encode(b"x" * shift + SENTINEL.encode())[4:-4].decode() for shift in range(3)),
    ]
    for text in texts:
        assert not any(form in text for form in forms)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


# What is sent


def test_a_request_goes_out_as_it_is(serve):
    server = serve(answering(OK))
    wanted = Operation(
        backend="echo", name="x", replay=READ, detect_error=detect_error, parse=lambda answer: answer.json(),
        request=Request("POST", "/a%2Fb/%252e%252e/", (("q", "é &=#"), ("q", "2")), b'{"text":"\xc3\xa9"}'),
    )  # fmt: skip
    with Line(server.url + "/base/") as line:
        assert line.run(wanted=wanted) == {"ok": 1}
    (request,) = server.requests
    assert request.line == "POST /base/a%2Fb/%252e%252e/?q=%C3%A9+%26%3D%23&q=2 HTTP/1.1"
    assert request.body == b'{"text":"\xc3\xa9"}'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"] == f"unichat/{unichat.__version__}"
    assert request.headers["x-token"] == SENTINEL


def test_the_secret_stands_in_its_header_only(serve):
    server = serve(answering(OK))
    with Line(server.url) as line:
        line.run()
        line.run(wanted=operation(signed=False))
    signed, unsigned = server.requests
    assert [name for name, value in signed.headers.items() if SENTINEL in value] == ["x-token"]
    assert SENTINEL not in signed.line
    assert "x-token" not in unsigned.headers


def test_a_request_without_a_body_has_no_content_type(serve):
    server = serve(answering(OK))
    wanted = Operation(
        backend="echo",
        name="x",
        replay=READ,
        request=Request("GET", "/x"),
        detect_error=detect_error,
        parse=lambda _: 1,
    )
    with Line(server.url) as line:
        line.run(wanted=wanted)
    assert "content-type" not in server.requests[0].headers
    assert server.requests[0].body == b""


@pytest.mark.parametrize(
    "segment", ["%2F", "..%2F..", "%252e%252e", "a%00b", "%0D%0AX-Evil%3A%201", "%3Fq%3D1", "%23", "%25"]
)
def test_an_encoded_segment_arrives_as_it_was_encoded(serve, segment):
    server = serve(answering(OK))
    wanted = Operation(
        backend="echo", name="x", replay=READ, request=Request("GET", f"/threads/{segment}/chat/"),
        detect_error=detect_error, parse=lambda _: 1,
    )  # fmt: skip
    with Line(server.url) as line:
        line.run(wanted=wanted)
    assert server.requests[0].line == f"GET /threads/{segment}/chat/ HTTP/1.1"
    assert "x-evil" not in server.requests[0].headers


def test_header_names_are_read_in_any_case(serve):
    server = serve(answering(http(404, b"{}", "X-REQUEST-ID: r-1")))
    with Line(server.url) as line:
        assert line.error().call.request_id == "r-1"


# Redirects, .netrc, cookies, proxies, certificates


@pytest.mark.parametrize("where", ["other", "same", "none", "broken", "file", "bytes"])
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_no_redirect_is_followed_and_its_target_sees_nothing(serve, status, where):
    target = serve(answering(OK))
    location = {
        "other": [f"Location: {target.url}/x"],
        "same": ["Location: /elsewhere"],
        "none": [],
        "broken": ["Location: http://[bad"],
        "file": ["Location: file:///etc/passwd"],
        "bytes": ["Location: /\xff\xfe"],
    }[where]
    server = serve(answering(http(status, b"", *location)))
    with Line(server.url) as line:
        error = line.error(READ)
    assert type(error) is InvalidResponse
    assert (error.kind, error.status, error.maybe_delivered) == ("redirect", status, status == 303)
    assert "correct base_url" in error.hint
    assert len(server.requests) == 1
    assert target.connections == 0


def test_the_body_of_a_redirect_is_read_within_the_deadline(serve):
    head = http(302, b"", "Location: /x", length=10**9)
    server = serve(dripping(head, b"x" * 100))
    with Line(server.url, attempts=1) as line:
        assert isinstance(line.error(READ, 0.3), InvalidResponse | DeadlineExceeded)


@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_a_netrc_file_replaces_nothing_and_adds_nothing(serve, monkeypatch, tmp_path, header):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(answering(OK))
    with Line(server.url, header=header) as line:
        line.run()
        line.run(wanted=operation(signed=False))
    assert server.requests[0].headers[header.lower()] == SENTINEL
    assert "authorization" not in server.requests[1].headers
    assert not any("Basic" in value for value in server.requests[0].headers.values())


def test_a_cookie_of_one_call_is_not_sent_with_the_next(serve):
    server = serve(answering(http(200, b'{"ok": 1}', "Set-Cookie: session=ann; Path=/")))
    with Line(server.url) as line:
        line.run()
        line.run()
    assert len(server.requests) == 2
    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_used(serve, monkeypatch, name):
    proxy = serve(answering(http(200, b'{"from": "proxy"}')))
    monkeypatch.setenv(name, proxy.url)
    with Line("http://vendor.invalid") as line:
        assert line.run() == {"from": "proxy"}
    assert proxy.requests[0].line == "POST http://vendor.invalid/look HTTP/1.1"


def test_no_proxy_of_the_environment_is_used_for_hosts_that_it_excepts(serve, monkeypatch):
    proxy, server = serve(answering(OK)), serve(answering(OK))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Line(server.url) as line:
        line.run()
    assert proxy.connections == 0
    assert len(server.requests) == 1


def test_a_proxy_that_refuses_is_a_failed_connection_and_tried_again(monkeypatch, serve):
    serve(answering(OK))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    with Line("http://vendor.invalid") as line:
        error = line.error(ASK)
    assert (type(error), error.kind, error.maybe_delivered) == (ConnectionFailed, "proxy", False)
    assert len(error.attempts) == 3


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_is_not_asked_again(serve, monkeypatch, scheme):
    proxy = serve(answering(http(407, b"", "Proxy-Authenticate: Basic")))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with Line(f"{scheme}://vendor.invalid") as line:
        error = line.error(ASK)
    assert (type(error), error.kind, error.maybe_delivered) == (ConnectionFailed, "proxy", False)
    assert len(proxy.requests) == 1
    assert "PROXY" in error.hint


@pytest.mark.parametrize("address", ["socks5://127.0.0.1:1", "nonsense://127.0.0.1:1", "http://"])
def test_a_proxy_that_cannot_be_used_is_a_failed_connection_and_nothing_was_sent(serve, monkeypatch, address):
    server = serve(answering(OK))
    monkeypatch.setenv("ALL_PROXY", address)
    with Line(server.url) as line:
        error = line.error(ASK)
    assert isinstance(error, ConnectionFailed | ConfigError)
    assert error.maybe_delivered is False
    assert server.requests == []


def test_a_server_that_nobody_vouches_for_is_refused_at_once(serve):
    server = serve(answering(OK), tls=True)
    with Line(server.url) as line:
        error = line.error(ASK)
    assert (type(error), error.kind) == (ConnectionFailed, "certificate")
    assert (error.maybe_delivered, error.retryable, len(error.attempts)) == (False, False, 1)
    assert "ca_bundle" in error.hint
    assert server.requests == []


def test_a_ca_bundle_vouches_for_a_server(serve):
    server = serve(answering(OK), tls=True)
    with Line(server.url, ca_bundle=str(CERTIFICATE)) as line:
        assert line.run() == {"ok": 1}


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_bundle_of_the_environment_is_honoured(serve, monkeypatch, name):
    server = serve(answering(OK), tls=True)
    monkeypatch.setenv(name, str(CERTIFICATE))
    with Line(server.url) as line:
        assert line.run() == {"ok": 1}


def test_a_ca_bundle_of_the_settings_comes_before_the_environments(serve, monkeypatch):
    server = serve(answering(OK), tls=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    with Line(server.url, ca_bundle=str(CERTIFICATE)) as line:
        assert line.run() == {"ok": 1}


def test_a_certificate_for_another_host_is_refused(serve):
    server = serve(answering(OK), tls=True)
    with Line(f"https://localhost:{server.port}", ca_bundle=str(CERTIFICATE)) as line:
        assert line.error(ASK).kind == "certificate"


@pytest.mark.parametrize("bundle", ["missing.pem", "empty.pem", "nonsense.pem"])
def test_a_ca_bundle_that_cannot_be_used_is_a_mistake_of_ours_and_nothing_was_sent(serve, tmp_path, bundle):
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "nonsense.pem").write_text("no certificate")
    server = serve(answering(OK), tls=True)
    with pytest.raises(ConfigError, match="ca_bundle") as caught:
        Line(server.url, ca_bundle=str(tmp_path / bundle))
    assert caught.value.maybe_delivered is False
    assert server.requests == []


def test_plain_http_on_a_tls_port_and_the_other_way_round_are_failures_of_ours(serve):
    def plain(connection):
        connection.sock.recv(5)
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Line(serve(plain).url.replace("http:", "https:"), attempts=1) as line:
        assert type(line.error(ASK)) is ConnectionFailed
    with Line(serve(answering(OK), tls=True).url.replace("https:", "http:"), attempts=1) as line:
        assert isinstance(line.error(ASK), ConnectionFailed | InvalidResponse)


# Failures of the connection


FAULTS = {
    # name: (script, class, kind, letters for ASK and READ)
    "closed": (closing_after(), ConnectionFailed, "closed", "CY"),
    "reset": (resetting_after(), ConnectionFailed, "reset", "CY"),
    "garbage": (closing_after(b"garbage\r\n\r\n"), InvalidResponse, "head", "CY"),
    "half a head": (closing_after(b"HTTP/1.1 20"), InvalidResponse, "head", "CY"),
    "status 20": (closing_after(http("20")), InvalidResponse, "head", "CY"),
    "status 999": (closing_after(http(999)), InvalidResponse, "head", "CY"),
    "status x": (closing_after(http("x")), InvalidResponse, "head", "CY"),
    "103": (closing_after(http(103, b"")), InvalidResponse, "head", "CY"),
    "101": (closing_after(http(101, b"")), InvalidResponse, "head", "CY"),
    "long header": (closing_after(http(200, b"{}", "X: " + "x" * 70_000)), InvalidResponse, "head", "CY"),
    "many headers": (closing_after(http(200, b"{}", *["X: y"] * 200)), InvalidResponse, "head", "CY"),
    "two lengths": (
        closing_after(http(200, b"{}", "Content-Length: 5, 2", length=None)), InvalidResponse, "head", "CY",
    ),
    "short body": (closing_after(http(200, b'{"ok": 1}', length=100)), InvalidResponse, "truncated", "CY"),
    "bad chunk": (closing_after(chunked(b"{}", end=b"zz\r\n\r\n")), InvalidResponse, "truncated", "CY"),
    "cut chunk": (closing_after(chunked(b"{}", end=b"ff\r\n{")), InvalidResponse, "truncated", "CY"),
    "no last chunk": (closing_after(chunked(b'{"ok": 1}', end=b"")), InvalidResponse, "truncated", "CY"),
    "gzip on plain": (
        answering(http(200, b'{"ok": 1}', "Content-Encoding: gzip")), InvalidResponse, "truncated", "CY",
    ),
    "many encodings": (
        answering(http(200, b"{}", "Content-Encoding: " + ", ".join(["gzip"] * 6))), InvalidResponse, "truncated", "CY",
    ),
    "html": (answering(http(200, b"<html>", "Content-Type: text/html")), InvalidResponse, "content_type", "NN"),
    "no json": (answering(http(200, b"{nonsense")), InvalidResponse, "json", "NN"),
    "no utf-8": (answering(http(200, b'"\xff"')), InvalidResponse, "encoding", "NN"),
    "empty": (answering(http(200, b"")), InvalidResponse, "json", "NN"),
    "cut json": (closing_after(http(200, b'{"ok": ', length=None)), InvalidResponse, "json", "NN"),
    "unknown encoding": (
        answering(http(200, b"\x01\x02", "Content-Encoding: mystery")), InvalidResponse, "json", "NN",
    ),
}  # fmt: skip


def strict(replay):
    return Operation(
        backend="echo", name="look", replay=replay, request=Request("POST", "/look", body=b"{}"),
        detect_error=lambda answer: None if answer.status < 300 else detect_error(answer),
        parse=lambda answer: answer.json(),
    )  # fmt: skip


@pytest.mark.parametrize("replay", [ASK, READ], ids=["ask", "read"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_answer_means_what_the_table_says(serve, fault, replay):
    script, error_class, kind, letters = FAULTS[fault]
    letter = letters[0 if replay is ASK else 1]
    server = serve(script)
    with Line(server.url) as line:
        error = line.error(wanted=strict(replay))
    assert (type(error), error.kind, error.maybe_delivered) == (error_class, kind, True)
    assert len(server.requests) == (3 if letter == "Y" else 1)
    assert error.call.stopped_by == {"Y": "attempts", "C": "maybe_delivered", "N": "not_retryable"}[letter]


@pytest.mark.parametrize("replay", [ASK, READ], ids=["ask", "read"])
def test_a_reset_within_the_answer_is_never_a_part_of_it(serve, replay):
    server = serve(resetting_after(http(200, b'{"ok": 1}', length=100)))
    with Line(server.url) as line:
        error = line.error(replay)
    # A reset can overtake the head that was sent before it.
    assert isinstance(error, ConnectionFailed | InvalidResponse)
    assert error.kind in ("reset", "truncated")
    assert error.maybe_delivered is True
    assert len(server.requests) == (1 if replay is ASK else 3)


@pytest.mark.parametrize("part", range(0, len(OK), 3))
def test_an_answer_that_breaks_anywhere_is_never_taken_for_a_whole_one(serve, part):
    server = serve(closing_after(OK[:part]))
    with Line(server.url, attempts=1) as line:
        error = line.error(ASK)
    assert isinstance(error, ConnectionFailed | InvalidResponse)
    assert error.maybe_delivered is True


@pytest.mark.parametrize("replay", [ASK, READ], ids=["ask", "read"])
def test_a_closed_port_refuses_and_is_tried_again(serve, replay):
    serve(answering(OK))
    with Line(f"http://127.0.0.1:{closed_port()}") as line:
        error = line.error(replay)
    assert (type(error), error.kind, error.maybe_delivered) == (ConnectionFailed, "refused", False)
    assert len(error.attempts) == 3
    assert "127.0.0.1" not in error.message


def test_a_connection_that_fails_once_and_then_works_gives_the_answer(serve):
    server = serve(closing_after(), resetting_after(), answering(OK))
    with Line(server.url) as line:
        assert line.run(READ) == {"ok": 1}
    assert len({request.body for request in server.requests}) == 1
    assert len(server.requests) == 3


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b", "a" * 64 + ".invalid"])
def test_a_name_that_nobody_knows_is_a_failed_connection_and_nothing_was_sent(serve, monkeypatch, name):
    def unknown(host, *_, **__):
        # As the real one does for names that no resolver can be asked for; no name of a test leaves this machine.
        (host.decode() if isinstance(host, bytes) else host).encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with Line(f"http://{name}") as line:
        error = line.error(ASK)
    assert isinstance(error, ConnectionFailed | ConfigError)
    assert error.maybe_delivered is False
    if name.startswith("no-such"):
        assert (error.kind, len(error.attempts)) == ("dns", 3)


@pytest.mark.parametrize("url", ["http://*.example.com", "http://.example.com"])
def test_an_address_that_requests_does_not_take_is_no_exception_of_theirs(serve, url):
    serve(answering(OK))
    with Line(url) as line:
        error = line.error(ASK)
    assert error.maybe_delivered is False


@at_any_pace
def test_silence_is_a_passed_deadline(serve, pace):
    server = serve(silent)
    with Line(server.url) as line:
        error = line.error(ASK, 0.15 * pace)
    assert (type(error), error.maybe_delivered, error.deadline) == (DeadlineExceeded, True, 0.15 * pace)
    assert error.call.stopped_by == "deadline"
    assert len(server.requests) == 1


@at_any_pace
def test_a_stall_in_the_body_is_a_passed_deadline(serve, pace):
    server = serve(stalling_after(http(200, b'{"ok"', length=100)))
    with Line(server.url) as line:
        error = line.error(READ, 0.15 * pace)
    assert (type(error), error.maybe_delivered) == (DeadlineExceeded, True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("compressed", [False, True])
@at_any_pace
def test_a_dripping_body_ends_with_the_deadline(serve, compressed, pace):
    # Zeros of a deflate stream that never ends: each drop decompresses to something.
    drop = gzip.compress(b" " * 50) if compressed else b" "
    head = http(200, b"", *(["Content-Encoding: gzip"] if compressed else []), length=10**6)
    server = serve(dripping(head, drop))
    with Line(server.url) as line:
        error = line.error(READ, 0.2 * pace)
    assert (type(error), error.maybe_delivered) == (DeadlineExceeded, True)
    assert len(server.requests) == 1


def test_a_deadline_longer_than_a_socket_takes_is_no_mistake(serve):
    server = serve(answering(OK))
    with Line(server.url) as line:
        assert line.run(READ, 1e10) == {"ok": 1}


def test_no_time_left_is_the_deadline_and_nothing_is_sent(serve):
    server = serve(answering(OK))
    transport = RequestsTransport(server.url)
    passed = Deadline(5, iter([0.0, *[9.0] * 9]).__next__)
    result = transport.send(HttpRequest("GET", transport._base_url, "/x"), passed, limit=100)
    assert (result.kind, result.delivered) == ("deadline", False)
    assert server.requests == []


def test_a_connection_that_takes_too_long_was_not_delivered(serve, monkeypatch):
    def slow(*_, **__):
        raise TimeoutError("timed out")

    serve(answering(OK))
    monkeypatch.setattr("unichat.transport.requests.connections._TrackedConnection._connect_to", slow)
    with Line("http://127.0.0.1:9") as line:
        error = line.error(ASK)
    assert (type(error), error.kind, error.maybe_delivered) == (ConnectionFailed, "connect_timeout", False)
    assert len(error.attempts) == 3


def test_the_connect_timeout_is_cut_to_what_is_left(serve, monkeypatch):
    seen = []
    monkeypatch.setattr("socket.socket.settimeout", lambda self, seconds: seen.append(seconds))
    monkeypatch.setattr("socket.socket.connect", lambda self, address: 1 / 0)
    transport = RequestsTransport("http://127.0.0.1:9", connect_timeout=4.0)
    for left in (2.0, 30.0):
        failure = transport.open(
            HttpRequest("GET", transport._base_url, "/x"), Deadline(left, lambda: 0.0), idle_timeout=30.0
        )
        assert failure == TransportFailure("unsent", phase="connecting")
    assert seen == [2.0, 4.0]


# Sizes and encodings


@pytest.fixture
def small_limit(monkeypatch):
    monkeypatch.setattr(Line, "body_limit", 10_000)


@pytest.mark.parametrize(
    "answer",
    [
        http(200, b'"' + b"x" * 20_000 + b'"'),
        http(200, b'"' + b"x" * 20_000 + b'"', length=None),
        chunked(b'"', *[b"x" * 1000] * 20, b'"'),
        http(200, gzip.compress(b'"' + b"x" * 20_000 + b'"'), "Content-Encoding: gzip"),
    ],
    ids=["length", "close", "chunked", "gzip"],
)
@pytest.mark.parametrize("replay", [ASK, READ], ids=["ask", "read"])
@pytest.mark.usefixtures("small_limit")
def test_an_answer_over_the_limit_is_refused_and_not_asked_for_again(serve, answer, replay):
    server = serve(closing_after(answer))
    with Line(server.url) as line:
        error = line.error(replay)
    assert (type(error), error.kind) == (InvalidResponse, "too_large")
    assert (error.maybe_delivered, error.retryable) == (True, False)
    assert "10,000 bytes" in str(error)
    assert len(server.requests) == 1


def test_an_answer_at_the_limit_is_taken(serve):
    server = serve(answering(http(200, b'"' + b"x" * 9_998 + b'"')))
    with Line(server.url) as line:
        assert line.run() == "x" * 9_998


@pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_an_answer_may_be_compressed_and_framed_in_any_usual_way(serve, encoding, encode, framing):
    body = encode(b'{"text": "' + b"x" * 100_000 + b'"}')
    if framing == "chunked":
        answer = chunked(body[:10], body[10:]).replace(b"\r\n", f"\r\nContent-Encoding: {encoding}\r\n".encode(), 1)
    else:
        answer = http(200, body, f"Content-Encoding: {encoding}", length=-1 if framing == "length" else None)
    server = serve(closing_after(*(answer[at : at + 700] for at in range(0, len(answer), 700))))
    with Line(server.url) as line:
        assert line.run() == {"text": "x" * 100_000}


def test_a_size_of_a_chunk_that_goes_on_is_refused_at_the_limit_of_a_line(serve):
    # CVE-2026-97689: urllib3 before 2.8 waits for its end, and keeps all that comes.
    server = serve(stalling_after(chunked(end=b"1;" + b"x" * 70_000)))
    with Line(server.url, attempts=1) as line:
        error = line.error(ASK, 2.0)
    assert (type(error), error.kind, error.maybe_delivered) == (InvalidResponse, "truncated", True)


def test_what_follows_a_deflate_stream_holds_nothing_up(serve):
    # CVE-2026-97688: urllib3 from 2.6.2 to 2.7 goes round and round, and no deadline ends that.
    body = zlib.compress(b'{"text": "' + b"x" * 200_000 + b'"}') + b"more"
    answer = chunked(body).replace(b"\r\n", b"\r\nContent-Encoding: deflate\r\n", 1)
    server = serve(answering(answer))
    results = []
    with Line(server.url) as line:
        asking = threading.Thread(target=lambda: results.append(line.run()), daemon=True)
        asking.start()
        asking.join(10)
    assert results == [{"text": "x" * 200_000}]


@pytest.mark.parametrize("encodings", ["gzip, gzip", "gzip, deflate, gzip"])
def test_an_answer_compressed_several_times_is_refused_at_the_limit_without_growing_in_memory(
    serve, encodings, monkeypatch
):
    # CVE-2025-66471: urllib3 before 2.6 decompresses all that it has read, 100 MiB here, before it gives any of it.
    monkeypatch.setattr(Line, "body_limit", MEBIBYTE)
    body = gzip.compress(bytes(MEBIBYTE)) * 100
    for encoding in encodings.split(", ")[1:]:
        body = (gzip if encoding == "gzip" else zlib).compress(body)
    server = serve(answering(http(200, body, f"Content-Encoding: {encodings}")))
    with Line(server.url) as line:
        tracemalloc.start()
        try:
            with pytest.raises(InvalidResponse) as caught:
                line.run()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert caught.value.kind == "too_large"
    assert most < 32 * MEBIBYTE


@pytest.mark.parametrize("cut", [20, 60, 100])
def test_a_compressed_answer_that_was_cut_is_not_taken_for_whole(serve, cut):
    body = gzip.compress(json.dumps([str(number) for number in range(500)]).encode())
    server = serve(closing_after(http(200, body[:cut], "Content-Encoding: gzip")))
    with Line(server.url) as line:
        assert type(line.error(ASK)) is InvalidResponse


def test_an_interim_answer_of_100_is_passed_over(serve):
    server = serve(answering(b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + OK))
    with Line(server.url) as line:
        assert line.run(ASK) == {"ok": 1}


def test_an_interim_answer_of_103_never_gives_the_next_call_somebody_elses_answer(serve):
    def hinting(connection):
        request = connection.receive()
        connection.send(http(103, b"", length=None) + http(200, request.body))
        second = connection.receive()
        connection.send(http(103, b"", length=None) + http(200, second.body))
        connection.closed_by_peer()

    server = serve(hinting)

    def asking(question):
        return Operation(
            backend="echo", name="ask", replay=ASK, request=Request("POST", "/ask", body=json.dumps(question).encode()),
            detect_error=detect_error, parse=lambda answer: answer.json(),
        )  # fmt: skip

    with Line(server.url) as line:
        for question in ("first", "second"):
            assert line.run(wanted=asking(question)) == question
    assert server.connections == 1


# Connections kept and given up


def test_one_connection_serves_one_call_after_the_other(serve):
    server = serve(answering(OK))
    with Line(server.url) as line:
        for _ in range(3):
            line.run()
    assert len(server.requests) == 3
    assert server.connections == 1


@pytest.mark.parametrize("answer", [OK, http(404, b"{}"), chunked(b'{"ok": 1}')])
def test_a_connection_is_used_again_after_any_whole_answer(serve, answer):
    server = serve(answering(answer, OK))
    wanted = Operation(
        backend="echo",
        name="x",
        replay=READ,
        request=Request("GET", "/x"),
        detect_error=detect_error,
        parse=lambda _: 1,
    )
    with Line(server.url) as line:
        with suppress(NotFound):
            line.run(wanted=wanted)
        line.run()
    assert server.connections == 1


def test_a_connection_that_the_server_closed_in_between_is_replaced(serve):
    server = serve(closing_after(OK), answering(OK))
    with Line(server.url) as line:
        assert line.run(READ) == {"ok": 1}
        assert line.run(READ) == {"ok": 1}
    assert server.connections == 2


@pytest.mark.parametrize("replay", [ASK, READ], ids=["ask", "read"])
def test_a_kept_connection_that_breaks_under_a_second_question_does_not_ask_it_twice(serve, replay):
    def breaking(connection):
        connection.receive()
        connection.send(OK)
        connection.receive()

    server = serve(breaking, answering(OK))
    with Line(server.url) as line:
        line.run(READ)
        if replay is READ:
            assert line.run(READ) == {"ok": 1}
        else:
            error = line.error(ASK)
            assert (type(error), error.maybe_delivered) == (ConnectionFailed, True)
    assert len(server.requests) == (3 if replay is READ else 2)


def test_a_connection_with_more_on_it_than_the_answer_is_not_trusted(serve):
    surplus = http(200, b'{"whose": "somebody else"}')
    server = serve(answering(http(204, b"", length=None) + surplus, OK), answering(OK))
    wanted = Operation(
        backend="echo",
        name="x",
        replay=READ,
        request=Request("GET", "/x"),
        detect_error=lambda _: None,
        parse=lambda _: 1,
    )
    with Line(server.url) as line:
        line.run(wanted=wanted)
        assert line.run(READ) == {"ok": 1}


def test_closing_leaves_no_connection_open(serve):
    def until_closed(connection):
        connection.receive()
        connection.send(OK)
        connection.closed_by_peer()
        left.append(connection.number)

    left = []
    server = serve(until_closed)
    with Line(server.url) as line:
        line.run()
    server.close()
    assert left == [1]


# Streams


def test_a_stream_gives_its_events_as_they_come(serve):
    def slowly(connection):
        connection.receive()
        for chunk in (chunked(*records({"text": "Hel"}), end=b""), *records({"text": "lo"}, {"end": True})):
            data = chunk if chunk.startswith(b"HTTP") else b"%x\r\n%b\r\n" % (len(chunk), chunk)
            connection.send(data)
            # The next piece only when the reader has asked for it: an event that is held back would hang here.
            assert turn.acquire(timeout=10)
        connection.send(b"0\r\n\r\n")

    turn = threading.Semaphore(0)
    server = serve(slowly)
    with Line(server.url) as line:
        texts = []
        for event in line.open():
            texts.append(event.text)
            turn.release()
    assert texts == ["Hel", "lo", ""]
    assert server.requests[0].headers["accept"] == "*/*"


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_a_stream_may_be_framed_in_any_usual_way(serve, framing):
    if framing == "chunked":
        answer = chunked(EVENTS[:7], EVENTS[7:])
    else:
        answer = http(200, EVENTS, length=-1 if framing == "length" else None)
    server = serve(closing_after(*(answer[at : at + 5] for at in range(0, len(answer), 5))))
    with Line(server.url) as line:
        stream = line.open()
        assert [event.text for event in stream] == ["Hel", "lo", ""]
        assert stream.answer.text == "Hello"
        stream.close()


def test_a_connection_is_used_again_after_a_stream_that_was_read_to_its_end(serve):
    server = serve(answering(chunked(EVENTS), OK))
    with Line(server.url) as line:
        stream = line.open()
        list(stream)
        stream.close()
        assert line.run() == {"ok": 1}
    assert server.connections == 1


def test_a_connection_is_not_used_again_after_a_stream_that_was_left_early(serve):
    server = serve(stalling_after(chunked(*records({"text": "Hel"}), end=b"")), answering(OK))
    with Line(server.url) as line:
        stream = line.open()
        next(stream)
        stream.close()
        assert line.run() == {"ok": 1}
    assert server.connections == 2


STREAM_FAULTS = {
    "cut chunk": (closing_after(chunked(*records({"text": "Hel"}), end=b"ff\r\n{")), "broke off"),
    "no last chunk": (closing_after(chunked(*records({"text": "Hel"}), end=b"")), "broke off"),
    "bad chunk": (closing_after(chunked(*records({"text": "Hel"}), end=b"zz\r\n")), "broke off"),
    "cut length": (closing_after(http(200, records({"text": "Hel"})[0], length=500)), "broke off"),
    "close": (closing_after(http(200, records({"text": "Hel"})[0], length=None)), "without its end mark"),
}


@pytest.mark.parametrize("fault", STREAM_FAULTS)
def test_a_stream_that_breaks_after_its_first_event_is_not_asked_for_again(serve, fault):
    script, words = STREAM_FAULTS[fault]
    server = serve(script)
    with Line(server.url) as line:
        error = line.stream_error()
    assert type(error) is StreamInterrupted
    assert (error.text, error.events, error.maybe_delivered, error.status) == ("Hel", 1, True, 200)
    assert words in str(error)
    assert len(server.requests) == 1


@at_any_pace
def test_a_stream_that_falls_silent_is_interrupted(serve, pace):
    server = serve(stalling_after(chunked(*records({"text": "Hel"}), end=b"")))
    with Line(server.url) as line:
        error = line.stream_error(0.2 * pace)
    assert type(error) is StreamInterrupted
    assert error.text == "Hel"


@at_any_pace
def test_a_stream_that_falls_silent_after_everything_is_complete(serve, pace):
    server = serve(stalling_after(chunked(EVENTS, end=b"")))
    with Line(server.url, idle_timeout=0.2 * pace) as line:
        stream = line.open()
        assert [event.text for event in stream] == ["Hel", "lo", ""]
        stream.close()
    assert server.connections == 1


@pytest.mark.parametrize(
    ("script", "error_class", "sends"),
    [
        (closing_after(), ConnectionFailed, 1),
        (closing_after(http(200, b"", length=None)), InvalidResponse, 1),
        (answering(http(503, b"{}")), ServerError, 3),
        (answering(http(404, b'{"message": "no such thread"}')), NotFound, 1),
        (answering(http(302, b"", "Location: /x")), InvalidResponse, 1),
        (answering(http(200, records({"error": "overloaded"})[0])), ServerError, 3),
        (closing_after(http(103, b"")), InvalidResponse, 1),
    ],
)
def test_a_stream_that_fails_before_its_first_event_is_treated_as_any_question(serve, script, error_class, sends):
    server = serve(script)
    with Line(server.url) as line:
        error = line.stream_error()
    assert type(error) is error_class
    assert len(server.requests) == sends


@at_any_pace
def test_a_dripping_stream_without_an_event_ends_with_the_deadline(serve, pace):
    server = serve(dripping(http(200, b"", length=10**6), b" "))
    with Line(server.url) as line:
        error = line.stream_error(0.2 * pace)
    assert type(error) is DeadlineExceeded
    assert len(server.requests) == 1


def test_the_dripping_body_of_a_refused_stream_ends_with_the_deadline(serve):
    server = serve(dripping(http(500, b"", length=10**6), b" "))
    with Line(server.url, attempts=1) as line:
        assert isinstance(line.stream_error(0.2), ServerError | DeadlineExceeded)


# What gets out


def test_a_request_that_cannot_be_encoded_is_an_error_of_ours(serve):
    server = serve(answering(OK))
    # Refused when it is built, or at the latest when it is run.
    with Line(server.url) as line, pytest.raises(InvalidInput):
        line.run(wanted=evolve(operation(), request=Request("GET", "/x", (("q", "\ud800"),))))
    assert server.requests == []


def test_the_logs_hold_neither_the_key_nor_the_question(serve, caplog):
    caplog.set_level("DEBUG")
    server = serve(answering(http(503, b"{}")))
    wanted = Operation(
        backend="echo", name="x", replay=ASK, request=Request("POST", "/x", body=json.dumps(QUESTION).encode()),
        detect_error=detect_error, parse=lambda _: 1,
    )  # fmt: skip
    with Line(server.url) as line:
        line.error(wanted=wanted)
    assert len(server.requests) == 3
    assert SENTINEL not in caplog.text
    assert QUESTION not in caplog.text


def test_a_failed_call_shows_neither_key_nor_question_even_with_all_local_variables(serve):
    server = serve(closing_after())
    stored = StreamOperation(
        backend="echo", name="x", replay=ASK, request=Request("POST", "/x", body=json.dumps(QUESTION).encode()),
        detect_error=detect_error, decoder=LineDecoder,
    )  # fmt: skip
    with Line(server.url) as line, pytest.raises(ConnectionFailed) as caught:
        line.bench.perform_run(stored, line.bench.context.call(5.0, kind="question"))
    error = caught.value
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert SENTINEL not in shown.replace(f"SENTINEL = {SENTINEL!r}", "")
    assert QUESTION not in shown


def test_a_signature_does_not_show_its_value():
    assert SENTINEL not in repr(Signature("X-Token", SENTINEL))


def test_a_transport_gives_failures_and_raises_nothing(serve):
    serve(answering(OK))
    transport = RequestsTransport(f"http://127.0.0.1:{closed_port()}")
    deadline = Deadline(5, Ticks().monotonic)
    failure = transport.send(HttpRequest("GET", transport._base_url, "/x"), deadline, limit=100)
    assert failure == TransportFailure("refused", "Connection refused", phase="connecting")
    transport.close()
    transport.close()
