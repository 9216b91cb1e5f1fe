import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.canned import (
    CannedStream,
    EchoAdapter,
    EchoSettings,
    bench,
    endpoints,
    list_rows,
    operation,
    records,
    reply,
    stream_operation,
)
from unichat.adapter import Operation, Page, Paged, Replay, Request
from unichat.client.sync_client import Client
from unichat.errors import ConnectionFailed, InvalidInput, InvalidResponse, NotFound, ServerError, Unsupported
from unichat.models import Answer, ClearOutcome, Exchange, FeedbackReceipt, Rating, Source, ThreadRef
from unichat.transport.base import TransportFailure

WHOLE = tuple(records({"text": "Yes."}, {"end": True}))


def page(*ids, following=None):
    return reply(200, {"rows": [{"id": number} for number in ids], "next": following})


def ids(exchanges):
    return [int(exchange.id) for exchange in exchanges]


# The neutral calls


def test_a_question_returns_an_answer_with_the_record_of_its_call():
    body = {"text": "Yes.", "id": "a1", "thread": "t1", "sources": [{"url": "https://x.org"}], "more": 1}
    made = bench(reply(503, {}), reply(200, body))
    answer = made.client.chat("Hi?")
    assert answer == Answer(text="Yes.", id="a1", thread=ThreadRef("echo", "t1"), sources=(Source("https://x.org"),))
    assert answer.raw == body
    assert (answer.call.backend, answer.call.operation, answer.call.status) == ("echo", "chat", 200)
    assert [attempt.outcome for attempt in answer.call.attempts] == ["HTTP 503", "ok"]
    assert made.sent[0].path == "/bots/b/chat"
    assert json.loads(made.sent[0].body) == {"text": "Hi?", "thread": None}


@pytest.mark.parametrize(("status", "expected"), [(500, True), (502, True), (504, True), (503, False), (429, False)])
def test_an_answer_says_whether_the_question_may_have_been_asked_twice(status, expected):
    made = bench(reply(status, {}), reply(200, {"text": "Yes."}))
    assert made.client.chat("Hi?").maybe_duplicated is expected


def test_a_thread_is_continued():
    made = bench(reply(200, {"text": "Yes."}), reply(200, {"text": "No."}))
    assert made.client.continue_thread(ThreadRef("echo", "t1"), "And?").text == "Yes."
    assert json.loads(made.sent[0].body) == {"text": "And?", "thread": "t1"}


def test_an_answer_is_rated_and_the_receipt_has_its_call():
    made = bench(reply(200, {"row": 1}))
    receipt = made.client.feedback("a1", Rating.DOWN)
    assert isinstance(receipt, FeedbackReceipt)
    assert receipt.raw == {"row": 1}
    assert receipt.call.operation == "rate"
    assert json.loads(made.sent[0].body) == {"answer": "a1", "rating": "down"}


def test_a_rating_that_may_make_a_second_row_is_not_repeated():
    made = bench(TransportFailure("closed"))
    with pytest.raises(ConnectionFailed):
        made.client.feedback("a1", "up")
    assert len(made.sent) == 1


def test_a_conversation_is_cleared():
    made = bench(reply(200, {"done": True}))
    result = made.client.clear_history(user="ann")
    assert (result.outcome, result.raw, result.call.operation) == (ClearOutcome.CLEARED, {"done": True}, "clear")


@pytest.mark.parametrize("own", [None, 7.0])
def test_every_call_takes_a_deadline(own):
    made = bench(
        reply(200, {"text": "a"}), reply(200, {"text": "a"}), reply(200, {}), page(1), reply(200, {}), reply(200, 1)
    )
    made.client.chat("Hi?", deadline=own)
    made.client.continue_thread(ThreadRef("echo", "t"), "Hi?", deadline=own)
    made.client.feedback("a1", "up", deadline=own)
    list(made.client.history(deadline=own))
    made.client.clear_history(deadline=own)
    made.client.run(operation(Replay.ASK), deadline=own)
    assert made.transport.timeouts == ([7.0] * 6 if own else [120, 120, 30, 30, 30, 120])


def test_questions_of_one_user_wait_for_each_other_and_the_lock_ends_with_the_call():
    made = bench(reply(404, {}), reply(200, {"text": "a"}))
    with pytest.raises(NotFound):
        made.client.chat("Hi?", user="ann")
    assert made.client.chat("Hi?", user="ann", deadline=5).text == "a"


# History


def test_a_history_reads_each_page_as_it_is_iterated():
    made = bench(page(1, 2, following=2), page(3, 4, following=3), page(5))
    exchanges = made.client.history()
    assert made.sent == []
    assert isinstance(next(exchanges), Exchange)
    assert len(made.sent) == 1
    assert ids(exchanges) == [2, 3, 4, 5]
    assert [request.target for request in made.sent] == ["/rows?page=1", "/rows?page=2", "/rows?page=3"]
    assert list(exchanges) == []


@pytest.mark.parametrize(("limit", "sends"), [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (99, 2)])
def test_a_limit_ends_the_history_without_fetching_further_pages(limit, sends):
    made = bench(page(1, 2, following=2), page(3, 4))
    assert ids(made.client.history(limit=limit)) == [1, 2, 3, 4][:limit]
    assert len(made.sent) == sends


