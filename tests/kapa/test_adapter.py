"""The neutral calls on Kapa: threads, users, metadata, feedback; what is sent, and what is invalid or dropped."""

import json
import logging

import pytest
from attrs import asdict

import unichat_kapa
from tests.behaviour.doubles import (
    INTEGRATION,
    KAPA_URL,
    PROJECT,
    check_settings,
    client_on,
    connect_client,
    read_body,
    reply,
    stub_replies,
)
from unichat import Answer, Comment, Exchange, Rating, Source, ThreadRef, User
from unichat.adapter import ClearCall
from unichat.errors import InvalidInput, ThreadMismatch, Unsupported
from unichat.models import ClearOutcome, FeedbackReceipt

from .conftest import SAMPLES

THREAD = "1de43264-67cb-48af-89f9-e865c375bb84"
OTHER = "b64d73a3-c7f4-498d-9c2d-685530cd059e"
ANSWER = "484fbe4d-af7f-4b72-aecb-cde0e9e50cf3"
REPLY = {**SAMPLES["chat"], "thread_id": THREAD, "question_answer_id": ANSWER}
REFERENCE = ThreadRef("kapa", THREAD, scope=PROJECT)


@pytest.fixture
def transport():
    """Kapa, which answers any question."""
    transport = stub_replies()
    transport.answer = lambda request: reply(
        SAMPLES["upsert_feedback"] if "feedback" in request.path else REPLY, 201 if "feedback" in request.path else 200
    )
    return transport


@pytest.fixture
def kapa(transport):
    return client_on(transport, "kapa")


def sent_body(transport):
    (request,) = transport.sent
    return request.path, read_body(request)


def test_kapa_can_do_everything_but_clear(kapa):
    can = asdict(kapa.capabilities, recurse=False)
    assert {name for name, value in can.items() if value is False} == {
        "clear_history",
        "needs_user",
        "feedback_comment_on_up",
    }
    assert can["question_limit"] == 5000
    assert can["options"] == {"chat": ("integration_id",)}


# Asking


def test_a_question_starts_a_thread_that_its_answer_names(kapa, transport):
    answer = kapa.chat("q")
    assert sent_body(transport) == (f"/query/v1/projects/{PROJECT}/chat/", {"query": "q"})
    assert answer == Answer(
        text="string",
        id=ANSWER,
        thread=REFERENCE,
        sources=(Source("string", "string", internal=True),),
        uncertain=True,
    )
    assert answer.raw == REPLY
    assert answer.call.operation == "chat"


@pytest.mark.parametrize("form", ["reference", "text", "answer", "exchange"])
def test_a_thread_is_continued_from_its_reference_its_text_or_its_answer(form, kapa, transport):
    thread = {
        "reference": REFERENCE,
        "text": str(REFERENCE),
        "answer": Answer(text="a", thread=REFERENCE),
        "exchange": Exchange(question="q", answer="a", thread=REFERENCE),
    }[form]
    answer = kapa.continue_thread(thread, "q")
    assert sent_body(transport) == (f"/query/v1/threads/{THREAD}/chat/", {"query": "q"})
    assert answer.thread == REFERENCE


def test_two_threads_of_one_user_are_kept_apart(kapa, transport):
    for thread in (REFERENCE, ThreadRef("kapa", OTHER, scope=PROJECT), REFERENCE):
        kapa.continue_thread(thread, "q", user="anna")
    assert [request.path.split("/")[4] for request in transport.sent] == [THREAD, OTHER, THREAD]


def test_an_answer_without_a_thread_id_stays_in_the_thread_it_was_asked_in():
    transport = stub_replies(reply({"answer": "a", "thread_id": None}), reply({"answer": "a"}))
    kapa = client_on(transport, "kapa")
    assert kapa.continue_thread(REFERENCE, "q").thread == REFERENCE
    assert kapa.chat("q").thread is None


def test_a_stream_continues_a_thread(transport):
    transport.answer = lambda request: reply(
        body=json.dumps({"chunk": {"type": "x", "stream_end": True}}).encode() + b"\xe2\x90\x9e"
    )
    with client_on(transport, "kapa").stream("q", thread=REFERENCE, user="anna") as stream:
        assert stream.answer.thread == REFERENCE
    assert sent_body(transport) == (
        f"/query/v1/threads/{THREAD}/chat/stream/",
        {"query": "q", "user": {"unique_client_id": "anna"}},
    )


def test_a_user_given_as_text_is_the_bots_own_user_id(kapa, transport):
    kapa.chat("q", user="anna")
    assert sent_body(transport)[1] == {"query": "q", "user": {"unique_client_id": "anna"}}


