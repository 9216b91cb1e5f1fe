"""One normal form of URLs."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unichat.adapter.addresses import normalize_url
from unichat.adapter.setting_checks import http_url
from unichat.errors import ConfigError


@pytest.mark.parametrize(
    ("given_url", "normal"),
    [
        ("https://faß.example", "https://xn--fa-hia.example"),
        ("https://FASS.example", "https://fass.example"),
        ("https://βόλος.example", "https://xn--nxasmm1c.example"),
        ("https://Bücher.example", "https://xn--bcher-kva.example"),
        ("https://bu\u0308cher.example", "https://xn--bcher-kva.example"),
        ("https://日本。example", "https://xn--wgv71a.example"),
        ("https://xn--fa-hia.example", "https://xn--fa-hia.example"),
        ("HTTPS://Api.Example.COM:443/V1", "https://api.example.com/V1"),
        ("http://api.example.com:0080", "http://api.example.com"),
        ("https://api.example.com:80", "https://api.example.com:80"),
        ("https://api.example.com:", "https://api.example.com"),
        ("https://api.example.com./v1", "https://api.example.com./v1"),
        ("http://[0:0:0:0:0:0:0:1]:8000", "http://[::1]:8000"),
        ("http://[FE80::1%25eth0]", "http://[fe80::1%25eth0]"),
        ("http://[fe80::1%eth0]", "http://[fe80::1%25eth0]"),
        ("https://Ann:Pass@X.example:443/a", "https://Ann:Pass@x.example/a"),
        ("https://x.example/fr/aide/é", "https://x.example/fr/aide/%C3%A9"),
        ("https://x.example/%c3%a9/%7Eme", "https://x.example/%C3%A9/~me"),
        ("https://x.example/a b", "https://x.example/a%20b"),
        ("https://x.example/100%/x", "https://x.example/100%25/x"),
        ("https://x.example/a/./b/../c", "https://x.example/a/c"),
        ("https://x.example/../a", "https://x.example/a"),
        ("https://x.example/a/%2E%2e/b", "https://x.example/b"),
        ("https://x.example/a/..", "https://x.example/"),
        ("https://x.example/a%2Fb", "https://x.example/a%2Fb"),
        ("https://x.example/a//b", "https://x.example/a//b"),
        ("https://x.example?key=%c3", "https://x.example?key=%c3"),
    ],
)
def test_a_url_has_one_normal_form(given_url, normal):
    assert normalize_url(given_url) == normal


@pytest.mark.parametrize("url", ["", "x", "https://", "https://[::1", "https://x:port", "https://\u2615.example"])
def test_what_is_not_a_valid_url_stays_as_it_is(url):
    assert normalize_url(url) == url


@given(st.text(max_size=12), st.text(max_size=12))
@example("x.example", "/%%2525")
@example("x.example", "/%25%32%65")
@example("x.example", "/./%2e./a")
def test_the_normal_form_is_its_own(host, path):
    once = normalize_url(f"https://{host}/{path}")
    assert normalize_url(once) == once


@given(st.text(max_size=12), st.text(max_size=12))
def test_the_normal_form_of_what_a_setting_accepts_is_ascii_and_accepted(host, path):
    url = f"https://{host}/{path}"
    try:
        http_url("base_url", url)
    except ConfigError:
        return
    assert normalize_url(url).isascii()
    http_url("base_url", normalize_url(url))


@pytest.mark.parametrize(
    "host", ["☕.example", "a\u200d.example", "xn-\u00fc-.-", "\u00ad.example", "ü" * 64 + ".example"]
)
def test_a_name_that_idna_2008_does_not_have_is_a_config_error(host):
    with pytest.raises(ConfigError, match="no valid host"):
        http_url("base_url", f"https://{host}")
