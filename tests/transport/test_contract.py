"""What every transport must do, over real HTTP on loopback: both of unichat's, and a caller's own.

With `UNICHAT_TRANSPORT=package.module:function`, this file runs over another: the function is called as
`RequestsTransport` is, and returns a `Transport` or an `AsyncTransport`.
"""

import errno
import gzip
import json
import socket
import threading
import traceback
import zlib
from contextlib import suppress

import pytest
from attrs import evolve

import unichat
from tests.canned import FakeClock, LineDecoder, detect_error, operation, records
from tests.loopback import (
    CERTIFICATE,
    answer_in_turn,
    close_after,
    drip,
    encode_chunks,
    http,
    reset_after,
    silent,
    stall_after,
)
from tests.pace import PATIENCE, at_any_pace
from tests.transport.caller import QUESTION, SENTINEL, Caller, find_closed_port
from unichat.adapter import Operation, Replay, Request, StreamOperation
from unichat.errors import (
    ConfigError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidInput,
    InvalidResponse,
    NotFound,
    RateLimited,
    ServerError,
    StreamInterrupted,
)
from unichat.transport.base import Deadline, HttpRequest, TransportFailure

ASK, READ = Replay.ASK, Replay.READ
OK = http(200, b'{"ok": 1}')
EVENTS = b"".join(records({"text": "Hel"}, {"text": "lo"}, {"end": True}))


# What is sent


def test_a_request_goes_out_as_it_is(serve, caller_on):
    server = serve(answer_in_turn(OK))
    wanted = Operation(
        backend="echo", name="x", replay=READ, detect_error=detect_error, parse=lambda answer: answer.json(),
        request=Request("POST", "/a%2Fb/%252e%252e/", (("q", "é &=#"), ("q", "2")), b'{"text":"\xc3\xa9"}'),
    )  # fmt: skip
    with caller_on(server.url + "/base/") as caller:
        assert caller.run(wanted=wanted) == {"ok": 1}
    (request,) = server.log
    assert (request.method, request.target) == ("POST", "/base/a%2Fb/%252e%252e/?q=%C3%A9+%26%3D%23&q=2")
    assert request.body == b'{"text":"\xc3\xa9"}'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"] == f"unichat/{unichat.__version__}"
    assert request.headers["x-token"] == SENTINEL


def test_the_secret_stands_in_its_header_only(serve, caller_on):
    server = serve(answer_in_turn(OK))
    with caller_on(server.url) as caller:
        caller.run()
        caller.run(wanted=operation(signed=False))
    signed, unsigned = server.log
    assert [name for name, value in signed.headers.items() if SENTINEL in value] == ["x-token"]
    assert SENTINEL not in signed.target
    assert "x-token" not in unsigned.headers


def test_a_request_without_a_body_has_no_content_type(serve, caller_on):
    server = serve(answer_in_turn(OK))
    wanted = Operation(
        backend="echo",
        name="x",
        replay=READ,
        request=Request("GET", "/x"),
        detect_error=detect_error,
        parse=lambda _: 1,
    )
    with caller_on(server.url) as caller:
        caller.run(wanted=wanted)
    assert "content-type" not in server.log[0].headers
    assert server.log[0].body == b""


@pytest.mark.parametrize(
    "segment", ["%2F", "..%2F..", "%252e%252e", "a%00b", "%0D%0AX-Evil%3A%201", "%3Fq%3D1", "%23", "%25"]
)
def test_an_encoded_segment_arrives_as_it_was_encoded(serve, caller_on, segment):
    server = serve(answer_in_turn(OK))
    wanted = Operation(
        backend="echo", name="x", replay=READ, request=Request("GET", f"/threads/{segment}/chat/"),
        detect_error=detect_error, parse=lambda _: 1,
    )  # fmt: skip
    with caller_on(server.url) as caller:
        caller.run(wanted=wanted)
    assert server.log[0].target == f"/threads/{segment}/chat/"
    assert "x-evil" not in server.log[0].headers


def test_header_names_are_read_in_any_case(serve, caller_on):
    server = serve(answer_in_turn(http(404, b"{}", "X-REQUEST-ID: r-1")))
    with caller_on(server.url) as caller:
        assert caller.error().call.request_id == "r-1"


# Redirects, .netrc, cookies, proxies, certificates


@pytest.mark.parametrize("where", ["other", "same", "none", "broken", "file", "bytes"])
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_no_redirect_is_followed_and_its_target_sees_nothing(serve, caller_on, status, where):
    target = serve(answer_in_turn(OK))
    location = {
        "other": [f"Location: {target.url}/x"],
        "same": ["Location: /elsewhere"],
        "none": [],
        "broken": ["Location: http://[bad"],
        "file": ["Location: file:///etc/passwd"],
        "bytes": ["Location: /\xff\xfe"],
    }[where]
    server = serve(answer_in_turn(http(status, b"", *location)))
    with caller_on(server.url) as caller:
        error = caller.error(READ)
    assert type(error) is InvalidResponse
    assert (error.kind, error.status, error.maybe_delivered) == ("redirect", status, status == 303)
    assert "fix base_url" in error.hint
    assert len(server.log) == 1
    assert target.accepted == 0


