"""Which proxy is used for which host, by the variables of the environment."""

import subprocess
import sys

import pytest

from unichat.transport import proxies
from unichat.transport.proxies import find_proxy

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def find(url="https://vendor.example"):
    proxy = find_proxy(url)
    return None if proxy is None else (proxy.url, proxy.source)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, (PROXY, "HTTPS_PROXY")),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other.example"}, (PROXY, "https_proxy")),
        ({"ALL_PROXY": PROXY}, (PROXY, "ALL_PROXY")),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, None),
        ({"https_proxy": "", "all_proxy": PROXY}, (PROXY, "all_proxy")),
        ({"HTTP_PROXY": PROXY}, None),
        ({"HTTPS_PROXY": "proxy.example:3128"}, (PROXY, "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "  HTTP://Proxy.Example:3128\t"}, (PROXY, "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "http://faß.example"}, ("http://xn--fa-hia.example", "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "http://me:pa%2Fss@proxy.example"}, ("http://me:pa%2Fss@proxy.example", "HTTPS_PROXY")),
    ],
)
def test_a_variable_names_the_proxy(monkeypatch, environment, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert find() == expected


def test_a_web_servers_variable_for_a_header_names_none(monkeypatch):
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert find("http://vendor.example") is None
    monkeypatch.setenv("http_proxy", PROXY)
    assert find("http://vendor.example") == (PROXY, "http_proxy")


@pytest.mark.parametrize(
    ("excepted", "url"),
    [
        ("*", "https://vendor.example"),
        ("vendor.example", "https://vendor.example"),
        ("VENDOR.example.", "https://vendor.example"),
        (".vendor.example", "https://vendor.example"),
        ("example", "https://vendor.example"),
        ("*.example", "https://vendor.example"),
        ("other.example, vendor.example", "https://vendor.example"),
        ("other.example vendor.example", "https://vendor.example"),
        ("vendor.example", "https://vendor.example."),
        ("faß.example", "https://xn--fa-hia.example"),
        ("vendor.example:443", "https://vendor.example"),
        ("vendor.example:8443", "https://vendor.example:8443"),
        ("10.1.2.3", "https://10.1.2.3"),
        ("10.1.2.3:8443", "https://10.1.2.3:8443"),
        ("10.0.0.0/8", "https://10.1.2.3"),
        ("10.1.2.3/8", "https://10.200.0.1"),
        ("2001:db8::1", "https://[2001:db8::1]"),
        ("[2001:db8::1]", "https://[2001:db8::1]"),
        ("[2001:DB8:0::1]:443", "https://[2001:db8::1]"),
        ("2001:db8::/32", "https://[2001:db8::1]:8443"),
        ("[2001:db8::]/32", "https://[2001:db8::1]"),
        ("fe80::/10", "https://[fe80::1%25eth0]"),
    ],
)
def test_a_host_that_no_proxy_names_is_asked_directly(monkeypatch, excepted, url):
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    assert find(url) is not None
    monkeypatch.setenv("NO_PROXY", excepted)
    assert find(url) is None
    monkeypatch.setenv("no_proxy", "")
    # The variable in small letters decides, as everywhere.
    assert find(url) is not None


@pytest.mark.parametrize(
    ("excepted", "url"),
    [
        ("endor.example", "https://vendor.example"),
        ("api.vendor.example", "https://vendor.example"),
        ("vendor.example:8443", "https://vendor.example"),
        ("10.0.0.0/8", "https://11.1.2.3"),
        ("0.1.2.3", "https://10.1.2.3"),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]"),
        ("2001:db8::/32", "https://[2001:db9::1]"),
        ("10.0.0.0/8", "https://[2001:db8::1]"),
        ("[", "https://vendor.example"),
        (".", "https://vendor.example"),
        ("10.0.0.0/99", "https://10.1.2.3"),
    ],
)
def test_any_other_host_is_asked_through_the_proxy(monkeypatch, excepted, url):
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", excepted)
    assert find(url) is not None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"])
def test_this_machine_is_asked_directly(monkeypatch, host):
    monkeypatch.setenv("http_proxy", PROXY)
    monkeypatch.setenv("ALL_PROXY", PROXY)
    assert find(f"http://{host}:8765") is None


def test_the_systems_settings_are_asked_where_no_variable_names_a_proxy(monkeypatch):
    monkeypatch.setattr(proxies, "getproxies", lambda: {"https": PROXY})
    monkeypatch.setattr(proxies, "proxy_bypass", lambda host: host == "intern.example")
    assert find() == (PROXY, "the system's proxy settings")
    assert find("https://intern.example") is None
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert find() is None


def test_the_asyncio_transport_loads_no_requests():
    program = "import sys, unichat.transport.h11.transport; print('requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_url_of_a_proxy_is_not_shown():
    assert "secret" not in repr(proxies.Proxy("http://me:secret@proxy.example", "HTTPS_PROXY"))
