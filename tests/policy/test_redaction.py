"""Secrets that a vendor echoes are taken out of errors, records and logs, in every form."""

import base64
import copy
import json
import logging
import pickle
from urllib.parse import quote, quote_plus, urlencode

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.canned import CannedStream, bench, operation, records, reply, stream_operation
from unichat.adapter import Replay, Reply, Request, Secret
from unichat.errors import UnichatError
from unichat.policy.redaction import Redaction, secrets_in_body

KEY = 'k"9/secret+key=%7Ä'.replace("Ä", "~")
ALL_FORMS = [
    KEY,
    quote(KEY, safe=""),
    quote_plus(KEY),
    json.dumps(KEY)[1:-1],
    *(base64.b64encode(b"x" * n + KEY.encode() + b"yy").decode() for n in range(3)),
]
CORES = [KEY, quote(KEY, safe=""), json.dumps(KEY)[1:-1], base64.b64encode(KEY.encode()).decode()[4:-4]]


def shows(error):
    shown = "\n".join(
        [str(error), repr(vars(error)), pickle.dumps(error).decode("latin-1"), str(copy.copy(error).call)]
    )
    return [core for core in CORES if core in shown]


@given(st.sampled_from(ALL_FORMS), st.text(), st.text())
def test_no_form_of_a_secret_is_left_wherever_it_occurs(form, before, after):
    cleaned = Redaction([KEY])(before + form + after)
    assert "***" in cleaned
    assert not any(core in cleaned for core in CORES)


@given(st.text(st.characters(codec="ascii"), min_size=6), st.integers(6))
def test_the_beginning_of_a_secret_that_a_cut_has_left_is_taken_out(text, length):
    assert KEY[:6] not in Redaction([KEY])(f"{text} {KEY[:length]}…")


@given(st.text(st.characters(exclude_characters=KEY + "k*")))
def test_other_text_is_left_alone(text):
    assert Redaction([KEY])(text) == text


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=40), st.text())
def test_any_secret_is_removed_without_damage_to_text_that_lacks_it(secret, text):
    cleaned = Redaction([secret])(text)
    assert secret in text or len(cleaned) <= len(text) + 3
    assert len(secret) < 6 or secret not in cleaned