def test_the_body_of_a_redirect_is_read_within_the_deadline(serve, caller_on):
    head = http(302, b"", "Location: /x", length=10**9)
    server = serve(drip(head, b"x" * 100))
    with caller_on(server.url, attempts=1) as caller:
        assert isinstance(caller.error(READ, 0.3), InvalidResponse | DeadlineExceeded)


@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_a_netrc_file_replaces_nothing_and_adds_nothing(serve, caller_on, monkeypatch, tmp_path, header):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(answer_in_turn(OK))
    with caller_on(server.url, header=header) as caller:
        caller.run()
        caller.run(wanted=operation(signed=False))
    assert server.log[0].headers[header.lower()] == SENTINEL
    assert "authorization" not in server.log[1].headers
    assert not any("Basic" in value for value in server.log[0].headers.values())


def test_a_cookie_of_one_call_is_not_sent_with_the_next(serve, caller_on):
    server = serve(answer_in_turn(http(200, b'{"ok": 1}', "Set-Cookie: session=ann; Path=/")))
    with caller_on(server.url) as caller:
        caller.run()
        caller.run()
    assert len(server.log) == 2
    assert "cookie" not in server.log[1].headers


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_used(serve, caller_on, monkeypatch, name):
    proxy = serve(answer_in_turn(http(200, b'{"from": "proxy"}')))
    monkeypatch.setenv(name, proxy.url)
    with caller_on("http://vendor.invalid") as caller:
        assert caller.run() == {"from": "proxy"}
    assert (proxy.log[0].method, proxy.log[0].target) == ("POST", "http://vendor.invalid/look")


def test_no_proxy_of_the_environment_is_used_for_hosts_that_it_excepts(serve, caller_on, monkeypatch):
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *given, **options: resolve("127.0.0.1", *given, **options))
    proxy, server = serve(answer_in_turn(OK)), serve(answer_in_turn(OK))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", f"vendor.invalid:{server.port}")
    with caller_on(f"http://vendor.invalid:{server.port}") as caller:
        caller.run()
    assert proxy.accepted == 0
    assert len(server.log) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_is_used_for_this_machine(serve, caller_on, monkeypatch, host):
    proxy, server = serve(answer_in_turn(OK)), serve(answer_in_turn(OK))
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    with caller_on(f"http://{host}:{server.port}") as caller:
        caller.run()
    assert proxy.accepted == 0


def test_a_proxy_that_refuses_is_a_failed_connection_and_tried_again(monkeypatch, serve, caller_on):
    serve(answer_in_turn(OK))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{find_closed_port()}")
    with caller_on("http://vendor.invalid") as caller:
        error = caller.error(ASK)
    assert (type(error), error.kind, error.maybe_delivered) == (ConnectionFailed, "proxy", False)
    assert len(error.attempts) == 3


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_is_not_asked_again(serve, caller_on, monkeypatch, scheme):
    proxy = serve(answer_in_turn(http(407, b"", "Proxy-Authenticate: Basic")))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with caller_on(f"{scheme}://vendor.invalid") as caller:
        error = caller.error(ASK)
    assert (type(error), error.kind, error.maybe_delivered) == (ConnectionFailed, "proxy", False)
    assert len(proxy.log) == 1
    assert error.hint.startswith(f"Put its user and password into {scheme.upper()}_PROXY")


@pytest.mark.parametrize("address", ["socks5://127.0.0.1:1", "nonsense://127.0.0.1:1", "http://"])
def test_a_proxy_that_cannot_be_used_is_a_failed_connection_and_nothing_is_sent(serve, caller_on, monkeypatch, address):
    server = serve(answer_in_turn(OK))
    monkeypatch.setenv("all_proxy", address)
    with caller_on("http://vendor.invalid") as caller:
        error = caller.error(ASK)
    assert isinstance(error, ConnectionFailed | ConfigError)
    assert error.hint == "Check all_proxy and NO_PROXY."
    assert error.maybe_delivered is False
    assert server.log == []


def test_a_server_that_nobody_vouches_for_is_refused_at_once(serve, caller_on):
    server = serve(answer_in_turn(OK), tls=True)
    with caller_on(server.url) as caller:
        error = caller.error(ASK)
    assert (type(error), error.kind) == (ConnectionFailed, "certificate")
    assert (error.maybe_delivered, error.retryable, len(error.attempts)) == (False, False, 1)
    assert "ca_bundle" in error.hint
    assert server.log == []