def test_an_empty_history_is_empty():
    assert list(bench(page()).client.history()) == []


def test_a_history_can_end_with_an_empty_page():
    made = bench(page(1, following=2), page())
    assert ids(made.client.history()) == [1]
    assert len(made.sent) == 2


def test_an_endlessly_repeated_page_ends_the_history():
    made = bench(*[page(1, 2, following=2)] * 4)
    assert ids(made.client.history()) == [1, 2]
    assert len(made.sent) < 4


def test_a_row_that_moved_to_the_next_page_is_returned_once():
    made = bench(page(9, 8, 7, following=2), page(7, 6, 5, following=3), page(4))
    assert ids(made.client.history()) == [9, 8, 7, 6, 5, 4]


def test_a_row_that_is_twice_on_a_page_is_returned_once():
    assert ids(bench(page(1, 2, 1)).client.history()) == [1, 2]


@pytest.mark.parametrize(("rows_between", "given"), [(1, 1), (2, 1), (6, 2), (7, 2)])
def test_a_row_that_recurs_soon_is_returned_once_and_forgotten_later(rows_between, given, monkeypatch):
    monkeypatch.setattr("unichat.client.paging._REMEMBERED_ROWS", 3)
    numbers = [0, *range(1, rows_between + 1), 0]
    made = bench(*[page(number, following=at + 1) for at, number in enumerate(numbers)], page())
    assert ids(made.client.history()).count(0) == given


def test_rows_without_an_id_are_all_returned():
    rows = reply(200, {"rows": [{}, {}], "next": 2})
    made = bench(rows, reply(200, {"rows": [{}]}))
    assert len(list(made.client.history())) == 3


def test_unwanted_rows_are_left_out_and_do_not_count():
    rows = reply(200, {"rows": [{"id": 1, "hidden": True}, {"id": 2}, {"id": 3}]})
    assert ids(bench(rows).client.history(limit=1)) == [2]


def test_a_page_of_only_unwanted_rows_does_not_end_the_history():
    rows = reply(200, {"rows": [{"id": 1, "hidden": True}], "next": 2})
    assert ids(bench(rows, page(2)).client.history()) == [2]


def test_a_failing_page_raises_and_earlier_rows_stay_valid():
    made = bench(page(1, 2, following=2), *[reply(500, {})] * 3)
    given = []
    with pytest.raises(ServerError):
        given.extend(int(exchange.id) for exchange in made.client.history())
    assert len(made.sent) == 4
    made = bench(page(1, 2, following=2), reply(500, {}), page(3))
    assert ids(made.client.history()) == [1, 2, 3]


def test_the_deadline_counts_for_each_page():
    def slow(request):
        made.clock.now += 20
        return page(1, following=2) if request.target.endswith("page=1") else page(2)

    made = bench(slow, slow)
    assert ids(made.client.history(deadline=30)) == [1, 2]


def test_an_endless_history_raises_at_the_page_limit():
    made = bench(*[page(number, following=number + 1) for number in range(30)], policy={"page_limit": 20})
    exchanges = made.client.history()
    with pytest.raises(InvalidResponse, match="did not end after 20 pages") as caught:
        list(exchanges)
    assert "limit=" in caught.value.hint
    assert len(made.sent) == 20


class Vendor:
    """A list in pages, newest first, to which rows are added while it is read."""

    def __init__(self, rows, size, arrivals):
        self.rows = list(range(rows))
        self.size = size
        self._arrivals = list(arrivals)

    def operation(self, number):
        def parse(_):
            newest_first = self.rows[::-1]
            start = (number - 1) * self.size
            found = tuple(newest_first[start : start + self.size])
            more = self.operation(number + 1) if start + self.size < len(newest_first) else None
            for _ in range(self._arrivals.pop(0) if self._arrivals else 0):
                self.rows.append(len(self.rows))
            return Page(found, more)

        return Operation(
            backend="echo", name="rows", replay=Replay.READ, request=Request("GET", "/rows"),
            detect_error=lambda _: None, parse=parse,
        )  # fmt: skip


def read(vendor):
    made = bench(*[reply(200)] * 500)
    return list(made.read_pages(Paged(vendor.operation(1), lambda row: row)))


@given(st.integers(0, 40), st.integers(1, 9))
def test_each_row_is_returned_once_and_in_order(rows, size):
    assert read(Vendor(rows, size, [])) == list(range(rows))[::-1]


@given(st.integers(0, 40), st.integers(2, 9), st.data())
def test_each_row_is_returned_once_even_if_rows_move_to_the_next_page(rows, size, data):
    # Up to a page less one: what moves farther cannot be told without keeping every page.
    arrivals = data.draw(st.lists(st.integers(0, size - 1), max_size=10))
    assert read(Vendor(rows, size, arrivals)) == list(range(rows))[::-1]


def test_as_many_new_rows_as_a_page_has_do_not_hide_the_rest():
    assert read(Vendor(6, 2, [2])) == [5, 4, 3, 2, 1, 0]
    assert read(Vendor(3, 1, [1])) == [2, 1, 0]


