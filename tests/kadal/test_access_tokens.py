"""Access tokens: from the caller's function, and fetched for a client account."""

import base64
import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from responses import matchers

from tests.behaviour.doubles import (
    BOT,
    FAST,
    KADAL_URL,
    StubTransport,
    catch,
    check_settings,
    client_on,
    connect_client,
    damage,
    reply,
    stub_replies,
)
from unichat import errors
from unichat.adapter import Token
from unichat.errors import InvalidResponse
from unichat_kadal.access_tokens import fetch_token

from .replies import (
    ANSWERED,
    SEND,
    ask,
    catch_error,
    envelope,
    rate,
)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("call", [ask, rate, lambda client: client.clear_history(user="anna")])
def test_a_token_provider_is_called_once_more_after_a_401_or_a_403(status, call):
    tokens = []

    def provider():
        tokens.append(f"token-{len(tokens)}")
        return tokens[-1]

    good = reply({**ANSWERED, "id": 1})
    transport = stub_replies(reply(envelope(status), status), good)
    call(client_on(transport, "kadal", token=provider))
    assert len(transport.sent) == 2
    assert tokens == ["token-0", "token-1"]
    error, sent = catch_error(call, *[reply(envelope(status), status)] * 2, token=lambda: "t")
    assert isinstance(error, errors.AccessDenied)
    assert len(sent) == 2


def test_a_fixed_token_is_not_sent_again_after_a_401(clock):
    error, sent = catch_error(ask, reply(envelope(401), 401), clock=clock)
    assert (type(error), len(sent), clock.slept) == (errors.AuthenticationError, 1, [])


def test_a_token_provider_is_called_before_each_request(vendor):
    tokens = iter(["one", "two"])
    for token in ("one", "two"):
        vendor.add(
            "POST",
            KADAL_URL + SEND,
            json=ANSWERED,
            match=[matchers.header_matcher({"Authorization": f"Bearer {token}"})],
        )
    with connect_client("kadal", token=lambda: next(tokens)) as kadal:
        kadal.chat("q")
        kadal.chat("q")
    assert [call.request.headers["Authorization"] for call in vendor.calls] == ["Bearer one", "Bearer two"]


TOKEN_URL = f"{KADAL_URL}/auth/api/v1/oauth/connect/token"


ACCOUNT = {"token": None, "client_id": "bot 1", "client_secret": "s3cret&"}


ACCOUNT_FIELDS = {"grant_type": "client_credentials", "client_id": "bot 1", "client_secret": "s3cret&"}


@pytest.mark.parametrize(
    ("settings", "decode", "fields", "kind"),
    [
        ({}, lambda body: dict(parse_qsl(body.decode())), ACCOUNT_FIELDS, "application/x-www-form-urlencoded"),
        (
            {"token_encoding": "json", "realm": "r"},
            json.loads,
            {**ACCOUNT_FIELDS, "realm": "r"},
            "application/json",
        ),
    ],
    ids=["form", "json"],
)
def test_a_client_accounts_token_is_fetched_kept_and_replaced_before_it_expires(
    settings, decode, fields, kind, vendor, clock
):
    for number in (1, 2):
        vendor.add("POST", TOKEN_URL, json={"access_token": f"t{number}", "expires_in": 300})
    vendor.add("POST", KADAL_URL + SEND, json=ANSWERED)
    with connect_client("kadal", clock, **ACCOUNT, **settings) as kadal:
        for _ in range(2):
            kadal.chat("q")
        clock.now += 290
        kadal.chat("q")
    fetches = [call.request for call in vendor.calls if "oauth" in call.request.url]
    sends = [call.request for call in vendor.calls if "oauth" not in call.request.url]
    assert [request.headers["Authorization"] for request in sends] == ["Bearer t1", "Bearer t1", "Bearer t2"]
    assert [decode(request.body) for request in fetches] == [fields, fields]
    assert [request.headers["Content-Type"] for request in fetches] == [kind, kind]
    assert all("Authorization" not in request.headers and "?" not in request.url for request in fetches)