def test_all_fields_of_a_user_are_sent(kapa, transport):
    user = User(
        "anna",
        email="no-at-sign",
        fingerprint_id="f",
        slack_id="s",
        discord_id="d",
        metadata={"store_ip": False, "company_name": "ACME"},
    )
    kapa.chat("q", user=user)
    assert sent_body(transport)[1]["user"] == {
        "unique_client_id": "anna",
        "email": "no-at-sign",
        "fingerprint_id": "f",
        "slack_id": "s",
        "discord_id": "d",
        "metadata": {"store_ip": False, "company_name": "ACME"},
    }


def test_unknown_fields_of_a_user_are_left_out(kapa, transport):
    kapa.chat("q", user=User(email="anna@example.com"))
    assert sent_body(transport)[1]["user"] == {"email": "anna@example.com"}


def test_metadata_is_sent_with_the_question(kapa, transport):
    kapa.continue_thread(REFERENCE, "q", metadata={"url": "https://example.com/page"})
    assert sent_body(transport)[1] == {"query": "q", "metadata": {"url": "https://example.com/page"}}


def test_the_integration_of_the_settings_is_sent_unless_the_call_gives_another(transport):
    kapa = client_on(transport, "kapa", integration_id=INTEGRATION)
    kapa.chat("q")
    kapa.continue_thread(REFERENCE, "q", integration_id=OTHER)
    kapa.chat("q", integration_id=None)
    assert [read_body(request)["integration_id"] for request in transport.sent] == [INTEGRATION, OTHER, INTEGRATION]


def test_an_integration_that_is_not_a_uuid_is_invalid_before_anything_is_sent(kapa, transport):
    for call in (kapa.chat, kapa.stream):
        with pytest.raises(InvalidInput, match="integration_id"):
            call("q", integration_id="nonsense")
    assert transport.sent == []


def test_a_thread_of_another_vendor_is_a_mismatch_before_anything_is_sent(kapa, transport):
    kadal = ThreadRef("kadal", "x", user="anna", scope="bot")
    for call in (
        lambda: kapa.continue_thread(kadal, "q"),
        lambda: kapa.stream("q", thread=kadal),
        lambda: kapa.history(kadal),
        lambda: kapa.clear_history(kadal),
        lambda: kapa.feedback(Answer(text="a", id=ANSWER, thread=kadal), Rating.UP, user="anna"),
    ):
        with pytest.raises(ThreadMismatch) as caught:
            call()
        assert (caught.value.expected, caught.value.found) == ("kapa", "kadal")
    assert transport.sent == []


@pytest.mark.parametrize("thread_id", ["..", "../x", "a/b", "not-a-uuid", f"{THREAD}\n"], ids=repr)
def test_a_thread_whose_id_is_not_a_uuid_is_invalid_before_anything_is_sent(thread_id, kapa, transport):
    thread = ThreadRef("kapa", thread_id)
    for call in (
        lambda: kapa.continue_thread(thread, "q"),
        lambda: kapa.stream("q", thread=thread),
        lambda: kapa.history(thread),
    ):
        with pytest.raises(InvalidInput):
            call()
    assert transport.sent == []


# Rating


@pytest.mark.parametrize(
    ("rating", "reaction"), [(Rating.UP, "upvote"), (Rating.DOWN, "downvote"), ("up", "upvote"), ("down", "downvote")]
)
def test_a_rating_is_sent_as_a_users_upvote_or_downvote(rating, reaction, kapa, transport):
    receipt = kapa.feedback(ANSWER, rating, user="anna")
    assert sent_body(transport) == (
        "/query/v1/feedback/upsert/",
        {"question_answer": ANSWER, "reaction": reaction, "user_identifier": "anna"},
    )
    assert receipt == FeedbackReceipt(id="0", answer_id=ANSWER, rating=Rating(rating))
    assert receipt.raw == SAMPLES["upsert_feedback"]
    assert receipt.call.operation == "upsert_feedback"


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("bad", {"issue": "bad", "incorrect": False, "irrelevant": False, "unaddressed": False}),
        (
            Comment("bad", incorrect=True, unaddressed=True),
            {"issue": "bad", "incorrect": True, "irrelevant": False, "unaddressed": True},
        ),
        (Comment(irrelevant=True), {"incorrect": False, "irrelevant": True, "unaddressed": False}),
    ],
    ids=["text", "text and flags", "a flag alone"],
)
def test_a_comment_is_sent_as_an_object_with_text_and_flags(comment, expected, kapa, transport):
    receipt = kapa.feedback(ANSWER, Rating.DOWN, user="anna", comment=comment)
    assert sent_body(transport)[1]["comment"] == expected
    assert receipt.comment == (Comment(comment) if isinstance(comment, str) else comment)


def test_a_comment_with_an_upvote_is_unsupported_before_anything_is_sent(kapa, transport):
    with pytest.raises(Unsupported) as caught:
        kapa.feedback(ANSWER, Rating.UP, user="anna", comment="great")
    assert (caught.value.argument, caught.value.backend, caught.value.operation) == ("comment", "kapa", "feedback")
    assert caught.value.alternative
    assert transport.sent == []