def test_a_ca_bundle_vouches_for_a_server(serve, caller_on):
    server = serve(answer_in_turn(OK), tls=True)
    with caller_on(server.url, ca_bundle=str(CERTIFICATE)) as caller:
        assert caller.run() == {"ok": 1}


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_bundle_of_the_environment_is_honoured(serve, caller_on, monkeypatch, name):
    server = serve(answer_in_turn(OK), tls=True)
    monkeypatch.setenv(name, str(CERTIFICATE))
    with caller_on(server.url) as caller:
        assert caller.run() == {"ok": 1}


def test_a_ca_bundle_of_the_settings_comes_before_the_environments(serve, caller_on, monkeypatch):
    server = serve(answer_in_turn(OK), tls=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    with caller_on(server.url, ca_bundle=str(CERTIFICATE)) as caller:
        assert caller.run() == {"ok": 1}


def test_a_certificate_for_another_host_is_refused(serve, caller_on):
    server = serve(answer_in_turn(OK), tls=True)
    with caller_on(f"https://localhost:{server.port}", ca_bundle=str(CERTIFICATE)) as caller:
        assert caller.error(ASK).kind == "certificate"


@pytest.mark.parametrize("bundle", ["missing.pem", "empty.pem", "nonsense.pem"])
def test_a_ca_bundle_that_cannot_be_used_is_a_mistake_of_ours_and_nothing_was_sent(serve, caller_on, tmp_path, bundle):
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "nonsense.pem").write_text("no certificate")
    server = serve(answer_in_turn(OK), tls=True)
    with pytest.raises(ConfigError, match="ca_bundle") as caught:
        caller_on(server.url, ca_bundle=str(tmp_path / bundle))
    assert caught.value.maybe_delivered is False
    assert server.log == []


def test_plain_http_on_a_tls_port_and_the_other_way_round_are_failures_of_ours(serve, caller_on):
    def plain(connection):
        connection.socket.recv(5)
        connection.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with caller_on(serve(plain).url.replace("http:", "https:"), attempts=1) as caller:
        assert type(caller.error(ASK)) is ConnectionFailed
    with caller_on(serve(answer_in_turn(OK), tls=True).url.replace("https:", "http:"), attempts=1) as caller:
        assert isinstance(caller.error(ASK), ConnectionFailed | InvalidResponse)


# Failures of the connection


