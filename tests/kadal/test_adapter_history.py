"""The Kadal adapter's histories: versions, pages, and each way in which Kadal may end a list."""

from itertools import islice

import pytest

from tests.behaviour.doubles import (
    BOT,
    StubTransport,
    client_on,
    read_body,
    read_query,
    reply,
    stub_replies,
)
from unichat import Rating, ThreadRef, errors

from .replies import (
    LIST,
    LIST_V7,
    catch_error,
)
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
        self.transport = StubTransport(self.answer)
        self.client = client_on(self.transport, "kadal", history_version=version)

    @property
    def pages(self):
        return [int(read_query(request)["page_no"]) for request in self.transport.sent]

    def answer(self, request):
        assert len(self.pages) < 100, "this would go on forever"
        query = read_query(request)
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


def number_questions(*numbers):
    return [f"q{number}" for number in numbers]


TOTALS = pytest.mark.parametrize(
    "total",
    [None, len, lambda rows: {"total_skill_count": len(rows)}],
    ids=["no total", "total_count", "total_skill_count"],
)


@TOTALS
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
def test_a_history_returns_each_row_once_and_in_order(total, count, newest_first):
    vendor = Vendor(count, total=total)
    found = questions(vendor.client.history(page_size=2, newest_first=newest_first))
    assert found == (number_questions(*range(count))[::-1] if newest_first else number_questions(*range(count)))
    assert vendor.pages == list(range(1, len(vendor.pages) + 1))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize("total", [None, len], ids=["no total", "total_count"])
def test_a_v7_history_returns_each_row_once(total, count):
    assert questions(Vendor(count, "v7", total).client.history(page_size=2)) == number_questions(*range(count))


@pytest.mark.parametrize("rows", [1, 3])
def test_a_short_page_that_reaches_the_total_is_the_last(rows):
    vendor = Vendor(rows, total=len)
    assert len(list(vendor.client.history(page_size=2))) == rows
    assert len(vendor.pages) == (rows + 1) // 2


@VERSIONS
def test_a_short_page_alone_is_not_the_last(version):
    vendor = Vendor(7, version, cap=3)
    assert questions(vendor.client.history(page_size=50)) == number_questions(*range(7))
    assert vendor.pages == [1, 2, 3, 4]


@VERSIONS
@pytest.mark.parametrize("claimed", [0, 1, 2, 3, 4, 6, 1000], ids=lambda total: f"total {total}")
def test_a_history_with_a_wrong_total_returns_every_row_and_ends(version, claimed):
    vendor = Vendor(5, version, lambda rows: claimed)
    assert questions(vendor.client.history(page_size=2)) == number_questions(*range(5))


def test_the_references_sample_whose_total_is_not_its_length_is_not_the_last_page(mini):
    page = {"status_code": 200, "data": [row(0)], "total_skill_count": 5}
    transport = stub_replies(reply(page), reply({"status_code": 200, "data": [], "total_skill_count": 5}))
    assert questions(client_on(transport, "kadal").history()) == number_questions(0)


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
def test_a_404_or_empty_page_in_any_form_ends_the_history(version, end):
    vendor = Vendor(4, version, end=end)
    assert questions(vendor.client.history(page_size=2)) == number_questions(*range(4))
    assert vendor.pages == [1, 2, 3]


@pytest.mark.parametrize("end", [status for status in ENDS if "list" in status and "no list" not in status])
def test_a_first_page_with_a_list_is_an_empty_history_even_with_a_404(end):
    assert list(client_on(stub_replies(ENDS[end]), "kadal").history()) == []


@pytest.mark.parametrize("status", [200, 404])
def test_an_empty_v7_history_is_empty_under_either_status(status):
    client = client_on(stub_replies(reply(EMPTY_V7, status)), "kadal", history_version="v7")
    assert list(client.history()) == []


@VERSIONS
@pytest.mark.parametrize("answer", [reply(ENVELOPE_404, 404), reply(ENVELOPE_404)], ids=["http", "body"])
def test_a_404_for_the_first_page_without_a_list_is_a_missing_bot(version, answer):
    client = client_on(stub_replies(answer), "kadal", history_version=version)
    with pytest.raises(errors.NotFound) as raised:
        list(client.history())
    assert raised.value.what == "bot"


@VERSIONS
def test_a_page_that_is_repeated_forever_ends_the_history(version):
    page = Vendor(2, version).page([row(0, version), row(1, version)])
    transport = StubTransport(lambda request: reply(page))
    client = client_on(transport, "kadal", history_version=version)
    assert questions(client.history(page_size=2)) == number_questions(0, 1)
    # One repetition may be rows that new ones pushed along; two in a row are a vendor that ignores the page.
    assert len(transport.sent) == 3


