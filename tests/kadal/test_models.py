"""Replies that differ from Kadal's samples: read as far as possible, and otherwise an error of unichat's."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.behaviour.doubles import BOT, FAST, KEY, catch, client_on, damage, reply, stub_replies
from unichat import Answer, Exchange, Feedback, Rating, errors
from unichat.errors import InvalidResponse, UnichatError
from unichat_kadal import models, operations

from .conftest import SAMPLES
from .test_operations import FULL, V7, find_case

MODELS = [value for value in vars(models).values() if isinstance(value, type) and value.__module__ == models.__name__]
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
def test_a_damaged_reply_is_read_or_invalid_with_a_pointer(case, data):
    value = data.draw(damage(case.answer))
    client = client_on(stub_replies(reply(value)), "kadal", attempts=1)
    result, error = catch(UnichatError, lambda: client.run(getattr(operations, case.name)(**case.arguments)))
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
def test_a_damaged_reply_becomes_an_answer_or_an_error(data):
    client = client_on(stub_replies(reply(data.draw(damage(SAMPLES["post_chat"])))), "kadal", attempts=1)
    answer, error = catch(REFUSALS, lambda: client.chat("string"))
    if error is None:
        assert isinstance(answer, Answer)
        assert isinstance(answer.text, str)
        assert answer.id is None or isinstance(answer.id, str)


@pytest.mark.parametrize("version", ["v1", "v7"])
@FAST
@given(data=st.data())
def test_a_damaged_history_becomes_exchanges_or_an_error(version, data):
    page = data.draw(damage(SAMPLES["list_chats"] if version == "v1" else V7))
    transport = stub_replies(reply(page), reply({"status_code": 200, "data": []}))
    client = client_on(transport, "kadal", attempts=1, history_version=version, include_events=False)
    exchanges, _ = catch(REFUSALS, lambda: list(client.history()))
    for exchange in exchanges or ():
        assert isinstance(exchange, Exchange)
        assert isinstance(exchange.question + exchange.answer, str)
        assert exchange.created_at is None or exchange.created_at.tzinfo is not None


@FAST
@given(data=st.data())
def test_a_damaged_receipt_becomes_a_receipt_or_an_error(data):
    client = client_on(stub_replies(reply(data.draw(damage(SAMPLES["add_feedback"])))), "kadal", attempts=1)
    receipt, error = catch(REFUSALS, lambda: client.feedback(1, "up"))
    assert error is not None or receipt.answer_id == "1"


# Answers


def ask(value, **settings):
    return client_on(stub_replies(reply(value)), "kadal", **settings).chat("q")


def test_a_null_message_is_an_empty_answer_with_its_raw_json():
    value = {"status_code": 200, "message_id": 1, "message": None}
    answer = ask(value)
    assert (answer.text, answer.id, answer.raw) == ("", "1", value)


def test_an_empty_message_is_an_empty_answer():
    assert ask({"status_code": 200, "message_id": 1, "message": ""}).text == ""


def test_a_missing_message_is_an_invalid_response():
    with pytest.raises(InvalidResponse) as raised:
        ask({"status_code": 200, "message_id": 1})
    assert (raised.value.kind, raised.value.pointer) == ("shape", "/message")
    assert raised.value.maybe_delivered is True


@pytest.mark.parametrize("identity", [1, "1", "abc", None, ...], ids=repr)
def test_an_answer_id_is_text_or_none(identity):
    value = {"status_code": 200, "message_id": identity, "message": "a"}
    if identity is ...:
        del value["message_id"]
    assert ask(value).id == (None if identity in (None, ...) else str(identity))


def test_json_within_a_json_string_is_decoded_too():
    value = {"status_code": 200, "message_id": 1, "message": "a"}
    assert ask(json.dumps(value)).raw == value
    assert ask("\n " + json.dumps(value)).text == "a"


def test_an_error_within_a_json_string_is_not_an_answer():
    value = json.dumps({"status_code": 404, "message": "Chat bot not found"})
    with pytest.raises(errors.NotFound, match="Chat bot not found"):
        ask(value)


@pytest.mark.parametrize("value", ["text", '["a"]', "{", '{"message"', 5, None, [], [{"message": "a"}]], ids=repr)
def test_a_body_that_is_not_an_object_is_invalid(value):
    with pytest.raises(InvalidResponse):
        ask(value)


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
def test_a_body_that_is_not_json_is_invalid(body, kind, expected):
    client = client_on(stub_replies(reply(body=body, kind=kind)), "kadal")
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
def test_any_2xx_is_healthy_with_any_body(status, body, kind):
    client = client_on(stub_replies(reply(status=status, body=body, kind=kind)), "kadal")
    assert client.run(operations.health()).msg in (None, "OK")


def test_a_service_that_is_down_is_not_healthy():
    with pytest.raises(errors.ServerError):
        client_on(stub_replies(reply({"msg": "OK"}, 503)), "kadal", attempts=1).run(operations.health())


# Rows of the history


def history(page, **settings):
    return list(client_on(stub_replies(reply(page), reply({"data": []})), "kadal", **settings).history())


def test_question_and_answer_of_a_row_may_be_null_or_missing():
    rows = [{"bot_response_id": 1, "user_query": None, "bot_response": None}, {"bot_response_id": "2"}]
    found = history({"status_code": 200, "data": rows})
    assert [(each.question, each.answer, each.id) for each in found] == [("", "", "1"), ("", "", "2")]


def test_a_row_keeps_its_unknown_fields_in_raw():
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
def test_a_v7_row_has_its_rating(verdict, rating):
    (exchange,) = history(v7_rows({"is_positive": verdict}), history_version="v7")
    assert exchange.feedback == (() if rating is None else (Feedback(rating=rating),))


@pytest.mark.parametrize(("flag", "cleared"), [(0, False), (1, True), (True, True), (None, None), (2, None)])
def test_a_v7_row_says_whether_it_was_cleared(flag, cleared):
    (exchange,) = history(v7_rows({"is_cleared": flag}), history_version="v7")
    assert exchange.cleared is cleared


@pytest.mark.parametrize(
    ("change", "identity"),
    [({}, "0"), ({"query_response_id": None}, "64b7f0c2a1d3e4f5a6b7c8d9"), ({"bot_response_id": 9}, "9")],
)
def test_a_v7_row_has_the_id_that_feedback_accepts_or_else_its_own(change, identity):
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
def test_a_v7_row_has_an_aware_time(time, expected):
    (exchange,) = history(v7_rows({"creation_time": time}), history_version="v7")
    assert (exchange.created_at and exchange.created_at.isoformat()) == expected


def test_the_samples_name_the_tests_bot_but_not_its_key():
    assert SAMPLES["list_chats"]["data"][0]["chat_bot_id"] == BOT
    assert KEY not in json.dumps(SAMPLES)
    assert find_case("post_chat").answer == {"status_code": 200, "message_id": 1, "message": "Hello"}


@pytest.mark.parametrize("model", MODELS)
def test_a_model_takes_its_fields_by_name_only(model):
    # The order in which they are declared would be part of the interface otherwise.
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        model("x")