FAULTS = {
    # name: (script, class, kind, letters for ASK and READ)
    "closed": (close_after(), ConnectionFailed, "closed", "CY"),
    "reset": (reset_after(), ConnectionFailed, "reset", "CY"),
    "garbage": (close_after(b"garbage\r\n\r\n"), InvalidResponse, "head", "CY"),
    "half a head": (close_after(b"HTTP/1.1 20"), InvalidResponse, "head", "CY"),
    "status 20": (close_after(http("20")), InvalidResponse, "head", "CY"),
    "status 999": (close_after(http(999)), InvalidResponse, "head", "CY"),
    "status x": (close_after(http("x")), InvalidResponse, "head", "CY"),
    "103": (close_after(http(103, b"")), InvalidResponse, "head", "CY"),
    "101": (close_after(http(101, b"")), InvalidResponse, "head", "CY"),
    "long header": (close_after(http(200, b"{}", "X: " + "x" * 70_000)), InvalidResponse, "head", "CY"),
    "many headers": (close_after(http(200, b"{}", *["X: y"] * 200)), InvalidResponse, "head", "CY"),
    "two lengths": (
        close_after(http(200, b"{}", "Content-Length: 5, 2", length=None)), InvalidResponse, "head", "CY",
    ),
    "short body": (close_after(http(200, b'{"ok": 1}', length=100)), InvalidResponse, "truncated", "CY"),
    "bad chunk": (close_after(encode_chunks(b"{}", end=b"zz\r\n\r\n")), InvalidResponse, "truncated", "CY"),
    "cut chunk": (close_after(encode_chunks(b"{}", end=b"ff\r\n{")), InvalidResponse, "truncated", "CY"),
    "no last chunk": (close_after(encode_chunks(b'{"ok": 1}', end=b"")), InvalidResponse, "truncated", "CY"),
    "gzip on plain": (
        answer_in_turn(http(200, b'{"ok": 1}', "Content-Encoding: gzip")), InvalidResponse, "truncated", "CY",
    ),
    "many encodings": (
        answer_in_turn(http(200, b"{}", "Content-Encoding: " + ", ".join(["gzip"] * 6))),
        InvalidResponse, "truncated", "CY",
    ),
    "html": (answer_in_turn(http(200, b"<html>", "Content-Type: text/html")), InvalidResponse, "content_type", "NN"),
    "no json": (answer_in_turn(http(200, b"{nonsense")), InvalidResponse, "json", "NN"),
    "no utf-8": (answer_in_turn(http(200, b'"\xff"')), InvalidResponse, "encoding", "NN"),
    "empty": (answer_in_turn(http(200, b"")), InvalidResponse, "json", "NN"),
    "cut json": (close_after(http(200, b'{"ok": ', length=None)), InvalidResponse, "json", "NN"),
    "unknown encoding": (
        answer_in_turn(http(200, b"\x01\x02", "Content-Encoding: mystery")), InvalidResponse, "json", "NN",
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
def test_a_broken_answer_means_what_the_table_says(serve, caller_on, fault, replay):
    script, error_class, kind, letters = FAULTS[fault]
    letter = letters[0 if replay is ASK else 1]
    server = serve(script)
    with caller_on(server.url) as caller:
        error = caller.error(wanted=strict(replay))
    assert (type(error), error.kind, error.maybe_delivered) == (error_class, kind, True)
    assert len(server.log) == (3 if letter == "Y" else 1)
    assert error.call.stopped_by == {"Y": "attempts", "C": "maybe_delivered", "N": "not_retryable"}[letter]


ERROR = b'{"error": "busy"}'


@pytest.mark.parametrize(
    ("script", "cut"),
    [
        (answer_in_turn(http(429, ERROR)), None),
        (answer_in_turn(http(429, b"")), None),
        (close_after(http(429, ERROR, length=None)), None),
        (close_after(http(429, ERROR, length=100)), "truncated"),
        (close_after(encode_chunks(ERROR, end=b"ff\r\n{", status=429)), "truncated"),
        (close_after(encode_chunks(ERROR, end=b"zz\r\n\r\n", status=429)), "truncated"),
        (reset_after(http(429, ERROR, length=100)), "truncated"),
        (answer_in_turn(http(429, ERROR, "Content-Encoding: gzip")), "truncated"),
        (answer_in_turn(http(429, b" " * 5_000)), "too_large"),
    ],
    ids=["whole", "empty", "until the end", "short", "cut chunk", "bad chunk", "reset", "not gzip", "too large"],
)
def test_a_reply_with_an_error_status_says_why_its_body_is_not_whole(serve, caller_on, monkeypatch, script, cut):
    monkeypatch.setattr(Caller, "body_limit", 1_000)
    replies = []

    def note(answer):
        replies.append(answer)
        return detect_error(answer)

    with caller_on(serve(script).url) as caller:
        error = caller.error(wanted=evolve(operation(ASK), detect_error=note))
    assert {(reply.status, reply.cut) for reply in replies} == {(429, cut)}
    assert (type(error), error.status, error.maybe_delivered) == (RateLimited, 429, False)


@pytest.mark.parametrize("replay", [ASK, READ], ids=["ask", "read"])
def test_a_reset_within_the_answer_is_never_a_part_of_it(serve, caller_on, replay):
    server = serve(reset_after(http(200, b'{"ok": 1}', length=100)))
    with caller_on(server.url) as caller:
        error = caller.error(replay)
    # A reset can overtake the head that was sent before it.
    assert isinstance(error, ConnectionFailed | InvalidResponse)
    assert error.kind in ("reset", "truncated")
    assert error.maybe_delivered is True
    assert len(server.log) == (1 if replay is ASK else 3)


@pytest.mark.parametrize("part", range(0, len(OK), 3))
def test_an_answer_that_breaks_anywhere_is_never_taken_for_a_whole_one(serve, caller_on, part):
    server = serve(close_after(OK[:part]))
    with caller_on(server.url, attempts=1) as caller:
        error = caller.error(ASK)
    assert isinstance(error, ConnectionFailed | InvalidResponse)
    assert error.maybe_delivered is True


@pytest.mark.parametrize("replay", [ASK, READ], ids=["ask", "read"])
def test_a_closed_port_refuses_and_is_tried_again(serve, caller_on, replay):
    serve(answer_in_turn(OK))
    with caller_on(f"http://127.0.0.1:{find_closed_port()}") as caller:
        error = caller.error(replay)
    assert (type(error), error.kind, error.maybe_delivered) == (ConnectionFailed, "refused", False)
    assert len(error.attempts) == 3
    assert "127.0.0.1" not in error.message


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"r-1\x85\xad", "r-1 \\xad"),
        (b"r\t1", "r 1"),
        (b"x" * 5000, "x" * 199 + "…"),
        (b"\xe2\x80\xae1", "\xe2\\x80\xae1"),
        (b"", None),
    ],
)
def test_what_a_header_says_is_printable_and_bounded_where_it_is_shown(serve, caller_on, sent, shown):
    answer = http(404, b"{}", "X-Request-Id: HERE").replace(b"HERE", sent)
    server = serve(answer_in_turn(answer))
    with caller_on(server.url) as caller:
        assert caller.error().request_id == shown


