"""Dify's example: its streams, its pages, its errors, and what it deletes."""

from __future__ import annotations

import json

import pytest

from tests.behaviour.doubles import StubTransport, client_on, read_body, read_query, reply, stub_replies
from tests.vendors import VENDORS
from unichat import Rating, ThreadRef, errors, join_text
from unichat.adapter import StreamFailure
from unichat.models import ClearOutcome

THREAD = ThreadRef("dify", "c-1", user="ann")
HEAD = {"message_id": "m-1", "conversation_id": "c-1"}
DONE = {"event": "message_end", **HEAD, "metadata": {"retriever_resources": [{"document_name": "Manual"}]}}


def decoder():
    operation = VENDORS["dify"].backend.endpoints["send_message_streamed"].function(query="q", user="ann")
    return operation.decoder(1_000_000)


def sse(*records):
    return b"event: ping\n\n" + b"".join(b"data: %s\n\n" % json.dumps(record).encode() for record in records)


def message(text, kind="message"):
    return {"event": kind, **HEAD, "answer": text}


def row(number, **more):
    given = {"id": f"m-{number}", "conversation_id": "c-1", "query": f"q{number}", "answer": f"a{number}"}
    return {**given, "created_at": 1_700_000_000 + number, **more}


def dify(answer):
    transport = StubTransport(answer)
    return client_on(transport, "dify"), transport


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_stream_is_decoded_wherever_it_is_cut(step):
    data = sse(message("Hel"), {"event": "agent_thought", "thought": "?"}, message("lo", "agent_message"), DONE)
    made, events = decoder(), []
    for at in range(0, len(data), step):
        events += made.feed(data[at : at + step])
    assert [event.text for event in events] == ["Hel", "lo", ""]
    assert (made.ended, made.signs_of_life) == (True, 2)
    answer = made.result()
    assert (answer.text, answer.id, answer.thread) == ("Hello", "m-1", THREAD)
    assert answer.thread.user == "ann"
    assert [source.title for source in answer.sources] == ["Manual"]


def test_a_moderated_answer_replaces_what_was_said():
    made = decoder()
    events = list(made.feed(sse(message("Something rude"), message("I cannot say.", "message_replace"), DONE)))
    assert join_text(events) == made.result().text == "I cannot say."


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"status": 400, "code": "invalid_param", "message": "no"}, 400, errors.InvalidInput),
        ({"status": 400, "code": "provider_quota_exceeded", "message": "no"}, 400, errors.RateLimited),
        ({"status": 404, "code": "not_found", "message": "Conversation Not Exists."}, 404, errors.NotFound),
        ({"code": "internal_server_error", "message": "no"}, 500, errors.ServerError),
    ],
)
def test_an_error_is_the_same_in_a_stream_as_in_a_body(error, status, kind):
    with pytest.raises(StreamFailure) as failed:
        list(decoder().feed(sse({"event": "error", **HEAD, **error})))
    assert failed.value.response.status == status
    client, transport = dify(lambda request: reply(error, status))
    with pytest.raises(kind) as caught:
        client.chat("q", user="ann")
    assert "no" in str(caught.value).lower()
    assert len(transport.sent) == (3 if kind is errors.ServerError else 1)
    assert getattr(caught.value, "what", "thread") == "thread"


def test_a_question_names_its_conversation_and_its_user():
    client, transport = dify(lambda request: reply({"answer": "a", **HEAD}))
    first = client.chat("q", user="ann")
    client.continue_thread(first, "r")
    assert [read_body(request)["conversation_id"] for request in transport.sent] == ["", "c-1"]
    assert {read_body(request)["user"] for request in transport.sent} == {"ann"}
    assert {read_body(request)["response_mode"] for request in transport.sent} == {"blocking"}


def test_an_answer_without_a_conversation_is_invalid():
    client, _ = dify(lambda request: reply({"answer": "a", "message_id": "m"}))
    with pytest.raises(errors.InvalidResponse, match="/conversation_id"):
        client.chat("q", user="ann")