def test_a_fetched_token_that_is_rejected_is_fetched_once_more():
    sent = []

    def answer(request):
        sent.append(request.path)
        if "oauth" in request.path:
            return reply({"access_token": "t", "expires_in": 300})
        return reply(envelope(401), 401) if sent.count(SEND) == 1 else reply(ANSWERED)

    transport = StubTransport(answer)
    assert client_on(transport, "kadal", **ACCOUNT).chat("q").text == "Hello"
    assert [path.rpartition("/")[2] for path in sent] == ["token", BOT, "token", BOT]


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_rejected_client_account_is_an_authentication_error_that_says_what_to_check(status):
    error, sent = catch_error(ask, reply({"error": "x", "detail": "unauthorized client"}, status), **ACCOUNT)
    assert type(error) is errors.AuthenticationError
    assert "client_id" in error.hint
    assert error.status == status
    assert (error.operation, len(sent)) == ("access_token", 1)
    assert "s3cret" not in repr(error) + str(vars(error))


@pytest.mark.parametrize(("status", "kind"), [(422, errors.InvalidInput), (500, errors.ServerError)])
def test_any_other_error_of_the_token_endpoint_keeps_its_type(status, kind):
    error, _ = catch_error(ask, *[reply({"detail": "x"}, status)] * 3, **ACCOUNT)
    assert type(error) is kind


def fetch(value):
    settings = check_settings("kadal", token=None, client_id="c", client_secret="s" * 8).settings
    operation = fetch_token(settings)
    answer = reply(value)
    assert operation.detect_error(answer) is None
    return operation.parse(answer)


def jwt(**claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}.c2ln"


@FAST
@given(damage({"access_token": "abc", "expires_in": 300, "data": {"access_token": "def", "token_type": "Bearer"}}))
def test_a_damaged_token_reply_becomes_a_token_or_an_error(value):
    settings = check_settings("kadal", token=None, client_id="c", client_secret="s" * 8).settings
    token, error = catch(InvalidResponse, lambda: fetch_token(settings).parse(reply(value)))
    if error is None:
        assert isinstance(token, Token)
        assert token.lifetime is None or isinstance(token.lifetime, float)
    else:
        assert error.pointer or not isinstance(value, dict)


@pytest.mark.parametrize(
    ("value", "token", "lifetime"),
    [
        ({"access_token": "abc", "expires_in": 300}, "abc", 300),
        ({"access_token": "abc", "expires_in": "300"}, "abc", 300),
        ({"data": {"access_token": "abc"}}, "abc", None),
        ({"access_token": "abc", "data": {"access_token": "def"}}, "abc", None),
        ({"status_code": 200, "message": "ok", "data": {"access_token": "abc", "expires_in": 60}}, "abc", 60),
        ({"access_token": "a.b.c"}, "a.b.c", None),
        ({"access_token": "a.b"}, "a.b", None),
        ({"access_token": jwt()}, jwt(), None),
        ({"access_token": jwt(exp=0)}, jwt(exp=0), 0),
        ({"access_token": jwt(exp="soon")}, jwt(exp="soon"), None),
        ({"access_token": jwt(exp=10**400)}, jwt(exp=10**400), None),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_token_and_its_lifetime_are_read_from_the_top_level_or_from_data(value, token, lifetime):
    found = fetch(value)
    assert found.secret.reveal() == token
    assert found.lifetime == lifetime


@pytest.mark.parametrize("padding", range(3))
def test_a_token_without_a_lifetime_expires_when_its_claim_says(padding, monkeypatch):
    monkeypatch.setattr("unichat_kadal.access_tokens.time", lambda: 1_000_000.0)
    assert fetch({"access_token": jwt(exp=1_000_300, sub="x" * padding)}).lifetime == 300


@pytest.mark.parametrize("text", [" abc", "abc\n", "äbc", "a\x00b"], ids=ascii)
def test_a_fetched_token_that_cannot_stand_in_a_header_is_an_invalid_response(text):
    with pytest.raises(InvalidResponse) as raised:
        fetch({"access_token": text})
    assert text not in str(raised.value)


@pytest.mark.parametrize(
    "value", [{}, {"access_token": ""}, {"access_token": None}, {"data": {}}, {"data": "x"}], ids=repr
)
def test_a_reply_without_a_token_is_invalid_with_a_pointer(value):
    with pytest.raises(InvalidResponse) as raised:
        fetch(value)
    assert raised.value.pointer.endswith("/access_token")
