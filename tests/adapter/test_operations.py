import json
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.canned import detect_error, operation, reply, try_call
from unichat._text.encoding import encode_json
from unichat._text.printable import escape_controls
from unichat.adapter import (
    EndpointContext,
    ErrorResponse,
    Exclusive,
    Operation,
    Replay,
    Request,
    ask,
    exclusive,
)
from unichat.errors import InvalidInput, InvalidResponse

ANYTHING = st.text(st.characters())
ALL_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ALL_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ALL_TEXT, inner, max_size=4),
    max_leaves=15,
)
ANY_VALUES = st.recursive(
    st.none() | st.integers() | st.floats() | ANYTHING | st.binary() | st.complex_numbers() | st.sets(st.integers()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(ANYTHING | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=8,
)
HERE = EndpointContext("echo", "look", "GET", "/bots/{bot}/rows/{row}/", Replay.READ, detect_error)


def build_request(**parts):
    return HERE.operation(lambda answer: answer, **{"path": {"bot": "b", "row": "r"}, **parts}).request


# Paths and queries


@given(ANYTHING)
@example("..")
@example(".")
@example("%2e%2e")
@example("../x")
@example("a/b?c#d")
@example("a\r\nHost: evil")
@example("\x00")
@example("\ud800")
def test_an_id_stays_within_its_segment_of_the_path_or_is_refused(text):
    request, error = try_call(lambda: build_request(path={"bot": text, "row": "r"}), InvalidInput)
    if error is not None:
        assert error.argument == "bot"
        assert text in ("", ".", "..") or "\0" in text or any("\ud800" <= one <= "\udfff" for one in text)
        return
    assert request.path.isascii()
    assert request.path.isprintable()
    _, bots, segment, rows, row, end = request.path.split("/")
    assert (bots, unquote(segment), rows, row, end) == ("bots", text, "rows", "r", "")
    assert segment not in (".", "..")


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_an_id_that_would_walk_up_the_path_is_refused(text):
    with pytest.raises(InvalidInput, match="cannot be used in a path") as caught:
        build_request(path={"bot": "b", "row": text})
    assert caught.value.argument == "row"
    assert caught.value.value == f"'{text}'"


@given(st.lists(st.tuples(ALL_TEXT, ALL_TEXT)))
def test_query_pairs_survive(pairs):
    request, error = try_call(lambda: Request("GET", "/x", tuple(pairs)), InvalidInput)
    if error is not None:
        assert any("\0" in value for _, value in pairs)
        return
    target = request.target
    assert target.isascii()
    path, question, query = target.partition("?")
    assert path == "/x"
    assert question == ("?" if pairs else "")
    assert parse_qsl(query, keep_blank_values=True) == pairs


@given(ANYTHING)
@example("\ud800")
def test_a_query_value_is_sent_as_it_is_or_refused_before_it_is_sent(text):
    target, error = try_call(lambda: build_request(query={"text": text}).target, InvalidInput)
    assert error is not None or parse_qsl(target.partition("?")[2], keep_blank_values=True) == [("text", text)]


@given(ANYTHING)
@example("\ud800")
def test_a_form_value_is_sent_as_it_is_or_refused(text):
    request, error = try_call(lambda: build_request(form={"text": text}), InvalidInput)
    if error is not None:
        return
    assert request.content_type == "application/x-www-form-urlencoded"
    assert parse_qsl(request.body.decode(), keep_blank_values=True) == [("text", text)]


def test_query_values_of_none_are_left_out_booleans_are_lower_case_and_lists_repeat_the_name():
    query = {"none": None, "yes": True, "no": False, "page": 2, "type": ["a", "b"], "pair": (True, 1), "empty": []}
    assert build_request(query=query).query == (
        ("yes", "true"), ("no", "false"), ("page", "2"), ("type", "a"), ("type", "b"), ("pair", "true"), ("pair", "1"),
    )  # fmt: skip


def test_a_path_that_could_become_a_host_is_refused():
    with pytest.raises(ValueError, match="must begin with a slash"):
        Request("GET", "@evil.example/")


def test_a_request_does_not_show_its_body():
    assert "private" not in repr(build_request(body={"question": "private"}))


# Bodies


@given(VALUES)
def test_json_round_trips_through_a_body(value):
    assert json.loads(encode_json(value, "body")) == value


@given(ANY_VALUES)
def test_a_value_round_trips_or_is_refused_by_name(value):
    body, error = try_call(lambda: encode_json(value, "metadata"), InvalidInput)
    if error is None:
        assert json.loads(body) == value
    else:
        assert error.argument == "metadata"
        assert escape_controls(str(error)) == str(error)


def cycle():
    rows = []
    rows.append({"rows": rows})
    return rows


def nest(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1: "a"}, "the key 1 is not text"),
        ({"a": [{None: 1}]}, "the key None is not text"),
        ({"a": ({b"k": 1},)}, "the key b'k' is not text"),
        ({"a": float("nan")}, "not JSON compliant"),
        ([float("inf")], "not JSON compliant"),
        ({"a": {1, 2}}, "set is not JSON serializable"),
        ({"a": object()}, "object is not JSON serializable"),
        ({"a": b"bytes"}, "bytes is not JSON serializable"),
        ({"a": "\ud800"}, "surrogates not allowed"),
        (cycle(), "nested too deeply, or contains itself"),
        (nest(100_000), "nested too deeply, or contains itself"),
        (10**5000, "integer"),
    ],
    ids=range(12),
)
def test_a_body_that_is_not_json_is_refused_with_the_reason(value, words):
    with pytest.raises(InvalidInput) as caught:
        encode_json(value, "metadata")
    assert words in caught.value.message
    assert caught.value.argument == "metadata"
    assert caught.value.maybe_delivered is False
    assert caught.value.__context__ is None


