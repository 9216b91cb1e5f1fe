"""Row 64, and where the key goes: to the vendor alone, whatever cookies, .netrc, proxies and paths say."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.faults import vendors
from tests.faults.injection import good, reply
from tests.faults.neutral import BACKENDS, SECRET, Opens, new_nonce, sync_client_on
from tests.faults.oracles import LogCapture, check_error, check_log, secrets_in
from tests.faults.server import FaultServer, HttpMessage
from tests.faults.vendors import VENDORS, text_for
from unichat.adapter import Operation, Replay, Request
from unichat.errors import UnichatError
from unichat.transport import limits

BOTH = pytest.mark.parametrize("backend", sorted(BACKENDS))
_HEADERS = {"kapa": ("x-api-key", SECRET), "kadal": ("authorization", f"Bearer {SECRET}")}


@BOTH
def test_a_cookie_set_for_one_caller_is_not_sent_with_the_next_call(
    backend: str, count: Callable[..., None], client_on: Opens
) -> None:
    def vendor(received: HttpMessage) -> bytes:
        head, _, body = VENDORS[backend](received).partition(b"\r\n\r\n")
        return head + b"\r\nSet-Cookie: session=somebody; Path=/\r\n\r\n" + body

    with FaultServer(vendor, (good,)) as server, client_on(backend, server.url) as client:
        for _ in range(3):
            client.chat("How do I install it?")
        assert not any("cookie" in received.headers for received in server.log)
    count(64, f"Set-Cookie on one call: {backend}")


@BOTH
def test_a_cookie_set_by_a_redirect_is_not_kept_either(
    backend: str, count: Callable[..., None], client_on: Opens
) -> None:
    moved = vendors.http(302, b"", location="/elsewhere", set_cookie="session=somebody")
    with (
        FaultServer(VENDORS[backend], (reply(lambda _: moved), good)) as server,
        client_on(backend, server.url) as client,
    ):
        with pytest.raises(Exception, match="302"):
            client.chat("How do I install it?")
        client.chat("How do I install it?")
        assert not any("cookie" in received.headers for received in server.log)
    count(64, f"Set-Cookie on a redirect: {backend}")


@BOTH
def test_netrc_neither_replaces_the_key_nor_adds_one(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Callable[..., None], client_on: Opens
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    name, value = _HEADERS[backend]
    with FaultServer(VENDORS[backend], (good,)) as server, client_on(backend, server.url) as client:
        client.chat("How do I install it?")
        client.run(_unsigned_operation(backend))
    signed, unsigned = server.log
    assert signed.headers[name] == value
    assert "authorization" not in unsigned.headers
    assert ("authorization" in signed.headers) == (name == "authorization")
    count(64, f".netrc for the vendor's host: {backend}")


def _unsigned_operation(backend: str) -> Operation[Any]:
    return Operation(
        backend=backend,
        name="unsigned",
        replay=Replay.READ,
        request=Request("GET", "/anything"),
        detect_error=lambda _: None,
        parse=lambda reply: reply.status,
        signed=False,
    )


@pytest.mark.parametrize("path", ["//localhost:{port}/x", "/\\localhost:{port}/x", "/@localhost:{port}/x", "/../../x"])
def test_no_path_leads_the_key_to_another_origin(path: str, count: Callable[..., None], client_on: Opens) -> None:
    with FaultServer(VENDORS["kapa"], (good,)) as elsewhere, FaultServer(VENDORS["kapa"], (good,)) as server:
        request = Request("GET", path.format(port=elsewhere.port))
        operation = Operation(
            backend="kapa",
            name="astray",
            replay=Replay.READ,
            request=request,
            detect_error=lambda _: None,
            parse=lambda reply: reply.status,
        )
        with client_on("kapa", server.url) as client:
            client.run(operation)
        assert elsewhere.accepted == 0, "the key went to another host"
        assert len(server.log) == 1
    count(64, f"the path {path}")


@pytest.mark.parametrize("path", ["http://localhost:1/x", "@localhost:1/x", "localhost:1/x", ".localhost/x", ""])
def test_an_operation_with_an_address_instead_of_a_path_cannot_be_made(path: str) -> None:
    with pytest.raises(ValueError, match="must begin with a slash"):
        Request("GET", path)


ECHOES: dict[str, Callable[[str], bytes]] = {
    "the words of a refusal": lambda key: vendors.as_json({"detail": f"the key {key} is unknown"}, 401),
    "a content type": lambda key: vendors.http(200, b"<html>", content_type=f"text/html; key={key}"),
    "a page for debugging": lambda key: vendors.http(200, f"<pre>{key}</pre>".encode(), content_type="text/html"),
    "no JSON": lambda key: vendors.http(200, f'{{"key": "{key}",}}'.encode()),
    "a request id": lambda key: vendors.as_json({"detail": "no"}, 403, x_request_id=key),
    "a redirect": lambda key: vendors.http(307, b"", location=f"https://elsewhere.example/{key}?key={key}"),
}


@BOTH
@pytest.mark.parametrize("where", ECHOES)
@pytest.mark.parametrize("form", [str, quote, json.dumps], ids=["raw", "quoted", "in JSON"])
def test_a_key_that_a_vendor_echoes_is_not_repeated(
    backend: str, where: str, form: Callable[[str], str], count: Callable[..., None], client_on: Opens
) -> None:
    nonce = new_nonce()
    with (
        LogCapture() as log,
        FaultServer(VENDORS[backend], (reply(lambda _: ECHOES[where](form(SECRET).strip('"'))),)) as server,
        client_on(backend, server.url, log_content=True) as client,
    ):
        with pytest.raises(UnichatError) as caught:
            client.chat(f"Question {nonce}")
        check_error(caught.value)
        check_log(log, nonce)
    count(40, f"the key in {where}: {backend}")


@BOTH
def test_a_question_that_a_vendor_quotes_is_not_logged(
    backend: str, count: Callable[..., None], client_on: Opens
) -> None:
    nonce = new_nonce()
    refusal = vendors.as_json({"detail": f"query: {nonce} is rude"}, 400)
    with (
        LogCapture() as log,
        FaultServer(VENDORS[backend], (reply(lambda _: refusal),)) as server,
        client_on(backend, server.url) as client,
    ):
        with pytest.raises(UnichatError, match=nonce):
            client.chat(f"Question {nonce}")
        check_log(log, nonce)
    count(40, f"the question in a refusal: {backend}")


@BOTH
def test_http_clients_own_debugging_does_not_print_the_key(
    backend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], count: Callable[..., None]
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    with FaultServer(VENDORS[backend], (good,)) as server, sync_client_on(backend, server.url) as client:
        client.chat("How do I install it?")
    shown = "".join(capsys.readouterr())
    assert "reply:" in shown
    assert not secrets_in(shown)
    count(64, f"http.client's debug level: {backend}")


@BOTH
@pytest.mark.parametrize("call", ["chat", "history"])
def test_a_connection_that_was_idle_for_long_is_not_used_for_a_question(
    backend: str,
    call: str,
    transport: str,
    monkeypatch: pytest.MonkeyPatch,
    client_on: Opens,
    count: Callable[..., None],
) -> None:
    monkeypatch.setattr(limits, "IDLE_LIFE", 0.02)
    nonce = new_nonce()
    with FaultServer(VENDORS[backend], (good,)) as server, client_on(backend, server.url) as client:
        client.chat("How do I install it?")
        time.sleep(0.05)
        if call == "chat":
            assert client.chat(f"Question {nonce}").text == text_for(nonce)
        else:
            list(client.history())
        # A reading may be sent again, and may so try an old connection; h11 draws no such distinction.
        assert server.accepted == (1 if call == "history" and transport == "requests" else 2)
    count(14, f"a connection idle for long, then {call}: {backend}")