class Pages:
    """Dify with seven messages in each of three conversations; newest messages come first, oldest first in a page."""

    def __call__(self, request):
        query = read_query(request)
        assert query["user"] == "ann"
        if request.path.endswith("/conversations"):
            names = ["c-1", "c-2", "c-3"]
            names = names[::-1] if query["sort_by"].startswith("-") else names
            at = names.index(query["last_id"]) + 1 if "last_id" in query else 0
            return reply({"data": [{"id": name} for name in names[at : at + 2]], "has_more": at + 2 < len(names)})
        rows = [row(f"{query['conversation_id']}-{number}") for number in ()]
        rows = [row(number, conversation_id=query["conversation_id"]) for number in range(7)]
        end = [each["id"] for each in rows].index(query["first_id"]) if "first_id" in query else len(rows)
        start = max(0, end - int(query["limit"]))
        return reply({"data": rows[start:end], "has_more": start > 0})


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("page_size", [1, 3, None])
def test_a_thread_is_read_in_order_over_a_cursor_that_goes_backwards(newest_first, page_size):
    client, _ = dify(Pages())
    found = [each.question for each in client.history(THREAD, newest_first=newest_first, page_size=page_size)]
    expected = [f"q{number}" for number in range(7)]
    assert found == (expected[::-1] if newest_first else expected)


def test_a_users_conversations_are_read_one_after_the_other_and_no_further_than_needed():
    client, transport = dify(Pages())
    found = [(each.thread.id, each.question) for each in client.history(user="ann")]
    assert found == [(f"c-{thread}", f"q{number}") for thread in (1, 2, 3) for number in range(7)]
    before = len(transport.sent)
    assert [each.thread.id for each in client.history(user="ann", newest_first=True, limit=1)] == ["c-3"]
    assert len(transport.sent) - before == 2


def test_a_row_has_its_time_its_rating_and_its_sources():
    rows = [
        row(1, feedback={"rating": "like"}, retriever_resources=[{"document_name": "Manual"}]),
        row(2, feedback={"rating": "dislike"}),
        row(3, feedback={"rating": None}, created_at="soon"),
        row(4, feedback=None),
    ]
    client, _ = dify(lambda request: reply({"data": rows, "has_more": False}))
    found = list(client.history(THREAD))
    assert [[each.rating for each in exchange.feedback] for exchange in found] == [[Rating.UP], [Rating.DOWN], [], []]
    assert found[0].created_at.isoformat() == "2023-11-14T22:13:21+00:00"
    assert found[2].created_at is None
    assert [source.title for source in found[0].sources] == ["Manual"]


def test_clearing_a_user_deletes_each_conversation_once_and_forgives_those_that_are_gone():
    deleted = []

    def answer(request):
        if request.method != "DELETE":
            return Pages()(request)
        assert read_body(request) == {"user": "ann"}
        deleted.append(request.path.rpartition("/")[2])
        return reply({"code": "not_found", "message": "Conversation Not Exists."}, 404) if deleted == ["c-1"] else GONE

    client, _ = dify(answer)
    assert client.clear_history(user="ann").outcome is ClearOutcome.CLEARED
    assert deleted == ["c-1", "c-2", "c-3"]


GONE = reply(None, 204, body=b"")


def test_clearing_a_thread_deletes_it_and_one_that_is_gone_is_not_found():
    client, transport = dify(lambda request: GONE)
    assert client.clear_history(THREAD).user == "ann"
    assert [(request.method, request.path.split("/v1")[-1]) for request in transport.sent] == [
        ("DELETE", "/conversations/c-1")
    ]
    missing = stub_replies(reply({"code": "not_found", "message": "Conversation Not Exists."}, 404))
    with pytest.raises(errors.NotFound) as caught:
        client_on(missing, "dify").clear_history(THREAD)
    assert caught.value.what == "thread"


def test_clearing_a_user_who_has_asked_nothing_says_so():
    client, transport = dify(lambda request: reply({"data": [], "has_more": False}))
    assert client.clear_history(user="ann").outcome is ClearOutcome.NOTHING_TO_CLEAR
    assert len(transport.sent) == 1


def test_a_vendor_that_repeats_a_page_ends_the_clearing():
    client, transport = dify(
        lambda request: GONE if request.method == "DELETE" else reply({"data": [{"id": "c-1"}], "has_more": True})
    )
    assert client.clear_history(user="ann").outcome is ClearOutcome.CLEARED
    assert [request.method for request in transport.sent] == ["GET", "GET", "DELETE"]
