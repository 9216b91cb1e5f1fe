"""Reconciling on Kadal: how the adapter looks for an answer that was lost. Rows have no times, but come in order."""

import pytest

from tests.behaviour.doubles import StubTransport, client_on, read_query, reply
from unichat.transport.base import TransportFailure

MODES = pytest.mark.parametrize("threads", ["per-user", "isolated"])


class LossyKadal:
    """A minimal Kadal that loses the next `lost` answers, or that does not even receive their questions."""

    def __init__(self, mini, threads):
        self.mini = mini
        self.lost = 0
        self.received = True
        self.transport = StubTransport(self.answer)
        self.client = client_on(self.transport, "kadal", replay="reconcile", threads=threads)

    @property
    def asked(self):
        return sum("/v2/" in request.path for request in self.transport.sent)

    def answer(self, request):
        if "/v2/" not in request.path or not self.lost:
            return self.mini.answer(request)
        self.lost -= 1
        if self.received:
            self.mini.answer(request)
        return TransportFailure("closed", phase="waiting")

    def lose(self, *, received):
        self.lost, self.received = 1, received


@pytest.fixture
def lossy(mini, threads):
    return LossyKadal(mini, threads)


@MODES
def test_reconciling_finds_the_answer_in_the_newest_row(lossy):
    lossy.lose(received=True)
    answer = lossy.client.chat("q", user="anna")
    assert (answer.text, answer.id, answer.thread.position, lossy.asked) == ("answer 1", "1", "1", 1)
    look = read_query(lossy.transport.sent[-1])
    assert (look["page_no"], look["page_size"], look["order"]) == ("1", "1", "desc")
    assert look["ext_user_id_ref"] == read_query(lossy.transport.sent[0])["ext_user_id_ref"]


@MODES
def test_reconciling_asks_again_where_the_question_was_not_received(lossy):
    lossy.lose(received=False)
    answer = lossy.client.chat("q", user="anna")
    assert (answer.text, answer.maybe_duplicated, lossy.asked) == ("answer 1", True, 2)


@MODES
@pytest.mark.parametrize("latest", [True, False], ids=["from the latest answer", "from an earlier one"])
def test_an_answer_to_the_same_words_that_this_client_has_seen_is_not_the_lost_one(latest, lossy):
    first = lossy.client.chat("one", user="anna")
    second = lossy.client.continue_thread(first, "two")
    lossy.lose(received=False)
    answer = lossy.client.continue_thread(second if latest else first, "two")
    assert (answer.id, lossy.asked) == ("3", 4)


@pytest.mark.parametrize("threads", ["isolated"])
def test_answers_in_other_isolated_threads_do_not_hide_what_was_seen_in_one(lossy):
    first = lossy.client.chat("one", user="anna")
    lossy.client.continue_thread(first, "two")
    lossy.client.chat("elsewhere", user="anna")
    lossy.lose(received=False)
    assert lossy.client.continue_thread(first, "two").id == "4"


@MODES
@pytest.mark.parametrize(
    "row",
    [{"user_query": "other words"}, {"bot_response": ""}, {"bot_response": None}, {"bot_response_id": None}],
    ids=repr,
)
def test_a_newest_row_that_cannot_be_the_lost_answer_is_not_taken_for_it(row, lossy, monkeypatch):
    well = lossy.mini.answer

    def answer(request):
        found = well(request)
        if not request.path.endswith("/v1/"):
            return found
        return reply({"data": [{**each, **row} for each in found.json()["data"]]})

    monkeypatch.setattr(lossy.mini, "answer", answer)
    lossy.lose(received=True)
    assert lossy.client.chat("q", user="anna").text == "answer 2"


@MODES
def test_the_first_of_more_rows_than_were_requested_is_the_newest(lossy, monkeypatch):
    well = lossy.mini.answer
    older = {"user_query": "q", "bot_response": "older", "bot_response_id": 900}

    def answer(request):
        found = well(request)
        return reply({"data": [*found.json()["data"], older]}) if request.path.endswith("/v1/") else found

    monkeypatch.setattr(lossy.mini, "answer", answer)
    lossy.lose(received=True)
    assert lossy.client.chat("q", user="anna").text == "answer 1"
