"""What goes out is what was asked for, and nothing can be smuggled into it."""

from __future__ import annotations

import base64

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unichat
from unichat.transport.base import HttpRequest
from unichat.transport.h11.request_head import Address, RequestHeads, connect_request

SERVER = Address("https://api.example.com/base/")
HEADERS = {"Accept": "application/json", "X-API-KEY": "sesame"}


def head(request: HttpRequest, server: Address = SERVER, proxy: Address | None = None) -> bytes:
    return RequestHeads(server, proxy).head(request)


def request(method: str = "POST", target: str = "/chat?q=1", body: bytes | None = b"{}", **headers: str) -> HttpRequest:
    return HttpRequest(method, "https://api.example.com/base", target, headers or HEADERS, body)


def read(data: bytes) -> h11.Request:
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    event = server.next_event()
    assert isinstance(event, h11.Request)
    return event


def test_a_head_says_all_that_a_server_needs() -> None:
    event = read(head(request()))
    assert (event.method, event.target) == (b"POST", b"/base/chat?q=1")
    assert dict(event.headers) == {
        b"host": b"api.example.com",
        b"user-agent": f"unichat/{unichat.__version__}".encode(),
        b"accept-encoding": b"gzip, deflate",
        b"accept": b"application/json",
        b"x-api-key": b"sesame",
        b"content-length": b"2",
    }


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [("GET", None, None), ("POST", None, b"0"), ("GET", b"xyz", b"3"), ("POST", b"", b"0")],
)
def test_a_request_has_a_length_if_it_may_have_a_body(method: str, body: bytes | None, length: bytes | None) -> None:
    assert dict(read(head(request(method, body=body))).headers).get(b"content-length") == length


def test_a_plain_proxy_is_sent_the_whole_address_and_its_login() -> None:
    server, proxy = Address("http://api.example.com:8080/base"), Address("http://me:pa%2Fss@proxy.example")
    event = read(head(request(), server, proxy))
    assert event.target == b"http://api.example.com:8080/base/chat?q=1"
    headers = dict(event.headers)
    assert headers[b"host"] == b"api.example.com:8080"
    assert base64.b64decode(headers[b"proxy-authorization"].removeprefix(b"Basic ")) == b"me:pa/ss"


def test_a_tunnel_is_asked_for_with_its_port() -> None:
    asked = connect_request(Address("https://[2001:db8::1]/x"), Address("http://me:x@proxy.example:3128"))
    assert (asked.method, asked.target) == (b"CONNECT", b"[2001:db8::1]:443")
    assert dict(asked.headers)[b"proxy-authorization"].startswith(b"Basic ")
    bare = connect_request(Address("https://api.example.com"), Address("http://proxy.example:3128"))
    assert b"proxy-authorization" not in dict(bare.headers)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "\N{SNOWMAN}", "\xe9"])
def test_a_value_that_would_leave_its_line_or_ascii_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(ValueError, match="header") as caught:
        head(request(**{"X-API-KEY": value}))
    assert value not in str(caught.value)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\n", "X\0", "\xe9"])
def test_a_name_that_is_not_one_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="header"):
        head(request(**{name: "x"}))


@pytest.mark.parametrize("target", ["", "chat", "/a b", "/a\r\nX: 1", "/\x00", "/\xe9", "//x\n"])
def test_a_target_that_is_not_encoded_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="target"):
        head(request(target=target))


@pytest.mark.parametrize("method", ["", "GET /x", "GET\r\n", "G\0"])
def test_a_method_that_is_not_one_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="method"):
        head(request(method))


@given(target=st.text(max_size=10).map("/".__add__), name=st.text(max_size=10), value=st.text(max_size=20))
def test_whatever_is_let_through_is_one_request_with_one_header_more(target: str, name: str, value: str) -> None:
    try:
        data = head(request("GET", target, None, **{name: value.strip()}))
    except ValueError:
        return
    assert data.count(b"\r\n\r\n") == 1
    assert data.endswith(b"\r\n\r\n")
    assert len(data.split(b"\r\n")) == len(head(request("GET", "/", None, X="x")).split(b"\r\n"))
    assert data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n")


@pytest.mark.parametrize(
    ("url", "host", "authority", "port"),
    [
        ("HTTPS://API.example.com", "api.example.com", "api.example.com", 443),
        ("http://example.com:80/", "example.com", "example.com", 80),
        ("https://example.com.:8443", "example.com.", "example.com:8443", 8443),
        ("http://[::1]:99", "::1", "[::1]:99", 99),
        ("http://[fe80::1%25eth0]:99", "fe80::1%eth0", "[fe80::1%eth0]:99", 99),
    ],
)
def test_an_address_is_taken_apart(url: str, host: str, authority: str, port: int) -> None:
    address = Address(url)
    assert (address.host, address.authority, address.port) == (host, authority, port)