def test_a_body_is_compact_utf8():
    assert encode_json({"a": ["é", 1]}, "body") == '{"a":["é",1]}'.encode()


def test_a_tuple_is_sent_as_a_list():
    assert encode_json(({"a": 1},), "body") == b'[{"a":1}]'


def test_a_body_is_encoded_once_and_labelled():
    request = build_request(body={"a": 1})
    assert (request.body, request.content_type) == (b'{"a":1}', "application/json")
    assert build_request().body is None


def test_a_body_that_cannot_be_sent_is_refused_when_the_operation_is_built():
    with pytest.raises(InvalidInput) as caught:
        build_request(body={"a": object()})
    assert caught.value.argument == "look"


# Replies


def test_a_reply_is_decoded_once():
    answer = reply(200, {"a": 1})
    assert answer.json() is answer.json()


@pytest.mark.parametrize(
    ("label", "good"),
    [
        ("application/json", True),
        ("Application/JSON; charset=latin-1", True),
        ("application/problem+json", True),
        ("text/html", False),
        ("text/plain", False),
        ("text/x+json", False),
        ("", False),
        ("application/jsonp", False),
    ],
)
def test_only_json_by_its_label_is_read_as_json(label, good):
    answer = reply(200, {"a": 1}, content_type=label)
    assert answer.is_json is good
    if good:
        assert answer.json() == {"a": 1}
    else:
        with pytest.raises(InvalidResponse) as caught:
            answer.json()
        assert caught.value.kind == "content_type"
        assert caught.value.excerpt == '{"a": 1}'


def test_an_empty_body_is_not_json():
    with pytest.raises(InvalidResponse, match="body is empty"):
        reply(200).json()


# Operations as values


def test_map_applies_a_function_and_changes_nothing_else():
    plain = operation(Replay.UPSERT, signed=False)
    mapped = plain.map(lambda value: value["a"])
    assert mapped.parse(reply(200, {"a": 5})) == 5
    for name in ("backend", "name", "replay", "request", "detect_error", "signed"):
        assert getattr(mapped, name) == getattr(plain, name)


def test_not_found_can_be_taken_as_a_result():
    lenient = operation().default_if_not_found([])
    missing = reply(404, {"message": "no such thread"})
    assert lenient.detect_error(missing) is None
    assert lenient.parse(missing) == []
    assert lenient.parse(reply(200, {"a": 1})) == {"a": 1}
    assert lenient.detect_error(reply(500, {})).status == 500


def test_a_route_that_does_not_exist_stays_an_error():
    def strict(answer):
        return ErrorResponse(status=404, what="route")

    plain = Operation(
        backend="echo",
        name="x",
        replay=Replay.READ,
        request=Request("GET", "/x"),
        detect_error=strict,
        parse=lambda _: 1,
    )
    assert plain.default_if_not_found(2).detect_error(reply(404)) == ErrorResponse(status=404, what="route")


def test_a_flow_of_one_operation_gives_its_result():
    flow = ask(operation())
    assert flow.send(None).name == "look"
    with pytest.raises(StopIteration) as caught:
        flow.send(42)
    assert caught.value.value == 42


def test_a_flow_asks_for_what_it_holds():
    assert next(exclusive(("conversation", 1))) == Exclusive(
        ("conversation", 1), "another call in the same conversation"
    )


def test_a_name_that_the_path_does_not_have_is_a_mistake_of_the_adapters():
    with pytest.raises(KeyError):
        HERE.operation(lambda _: 1, path={"bot": "b"})


def test_percent_escapes_in_an_id_are_escaped_themselves():
    path = build_request(path={"bot": "%2e%2e", "row": "a b+c"}).path
    assert path == "/bots/%252e%252e/rows/a%20b%2Bc/"
    assert unquote_to_bytes(path) == b"/bots/%2e%2e/rows/a b+c/"


def test_a_mapping_that_is_not_a_dict_is_refused_within_json():
    with pytest.raises(InvalidInput):
        encode_json({"a": MappingProxyType({})}, "metadata")
