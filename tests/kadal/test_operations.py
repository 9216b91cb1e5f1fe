"""Every endpoint of Kadal's reference: each byte of its request and each field of its reply."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from attrs import field, frozen
from responses import matchers

from tests.behaviour.doubles import (
    BAD_IDS,
    BOT,
    KADAL_URL,
    KEY,
)
from unichat.adapter import Replay
from unichat.errors import InvalidInput, UnichatError
from unichat_kadal import operations
from unichat_kadal.models import ChatList, ChatReply, ChatRow, Common, FeedbackRow, Health

from .conftest import SAMPLES

HEALTH = {"msg": "string"}
"""The reference prints no answer of the health check; its schemas have `Msg`."""
V7 = {
    "status_code": 200,
    "message": "Success",
    "total_count": 1,
    "data": {
        "has_continuations": True,
        "chat_hist": [
            {
                "_id": "64b7f0c2a1d3e4f5a6b7c8d9",
                "tenant_id": "8f14e45f-ceea-467f-a0e6-1d2f3a4b5c6d",
                "user_id": "42",
                "object_id": None,
                "user_query": "Hello",
                "bot_response": "How Can I Assist you Today?",
                "chat_bot_id": BOT,
                "user_type": "external",
                "is_cleared": 0,
                "creation_time": "2025-12-22T10:20:30.123Z",
                "response_time": "2025-12-22T10:20:31.456Z",
                "metadata": {"category": "chat"},
                "is_positive": None,
                "query_response_id": "6701",
                "chat_bot_name": "string",
            }
        ],
    },
}
"""The newer listing, from what its page says of each field."""
CHAT = "/aiwb/chat/api"
RATING = {"bot_response_id": 1, "is_positive": False, "rating_id": 2, "comment": "string"}


@frozen
class Case:
    """A call of one operation: what must be sent, and what the sample printed in the reference must become."""

    name: str
    arguments: dict[str, Any]
    method: str
    path: str
    expected: Any
    query: dict[str, str] = field(factory=dict)
    body: Any = None
    sample: Any = None

    @property
    def answer(self):
        return SAMPLES[self.name] if self.sample is None else self.sample

    def expect(self, vendor):
        match = [
            matchers.query_param_matcher(self.query),
            matchers.header_matcher({"Authorization": f"Bearer {KEY}"}),
        ]
        if self.body is not None:
            match.append(matchers.json_params_matcher(self.body))
        vendor.add(self.method, KADAL_URL + self.path, json=self.answer, match=match)


FULL = (
    Case("health", {}, "GET", f"{CHAT}/v1/healthz", Health(msg="string"), sample=HEALTH),
    Case(
        "list_chats",
        {"chat_bot_id": BOT, "page_no": 1, "page_size": 10, "order": "asc", "ext_user_id_ref": "string"},
        "GET",
        f"{CHAT}/v1/",
        ChatList(
            rows=(
                ChatRow(
                    id="1",
                    user_query="Hello",
                    bot_response="How Can I Assist you Today?",
                    created_at=None,
                    is_cleared=None,
                    is_positive=None,
                ),
            ),
            total=5,
        ),
        query={"chat_bot_id": BOT, "page_no": "1", "page_size": "10", "order": "asc", "ext_user_id_ref": "string"},
    ),
    Case(
        "get_chat",
        {"chat_bot_id": BOT, "query": "a b&c=ä", "continue_last_chat": True, "ext_user_id_ref": "string"},
        "GET",
        f"{CHAT}/v1/{BOT}",
        ChatReply(message="Hello", message_id="1"),
        query={"query": "a b&c=ä", "continue_last_chat": "true", "ext_user_id_ref": "string"},
    ),
    Case(
        "clear_chat_history",
        {"chat_bot_id": BOT, "ext_user_id_ref": "string"},
        "POST",
        f"{CHAT}/v1/clearhistory/{BOT}",
        Common(message="Deleted previous conversations."),
        query={"ext_user_id_ref": "string"},
    ),
    Case(
        "post_chat",
        {
            "chat_bot_id": BOT,
            "message": "Grüße",
            "continue_last_chat": False,
            "ext_user_id_ref": "string",
            "metadata": {"page": "x"},
        },
        "POST",
        f"{CHAT}/v2/{BOT}",
        ChatReply(message="Hello", message_id="1"),
        query={"continue_last_chat": "false", "ext_user_id_ref": "string"},
        body={"message": "Grüße", "metadata": {"page": "x"}},
    ),
    Case(
        "add_feedback",
        {**RATING, "ext_user_id_ref": "string"},
        "POST",
        f"{CHAT}/v1/feedbacks/",
        FeedbackRow(id="0", bot_response_id="0", is_positive=True, rating_id=0, comment="string"),
        query={"ext_user_id_ref": "string"},
        body=RATING,
    ),
    Case(
        "list_chats_v7",
        {
            "chat_bot_id": BOT,
            "page_no": 2,
            "page_size": 50,
            "order": "desc",
            "exclude_tool_verbose": True,
            "text": "string",
            "created_by": "42",
        },
        "POST",
        f"{CHAT}/v7/",
        ChatList(
            rows=(
                ChatRow(
                    id="6701",
                    user_query="Hello",
                    bot_response="How Can I Assist you Today?",
                    created_at=datetime(2025, 12, 22, 10, 20, 30, 123000, tzinfo=UTC),
                    is_cleared=False,
                    is_positive=None,
                ),
            ),
            total=1,
        ),
        query={"chat_bot_id": BOT, "page_no": "2", "page_size": "50", "order": "desc", "exclude_tool_verbose": "true"},
        body={"text": "string", "created_by": "42"},
        sample=V7,
    ),
)
REQUIRED = {
    "list_chats": ("chat_bot_id", "page_no", "page_size"),
    "add_feedback": ("bot_response_id", "is_positive", "rating_id"),
}


def least(case):
    """The same call with what the reference requires, and nothing more."""
    needed = REQUIRED.get(case.name, ("chat_bot_id", "query", "message"))
    given = {name: value for name, value in case.arguments.items() if name in needed}
    query = {name: value for name, value in case.query.items() if name in needed}
    body = case.body and {name: value for name, value in case.body.items() if name in needed}
    return Case(case.name, given, case.method, case.path, case.expected, query, body, case.sample)


def find_case(name):
    return next(case for case in FULL if case.name == name)


def by_name(case):
    return case.name


@pytest.mark.parametrize("case", FULL, ids=by_name)
def test_every_argument_is_sent_where_the_reference_has_it_and_the_sample_is_read(case, kadal, vendor):
    case.expect(vendor)
    result = kadal.run(getattr(operations, case.name)(**case.arguments))
    assert result == case.expected
    assert result.raw == case.answer
    request = vendor.calls[0].request
    assert request.method == case.method
    assert request.url.partition("?")[0] == KADAL_URL + case.path
    # The reference's samples write the header's name with a blank after it, which no server takes.
    assert [name for name in request.headers if "auth" in name.lower()] == ["Authorization"]
    assert "Cookie" not in request.headers


@pytest.mark.parametrize("case", [least(case) for case in FULL], ids=by_name)
def test_an_argument_that_is_left_out_is_not_sent_even_as_null(case, kadal, vendor):
    case.expect(vendor)
    assert kadal.run(getattr(operations, case.name)(**case.arguments)).raw == case.answer
    request = vendor.calls[0].request
    if case.body is None:
        assert not request.body
        assert "Content-Type" not in request.headers
    else:
        assert request.headers["Content-Type"] == "application/json"
        assert json.loads(request.body) == case.body


@pytest.mark.parametrize("case", FULL, ids=by_name)
def test_a_client_fills_in_the_bot_id_from_its_settings(case, kadal, vendor):
    case.expect(vendor)
    arguments = {name: value for name, value in case.arguments.items() if name != "chat_bot_id"}
    assert kadal.run(getattr(kadal.operations, case.name)(**arguments)).raw == case.answer


def test_the_endpoints_are_those_of_the_reference_in_its_order():
    assert [(each.name, each.reference) for each in operations.endpoints] == [
        ("health", "Health"),
        ("list_chats", "List Chats"),
        ("get_chat", "Get Chat by Bot ID"),
        ("clear_chat_history", "Clear Chat History by Bot ID"),
        ("post_chat", "Post Chat by Bot ID"),
        ("add_feedback", "Add Feedback API"),
        ("list_chats_v7", "(newer) List Chats"),
    ]


def test_every_endpoint_has_a_case_and_sends_what_it_declares():
    assert tuple(case.name for case in FULL) == operations.endpoints.names()
    for case in FULL:
        endpoint = operations.endpoints[case.name]
        assert (endpoint.method, endpoint.path.format(chat_bot_id=BOT)) == (case.method, case.path)
        assert endpoint.streamed is False
        assert [parameter.name for parameter in endpoint.parameters][: len(case.arguments)] == list(case.arguments)
        assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in endpoint.parameters)


def test_the_replay_class_belongs_to_the_operation_and_not_to_its_method():
    assert {each.name: each.replay for each in operations.endpoints} == {
        "health": Replay.READ,
        "list_chats": Replay.READ,
        "get_chat": Replay.ASK,
        "clear_chat_history": Replay.CLEAR,
        "post_chat": Replay.ASK,
        "add_feedback": Replay.INSERT,
        "list_chats_v7": Replay.READ,
    }


def test_a_message_can_be_sent_in_the_query():
    operation = operations.post_chat(chat_bot_id=BOT, message="a b", message_encoding="query", continue_last_chat=True)
    assert operation.request.target == f"{CHAT}/v2/{BOT}?continue_last_chat=true&message=a+b"
    assert operation.request.body is None


def test_metadata_that_the_query_cannot_carry_is_invalid_and_not_dropped_silently():
    with pytest.raises(UnichatError):
        operations.post_chat(chat_bot_id=BOT, message="q", message_encoding="query", metadata={"page": "x"})


@pytest.mark.parametrize(
    ("name", "argument"), [("post_chat", "message_encoding"), ("add_feedback", "feedback_encoding")]
)
def test_an_unknown_encoding_is_invalid(name, argument):
    with pytest.raises(InvalidInput):
        getattr(operations, name)(**{**find_case(name).arguments, argument: "xml"})


def test_feedback_can_be_sent_in_the_query_or_in_both():
    fields = {"bot_response_id": "1", "is_positive": "false", "rating_id": "2", "comment": "string"}
    in_query = operations.add_feedback(**RATING, feedback_encoding="query").request
    assert (dict(in_query.query), in_query.body) == (fields, None)
    both = operations.add_feedback(**RATING, feedback_encoding="both").request
    assert (dict(both.query), json.loads(both.body)) == (fields, RATING)


def test_empty_metadata_is_left_out():
    operation = operations.post_chat(chat_bot_id=BOT, message="q", metadata={})
    assert json.loads(operation.request.body) == {"message": "q"}


def test_the_v7_list_always_has_an_object_as_its_body():
    assert operations.list_chats_v7(chat_bot_id=BOT).request.body == b"{}"


@pytest.mark.parametrize("bad", BAD_IDS.values(), ids=BAD_IDS)
def test_a_bot_id_that_is_not_one_is_invalid_before_anything_is_sent(bad):
    for case in FULL:
        if "chat_bot_id" not in case.arguments:
            continue
        with pytest.raises(InvalidInput) as caught:
            getattr(operations, case.name)(**{**case.arguments, "chat_bot_id": bad})
        assert (caught.value.argument, caught.value.backend) == ("chat_bot_id", "kadal")
        assert len(str(caught.value)) < 300
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("bot", ["ünï", "a b", "a+b", "a&b", "a=b", "a;b", "a:b", "a@b", "bot.v2"])
@pytest.mark.parametrize("name", ["get_chat", "clear_chat_history", "post_chat"])
def test_a_bot_id_stays_in_one_segment_of_the_path(name, bot, vendor, kadal):
    path = find_case(name).path.removesuffix(BOT)
    vendor.add(
        find_case(name).method, re.compile(re.escape(KADAL_URL + path) + r"[^/?#]+(\?.*)?$"), json={"message": ""}
    )
    kadal.run(getattr(operations, name)(**{**find_case(name).arguments, "chat_bot_id": bot}))
    segment = vendor.calls[0].request.url.partition("?")[0].removeprefix(KADAL_URL + path)
    assert unquote(segment) == bot
    assert segment.isascii()


NUMBERS = [
    ("list_chats", "page_no"),
    ("list_chats", "page_size"),
    ("list_chats_v7", "page_no"),
    ("list_chats_v7", "page_size"),
    ("add_feedback", "bot_response_id"),
    ("add_feedback", "rating_id"),
]
IS_TEXT_TOO = [("add_feedback", "bot_response_id")]


@pytest.mark.parametrize(("name", "argument"), NUMBERS)
@pytest.mark.parametrize("wrong", [-1, True, 1.0, 2**63], ids=repr)
def test_a_number_out_of_range_is_invalid_before_anything_is_sent(name, argument, wrong):
    with pytest.raises(InvalidInput) as caught:
        getattr(operations, name)(**{**find_case(name).arguments, argument: wrong})
    assert caught.value.argument == argument


@pytest.mark.parametrize(("name", "argument"), NUMBERS)
def test_a_number_may_have_64_bits_and_that_of_a_rating_may_be_0(name, argument):
    for number in (2**63 - 1, 1, *([0] if name == "add_feedback" else [])):
        operation = getattr(operations, name)(**{**find_case(name).arguments, argument: number})
        sent = json.loads(operation.request.body) if name == "add_feedback" else dict(operation.request.query)
        assert str(sent[argument]) == str(number)


@pytest.mark.parametrize(("name", "argument"), [each for each in NUMBERS if each not in IS_TEXT_TOO])
def test_a_number_in_digits_is_invalid_before_anything_is_sent(name, argument):
    with pytest.raises(InvalidInput) as caught:
        getattr(operations, name)(**{**find_case(name).arguments, argument: "1"})
    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("41", 41),
        ("0", 0),
        ("0041", "0041"),
        ("9" * 18, int("9" * 18)),
        ("9" * 19, "9" * 19),
        ("٧", "٧"),
        ("65f1c0ffee", "65f1c0ffee"),
    ],
)
def test_the_id_of_an_answer_in_digits_is_sent_as_the_number_that_it_is(given, sent):
    operation = operations.add_feedback(**{**RATING, "bot_response_id": given})
    assert json.loads(operation.request.body)["bot_response_id"] == sent


@pytest.mark.parametrize("name", ["list_chats", "list_chats_v7"])
@pytest.mark.parametrize("argument", ["page_no", "page_size"])
def test_pages_count_from_one(name, argument):
    with pytest.raises(InvalidInput):
        getattr(operations, name)(**{**find_case(name).arguments, argument: 0})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("list_chats", {"order": "ASC"}),
        ("list_chats_v7", {"order": "newest"}),
        ("get_chat", {"query": ""}),
        ("get_chat", {"query": " \n"}),
        ("get_chat", {"query": None}),
        ("post_chat", {"message": ""}),
        ("post_chat", {"message": b"x"}),
        ("post_chat", {"message": "\ud800"}),
        ("post_chat", {"message": "q", "metadata": {"x": float("nan")}}),
        ("add_feedback", {"is_positive": "false"}),
        ("add_feedback", {"is_positive": None}),
        ("add_feedback", {"is_positive": 2}),
    ],
    ids=lambda value: value if isinstance(value, str) else ascii(value),
)
def test_an_argument_that_kadal_would_reject_or_misread_is_invalid_before_anything_is_sent(name, wrong):
    with pytest.raises(InvalidInput):
        getattr(operations, name)(**{**find_case(name).arguments, **wrong})


@pytest.mark.parametrize("wrong", ["", 7, True], ids=repr)
def test_a_user_reference_that_could_mean_another_user_is_invalid(wrong):
    for case in FULL:
        if "ext_user_id_ref" in case.arguments:
            with pytest.raises(InvalidInput):
                getattr(operations, case.name)(**{**case.arguments, "ext_user_id_ref": wrong})


@pytest.mark.parametrize(
    ("name", "argument"),
    [("get_chat", "query"), ("list_chats", "ext_user_id_ref"), ("post_chat", "ext_user_id_ref")],
)
def test_text_that_cannot_be_encoded_is_invalid_in_a_query_and_in_a_body(name, argument, kadal):
    with pytest.raises(InvalidInput):
        kadal.run(getattr(operations, name)(**{**find_case(name).arguments, argument: "\ud800"}))


def test_the_health_check_sends_the_token(kadal, vendor):
    vendor.add(
        "GET",
        f"{KADAL_URL}/aiwb/chat/api/v1/healthz",
        json={"msg": "OK"},
        match=[matchers.header_matcher({"Authorization": f"Bearer {KEY}"})],
    )
    assert kadal.run(operations.health()).msg == "OK"