# Operations


def test_a_vendors_own_operation_is_run_with_the_same_retries():
    made = bench(reply(503, {}), reply(200, {"x": 1}))
    assert made.client.run(operation()) == {"x": 1}


def test_a_result_has_the_vendors_json():
    assert bench(page(1)).client.run(list_rows()).raw == {"rows": [{"id": 1}], "next": None}


@pytest.mark.parametrize("foreign", [operation(), stream_operation()], ids=["operation", "stream"])
def test_another_backends_operation_is_refused(foreign):
    made = bench()
    client = Client(
        "other", made.adapter, made.transport, endpoints=endpoints, settings=EchoSettings(base_url="https://e.example")
    )
    with pytest.raises(Unsupported, match="is an operation of echo, and this client talks to other"):
        client.run(foreign)
    assert made.sent == []


@pytest.mark.parametrize("wrong", [None, "chat", 5, endpoints["chat"], endpoints["chat"].function])
def test_a_value_that_is_not_an_operation_is_refused(wrong):
    with pytest.raises(InvalidInput, match="is not an operation") as caught:
        bench().client.run(wrong)
    assert caught.value.argument == "operation"


@pytest.mark.parametrize("deadline", [0, -1, "5"])
def test_the_deadline_of_an_operation_is_checked(deadline):
    with pytest.raises(InvalidInput, match="deadline"):
        bench().client.run(operation(), deadline=deadline)


def test_probes_are_the_adapters():
    assert [probe.name for probe in bench().client.probes()] == ["list_rows"]


# Closing


def test_a_client_is_a_context_manager_and_closing_twice_is_fine():
    made = bench()
    with made.client as entered:
        assert entered is made.client
    made.client.close()
    assert made.transport.closed >= 1


AFTERWARDS = {
    "chat": lambda client: client.chat("Hi?"),
    "continue_thread": lambda client: client.continue_thread(ThreadRef("echo", "t"), "Hi?"),
    "stream": lambda client: client.stream("Hi?").answer,
    "feedback": lambda client: client.feedback("a1", "up"),
    "history": lambda client: list(client.history()),
    "history of nothing": lambda client: list(client.history(limit=0)),
    "clear_history": lambda client: client.clear_history(),
    "clear_history that leaves": lambda client: client.clear_history(on_unsupported="drop"),
    "run": lambda client: client.run(operation()),
    "run a stream": lambda client: list(client.run(stream_operation())),
    "chat of a user": lambda client: client.chat("Hi?", user="ann"),
}


@pytest.mark.parametrize("name", AFTERWARDS)
@pytest.mark.parametrize("streaming", [True, False])
def test_a_call_after_closing_is_refused_and_nothing_is_sent(name, streaming):
    made = bench(streaming=streaming, clear_history="leaves" not in name)
    made.client.close()
    with pytest.raises(InvalidInput, match="the client is closed"):
        AFTERWARDS[name](made.client)
    assert made.sent == []


def test_closing_between_pages_ends_the_history():
    made = bench(page(1, following=2))
    exchanges = made.client.history()
    next(exchanges)
    made.client.close()
    with pytest.raises(InvalidInput):
        next(exchanges)


def test_a_client_shows_its_backend_and_nothing_more():
    assert repr(bench().client) == "<unichat client of echo>"


def test_capabilities_are_known_beforehand():
    made = bench(streaming=False)
    assert made.client.capabilities.streaming is False
    assert made.client.capabilities.options["chat"] == ("tone",)
    assert made.sent == []


@pytest.mark.parametrize("streaming", [True, False])
def test_the_answer_of_a_stream_has_the_record_of_its_call_within_its_deadline(streaming):
    made = bench(CannedStream(WHOLE) if streaming else reply(200, {"text": "Yes."}), streaming=streaming)
    with made.client.stream("Hi?", deadline=7.0) as stream:
        answer = stream.answer
    assert (answer.text, answer.call.operation) == ("Yes.", "chat_streamed" if streaming else "chat")
    assert made.transport.timeouts == [7.0]


class Forgetful(EchoAdapter):
    """Finds out that there is no such history when it is read."""

    def history(self, call):
        raise NotFound("no such conversation")
        yield


def test_an_error_of_an_adapter_before_the_first_page_is_that_of_the_history():
    made = bench()
    adapter = Forgetful(made.adapter.capabilities, made.adapter.credential)
    settings = EchoSettings(base_url="https://echo.example")
    client = Client("echo", adapter, made.transport, endpoints=endpoints, settings=settings)
    with pytest.raises(NotFound) as caught:
        list(client.history())
    assert (caught.value.backend, caught.value.operation) == ("echo", "history")


def test_a_stream_yields_the_answer_in_parts():
    made = bench(CannedStream(WHOLE))
    with made.client.stream("Hi?", thread=ThreadRef("echo", "t")) as stream:
        assert "".join(event.text for event in stream) == stream.answer.text == "Yes."
    assert made.adapter.calls[0].thread == ThreadRef("echo", "t")
