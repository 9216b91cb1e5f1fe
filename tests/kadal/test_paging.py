"""Kadal's histories: each row once, whatever the total claims, and an end in every way in which Kadal may end them."""

from itertools import islice

import pytest

from tests.behaviour.doubles import BOT, Canned, canned, client_on, query_of, reply
from unichat import ThreadRef, errors

from .test_operations import V7

VERSIONS = pytest.mark.parametrize("version", ["v1", "v7"])
ENVELOPE_404 = {"status_code": 404, "message": "Resource Not Found"}
EMPTY_V7 = {
    "status_code": 404,
    "message": "No records found",
    "total_count": 0,
    "data": {"has_continuations": False, "chat_hist": []},
}


def row(number, version="v1"):
    if version == "v7":
        return {**V7["data"]["chat_hist"][0], "query_response_id": str(number), "user_query": f"q{number}"}
    return {"chat_bot_id": BOT, "user_query": f"q{number}", "bot_response": "a", "bot_response_id": number}


class Vendor:
    """Kadal with `rows`; `total` names the count and says how it is reckoned; `end` answers pages past the end."""

    def __init__(self, total_rows, version="v1", total=None, cap=1000, end=None, rows=None):
        self.rows = [row(number, version) for number in range(total_rows)] if rows is None else rows
        self.version = version
        self.total = total
        self.cap = cap
        self.end = end
        self.transport = Canned(self.answer)
        self.client = client_on(self.transport, "kadal", history_version=version)

    @property
    def pages(self):
        return [int(query_of(request)["page_no"]) for request in self.transport.sent]

    def answer(self, request):
        assert len(self.pages) < 100, "this would go on for ever"
        query = query_of(request)
        page, size = int(query["page_no"]), min(int(query["page_size"]), self.cap)
        rows = self.rows[::-1] if query["order"] == "desc" else self.rows
        part = rows[(page - 1) * size : page * size]
        if not part and page > 1 and self.end is not None:
            return self.end
        return reply(self.page(part))

    def page(self, part):
        if self.version == "v7":
            count = {"total_count": self.total(self.rows)} if self.total else {}
            return {**V7, "total_count": None, **count, "data": {"has_continuations": True, "chat_hist": part}}
        count = {} if self.total is None else self.total(self.rows)
        return {"status_code": 200, "data": part, **(count if isinstance(count, dict) else {"total_count": count})}


def questions(exchanges):
    return [exchange.question for exchange in exchanges]


def named(*numbers):
    return [f"q{number}" for number in numbers]


TOTALS = pytest.mark.parametrize(
    "total",
    [None, len, lambda rows: {"total_skill_count": len(rows)}],
    ids=["no total", "total_count", "total_skill_count"],
)


@TOTALS
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
def test_each_row_comes_once_and_in_order(total, count, newest_first):
    vendor = Vendor(count, total=total)
    found = questions(vendor.client.history(page_size=2, newest_first=newest_first))
    assert found == (named(*range(count))[::-1] if newest_first else named(*range(count)))
    assert vendor.pages == list(range(1, len(vendor.pages) + 1))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize("total", [None, len], ids=["no total", "total_count"])
def test_the_newer_list_gives_each_row_once_as_well(total, count):
    assert questions(Vendor(count, "v7", total).client.history(page_size=2)) == named(*range(count))


@pytest.mark.parametrize("rows", [1, 3])
def test_a_total_with_a_short_page_ends_the_list_without_another_page(rows):
    vendor = Vendor(rows, total=len)
    assert len(list(vendor.client.history(page_size=2))) == rows
    assert len(vendor.pages) == (rows + 1) // 2


@VERSIONS
def test_a_short_page_alone_is_not_the_end(version):
    vendor = Vendor(7, version, cap=3)
    assert questions(vendor.client.history(page_size=50)) == named(*range(7))
    assert vendor.pages == [1, 2, 3, 4]


@VERSIONS
@pytest.mark.parametrize("claimed", [0, 1, 2, 3, 4, 6, 1000], ids=lambda total: f"total {total}")
def test_a_total_that_is_too_small_or_too_big_loses_no_row_and_ends(version, claimed):
    vendor = Vendor(5, version, lambda rows: claimed)
    assert questions(vendor.client.history(page_size=2)) == named(*range(5))


def test_the_printed_sample_whose_total_is_no_page_length_asks_for_more(mini):
    page = {"status_code": 200, "data": [row(0)], "total_skill_count": 5}
    transport = canned(reply(page), reply({"status_code": 200, "data": [], "total_skill_count": 5}))
    assert questions(client_on(transport, "kadal").history()) == named(0)


ENDS = {
    "an empty list": reply({"status_code": 200, "data": []}),
    "a list with 404 in the body": reply({"status_code": 404, "data": []}),
    "404 in the body, no list": reply(ENVELOPE_404),
    "404 as text in the body, no list": reply({**ENVELOPE_404, "status_code": "404"}),
    "HTTP 404 in the envelope": reply(ENVELOPE_404, 404),
    "HTTP 404 with a list": reply({"status_code": 404, "data": []}, 404),
    "the newer empty page": reply(EMPTY_V7),
    "the newer empty page under HTTP 404": reply(EMPTY_V7, 404),
    # Of a page after the first: by then the route is known to exist.
    "HTTP 404 in the framework's form": reply({"detail": "Not Found"}, 404),
    "HTTP 404 without a body": reply(status=404, body=b""),
}


@VERSIONS
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_every_form_of_404_or_emptiness_past_the_end_is_the_end(version, end):
    vendor = Vendor(4, version, end=end)
    assert questions(vendor.client.history(page_size=2)) == named(*range(4))
    assert vendor.pages == [1, 2, 3]