@pytest.mark.parametrize("replay", [ASK, READ], ids=["ask", "read"])
def test_a_process_without_further_sockets_was_refused_by_nobody(serve, caller_on, replay, monkeypatch):
    def refuse(self, *_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    server = serve(answer_in_turn(OK))
    with caller_on(server.url) as caller:
        with monkeypatch.context() as patched:
            patched.setattr(socket.socket, "__init__", refuse)
            error = caller.error(replay)
        assert (type(error), error.kind, error.maybe_delivered) == (ConnectionFailed, "exhausted", False)
        assert "ulimit" in error.hint
        assert caller.run(replay) == {"ok": 1}


def test_a_connection_that_fails_once_and_then_works_gives_the_answer(serve, caller_on):
    server = serve(close_after(), reset_after(), answer_in_turn(OK))
    with caller_on(server.url) as caller:
        assert caller.run(READ) == {"ok": 1}
    assert len({request.body for request in server.log}) == 1
    assert len(server.log) == 3


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b", "a" * 64 + ".invalid"])
def test_a_name_that_nobody_knows_is_a_failed_connection_and_nothing_was_sent(serve, caller_on, monkeypatch, name):
    def unknown(host, *_, **__):
        # As the real one does for names that no resolver can be asked for; no name of a test leaves this machine.
        (host.decode() if isinstance(host, bytes) else host).encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with caller_on(f"http://{name}") as caller:
        error = caller.error(ASK)
    assert isinstance(error, ConnectionFailed | ConfigError)
    assert error.maybe_delivered is False
    if name.startswith("no-such"):
        assert (error.kind, len(error.attempts)) == ("dns", 3)


@pytest.mark.parametrize(
    ("name", "asked", "told"),
    [
        ("faß.example", "xn--fa-hia.example", "xn--fa-hia.example"),
        ("FASS.Example", "fass.example", "fass.example"),
        ("bücher.example.", "xn--bcher-kva.example.", "xn--bcher-kva.example"),
    ],
)
def test_every_transport_asks_the_same_host_for_the_same_path(serve, caller_on, monkeypatch, name, asked, told):
    resolve, names = socket.getaddrinfo, []

    def everything_is_here(host, *arguments, **options):
        names.append(host.decode() if isinstance(host, bytes) else host)
        return resolve("127.0.0.1", *arguments, **options)

    server = serve(answer_in_turn(OK))
    monkeypatch.setattr(socket, "getaddrinfo", everything_is_here)
    with caller_on(f"http://{name}:{server.port}/añb/./c d/..", attempts=1) as caller:
        caller.client._context = evolve(caller.client._context, base_url=f"http://{asked}:{server.port}/a%C3%B1b")
        assert caller.run(READ) == {"ok": 1}
    assert names == [asked]
    request = server.log[0]
    assert request.headers["host"] == f"{told}:{server.port}"
    assert request.target.startswith("/a%C3%B1b/")


@at_any_pace
def test_silence_is_a_passed_deadline(serve, caller_on, pace):
    server = serve(silent)
    with caller_on(server.url) as caller:
        error = caller.error(ASK, 0.15 * pace)
    assert (type(error), error.maybe_delivered, error.deadline) == (DeadlineExceeded, True, 0.15 * pace)
    assert error.call.stopped_by == "deadline"
    assert len(server.log) == 1


@at_any_pace
def test_a_stall_in_the_body_is_a_passed_deadline(serve, caller_on, pace):
    server = serve(stall_after(http(200, b'{"ok"', length=100)))
    with caller_on(server.url) as caller:
        error = caller.error(READ, 0.15 * pace)
    assert (type(error), error.maybe_delivered) == (DeadlineExceeded, True)
    assert len(server.log) == 1


@pytest.mark.parametrize("compressed", [False, True])
@at_any_pace
def test_a_dripping_body_ends_with_the_deadline(serve, caller_on, compressed, pace):
    # Zeros of a deflate stream that never ends: each drop decompresses to something.
    drop = gzip.compress(b" " * 50) if compressed else b" "
    head = http(200, b"", *(["Content-Encoding: gzip"] if compressed else []), length=10**6)
    server = serve(drip(head, drop))
    with caller_on(server.url) as caller:
        error = caller.error(READ, 0.2 * pace)
    assert (type(error), error.maybe_delivered) == (DeadlineExceeded, True)
    assert len(server.log) == 1


def test_a_deadline_longer_than_a_socket_takes_is_valid(serve, caller_on):
    server = serve(answer_in_turn(OK))
    with caller_on(server.url) as caller:
        assert caller.run(READ, 1e10) == {"ok": 1}


# Sizes and encodings


@pytest.fixture
def small_limit(monkeypatch):
    monkeypatch.setattr(Caller, "body_limit", 10_000)


@pytest.mark.parametrize(
    "answer",
    [
        http(200, b'"' + b"x" * 20_000 + b'"'),
        http(200, b'"' + b"x" * 20_000 + b'"', length=None),
        encode_chunks(b'"', *[b"x" * 1000] * 20, b'"'),
        http(200, gzip.compress(b'"' + b"x" * 20_000 + b'"'), "Content-Encoding: gzip"),
    ],
    ids=["length", "close", "chunked", "gzip"],
)
@pytest.mark.parametrize("replay", [ASK, READ], ids=["ask", "read"])
@pytest.mark.usefixtures("small_limit")
def test_an_answer_over_the_limit_is_refused_and_not_asked_for_again(serve, caller_on, answer, replay):
    server = serve(close_after(answer))
    with caller_on(server.url) as caller:
        error = caller.error(replay)
    assert (type(error), error.kind) == (InvalidResponse, "too_large")
    assert (error.maybe_delivered, error.retryable) == (True, False)
    assert "10,000 bytes" in str(error)
    assert len(server.log) == 1


def test_an_answer_at_the_limit_is_taken(serve, caller_on):
    server = serve(answer_in_turn(http(200, b'"' + b"x" * 9_998 + b'"')))
    with caller_on(server.url) as caller:
        assert caller.run() == "x" * 9_998


@pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_an_answer_may_be_compressed_and_framed_in_any_usual_way(serve, caller_on, encoding, encode, framing):
    body = encode(b'{"text": "' + b"x" * 100_000 + b'"}')
    if framing == "chunked":
        answer = encode_chunks(body[:10], body[10:]).replace(
            b"\r\n", f"\r\nContent-Encoding: {encoding}\r\n".encode(), 1
        )
    else:
        answer = http(200, body, f"Content-Encoding: {encoding}", length=-1 if framing == "length" else None)
    server = serve(close_after(*(answer[at : at + 700] for at in range(0, len(answer), 700))))
    with caller_on(server.url) as caller:
        assert caller.run() == {"text": "x" * 100_000}


@pytest.mark.parametrize("cut", [20, 60, 100])
def test_a_compressed_answer_that_was_cut_is_not_taken_for_whole(serve, caller_on, cut):
    body = gzip.compress(json.dumps([str(number) for number in range(500)]).encode())
    server = serve(close_after(http(200, body[:cut], "Content-Encoding: gzip")))
    with caller_on(server.url) as caller:
        assert type(caller.error(ASK)) is InvalidResponse


def test_an_interim_answer_of_100_is_passed_over(serve, caller_on):
    server = serve(answer_in_turn(b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + OK))
    with caller_on(server.url) as caller:
        assert caller.run(ASK) == {"ok": 1}


def test_an_interim_answer_of_103_never_gives_the_next_call_somebody_elses_answer(serve, caller_on):
    def send_hints(connection):
        request = connection.read()
        connection.write(http(103, b"", length=None) + http(200, request.body))
        second = connection.read()
        connection.write(http(103, b"", length=None) + http(200, second.body))
        connection.wait()

    server = serve(send_hints)

    def build_operation(question):
        return Operation(
            backend="echo", name="ask", replay=ASK, request=Request("POST", "/ask", body=json.dumps(question).encode()),
            detect_error=detect_error, parse=lambda answer: answer.json(),
        )  # fmt: skip

    with caller_on(server.url) as caller:
        for question in ("first", "second"):
            assert caller.run(wanted=build_operation(question)) == question
    assert server.accepted == 1


# Connections kept and given up


def test_one_connection_serves_one_call_after_the_other(serve, caller_on):
    server = serve(answer_in_turn(OK))
    with caller_on(server.url) as caller:
        for _ in range(3):
            caller.run()
    assert len(server.log) == 3
    assert server.accepted == 1


@pytest.mark.parametrize("answer", [OK, http(404, b"{}"), encode_chunks(b'{"ok": 1}')])
def test_a_connection_is_used_again_after_any_whole_answer(serve, caller_on, answer):
    server = serve(answer_in_turn(answer, OK))
    wanted = Operation(
        backend="echo",
        name="x",
        replay=READ,
        request=Request("GET", "/x"),
        detect_error=detect_error,
        parse=lambda _: 1,
    )
    with caller_on(server.url) as caller:
        with suppress(NotFound):
            caller.run(wanted=wanted)
        caller.run()
    assert server.accepted == 1


def test_a_connection_that_the_server_closed_in_between_is_replaced(serve, caller_on):
    server = serve(close_after(OK), answer_in_turn(OK))
    with caller_on(server.url) as caller:
        assert caller.run(READ) == {"ok": 1}
        assert caller.run(READ) == {"ok": 1}
    assert server.accepted == 2


@pytest.mark.parametrize("replay", [ASK, READ], ids=["ask", "read"])
def test_a_kept_connection_that_breaks_under_a_second_question_does_not_ask_it_twice(serve, caller_on, replay):
    def break_off(connection):
        connection.read()
        connection.write(OK)
        connection.read()

    server = serve(break_off, answer_in_turn(OK))
    with caller_on(server.url) as caller:
        caller.run(READ)
        if replay is READ:
            assert caller.run(READ) == {"ok": 1}
        else:
            error = caller.error(ASK)
            assert (type(error), error.maybe_delivered) == (ConnectionFailed, True)
    assert len(server.log) == (3 if replay is READ else 2)


def test_a_connection_with_more_on_it_than_the_answer_is_not_trusted(serve, caller_on):
    surplus = http(200, b'{"whose": "somebody else"}')
    server = serve(answer_in_turn(http(204, b"", length=None) + surplus, OK), answer_in_turn(OK))
    wanted = Operation(
        backend="echo",
        name="x",
        replay=READ,
        request=Request("GET", "/x"),
        detect_error=lambda _: None,
        parse=lambda _: 1,
    )
    with caller_on(server.url) as caller:
        caller.run(wanted=wanted)
        assert caller.run(READ) == {"ok": 1}


def test_closing_leaves_no_connection_open(serve, caller_on):
    server = serve(answer_in_turn(OK))
    with caller_on(server.url) as caller:
        caller.run()
        assert server.open_connections == 1
    server.settle()
    assert server.open_connections == 0


# Streams


def test_a_stream_gives_its_events_as_they_come(serve, caller_on):
    def slowly(connection):
        connection.read()
        for chunk in (encode_chunks(*records({"text": "Hel"}), end=b""), *records({"text": "lo"}, {"end": True})):
            data = chunk if chunk.startswith(b"HTTP") else b"%x\r\n%b\r\n" % (len(chunk), chunk)
            connection.write(data)
            # The next piece only when the reader has asked for it: an event that is held back would hang here.
            assert turn.acquire(timeout=PATIENCE)
        connection.write(b"0\r\n\r\n")

    turn = threading.Semaphore(0)
    server = serve(slowly)
    with caller_on(server.url) as caller:
        texts = []
        for event in caller.open():
            texts.append(event.text)
            turn.release()
    assert texts == ["Hel", "lo", ""]
    assert server.log[0].headers["accept"] == "*/*"


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_a_stream_may_be_framed_in_any_usual_way(serve, caller_on, framing):
    if framing == "chunked":
        answer = encode_chunks(EVENTS[:7], EVENTS[7:])
    else:
        answer = http(200, EVENTS, length=-1 if framing == "length" else None)
    server = serve(close_after(*(answer[at : at + 5] for at in range(0, len(answer), 5))))
    with caller_on(server.url) as caller:
        stream = caller.open()
        assert [event.text for event in stream] == ["Hel", "lo", ""]
        assert stream.answer.text == "Hello"
        stream.close()


def test_a_connection_is_used_again_after_a_stream_that_was_read_to_its_end(serve, caller_on):
    server = serve(answer_in_turn(encode_chunks(EVENTS), OK))
    with caller_on(server.url) as caller:
        stream = caller.open()
        list(stream)
        stream.close()
        assert caller.run() == {"ok": 1}
    assert server.accepted == 1


def test_a_connection_is_not_used_again_after_a_stream_that_was_left_early(serve, caller_on):
    server = serve(stall_after(encode_chunks(*records({"text": "Hel"}), end=b"")), answer_in_turn(OK))
    with caller_on(server.url) as caller:
        stream = caller.open()
        next(stream)
        stream.close()
        assert caller.run() == {"ok": 1}
    assert server.accepted == 2


STREAM_FAULTS = {
    "cut chunk": (close_after(encode_chunks(*records({"text": "Hel"}), end=b"ff\r\n{")), "response truncated"),
    "no last chunk": (close_after(encode_chunks(*records({"text": "Hel"}), end=b"")), "response truncated"),
    "bad chunk": (close_after(encode_chunks(*records({"text": "Hel"}), end=b"zz\r\n")), "response truncated"),
    "cut length": (close_after(http(200, records({"text": "Hel"})[0], length=500)), "response truncated"),
    "close": (close_after(http(200, records({"text": "Hel"})[0], length=None)), "without its end mark"),
}


@pytest.mark.parametrize("fault", STREAM_FAULTS)
def test_a_stream_that_breaks_after_its_first_event_is_not_asked_for_again(serve, caller_on, fault):
    script, words = STREAM_FAULTS[fault]
    server = serve(script)
    with caller_on(server.url) as caller:
        error = caller.stream_error()
    assert type(error) is StreamInterrupted
    assert (error.text, error.events, error.maybe_delivered, error.status) == ("Hel", 1, True, 200)
    assert words in str(error)
    assert len(server.log) == 1


@at_any_pace
def test_a_stream_that_falls_silent_is_interrupted(serve, caller_on, pace):
    server = serve(stall_after(encode_chunks(*records({"text": "Hel"}), end=b"")))
    with caller_on(server.url) as caller:
        error = caller.stream_error(0.2 * pace)
    assert type(error) is StreamInterrupted
    assert error.text == "Hel"


@at_any_pace
def test_a_stream_that_falls_silent_after_everything_is_complete(serve, caller_on, pace):
    server = serve(stall_after(encode_chunks(EVENTS, end=b"")))
    with caller_on(server.url, idle_timeout=0.2 * pace) as caller:
        stream = caller.open()
        assert [event.text for event in stream] == ["Hel", "lo", ""]
        stream.close()
    assert server.accepted == 1


@pytest.mark.parametrize(
    ("script", "error_class", "sends"),
    [
        (close_after(), ConnectionFailed, 1),
        (close_after(http(200, b"", length=None)), InvalidResponse, 1),
        (answer_in_turn(http(503, b"{}")), ServerError, 3),
        (answer_in_turn(http(404, b'{"message": "no such thread"}')), NotFound, 1),
        (answer_in_turn(http(302, b"", "Location: /x")), InvalidResponse, 1),
        (answer_in_turn(http(200, records({"error": "overloaded"})[0])), ServerError, 3),
        (close_after(http(103, b"")), InvalidResponse, 1),
    ],
)
def test_a_stream_that_fails_before_its_first_event_is_treated_as_any_question(
    serve, caller_on, script, error_class, sends
):
    server = serve(script)
    with caller_on(server.url) as caller:
        error = caller.stream_error()
    assert type(error) is error_class
    assert len(server.log) == sends


@at_any_pace
def test_a_dripping_stream_without_an_event_ends_with_the_deadline(serve, caller_on, pace):
    server = serve(drip(http(200, b"", length=10**6), b" "))
    with caller_on(server.url) as caller:
        error = caller.stream_error(0.2 * pace)
    assert type(error) is DeadlineExceeded
    assert len(server.log) == 1


def test_the_dripping_body_of_a_refused_stream_ends_with_the_deadline(serve, caller_on):
    server = serve(drip(http(500, b"", length=10**6), b" "))
    with caller_on(server.url, attempts=1) as caller:
        assert isinstance(caller.stream_error(0.2), ServerError | DeadlineExceeded)


# What gets out


def test_a_request_that_cannot_be_encoded_is_an_error_of_ours(serve, caller_on):
    server = serve(answer_in_turn(OK))
    # Refused when it is built, or at the latest when it is run.
    with caller_on(server.url) as caller, pytest.raises(InvalidInput):
        caller.run(wanted=evolve(operation(), request=Request("GET", "/x", (("q", "\ud800"),))))
    assert server.log == []


def test_the_logs_hold_neither_the_key_nor_the_question(serve, caller_on, caplog):
    caplog.set_level("DEBUG")
    server = serve(answer_in_turn(http(503, b"{}")))
    wanted = Operation(
        backend="echo", name="x", replay=ASK, request=Request("POST", "/x", body=json.dumps(QUESTION).encode()),
        detect_error=detect_error, parse=lambda _: 1,
    )  # fmt: skip
    with caller_on(server.url) as caller:
        caller.error(wanted=wanted)
    assert len(server.log) == 3
    assert SENTINEL not in caplog.text
    assert QUESTION not in caplog.text


def test_a_failed_call_shows_neither_key_nor_question_even_with_all_local_variables(serve, caller_on):
    server = serve(close_after())
    stored = StreamOperation(
        backend="echo", name="x", replay=ASK, request=Request("POST", "/x", body=json.dumps(QUESTION).encode()),
        detect_error=detect_error, decoder=LineDecoder,
    )  # fmt: skip
    with caller_on(server.url) as caller, pytest.raises(ConnectionFailed) as caught:
        caller.bench.perform_run(stored, caller.bench.context.call(5.0, kind="question"))
    error = caught.value
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert SENTINEL not in shown.replace(f"SENTINEL = {SENTINEL!r}", "")
    assert QUESTION not in shown


def test_no_time_left_is_the_deadline_and_nothing_is_sent(serve, transport_on):
    server = serve(answer_in_turn(OK))
    transport = transport_on(server.url)
    passed = Deadline(5, iter([0.0, *[9.0] * 9]).__next__)
    result = transport.send(HttpRequest("GET", server.url, "/x"), passed, limit=100)
    assert (result.kind, result.delivered) == ("deadline", False)
    assert server.log == []


def test_a_transport_returns_failures_and_raises_nothing_and_closing_twice_is_fine(serve, transport_on):
    serve(answer_in_turn(OK))
    url = f"http://127.0.0.1:{find_closed_port()}"
    transport = transport_on(url)
    failure = transport.send(HttpRequest("GET", url, "/x"), Deadline(5, FakeClock().monotonic), limit=100)
    assert (type(failure), failure.kind, failure.phase) == (TransportFailure, "refused", "connecting")
    transport.close()
    transport.close()