def test_a_page_without_ids_that_is_repeated_forever_ends_the_history():
    rows = [{"user_query": "q0", "bot_response": "a"}, {"user_query": "q1", "bot_response": "a"}]
    transport = StubTransport(lambda request: reply({"status_code": 200, "data": rows}))
    found = questions(islice(client_on(transport, "kadal").history(page_size=2), 10))
    assert found == number_questions(0, 1)
    assert len(transport.sent) == 3


def test_equal_rows_without_ids_are_all_returned():
    rows = [{"user_query": "q0", "bot_response": "a"}] * 3
    assert len(list(Vendor(0, rows=rows).client.history())) == 3


def test_a_row_that_moved_to_the_next_page_meanwhile_is_returned_once():
    vendor = Vendor(6)
    found = []
    for exchange in vendor.client.history(page_size=3, newest_first=True):
        found.append(exchange.question)
        if len(found) == 2:
            vendor.rows.append(row(99))
    assert found == number_questions(5, 4, 3, 2, 1, 0)


def test_a_page_is_not_fetched_before_its_first_row_is_needed():
    vendor = Vendor(10)
    history = vendor.client.history(page_size=3)
    assert vendor.pages == []
    assert questions(islice(history, 3)) == number_questions(0, 1, 2)
    assert vendor.pages == [1]
    assert next(history).question == "q3"
    assert vendor.pages == [1, 2]


@pytest.mark.parametrize(("limit", "pages"), [(0, []), (1, [1]), (2, [1]), (3, [1, 2]), (4, [1, 2])])
def test_a_limit_ends_the_history_without_fetching_another_page(limit, pages):
    vendor = Vendor(5)
    assert questions(vendor.client.history(page_size=2, limit=limit)) == number_questions(*range(limit))
    assert vendor.pages == pages


def test_a_page_that_fails_raises_after_the_rows_before_it():
    vendor = Vendor(4, end=reply({"status_code": 500, "message": "down"}, 500))
    history = vendor.client.history(page_size=2)
    assert questions(islice(history, 4)) == number_questions(0, 1, 2, 3)
    with pytest.raises(errors.ServerError):
        next(history)


def test_event_rows_are_listed_unless_the_settings_exclude_them():
    event = {**row(1, "v7"), "metadata": {"category": "event"}}
    page = Vendor(0, "v7").page([row(0, "v7"), event, {**row(2, "v7"), "metadata": None}])
    for include, expected in ((True, number_questions(0, 1, 2)), (False, number_questions(0, 2))):
        transport = stub_replies(reply(page), reply(EMPTY_V7))
        client = client_on(transport, "kadal", history_version="v7", include_events=include)
        assert questions(client.history()) == expected


def test_a_page_of_excluded_events_does_not_end_the_history():
    event = {**row(0, "v7"), "metadata": {"category": "event"}}
    pages = [Vendor(0, "v7").page([each]) for each in (event, row(1, "v7"))]
    transport = stub_replies(*map(reply, pages), reply(EMPTY_V7))
    client = client_on(transport, "kadal", history_version="v7", include_events=False)
    assert questions(client.history(page_size=1)) == number_questions(1)


def test_a_users_history_is_filtered_by_the_user_and_its_rows_can_be_continued():
    transport = StubTransport(lambda request: reply({"status_code": 200, "data": [row(0)], "total_count": 1}))
    client = client_on(transport, "kadal")
    (exchange,) = client.history(user="anna")
    assert read_query(transport.sent[0])["ext_user_id_ref"] == "anna"
    assert (exchange.thread.user, exchange.thread.scope) == ("anna", BOT)
    assert ThreadRef.parse(str(exchange.thread)) == exchange.thread


def test_a_threads_history_is_filtered_by_the_threads_user():
    transport = StubTransport(lambda request: reply({"status_code": 200, "data": [row(0)], "total_count": 1}))
    thread = ThreadRef("kadal", "x", user="anna", scope=BOT)
    (exchange,) = client_on(transport, "kadal").history(thread)
    assert read_query(transport.sent[0])["ext_user_id_ref"] == "anna"
    assert exchange.thread == thread


