"""URLs: taken apart, and put together as any client would."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unichat._text.printable import escape_controls
from unichat.config.raw_values import UNREADABLE
from unichat.config.urls import parse_url

# Text without lone surrogates, which no URL can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
FILLED = TEXT.filter(lambda text: bool(text.strip()))


def parts(text: str) -> tuple[str, Any, dict[str, Any], list[str]]:
    url, problems = parse_url(text, location="the URL")
    assert url is not None
    return url.backend, url.identity, dict(url.query), [problem.text for problem in problems]


@settings(deadline=None)
@given(identity=TEXT, query=st.dictionaries(FILLED, FILLED), plus=st.booleans())
def test_an_encoded_url_round_trips(identity: str, query: dict[str, str], plus: bool) -> None:
    encoded = urlencode(query) if plus else urlencode(query, quote_via=quote)
    # Keys have no plus for a blank: no setting's name has either, and a plus is then shown as it was written.
    if plus:
        encoded = "&".join(f"{quote(key, safe='')}={urlencode({'': value})[1:]}" for key, value in query.items())
    assert parts(f"kapa://{quote(identity, safe='')}?{encoded}") == ("kapa", identity or None, query, [])


@settings(deadline=None)
@given(st.text())
def test_any_text_gives_parts_or_problems(text: str) -> None:
    url, problems = parse_url("kapa://" + text, location="the URL")
    assert url is not None or problems
    assert all(escape_controls(problem.line()) == problem.line() for problem in problems)


def test_the_case_of_an_id_is_kept_and_that_of_the_backend_is_not() -> None:
    assert parts("KAPA://AbC") == ("kapa", "AbC", {}, [])


@pytest.mark.parametrize("text", ["kapa://", "kapa://?", "kapa://?#"[:-1]])
def test_the_id_can_be_left_out(text: str) -> None:
    assert parts(text) == ("kapa", None, {}, [])


def test_unambiguous_punctuation_in_a_value_needs_no_encoding() -> None:
    assert parts("kapa://x?base_url=http://127.0.0.1:80/a?b=c")[2:] == ({"base_url": "http://127.0.0.1:80/a?b=c"}, [])


@pytest.mark.parametrize(
    "text", ["://x", "1a://x", "kapa://a b", "kapa://a\nb", "kapa:// ", "ka pa://x", "kapa://\ud800"]
)
def test_a_malformed_url_has_no_parts(text: str) -> None:
    url, problems = parse_url(text, location="the URL")
    assert url is None
    assert len(problems) == 1
    assert "is not a URL, or has spaces" in problems[0].text


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("me:sentinel@x", "user name or password"),
        ("x:8080", "has a port"),
        ("x/", "has a path"),
        ("x/y", "has a path"),
        ("%zz", "not percent-encoded UTF-8"),
        ("%ff", "not percent-encoded UTF-8"),
    ],
)
def test_anything_but_an_id_before_the_query_is_refused(host: str, says: str) -> None:
    _, identity, query, problems = parts(f"kapa://{host}?a=b")
    assert (identity, query, len(problems)) == (UNREADABLE, {"a": "b"}, 1)
    assert says in problems[0]
    assert "sentinel" not in problems[0]


def test_a_fragment_is_refused() -> None:
    assert parts("kapa://x?a=b#c") == ("kapa", "x", {"a": "b"}, ["has a fragment"])


@pytest.mark.parametrize(
    ("query", "read", "problem"),
    [
        ("a=1&a=2", {"a": UNREADABLE}, "has 'a' twice"),
        ("a=1&%61=2", {"a": UNREADABLE}, "has 'a' twice"),
        ("a=", {"a": UNREADABLE}, "has 'a' without a value"),
        ("a", {"a": UNREADABLE}, "has 'a' without a value"),
        ("a=%20+", {"a": UNREADABLE}, "has 'a' without a value"),
        ("a=%f", {"a": UNREADABLE}, "has a value of 'a' that is not percent-encoded UTF-8"),
        ("a=%ff", {"a": UNREADABLE}, "has a value of 'a' that is not percent-encoded UTF-8"),
        ("=1", {}, "has a part without a key"),
        ("%zz=1", {}, "has a part without a key"),
        ("a=1&&b=2", {"a": "1", "b": "2"}, "has a part without a key"),
        ("a=1&", {"a": "1"}, "has a part without a key"),
    ],
)
def test_every_part_of_the_query_is_one_key_with_one_value(query: str, read: dict[str, Any], problem: str) -> None:
    assert parts(f"kapa://x?{query}") == ("kapa", "x", read, [problem])


def test_all_mistakes_in_a_url_are_reported_at_once() -> None:
    assert len(parts("kapa://x/y?a=&b=1&b=2&&c=%zz#d")[3]) == 6


def test_the_parts_of_a_url_are_not_shown() -> None:
    url, _ = parse_url("kapa://sentinel?api_key=sentinel", location="the URL")
    assert "sentinel" not in repr(url)


def test_a_slash_in_an_id_is_refused_without_advice_to_encode_it() -> None:
    from unichat_kadal.settings import bot_id_problem

    (problem,) = parts("kadal://a/b")[3]
    assert problem == "has a path, which has no meaning here"
    assert bot_id_problem("a/b")
    for mark in "@:":
        (problem,) = parts(f"kadal://a{mark}b")[3]
        assert f"write {mark} as {quote(mark)}" in problem
        assert not bot_id_problem(f"a{mark}b")


@pytest.mark.parametrize(("text", "told"), [("kadal://a#b", False), ("kadal://a?token=b#c", True)])
def test_a_number_sign_is_to_be_encoded_in_a_value_and_not_in_an_id(text: str, told: bool) -> None:
    _, (problem,) = parse_url(text, location="the URL")
    assert ("%23" in problem.hint) is told