@pytest.mark.parametrize("where", ["call", "settings"])
def test_a_comment_with_an_upvote_is_dropped_and_logged_if_the_caller_chose_that(where, transport, caplog):
    kapa = client_on(transport, "kapa", **({"on_unsupported": "drop"} if where == "settings" else {}))
    options = {"on_unsupported": "drop"} if where == "call" else {}
    with caplog.at_level(logging.WARNING, "unichat"):
        receipt = kapa.feedback(ANSWER, Rating.UP, user="anna", comment="great", **options)
    assert "comment" not in sent_body(transport)[1]
    assert receipt.comment is None
    (logged,) = caplog.messages
    assert "dropped comment" in logged
    assert "great" not in logged


def test_user_details_are_unsupported_by_feedback_and_not_dropped_silently(kapa, transport):
    with pytest.raises(Unsupported) as caught:
        kapa.feedback(ANSWER, Rating.UP, user=User("anna", email="anna@example.com"))
    assert "email" in caught.value.argument
    assert transport.sent == []


@pytest.mark.parametrize("user", [None, User(email="anna@example.com")], ids=["nobody", "without an id"])
def test_feedback_without_a_user_is_invalid_before_anything_is_sent(user, kapa, transport):
    with pytest.raises(InvalidInput) as caught:
        kapa.feedback(ANSWER, Rating.UP, user=user)
    assert caught.value.argument == "user"
    assert "user=" in caught.value.hint
    assert transport.sent == []


def test_a_user_id_of_more_than_200_characters_is_invalid_for_feedback(kapa, transport):
    with pytest.raises(InvalidInput) as caught:
        kapa.feedback(ANSWER, Rating.UP, user="x" * 201)
    assert caught.value.limit == 200
    assert transport.sent == []
    kapa.feedback(ANSWER, Rating.UP, user="x" * 200)
    assert len(transport.sent) == 1


@pytest.mark.parametrize("answer", ["", ".", "..", "a/b", "7", 7, True, None, 2**70, 1.5, "not-a-uuid"], ids=repr)
def test_an_answer_id_that_is_not_a_uuid_is_invalid_before_anything_is_sent(answer, kapa, transport):
    with pytest.raises(InvalidInput):
        kapa.feedback(answer, Rating.UP, user="anna")
    assert transport.sent == []


@pytest.mark.parametrize(
    "rated",
    [Answer(text="a", id=ANSWER, thread=REFERENCE), Exchange(question="q", answer="a", id=ANSWER)],
    ids=["answer", "exchange"],
)
def test_an_answer_and_an_exchange_of_the_history_can_be_rated(rated, kapa, transport):
    assert kapa.feedback(rated, Rating.DOWN, user="anna").answer_id == ANSWER
    assert sent_body(transport)[1]["question_answer"] == ANSWER


def test_an_answer_without_an_id_cannot_be_rated(kapa, transport):
    with pytest.raises(InvalidInput) as caught:
        kapa.feedback(Answer(text="a"), Rating.UP, user="anna")
    assert caught.value.argument == "answer"
    assert transport.sent == []


def test_feedback_has_no_options(kapa, transport):
    with pytest.raises(Unsupported, match="rating_id"):
        kapa.feedback(ANSWER, Rating.UP, user="anna", rating_id=1)
    assert transport.sent == []


# Clearing, and the rest


def test_clearing_is_unsupported_with_a_hint(kapa, transport):
    with pytest.raises(Unsupported) as caught:
        kapa.clear_history(REFERENCE)
    assert caught.value.argument == "clear_history"
    assert "chat()" in caught.value.alternative
    assert transport.sent == []


def test_clearing_detaches_if_the_caller_drops_what_is_unsupported(kapa, transport):
    result = kapa.clear_history(user="anna", on_unsupported="drop")
    assert (result.outcome, result.user) == (ClearOutcome.DETACHED, "anna")
    assert transport.sent == []


def test_the_adapters_clear_history_is_not_implemented():
    found = check_settings("kapa")
    with pytest.raises(NotImplementedError):
        found.backend.build(found.settings).clear_history(ClearCall(backend="kapa", operation="clear_history"))


def test_the_probe_retrieves_the_project(vendor):
    vendor.add("GET", f"{KAPA_URL}/org/v1/projects/{PROJECT}/", json=SAMPLES["retrieve_project"])
    with connect_client("kapa") as kapa:
        (probe,) = kapa.probes()
        assert kapa.run(probe).project_name == "string"


def test_the_package_has_its_two_names_and_no_other():
    assert unichat_kapa.operations.endpoints is unichat_kapa.backend.endpoints
    assert unichat_kapa.backend.identity == "project_id"
    with pytest.raises(AttributeError, match="nonsense"):
        _ = unichat_kapa.nonsense
