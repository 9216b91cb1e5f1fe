"""Each reading of an open point that a simulator can follow: a check says which, and breaks on none."""

import pytest
from attrs import evolve

import unichat
from tests.contract.conftest import QUESTION
from unichat.contract import check

READINGS = [
    ("kadal", "status_code_type", "str", "list_chats", "/status_code"),
    ("kadal", "id_type", "str", "list_chats", "/data/0/bot_response_id"),
    ("kadal", "id_type", "str", "post_chat", "/message_id"),
    ("kadal", "count_field", "total_count", "list_chats", ""),
    ("kadal", "count_field", "none", "list_chats", ""),
    ("kadal", "null_responses", True, "list_chats", "/data/0/bot_response"),
    ("kadal", "message_in", "query", "post_chat", ""),
    ("kadal", "feedback_in", "query", "add_feedback", ""),
    *[
        ("kapa", quirk, shape, operation, "")
        for quirk, operation, default in (
            ("sources_shape", "list_sources", "count"),
            ("integrations_shape", "list_integrations", "bare"),
            ("question_answers_shape", "list_question_answers", "bare"),
            ("end_users_shape", "list_end_users", "next"),
        )
        for shape in ("bare", "count", "next", "object")
        if shape != default
    ],
    ("kapa", "thread_sources", "list", "retrieve_thread", "/question_answers/0/relevant_sources"),
    ("kapa", "thread_sources", "null", "retrieve_thread", "/question_answers/0/relevant_sources"),
]
HARMLESS = [
    ("kadal", "refs_must_be_uuids", True, "post_chat"),
    ("kadal", "v7_empty", "http_404", "list_chats_v7"),
    ("kadal", "past_the_end", "empty", "list_chats"),
    ("kadal", "missing_token_status", 401, "list_chats"),
    ("kapa", "stream_end", "none", "chat_streamed"),
    ("kapa", "stream_end", "all", "chat_streamed"),
    ("kapa", "agent_activity", True, "chat_streamed"),
]


@pytest.fixture
def row(box):
    """Check one operation of a vendor with a quirk; each has a row, of a user too."""
    changed = []

    def run_check(backend, quirk, value, operation):
        simulator = box.simulator(backend)
        changed.append((simulator, simulator.quirks))
        with unichat.connect(backend, **box.settings(backend), attempts=1) as client:
            client.chat(QUESTION)
            client.chat(QUESTION, user="ada")
            simulator.quirks = evolve(simulator.quirks, **{quirk: value})
            (found,) = check(client, only=(operation,), write=True).operations
        return found

    yield run_check
    for simulator, quirks in changed:
        simulator.quirks = quirks


@pytest.mark.parametrize(("backend", "quirk", "value", "operation", "pointer"), READINGS)
def test_another_reading_than_the_default_is_settled_as_drift(row, backend, quirk, value, operation, pointer):
    found = row(backend, quirk, value, operation)
    assert found.verdict.value == "drift"
    assert [(each.kind, each.pointer) for each in found.findings if each.verdict.value == "drift"] == [
        ("settled", pointer)
    ]


@pytest.mark.parametrize(("backend", "quirk", "value", "operation"), HARMLESS)
def test_what_the_contract_allows_is_ok(row, backend, quirk, value, operation):
    assert row(backend, quirk, value, operation).verdict.value == "ok"


@pytest.mark.parametrize("value", ["http_204", "body_204"])
def test_an_answer_that_nothing_was_found_says_nothing(row, value):
    found = row("kadal", "nothing_found", value, "post_chat")
    assert (found.verdict.value, found.findings[0].message) == ("unknown", "answered with 204: nothing was found")