# Quotes, blanks, escapes and letters beyond ASCII: each encoding writes it in a way of its own.
ODD = "Ä\t'\"\\ sesame+/%~"
WRITTEN = {
    "itself": ODD,
    "quote": quote(ODD),
    "quote_all": quote(ODD, safe=""),
    "quote_plus": quote_plus(ODD),
    "json": json.dumps(ODD)[1:-1],
    "repr": repr(ODD)[1:-1],
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_form_of_a_secret_is_replaced_to_its_last_character(form):
    assert len(set(WRITTEN.values())) == len(WRITTEN)
    assert Redaction([ODD])(f"<{WRITTEN[form]}>") == "<***>"


def find_own_characters(encoded, start, length):
    """The first and the end of base64's characters that hold bits of `length` bytes from `start`, and of no others."""
    own = [n for n in range(len(encoded)) if start * 8 <= n * 6 and n * 6 + 6 <= (start + length) * 8]
    return own[0], own[-1] + 1


@pytest.mark.parametrize("before", range(5))
@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("secret", ["sesame-street", "sesame-streets", "sésame-street"])
def test_of_a_secret_in_base64_only_what_it_shares_with_its_neighbours_is_left(before, after, secret):
    encoded = base64.b64encode(b"x" * before + secret.encode() + b"y" * after).decode()
    first, end = find_own_characters(encoded, before, len(secret.encode()))
    assert Redaction([secret])(encoded) == f"{encoded[:first]}***{encoded[end:]}"


def test_a_secret_that_begins_another_does_not_leave_its_end():
    assert Redaction(["sesame", "sesame-street"])("<sesame-street>") == "<***>"


@pytest.mark.parametrize("length", range(6, len(KEY)))
def test_whatever_a_cut_has_left_of_a_secret_is_replaced_from_six_characters_on(length):
    assert Redaction([KEY])(f"key: {KEY[:length]}…") == "key: ***"
    assert Redaction([KEY])(f"key: {KEY[:5]}…") == f"key: {KEY[:5]}…"
    assert Redaction([KEY])(f"{KEY[:length]}…") == "***"


def test_of_a_cut_secret_that_repeats_itself_the_longest_part_is_replaced():
    assert Redaction(["abcabcabcabcabc"])("key: abcabcabcabc…") == "key: ***"


@pytest.mark.parametrize(("secret", "cleaned"), [("12345", "<12345>"), ("123456", "<***>")])
def test_a_secret_is_replaced_from_six_characters_on(secret, cleaned):
    assert Redaction([secret])(f"<{secret}>") == cleaned


@pytest.mark.parametrize(
    ("body", "found"),
    [(b"key=sesame", ["key=sesame"]), (b'["sesame"]', []), (b'{"a": "x", "b": 1, "c": ["y"]}', ["x"]), (b"", [])],
)
def test_the_body_of_a_login_is_read_as_json_or_is_a_secret_as_a_whole(body, found):
    assert secrets_in_body(Request("POST", "/token", body=body, content_type="text/plain")) == found


def test_a_short_secret_is_not_replaced():
    assert Redaction(["v1", ""])("v1 of the service") == "v1 of the service"


@pytest.mark.parametrize("form", ALL_FORMS)
@pytest.mark.parametrize(
    "answer",
    [
        lambda echo: reply(401, {"message": f"the key {echo} is unknown"}),
        lambda echo: reply(400, {"message": "x" * 280 + echo}),
        lambda echo: Reply(200, {"content-type": f"text/html; {echo}"}, b"<html>"),
        lambda echo: Reply(200, {"content-type": "text/html"}, f"<pre>X-Token: {echo}</pre>".encode()),
        lambda echo: Reply(200, {"content-type": "application/json"}, f'{{"key": "{echo}",}}'.encode()),
        lambda echo: Reply(503, {"content-type": "application/json", "x-request-id": echo}, b"{}"),
        lambda echo: CannedStream(tuple(records({"error": f"bad key {echo}"}))),
        lambda echo: CannedStream(tuple(records({"text": "a"}, {"error": f"bad key {echo}"}))),
    ],
)
def test_a_key_that_a_vendor_echoes_gets_nowhere(answer, form, caplog):
    caplog.set_level(logging.DEBUG)
    made = bench(*[answer(form)] * 3, source=Secret(KEY), policy={"log_content": True})
    streamed = isinstance(answer(form), CannedStream)
    with pytest.raises(UnichatError) as caught:
        for _ in made.open(stream_operation()) if streamed else [made.run(operation(Replay.READ))]:
            pass
    assert not shows(caught.value)
    assert not [core for core in CORES if core in caplog.text]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_a_login_that_a_vendor_echoes_gets_nowhere_and_neither_does_the_token(kind, caplog):
    fields = {"client_id": "client-4711", "client_secret": KEY}
    body = json.dumps(fields).encode() if kind == "application/json" else urlencode(fields).encode()
    request = Request("POST", "/token", body=body, content_type=kind)
    assert sorted(secrets_in_body(request)) == sorted(fields.values())
    login = evolve(operation(signed=False), request=request)
    refused = bench(reply(400, {"message": f"no account has {KEY}"}), policy={"log_content": True})
    broken = bench(Reply(200, {"content-type": "application/json"}, b'{"access_token": "the-token-itself",}'))
    for made in (refused, broken):
        error = made.error(login)
        assert not shows(error)
        assert "the-token-itself" not in str(vars(error))
    assert KEY not in caplog.text


def test_a_request_without_a_body_holds_nothing():
    assert secrets_in_body(Request("GET", "/x")) == []


def test_a_vendors_message_is_logged_only_with_log_content(caplog):
    refused = reply(422, {"message": "query: how do I install it?"})
    error = bench(refused).error(operation(Replay.ASK))
    assert "how do I install it?" in str(error)
    assert "how do I install it?" not in caplog.text
    assert "HTTP 422" in caplog.text
    assert error.call_id in caplog.text
    bench(refused, policy={"log_content": True}).error(operation(Replay.ASK))
    assert "how do I install it?" in caplog.text
