"""Replies that differ from Kapa's samples: read as far as possible, and otherwise an error that names the field."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.behaviour.doubles import FAST, KAPA_URL, PROJECT, catch, client_on, damage, reply, stub_replies
from unichat import Answer, Comment, Exchange, Rating, Source, ThreadRef
from unichat.adapter import StreamFailure
from unichat.errors import InvalidResponse
from unichat.models import Feedback
from unichat_kapa import analytics, models, operations
from unichat_kapa.models import ChatReply, Listing

from .conftest import SAMPLES
from .test_operations import ANSWER, FULL, REPLY, THREAD

REFERENCE = ThreadRef("kapa", THREAD)
MODELS = [
    value
    for module in (models, analytics)
    for value in vars(module).values()
    if isinstance(value, type) and value.__module__ == module.__name__
]
PLAIN = [case for case in FULL if not case.is_streamed]


def read(case, value):
    """Run the operation against an answer that holds `value`."""
    client = client_on(stub_replies(reply(value, case.status)), "kapa")
    return client.run(getattr(operations, case.name)(**case.arguments))


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name)
@FAST
@given(data=st.data())
def test_a_damaged_reply_is_read_or_invalid_with_a_pointer(case, data):
    value = data.draw(damage(case.answer))
    result, error = catch(InvalidResponse, lambda: read(case, value))
    if error is None:
        assert result.raw == value
        return
    assert error.kind == "shape"
    assert error.pointer.startswith("/") or not isinstance(value, type(case.answer))
    assert (error.backend, error.operation, error.retryable) == ("kapa", case.name, False)


@pytest.mark.parametrize("case", [case for case in FULL if case.is_streamed], ids=lambda case: case.name)
@FAST
@given(data=st.data())
def test_a_damaged_record_is_read_or_fails_the_stream(case, data):
    value = data.draw(damage(case.answer[0]))
    decoder = getattr(operations, case.name)(**case.arguments).decoder(1024 * 1024)
    whole = json.dumps(value).encode() + b"\xe2\x90\x9e"
    events, failure = catch(StreamFailure, lambda: list(decoder.feed(whole)))
    if failure is None:
        assert [event.raw for event in events] == decoder.records == [value]
    else:
        assert failure.reason


@FAST
@given(data=st.data())
def test_a_damaged_reply_becomes_an_answer_or_an_error(data):
    client = client_on(stub_replies(reply(data.draw(damage(SAMPLES["chat"])))), "kapa")
    answer, error = catch(InvalidResponse, lambda: client.chat("string"))
    if error is None:
        assert isinstance(answer, Answer)
        assert isinstance(answer.text, str)
        assert all(isinstance(source, Source) for source in answer.sources)


@pytest.mark.parametrize("thread", [None, REFERENCE], ids=["project", "thread"])
@FAST
@given(data=st.data())
def test_a_damaged_history_becomes_exchanges_or_an_error(thread, data):
    sample = SAMPLES["list_question_answers"] if thread is None else SAMPLES["retrieve_thread"]
    page = data.draw(damage(sample))
    client = client_on(stub_replies(reply(page), reply([])), "kapa")
    exchanges, _ = catch(InvalidResponse, lambda: list(client.history(thread)))
    for exchange in exchanges or ():
        assert isinstance(exchange, Exchange)
        assert isinstance(exchange.question, str)
        assert isinstance(exchange.answer, str)
        assert exchange.created_at is None or exchange.created_at.tzinfo is not None


@pytest.mark.parametrize(
    ("damage", "pointer"),
    [
        ({"answer": ...}, "/answer"),
        ({"answer": 5}, "/answer"),
        ({"answer": ["string"]}, "/answer"),
        ({"relevant_sources": ["string"]}, "/relevant_sources/0"),
        ({"relevant_sources": [{}, None]}, "/relevant_sources/1"),
    ],
    ids=repr,
)
def test_an_invalid_field_is_named_by_its_pointer(damage, pointer):
    value = {name: item for name, item in {**SAMPLES["chat"], **damage}.items() if item is not ...}
    with pytest.raises(InvalidResponse) as raised:
        read(next(case for case in FULL if case.name == "chat"), value)
    assert raised.value.pointer == pointer
    assert raised.value.maybe_delivered is True


def test_an_invalid_response_error_does_not_quote_the_answer():
    value = {**SAMPLES["chat"], "answer": "private words", "relevant_sources": ["x"]}
    with pytest.raises(InvalidResponse) as raised:
        read(next(case for case in FULL if case.name == "chat"), value)
    assert "private words" not in repr(raised.value) + str(vars(raised.value))


def test_unknown_fields_are_kept_in_raw_and_change_nothing():
    value = {**SAMPLES["chat"], "citations": [{"n": 1}]}
    result = read(next(case for case in FULL if case.name == "chat"), value)
    assert result == REPLY
    assert result.raw["citations"] == [{"n": 1}]


@pytest.mark.parametrize("sources", [None, "string", '[{"source_url": "x"}]', []], ids=repr)
def test_sources_of_a_retrieved_thread_may_be_text_or_null(sources):
    thread = json.loads(json.dumps(SAMPLES["retrieve_thread"]))
    thread["question_answers"][0]["relevant_sources"] = sources
    client = client_on(stub_replies(reply(thread)), "kapa")
    (exchange,) = client.history(REFERENCE)
    assert exchange.sources == ()
    assert exchange.raw["relevant_sources"] == sources


def test_sources_of_a_retrieved_thread_may_be_a_list():
    thread = json.loads(json.dumps(SAMPLES["retrieve_thread"]))
    thread["question_answers"][0]["relevant_sources"] = SAMPLES["chat"]["relevant_sources"]
    client = client_on(stub_replies(reply(thread)), "kapa")
    (exchange,) = client.history(REFERENCE)
    assert exchange.sources == (Source("string", "string", internal=True),)


@pytest.mark.parametrize("rows", ["text", {}, 7], ids=repr)
def test_a_retrieved_thread_whose_rows_are_no_list_is_invalid_and_not_empty(rows):
    with pytest.raises(InvalidResponse) as caught:
        read(next(case for case in FULL if case.name == "retrieve_thread"), {"id": THREAD, "question_answers": rows})
    assert caught.value.pointer == "/question_answers"


def test_the_activity_of_the_live_api_with_its_new_names_is_kept_in_raw():
    newer = {
        "aggregate_statistics": {"total_query_count": 5},
        "total_queries_by_language": [{"iso": "en", "name": "English", "count": 5}],
        "statistics_by_integration": [{"integration": {"id": "x"}, "statistics": {}}],
    }
    result = read(next(case for case in FULL if case.name == "activity"), newer)
    assert result.aggregate_statistics == {"total_query_count": 5}
    assert result.time_series == ()
    assert result.raw == newer


@pytest.mark.parametrize(
    ("row", "feedback"),
    [
        ({"reaction": "upvote", "comment": None}, Feedback(rating=Rating.UP)),
        ({"reaction": "downvote", "comment": "bad"}, Feedback(rating=Rating.DOWN, comment=Comment("bad"))),
        ({"reaction": "downvote", "incorrect": True}, Feedback(rating=Rating.DOWN, comment=Comment(incorrect=True))),
        ({"reaction": "downvote", "comment": {"issue": "x"}}, Feedback(rating=Rating.DOWN)),
    ],
    ids=repr,
)
def test_ratings_in_the_history_are_read(row, feedback):
    (sample,) = SAMPLES["list_question_answers"]
    client = client_on(stub_replies(reply({"results": [{**sample, "feedback": [row]}], "next": None})), "kapa")
    (exchange,) = client.history()
    assert exchange.feedback == (feedback,)
    assert exchange.feedback[0].raw == row


def test_a_rating_of_an_unknown_kind_is_kept_in_raw_only():
    (sample,) = SAMPLES["list_question_answers"]
    row = {**sample, "feedback": [{"reaction": "shrug"}]}
    client = client_on(stub_replies(reply({"results": [row], "next": None})), "kapa")
    (exchange,) = client.history()
    assert exchange.feedback == ()
    assert exchange.raw["feedback"] == [{"reaction": "shrug"}]


@pytest.mark.parametrize(
    ("value", "listing"),
    [
        ([], Listing(items=())),
        ({"count": 1, "results": [{"answer": "a"}]}, Listing(items=("a",), count=1)),
        ({"count": "1", "results": []}, Listing(items=(), count=1)),
        ({"results": [], "next": None, "previous": None}, Listing(items=(), more=False)),
        ({"results": [], "next": "https://evil.example/?page=2"}, Listing(items=(), more=True)),
        ({"results": [], "next_cursor": "c"}, Listing(items=(), more=True, next_cursor="c")),
        ({"results": [], "next_cursor": None}, Listing(items=(), more=False)),
        ({"answer": "a"}, Listing(items=("a",), count=1)),
    ],
    ids=repr,
)
def test_a_list_is_read_in_each_of_kapas_forms(value, listing):
    found = Listing.read(value, lambda row: ChatReply.read(row).answer)
    assert found == listing
    assert found.raw == value


@pytest.mark.parametrize("value", ["text", 5, None, True], ids=repr)
def test_a_body_that_is_not_a_list_in_any_form_is_invalid(value):
    with pytest.raises(InvalidResponse, match="a list of rows"):
        Listing.read(value, ChatReply.read)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_takes_its_fields_by_name_only(model):
    # The order in which they are declared would be part of the interface otherwise.
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        model("x")


def test_an_upsert_without_a_body_in_its_reply_succeeds(kapa, vendor):
    vendor.add("POST", f"{KAPA_URL}/query/v1/feedback/upsert/", status=204)
    receipt = kapa.feedback(ANSWER, Rating.UP, user="somebody")
    assert (receipt.id, receipt.answer_id, receipt.raw) == (None, ANSWER, {})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b'{"answer": NaN}', "json"),
        (b'{"answer": "\xff"}', "encoding"),
        (b"<html>", "json"),
    ],
    ids=repr,
)
def test_a_body_that_is_not_json_is_invalid(body, kind):
    client = client_on(stub_replies(reply(body=body)), "kapa")
    with pytest.raises(InvalidResponse) as raised:
        client.run(operations.chat(project_id=PROJECT, query="string"))
    assert raised.value.kind == kind


@pytest.mark.parametrize(
    ("row", "source"),
    [
        ({}, Source(None)),
        ({"source_url": None, "title": None}, Source(None, None)),
        ({"source_url": "", "title": ""}, Source("", "")),
        ({"source_url": "https://x.org"}, Source("https://x.org", None)),
        ({"title": "Manual"}, Source(None, "Manual")),
    ],
)
def test_a_part_of_a_source_that_is_missing_is_none_and_one_that_is_empty_is_empty(row, source):
    body = {**SAMPLES["chat"], "relevant_sources": [row]}
    (found,) = client_on(stub_replies(reply(body)), "kapa").chat("Hi").sources
    assert found == source
    assert found.raw == row
