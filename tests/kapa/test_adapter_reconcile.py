"""Reconciling on Kapa: how the adapter looks for an answer that was lost."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.behaviour.doubles import StubTransport, client_on, read_query, reply
from unichat import ThreadRef
from unichat.transport.base import TransportFailure

THREAD = "1de43264-67cb-48af-89f9-e865c375bb84"
ANSWER = "484fbe4d-af7f-4b72-aecb-cde0e9e50cf3"


def row(question="q", *, age=0.0, answer="found", number=3):
    asked = datetime.now(UTC) - timedelta(seconds=age)
    return {
        "id": f"{ANSWER[:-1]}{number}",
        "thread_id": THREAD,
        "question": question,
        "answer": answer,
        "created_at": asked.isoformat(),
    }


def ask_and_reconcile(rows, thread=None, requested=None):
    """What asking gives when the first answer is lost and the history has these rows; and how often it was asked.

    `requested` collects the requests for the rows.
    """
    outcomes = [TransportFailure("closed", phase="waiting"), reply({"answer": "asked again"})]

    def respond(request):
        if request.method == "GET":
            if requested is not None:
                requested.append(request)
            listed = {"id": THREAD, "question_answers": rows} if "/threads/" in request.path else {"results": rows}
            return reply(listed)
        return outcomes.pop(0)

    transport = StubTransport(respond)
    client = client_on(transport, "kapa", replay="reconcile")
    answer = client.chat("q") if thread is None else client.continue_thread(thread, "q")
    return answer.text, sum(request.method == "POST" for request in transport.sent)


IN_A_THREAD = pytest.mark.parametrize("thread", [None, ThreadRef("kapa", THREAD)], ids=["chat", "continue"])


@IN_A_THREAD
def test_reconciling_finds_the_same_question_asked_just_now(thread):
    assert ask_and_reconcile([row()], thread) == ("found", 1)


@IN_A_THREAD
@pytest.mark.parametrize(
    "rows",
    [[row(age=3600)], [row("another question")], [row(answer="")], [], [{**row(), "created_at": None}]],
    ids=["long ago", "other words", "no answer yet", "nothing", "no time"],
)
def test_reconciling_ignores_older_rows_and_other_questions(rows, thread):
    assert ask_and_reconcile(rows, thread) == ("asked again", 2)


def test_reconciling_in_a_thread_looks_at_its_last_exchange_only():
    rows = [row(age=2, number=3), row("another question", age=1, number=4)]
    assert ask_and_reconcile(rows, ThreadRef("kapa", THREAD)) == ("asked again", 2)


def test_reconciling_without_a_thread_reads_the_newest_page():
    requested = []
    ask_and_reconcile([row()], requested=requested)
    assert [read_query(request) for request in requested] == [
        {"ordering": "-created_at", "page": "1", "page_size": "100"}
    ]


def test_reconciling_finds_nothing_if_two_rows_match():
    assert ask_and_reconcile([row(), row(number=4)]) == ("asked again", 2)