def test_the_bots_history_is_not_filtered_and_its_rows_have_no_thread():
    transport = StubTransport(lambda request: reply({"status_code": 200, "data": [row(0)], "total_count": 1}))
    (exchange,) = client_on(transport, "kadal").history()
    assert "ext_user_id_ref" not in read_query(transport.sent[0])
    assert exchange.thread is None


@pytest.mark.parametrize(
    ("settings", "method", "path"),
    [({}, "GET", LIST), ({"history_version": "v1"}, "GET", LIST), ({"history_version": "v7"}, "POST", LIST_V7)],
    ids=["default", "v1", "v7"],
)
def test_the_history_version_can_be_chosen_and_is_v1_by_default(settings, method, path):
    transport = stub_replies(reply({"status_code": 200, "data": []}))
    assert list(client_on(transport, "kadal", **settings).history()) == []
    assert (transport.sent[0].method, transport.sent[0].path) == (method, path)


def test_cleared_rows_are_listed_and_marked():
    (row,) = V7["data"]["chat_hist"]
    rows = [{**row, "query_response_id": str(flag), "is_cleared": flag} for flag in (0, 1)]
    page = {**V7, "total_count": 2, "data": {"chat_hist": rows}}
    found = list(client_on(stub_replies(reply(page)), "kadal", history_version="v7").history())
    assert [(each.id, each.cleared) for each in found] == [("0", False), ("1", True)]


@pytest.mark.parametrize("version", ["v1", "v7"])
def test_page_size_and_order_are_always_sent(version):
    transport = StubTransport(lambda request: reply({"status_code": 200, "data": []}))
    client = client_on(transport, "kadal", history_version=version)
    list(client.history())
    list(client.history(newest_first=True, page_size=7))
    first, second = (read_query(request) for request in transport.sent)
    assert first == {"chat_bot_id": BOT, "page_no": "1", "page_size": "50", "order": "asc"}
    assert second == {"chat_bot_id": BOT, "page_no": "1", "page_size": "7", "order": "desc"}


def test_the_v7_list_is_sent_its_filters_or_an_empty_object():
    transport = StubTransport(lambda request: reply({"status_code": 200, "data": []}))
    client = client_on(transport, "kadal", history_version="v7")
    list(client.history())
    list(client.history(text="tea"))
    assert [read_body(request) for request in transport.sent] == [{}, {"text": "tea"}]


@pytest.mark.parametrize("flag", [True, False])
def test_tool_rows_can_be_excluded_from_the_v7_list(flag):
    transport = stub_replies(reply({"status_code": 200, "data": []}))
    list(client_on(transport, "kadal", history_version="v7", exclude_tool_verbose=flag).history())
    assert read_query(transport.sent[0])["exclude_tool_verbose"] == str(flag).lower()


def test_a_search_is_unsupported_by_the_v1_list():
    error, sent = catch_error(lambda client: client.history(text="tea"))
    assert (type(error), error.argument, sent) == (errors.Unsupported, "text", [])


def test_a_user_that_the_v7_listing_cannot_filter_by_is_unsupported_and_dropped_without_reading_anybody_elses():
    vendor = Vendor(3, "v7")
    with pytest.raises(errors.Unsupported) as caught:
        vendor.client.history(user="anna")
    assert caught.value.argument == "user"
    assert list(vendor.client.history(user="anna", on_unsupported="drop")) == []
    assert vendor.transport.sent == []
    found = vendor.client.history(user="anna", on_unsupported="drop", created_by="1")
    assert len(list(found)) == 3


@pytest.mark.parametrize(
    ("is_positive", "ratings"),
    [(True, [Rating.UP]), (False, [Rating.DOWN]), (0, [Rating.DOWN]), (None, []), ("yes", [])],
    ids=repr,
)
def test_a_row_shows_its_rating_if_it_has_one(is_positive, ratings):
    rated = {**row(1, "v7"), "is_positive": is_positive}
    (exchange,) = Vendor(1, "v7", rows=[rated]).client.history()
    assert [(each.rating, each.raw) for each in exchange.feedback] == [(rating, rated) for rating in ratings]


@VERSIONS
def test_a_404_for_the_second_page_ends_a_history_of_one(version):
    vendor = Vendor(2, version, end=reply(ENVELOPE_404, 404))
    assert questions(vendor.client.history(page_size=2)) == number_questions(0, 1)


@VERSIONS
def test_capped_pages_are_read_until_the_total_has_come(version):
    vendor = Vendor(5, version, total=len, cap=2)
    assert questions(vendor.client.history(page_size=50)) == number_questions(*range(5))
    assert vendor.pages == [1, 2, 3]