@pytest.mark.parametrize("end", [status for status in ENDS if "list" in status and "no list" not in status])
def test_a_first_page_with_a_list_is_an_empty_history_even_with_a_404(end):
    assert list(client_on(canned(ENDS[end]), "kadal").history()) == []


@pytest.mark.parametrize("status", [200, 404])
def test_a_newer_empty_history_is_empty_under_either_status(status):
    client = client_on(canned(reply(EMPTY_V7, status)), "kadal", history_version="v7")
    assert list(client.history()) == []


@VERSIONS
@pytest.mark.parametrize("answer", [reply(ENVELOPE_404, 404), reply(ENVELOPE_404)], ids=["http", "body"])
def test_a_404_on_the_first_page_without_a_list_is_a_bot_that_is_not_there(version, answer):
    client = client_on(canned(answer), "kadal", history_version=version)
    with pytest.raises(errors.NotFound) as raised:
        list(client.history())
    assert raised.value.what == "bot"


@VERSIONS
def test_a_page_that_is_repeated_for_ever_ends_the_list(version):
    page = Vendor(2, version).page([row(0, version), row(1, version)])
    transport = Canned(lambda request: reply(page))
    client = client_on(transport, "kadal", history_version=version)
    assert questions(client.history(page_size=2)) == named(0, 1)
    # One repetition may be rows that new ones pushed along; two in a row are a vendor that ignores the page.
    assert len(transport.sent) == 3


def test_a_page_without_ids_that_is_repeated_for_ever_ends_the_list_as_well():
    rows = [{"user_query": "q0", "bot_response": "a"}, {"user_query": "q1", "bot_response": "a"}]
    transport = Canned(lambda request: reply({"status_code": 200, "data": rows}))
    found = questions(islice(client_on(transport, "kadal").history(page_size=2), 10))
    assert found == named(0, 1)
    assert len(transport.sent) == 3


def test_rows_without_ids_that_are_alike_are_all_given():
    rows = [{"user_query": "q0", "bot_response": "a"}] * 3
    assert len(list(Vendor(0, rows=rows).client.history())) == 3


def test_a_row_that_moved_to_the_next_page_while_reading_comes_once():
    vendor = Vendor(6)
    found = []
    for exchange in vendor.client.history(page_size=3, newest_first=True):
        found.append(exchange.question)
        if len(found) == 2:
            vendor.rows.append(row(99))
    assert found == named(5, 4, 3, 2, 1, 0)


def test_pages_are_fetched_as_they_are_needed_and_not_before():
    vendor = Vendor(10)
    history = vendor.client.history(page_size=3)
    assert vendor.pages == []
    assert questions(islice(history, 3)) == named(0, 1, 2)
    assert vendor.pages == [1]
    assert next(history).question == "q3"
    assert vendor.pages == [1, 2]


@pytest.mark.parametrize(("limit", "pages"), [(0, []), (1, [1]), (2, [1]), (3, [1, 2]), (4, [1, 2])])
def test_a_limit_ends_the_list_and_fetches_no_page_beyond_it(limit, pages):
    vendor = Vendor(5)
    assert questions(vendor.client.history(page_size=2, limit=limit)) == named(*range(limit))
    assert vendor.pages == pages


def test_a_page_that_fails_leaves_the_rows_before_it_good():
    vendor = Vendor(4, end=reply({"status_code": 500, "message": "down"}, 500))
    history = vendor.client.history(page_size=2)
    assert questions(islice(history, 4)) == named(0, 1, 2, 3)
    with pytest.raises(errors.ServerError):
        next(history)


def test_event_rows_are_kept_unless_the_settings_say_otherwise():
    event = {**row(1, "v7"), "metadata": {"category": "event"}}
    page = Vendor(0, "v7").page([row(0, "v7"), event, {**row(2, "v7"), "metadata": None}])
    for include, expected in ((True, named(0, 1, 2)), (False, named(0, 2))):
        transport = canned(reply(page), reply(EMPTY_V7))
        client = client_on(transport, "kadal", history_version="v7", include_events=include)
        assert questions(client.history()) == expected


def test_a_page_of_nothing_but_events_is_no_end():
    event = {**row(0, "v7"), "metadata": {"category": "event"}}
    pages = [Vendor(0, "v7").page([each]) for each in (event, row(1, "v7"))]
    transport = canned(*map(reply, pages), reply(EMPTY_V7))
    client = client_on(transport, "kadal", history_version="v7", include_events=False)
    assert questions(client.history(page_size=1)) == named(1)


def test_a_users_history_asks_for_that_user_and_its_rows_can_be_continued():
    transport = Canned(lambda request: reply({"status_code": 200, "data": [row(0)], "total_count": 1}))
    client = client_on(transport, "kadal")
    (exchange,) = client.history(user="anna")
    assert query_of(transport.sent[0])["ext_user_id_ref"] == "anna"
    assert (exchange.thread.user, exchange.thread.scope) == ("anna", BOT)
    assert ThreadRef.parse(str(exchange.thread)) == exchange.thread


def test_a_threads_history_asks_for_the_threads_user():
    transport = Canned(lambda request: reply({"status_code": 200, "data": [row(0)], "total_count": 1}))
    thread = ThreadRef("kadal", "x", user="anna", scope=BOT)
    (exchange,) = client_on(transport, "kadal").history(thread)
    assert query_of(transport.sent[0])["ext_user_id_ref"] == "anna"
    assert exchange.thread == thread


def test_the_bots_history_asks_for_nobody_and_its_rows_say_no_thread():
    transport = Canned(lambda request: reply({"status_code": 200, "data": [row(0)], "total_count": 1}))
    (exchange,) = client_on(transport, "kadal").history()
    assert "ext_user_id_ref" not in query_of(transport.sent[0])
    assert exchange.thread is None
