"""What the environment says about proxies and certificate authorities holds for both transports alike."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.certificates import authority_file, context_for
from tests.faults.injection import good
from tests.faults.neutral import BACKENDS, SECRET, Opens, new_nonce
from tests.faults.oracles import check_error
from tests.faults.rows_connection import say_nothing
from tests.faults.rows_tls import through
from tests.faults.server import FaultServer
from tests.faults.vendors import VENDORS, text_for
from unichat.client.sync_client import Client
from unichat.errors import ConfigError, ConnectionFailed

BOTH = pytest.mark.parametrize("backend", sorted(BACKENDS))


def _asks(client: Client) -> None:
    nonce = new_nonce()
    assert client.chat(f"Question {nonce}").text == text_for(nonce), "not the answer to the question"


@BOTH
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("address", ["http://{}", "{}", "http://{}/"], ids=["plain", "without a scheme", "with a path"])
def test_a_proxy_of_the_environment_is_used(
    backend: str,
    name: str,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    client_on: Opens,
    count: Callable[..., None],
) -> None:
    with FaultServer(VENDORS[backend], (good,)) as proxy:
        monkeypatch.setenv(name, address.format(f"127.0.0.1:{proxy.port}"))
        with client_on(backend, "http://vendor.invalid", allow_insecure=True) as client:
            _asks(client)
        assert proxy.log[0].headers["host"] == "vendor.invalid"
    count(22, f"{name}={address}: {backend}")


@BOTH
def test_a_proxys_password_goes_to_the_proxy_and_the_key_does_not(
    backend: str, monkeypatch: pytest.MonkeyPatch, client_on: Opens, count: Callable[..., None]
) -> None:
    with FaultServer(VENDORS[backend], (through(good),)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pa%2Fss@127.0.0.1:{proxy.port}")
        with client_on(backend, f"https://vendor.invalid:{proxy.port}", ca_bundle=authority_file()) as client:
            _asks(client)
        tunnel, question = proxy.log
        assert tunnel.method == "CONNECT"
        assert base64.b64decode(tunnel.headers["proxy-authorization"].removeprefix("Basic ")) == b"me:pa/ss"
        assert not any(SECRET in value for value in tunnel.headers.values())
        assert "proxy-authorization" not in question.headers
        assert any(SECRET in value for value in question.headers.values())
    count(22, f"a proxy with a password: {backend}")


@BOTH
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_this_machine_is_asked_directly(
    backend: str, name: str, monkeypatch: pytest.MonkeyPatch, client_on: Opens, count: Callable[..., None]
) -> None:
    with FaultServer(VENDORS[backend], (good,)) as proxy, FaultServer(VENDORS[backend], (good,)) as server:
        monkeypatch.setenv(name, proxy.url)
        with client_on(backend, server.url) as client:
            _asks(client)
        assert proxy.accepted == 0
    count(22, f"this machine, with {name}: {backend}")


@BOTH
@pytest.mark.parametrize(
    "address",
    [
        "socks5://127.0.0.1:1",
        "nonsense://127.0.0.1:1",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "  http://127.0.0.1:1\t",
        "http://proxy.invalid:3128",
    ],
)
def test_a_proxy_that_cannot_be_used_is_a_failed_connection_and_nothing_was_sent(
    backend: str, address: str, monkeypatch: pytest.MonkeyPatch, client_on: Opens, count: Callable[..., None]
) -> None:
    with FaultServer(VENDORS[backend], (good,)) as server:
        monkeypatch.setenv("HTTP_PROXY", address)
        with client_on(backend, "http://vendor.invalid", allow_insecure=True, attempts=1) as client:
            with pytest.raises(ConnectionFailed) as caught:
                client.chat("How do I install it?")
            check_error(caught.value)
            assert (caught.value.kind, caught.value.maybe_delivered) == ("proxy", False)
            assert "HTTP_PROXY" in caught.value.hint
        assert server.accepted == 0
    count(22, f"HTTP_PROXY={address}: {backend}")


@BOTH
def test_a_proxy_that_is_named_after_the_client_was_made_is_not_used(
    backend: str, monkeypatch: pytest.MonkeyPatch, client_on: Opens
) -> None:
    with FaultServer(VENDORS[backend], (good,)) as server, client_on(backend, server.url) as client:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        _asks(client)


@BOTH
@pytest.mark.parametrize("way", ["setting", "environment"])
def test_a_proxy_that_is_spoken_to_over_tls_is_checked_with_the_same_authorities(
    backend: str, way: str, monkeypatch: pytest.MonkeyPatch, client_on: Opens, count: Callable[..., None]
) -> None:
    settings = {"ca_bundle": authority_file()} if way == "setting" else {}
    with FaultServer(VENDORS[backend], (good,), tls=context_for("good")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        if way == "environment":
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority_file())
        with client_on(backend, "http://vendor.invalid", allow_insecure=True, **settings) as client:
            _asks(client)
    count(22, f"a proxy over TLS, trusted by the {way}: {backend}")


@BOTH
def test_an_address_in_capitals_is_spoken_to_as_any_other(backend: str, client_on: Opens) -> None:
    with (
        FaultServer(VENDORS[backend], (good,), tls=context_for("good")) as server,
        client_on(backend, server.url.replace("https", "HTTPS"), ca_bundle=authority_file()) as client,
    ):
        _asks(client)


@BOTH
def test_a_proxy_that_says_nothing_counts_as_no_connection_in_time(
    backend: str, monkeypatch: pytest.MonkeyPatch, client_on: Opens, count: Callable[..., None]
) -> None:
    with FaultServer(VENDORS[backend], (say_nothing,)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        settings = {"connect_timeout": 0.05, "attempts": 1, "deadline": 20.0}
        with client_on(backend, "https://vendor.invalid", **settings) as client:
            with pytest.raises(ConnectionFailed) as caught:
                client.chat("How do I install it?")
            check_error(caught.value)
            assert caught.value.maybe_delivered is False
    count(22, f"a proxy that does not answer CONNECT: {backend}")


def _over_tls(backend: str, client_on: Opens, **settings: Any) -> None:
    with (
        FaultServer(VENDORS[backend], (good,), tls=context_for("good")) as server,
        client_on(backend, server.url, attempts=1, **settings) as client,
    ):
        _asks(client)


@BOTH
@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_authorities_of_the_environment_are_trusted(
    backend: str, name: str, monkeypatch: pytest.MonkeyPatch, client_on: Opens, count: Callable[..., None]
) -> None:
    monkeypatch.setenv(name, authority_file())
    _over_tls(backend, client_on)
    count(19, f"{name}: {backend}")


@BOTH
def test_the_authorities_of_the_settings_come_before_those_of_the_environment(
    backend: str, monkeypatch: pytest.MonkeyPatch, client_on: Opens, count: Callable[..., None]
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    _over_tls(backend, client_on, ca_bundle=authority_file())
    count(19, f"ca_bundle before REQUESTS_CA_BUNDLE: {backend}")


@BOTH
def test_without_any_setting_only_the_usual_authorities_are_trusted(
    backend: str, client_on: Opens, count: Callable[..., None]
) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        _over_tls(backend, client_on)
    assert caught.value.kind == "certificate"
    count(19, f"the usual authorities: {backend}")


@BOTH
@pytest.mark.parametrize("content", [None, "", "nonsense"], ids=["missing", "empty", "nonsense"])
def test_a_file_of_authorities_that_cannot_be_read_is_a_mistake_found_before_anything_is_sent(
    backend: str,
    content: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client_on: Opens,
) -> None:
    path = tmp_path / "authorities.pem"
    if content is not None:
        path.write_text(content, encoding="ascii")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with pytest.raises(ConfigError, match="authorities"):
        client_on(backend, "https://127.0.0.1:1")
