"""Answers that depart from Kadal's samples: read as far as they make sense, refused otherwise, nothing else."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.behaviour.doubles import BOT, FAST, KEY, canned, caught, checked, client_on, damaged, reply
from unichat import Answer, Exchange, Feedback, Rating, errors
from unichat.adapter import Token
from unichat.errors import InvalidResponse, UnichatError
from unichat_kadal import operations
from unichat_kadal.access_tokens import fetch_token

from .conftest import SAMPLES
from .test_operations import FULL, V7, case_of

REFUSALS = (
    errors.InvalidInput, errors.AccessDenied, errors.NotFound, errors.RequestRejected, errors.RateLimited,
    errors.ServerError, errors.InvalidResponse,
)  # fmt: skip


def claims_a_status(value):
    """Whether the answer itself says that it is a failure, or might: what it claims is no 200 and no rubbish."""
    status = value.get("status_code") if isinstance(value, dict) else None
    return status in (0, -1, 7, 2**70, "404") and not isinstance(status, bool)


@pytest.mark.parametrize("case", FULL, ids=lambda case: case.name)
@FAST
@given(data=st.data())
def test_a_damaged_answer_is_read_or_refused_with_a_pointer(case, data):
    value = data.draw(damaged(case.answer))
    client = client_on(canned(reply(value)), "kadal", attempts=1)
    result, error = caught(UnichatError, lambda: client.run(getattr(operations, case.name)(**case.arguments)))
    if error is None:
        assert result.raw == value
    elif not claims_a_status(value):
        assert type(error) is InvalidResponse
        assert error.kind == "shape"
        assert error.pointer.startswith("/") or not isinstance(value, dict)
        assert (error.backend, error.operation, error.retryable) == ("kadal", case.name, False)
    else:
        assert isinstance(error, REFUSALS)


@FAST
@given(data=st.data())
def test_a_damaged_answer_becomes_an_answer_or_is_refused(data):
    client = client_on(canned(reply(data.draw(damaged(SAMPLES["post_chat"])))), "kadal", attempts=1)
    answer, error = caught(REFUSALS, lambda: client.chat("string"))
    if error is None:
        assert isinstance(answer, Answer)
        assert isinstance(answer.text, str)
        assert answer.id is None or isinstance(answer.id, str)


@pytest.mark.parametrize("version", ["v1", "v7"])
@FAST
@given(data=st.data())
def test_a_damaged_history_becomes_exchanges_or_is_refused(version, data):
    page = data.draw(damaged(SAMPLES["list_chats"] if version == "v1" else V7))
    transport = canned(reply(page), reply({"status_code": 200, "data": []}))
    client = client_on(transport, "kadal", attempts=1, history_version=version, include_events=False)
    exchanges, _ = caught(REFUSALS, lambda: list(client.history()))
    for exchange in exchanges or ():
        assert isinstance(exchange, Exchange)
        assert isinstance(exchange.question + exchange.answer, str)
        assert exchange.created_at is None or exchange.created_at.tzinfo is not None


@FAST
@given(data=st.data())
def test_a_damaged_receipt_is_a_receipt_or_refused(data):
    client = client_on(canned(reply(data.draw(damaged(SAMPLES["add_feedback"])))), "kadal", attempts=1)
    receipt, error = caught(REFUSALS, lambda: client.feedback(1, "up"))
    assert error is not None or receipt.answer_id == "1"


# Answers


def asked(value, **settings):
    return client_on(canned(reply(value)), "kadal", **settings).chat("q")


def test_a_null_message_is_an_empty_answer_with_the_payload():
    value = {"status_code": 200, "message_id": 1, "message": None}
    answer = asked(value)
    assert (answer.text, answer.id, answer.raw) == ("", "1", value)


def test_an_empty_message_is_an_empty_answer():
    assert asked({"status_code": 200, "message_id": 1, "message": ""}).text == ""


def test_a_missing_message_is_an_invalid_response():
    with pytest.raises(InvalidResponse) as raised:
        asked({"status_code": 200, "message_id": 1})
    assert (raised.value.kind, raised.value.pointer) == ("shape", "/message")
    assert raised.value.maybe_delivered is True


@pytest.mark.parametrize("identity", [1, "1", "abc", None, ...], ids=repr)
def test_an_answers_id_is_opaque_text_or_none(identity):
    value = {"status_code": 200, "message_id": identity, "message": "a"}
    if identity is ...:
        del value["message_id"]
    assert asked(value).id == (None if identity in (None, ...) else str(identity))


def test_json_within_a_json_string_is_read_once_more():
    value = {"status_code": 200, "message_id": 1, "message": "a"}
    assert asked(json.dumps(value)).raw == value
    assert asked("\n " + json.dumps(value)).text == "a"


def test_an_error_within_a_json_string_is_an_error_and_no_answer():
    value = json.dumps({"status_code": 404, "message": "Chat bot not found"})
    with pytest.raises(errors.NotFound, match="Chat bot not found"):
        asked(value)


@pytest.mark.parametrize("value", ["text", '["a"]', "{", '{"message"', 5, None, [], [{"message": "a"}]], ids=repr)
def test_what_is_no_object_in_any_form_is_refused(value):
    with pytest.raises(InvalidResponse):
        asked(value)


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"", "application/json", "json"),
        (b"<html>", "text/html", "content_type"),
        (b'{"message": "a"}', "text/plain", "content_type"),
        (b'{"message": "\xff"}', "application/json", "encoding"),
        (b'{"message": "a"', "application/json", "json"),
    ],
    ids=repr,
)
def test_a_body_that_is_no_json_is_refused_and_not_guessed_at(body, kind, expected):
    client = client_on(canned(reply(body=body, kind=kind)), "kadal")
    with pytest.raises(InvalidResponse) as raised:
        client.chat("q")
    assert raised.value.kind == expected


# Health: any 2xx is healthy, whatever the body


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"msg": "OK"}', "application/json"),
        (200, b'"OK"', "application/json"),
        (200, b"[]", "application/json"),
        (200, b"null", "application/json"),
        (200, b"OK", "text/plain"),
        (200, b"", "application/json"),
        (200, b"OK", "application/json"),
        (201, b"{}", "application/json"),
        (204, b"", "application/json"),
    ],
    ids=repr,
)
def test_any_2xx_is_healthy_whatever_its_body(status, body, kind):
    client = client_on(canned(reply(status=status, body=body, kind=kind)), "kadal")
    assert client.run(operations.health()).msg in (None, "OK")


def test_a_service_that_is_down_is_not_healthy():
    with pytest.raises(errors.ServerError):
        client_on(canned(reply({"msg": "OK"}, 503)), "kadal", attempts=1).run(operations.health())


# Rows of the history


def history(page, **settings):
    return list(client_on(canned(reply(page), reply({"data": []})), "kadal", **settings).history())


def test_either_text_of_a_row_may_be_null_or_missing():
    rows = [{"bot_response_id": 1, "user_query": None, "bot_response": None}, {"bot_response_id": "2"}]
    found = history({"status_code": 200, "data": rows})
    assert [(each.question, each.answer, each.id) for each in found] == [("", "", "1"), ("", "", "2")]


def test_a_row_keeps_what_is_not_known_of_it():
    row = {**SAMPLES["list_chats"]["data"][0], "guard_rails": [{"rule": "x"}]}
    (exchange,) = history({"status_code": 200, "data": [row]})
    assert exchange.raw == row
    assert (exchange.created_at, exchange.cleared, exchange.feedback) == (None, None, ())


def v7_rows(*changes):
    (sample,) = V7["data"]["chat_hist"]
    rows = [{**sample, "query_response_id": str(number), **change} for number, change in enumerate(changes)]
    return {**V7, "data": {"chat_hist": rows}}


@pytest.mark.parametrize(
    ("verdict", "rating"), [(True, Rating.UP), (False, Rating.DOWN), (None, None), ("yes", None), (1, Rating.UP)]
)
def test_a_newer_row_shows_its_verdict(verdict, rating):
    (exchange,) = history(v7_rows({"is_positive": verdict}), history_version="v7")
    assert exchange.feedback == (() if rating is None else (Feedback(rating=rating),))


@pytest.mark.parametrize(("flag", "cleared"), [(0, False), (1, True), (True, True), (None, None), (2, None)])
def test_a_newer_row_shows_whether_it_was_cleared(flag, cleared):
    (exchange,) = history(v7_rows({"is_cleared": flag}), history_version="v7")
    assert exchange.cleared is cleared


@pytest.mark.parametrize(
    ("change", "identity"),
    [({}, "0"), ({"query_response_id": None}, "64b7f0c2a1d3e4f5a6b7c8d9"), ({"bot_response_id": 9}, "9")],
)
def test_a_newer_row_has_the_id_that_feedback_would_take_or_else_its_own(change, identity):
    (exchange,) = history(v7_rows(change), history_version="v7")
    assert exchange.id == identity


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2025-12-22T10:20:30.123Z", "2025-12-22T10:20:30.123000+00:00"),
        ("2025-12-22T10:20:30", "2025-12-22T10:20:30+00:00"),
        ("2025-12-22T10:20:30+05:30", "2025-12-22T10:20:30+05:30"),
        ("yesterday", None),
        (1766398830, None),
    ],
)
def test_a_newer_rows_time_is_aware(time, expected):
    (exchange,) = history(v7_rows({"creation_time": time}), history_version="v7")
    assert (exchange.created_at and exchange.created_at.isoformat()) == expected


# Access tokens


def fetched(value):
    settings = checked("kadal", token=None, client_id="c", client_secret="s" * 8).settings
    operation = fetch_token(settings)
    answer = reply(value)
    assert operation.detect_error(answer) is None
    return operation.parse(answer)


def jwt(**claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}.c2ln"


@FAST
@given(damaged({"access_token": "abc", "expires_in": 300, "data": {"access_token": "def", "token_type": "Bearer"}}))
def test_a_damaged_token_answer_is_a_token_or_refused(value):
    settings = checked("kadal", token=None, client_id="c", client_secret="s" * 8).settings
    token, error = caught(InvalidResponse, lambda: fetch_token(settings).parse(reply(value)))
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
def test_a_token_is_read_from_the_top_or_from_data_with_its_lifetime(value, token, lifetime):
    found = fetched(value)
    assert found.secret.reveal() == token
    assert found.lifetime == lifetime


def test_a_token_without_a_lifetime_lives_as_long_as_its_claim_says(monkeypatch):
    monkeypatch.setattr("unichat_kadal.access_tokens.time", lambda: 1_000_000.0)
    assert fetched({"access_token": jwt(exp=1_000_300)}).lifetime == 300


@pytest.mark.parametrize("text", [" abc", "abc\n", "äbc", "a\x00b"], ids=ascii)
def test_a_fetched_token_that_cannot_stand_in_a_header_is_an_invalid_response(text):
    with pytest.raises(InvalidResponse) as raised:
        fetched({"access_token": text})
    assert text not in str(raised.value)


@pytest.mark.parametrize(
    "value", [{}, {"access_token": ""}, {"access_token": None}, {"data": {}}, {"data": "x"}], ids=repr
)
def test_an_answer_without_a_token_is_refused_by_its_pointer(value):
    with pytest.raises(InvalidResponse) as raised:
        fetched(value)
    assert raised.value.pointer.endswith("/access_token")


def test_the_bot_and_the_key_stand_for_themselves_in_the_samples():
    assert SAMPLES["list_chats"]["data"][0]["chat_bot_id"] == BOT
    assert KEY not in json.dumps(SAMPLES)
    assert case_of("post_chat").answer == {"status_code": 200, "message_id": 1, "message": "Hello"}
