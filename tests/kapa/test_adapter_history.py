"""Kapa's lists: bare, counted, linked or a single object; each row once, no page too many, and always an end."""

import json
from itertools import islice

import pytest

from tests.behaviour.doubles import KAPA_URL, PROJECT, StubTransport, client_on, read_query, reply
from unichat import ThreadRef, User
from unichat.errors import InvalidResponse, NotFound, ServerError, Unsupported

from .conftest import SAMPLES

THREAD = "1de43264-67cb-48af-89f9-e865c375bb84"
REFERENCE = ThreadRef("kapa", THREAD, scope=PROJECT)


def row(number, end_user=None):
    """A question with its answer: the sample's, numbered."""
    (sample,) = SAMPLES["list_question_answers"]
    return {**sample, "id": str(number), "question": f"q{number}", "thread_id": THREAD, "end_user_id": end_user}


def bare(rows, page, size, total):
    return rows


def page_by_count(rows, page, size, total):
    return {"count": total, "results": rows}


def page_by_link(rows, page, size, total):
    more = page * size < total
    # Another host: a link is a sign that there is more, and never followed.
    link = f"https://elsewhere.example/?page={page + 1}"
    return {"count": total, "next": link if more else None, "previous": None, "results": rows}


def single(rows, page, size, total):
    return rows[0] if rows else {}


class Vendor:
    """Kapa with a list of `rows`, given in the form that `shape` makes of each page."""

    def __init__(
        self, rows, shape=bare, cap=1000, past_the_end=None, end_users=(), users_shape=page_by_link, **settings
    ):
        self.rows = rows
        self.shape = shape
        self.cap = cap
        self.past_the_end = past_the_end
        self.end_users = end_users
        self.users_shape = users_shape
        self.transport = StubTransport(self.answer)
        self.client = client_on(self.transport, "kapa", **settings)

    @property
    def sent(self):
        return self.transport.sent

    @property
    def pages(self):
        return [int(read_query(request)["page"]) for request in self.sent if "question-answers" in request.path]

    def answer(self, request):
        assert len(self.sent) < 200, "this would go on forever"
        query = read_query(request)
        page, size = int(query["page"]), min(int(query["page_size"]), self.cap)
        if request.path.endswith("/end-users/"):
            found = self.end_users(query) if callable(self.end_users) else list(self.end_users)
            return reply(self.users_shape(found[(page - 1) * size : page * size], page, size, len(found)))
        rows = self.rows if query["ordering"] == "created_at" else self.rows[::-1]
        part = rows[(page - 1) * size : page * size]
        if not part and page > 1 and self.past_the_end is not None:
            return self.past_the_end
        return reply(self.shape(part, page, size, len(rows)))


def questions(exchanges):
    return [exchange.question for exchange in exchanges]


def number_questions(*numbers):
    return [f"q{number}" for number in numbers]


SHAPES = pytest.mark.parametrize("shape", [bare, page_by_count, page_by_link], ids=lambda shape: shape.__name__)


@SHAPES
@pytest.mark.parametrize("total", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
def test_a_history_returns_each_row_once_and_in_order(shape, total, newest_first):
    vendor = Vendor([row(number) for number in range(total)], shape)
    found = questions(vendor.client.history(page_size=2, newest_first=newest_first))
    expected = number_questions(*range(total))
    assert found == (expected[::-1] if newest_first else expected)
    assert vendor.pages == list(range(1, len(vendor.pages) + 1))


@pytest.mark.parametrize(
    ("shape", "total", "pages"),
    [
        (bare, 0, 1),
        (bare, 3, 3),  # two pages with rows; only the empty one after them is the end
        (bare, 4, 3),
        (page_by_count, 3, 2),
        (page_by_link, 0, 1),
        (page_by_link, 3, 2),
        (page_by_link, 4, 2),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_no_page_is_fetched_after_the_last(shape, total, pages):
    vendor = Vendor([row(number) for number in range(total)], shape)
    assert len(list(vendor.client.history(page_size=2))) == total
    assert len(vendor.pages) == pages


@SHAPES
def test_a_history_with_a_capped_page_size_returns_every_row(shape):
    vendor = Vendor([row(number) for number in range(7)], shape, cap=3)
    assert questions(vendor.client.history(page_size=5)) == number_questions(*range(7))


@pytest.mark.parametrize("size", [1, 5])
def test_a_list_that_is_a_single_object_is_a_list_of_one(size):
    vendor = Vendor([row(1)], single, past_the_end=reply({"detail": "Invalid page."}, 404))
    assert questions(vendor.client.history(page_size=size)) == ["q1"]


@SHAPES
def test_a_history_fetches_nothing_before_its_first_row_is_needed_and_only_the_needed_pages(shape):
    vendor = Vendor([row(number) for number in range(10)], shape)
    history = vendor.client.history(page_size=3)
    assert vendor.sent == []
    assert questions(islice(history, 3)) == number_questions(0, 1, 2)
    assert vendor.pages == [1]
    assert next(history).question == "q3"
    assert vendor.pages == [1, 2]


@SHAPES
@pytest.mark.parametrize(("limit", "pages"), [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (99, None)])
def test_a_limit_ends_the_history_without_fetching_another_page(shape, limit, pages):
    vendor = Vendor([row(number) for number in range(5)], shape)
    assert questions(vendor.client.history(page_size=2, limit=limit)) == number_questions(*range(5))[:limit]
    if pages is not None:
        assert len(vendor.pages) == pages


def test_page_size_and_order_are_sent_as_requested():
    vendor = Vendor([row(1)])
    list(vendor.client.history(page_size=7, newest_first=True))
    assert vendor.sent[0].path == f"/query/v1/projects/{PROJECT}/question-answers/"
    assert read_query(vendor.sent[0]) == {"ordering": "-created_at", "page": "1", "page_size": "7"}
    list(vendor.client.history(limit=1))
    assert read_query(vendor.sent[-1]) == {"ordering": "created_at", "page": "1", "page_size": "100"}


@SHAPES
def test_a_page_that_is_repeated_forever_ends_the_history(shape):
    rows = [row(1), row(2)]
    vendor = Vendor([], lambda part, page, size, total: shape(rows, 1, size, 100))
    assert questions(vendor.client.history(page_size=2)) == number_questions(1, 2)
    # One repetition may be rows that new ones pushed along; two in a row are a vendor that ignores the page.
    assert len(vendor.pages) == 3


def test_empty_pages_that_claim_a_next_page_end_the_history():
    more = {"next": "https://elsewhere.example/", "results": []}
    vendor = Vendor([], lambda part, page, size, total: more)
    assert list(vendor.client.history()) == []
    assert vendor.pages == [1]


@pytest.mark.parametrize("claimed", [0, 1, 3, 4, 6, 1000], ids=lambda count: f"count {count}")
def test_a_history_with_a_wrong_count_returns_every_row_and_ends(claimed):
    vendor = Vendor(
        [row(number) for number in range(5)],
        lambda part, page, size, total: {"count": claimed, "results": part},
        past_the_end=reply({"detail": "Invalid page."}, 404),
    )
    assert questions(vendor.client.history(page_size=2)) == number_questions(*range(5))


def test_a_row_that_moved_to_the_next_page_meanwhile_is_returned_once():
    rows = [row(number) for number in range(6)]
    vendor = Vendor(rows, page_by_link)
    found = []
    for exchange in vendor.client.history(page_size=3, newest_first=True):
        found.append(exchange.question)
        if len(found) == 2:
            rows.append(row(99))  # everything moves by one place
    assert found == number_questions(5, 4, 3, 2, 1, 0)


def test_a_row_that_occurs_twice_on_a_page_is_returned_once():
    vendor = Vendor([row(1), row(1), row(2)], page_by_link)
    assert questions(vendor.client.history(page_size=3)) == number_questions(1, 2)


@pytest.mark.parametrize("shape", [bare, page_by_count], ids=lambda shape: shape.__name__)
def test_a_404_for_a_later_page_ends_the_history(shape):
    vendor = Vendor(
        [row(number) for number in range(4)],
        shape if shape is bare else lambda part, page, size, total: {"count": 99, "results": part},
        past_the_end=reply({"detail": "Invalid page."}, 404),
    )
    assert questions(vendor.client.history(page_size=2)) == number_questions(*range(4))


def test_a_404_for_the_first_page_is_a_missing_project():
    client = client_on(StubTransport(lambda request: reply({"detail": "Not found."}, 404)), "kapa")
    history = client.history()
    with pytest.raises(NotFound) as caught:
        next(history)
    assert caught.value.what == "project"


def test_a_page_that_fails_raises_after_the_rows_before_it():
    vendor = Vendor([row(number) for number in range(4)], past_the_end=reply({"detail": "down"}, 500))
    history = vendor.client.history(page_size=2)
    assert questions(islice(history, 4)) == number_questions(0, 1, 2, 3)
    with pytest.raises(ServerError):
        next(history)


def test_a_threads_history_takes_one_request_and_is_sorted_by_time():
    thread = json.loads(json.dumps(SAMPLES["retrieve_thread"]))
    times = ["2024-01-02T00:00:00Z", "2024-01-03T00:00:00+00:00", "2024-01-01T23:00:00-05:00"]
    thread["question_answers"] = [{**row(number), "created_at": time} for number, time in enumerate(times)]
    transport = StubTransport(lambda request: reply(thread))
    client = client_on(transport, "kapa")
    found = list(client.history(REFERENCE))
    assert questions(found) == number_questions(0, 2, 1)
    assert questions(client.history(REFERENCE, newest_first=True)) == number_questions(1, 2, 0)
    assert questions(client.history(REFERENCE, limit=1)) == number_questions(0)
    assert transport.sent[0].target == f"/query/v1/threads/{THREAD}/"
    assert {exchange.thread for exchange in found} == {REFERENCE}
    assert len(transport.sent) == 3


def test_a_row_names_its_thread_if_the_vendor_does():
    vendor = Vendor([row(1), {**row(2), "thread_id": None}])
    assert [exchange.thread for exchange in vendor.client.history()] == [REFERENCE, None]


def test_a_threads_history_with_missing_times_keeps_the_vendors_order():
    rows = [{**row(0), "created_at": "2024-01-02T00:00:00Z"}, {**row(1), "created_at": None}]
    client = client_on(StubTransport(lambda request: reply({"id": THREAD, "question_answers": rows})), "kapa")
    assert questions(client.history(REFERENCE)) == number_questions(0, 1)


@pytest.mark.parametrize("answers", [None, ...], ids=["null", "missing"])
def test_a_threads_history_without_answers_is_empty(answers):
    thread = {"id": THREAD} if answers is ... else {"id": THREAD, "question_answers": None}
    assert list(client_on(StubTransport(lambda request: reply(thread)), "kapa").history(REFERENCE)) == []


def test_an_unknown_thread_is_not_found():
    client = client_on(StubTransport(lambda request: reply({"detail": "Not found."}, 404)), "kapa")
    with pytest.raises(NotFound) as caught:
        list(client.history(REFERENCE))
    assert caught.value.what == "thread"


# One user's history: the user is looked up, and the project's rows are picked by Kapa's own id of the user.

ANNA = {"id": "u-anna", "unique_client_id": "anna", "email": "anna@example.com"}
ANNABEL = {"id": "u-annabel", "unique_client_id": "annabel", "email": "annabel@example.com"}
HERS = [row(1, "u-anna"), row(2, "u-annabel"), row(3, None), row(4, "u-anna")]


def lookups(vendor):
    """How many pages of users were read."""
    return sum(request.path.endswith("/end-users/") for request in vendor.sent)


@SHAPES
def test_a_users_history_has_only_that_users_rows(shape):
    vendor = Vendor(HERS, shape, end_users=[ANNABEL, ANNA], users_shape=shape)
    assert questions(vendor.client.history(user="anna", page_size=2)) == number_questions(1, 4)
    lookup = vendor.sent[0]
    assert lookup.path == f"/query/v1/projects/{PROJECT}/end-users/"
    assert read_query(lookup)["search"] == "anna"


def test_a_user_is_found_on_a_later_page_of_the_users():
    others = [{"id": f"u{number}", "unique_client_id": f"anna{number}"} for number in range(250)]
    vendor = Vendor(HERS, page_by_link, end_users=[*others, ANNA])
    assert questions(vendor.client.history(user="anna")) == number_questions(1, 4)


def test_a_user_can_be_looked_up_by_email():
    vendor = Vendor(HERS, page_by_link, end_users=[ANNABEL, ANNA])
    assert questions(vendor.client.history(user=User(email="anna@example.com"))) == number_questions(1, 4)
    assert read_query(vendor.sent[0])["search"] == "anna@example.com"


def test_a_user_listed_as_a_single_object_is_found():
    vendor = Vendor(HERS, page_by_link, end_users=[ANNA], users_shape=single)
    assert questions(vendor.client.history(user="anna")) == number_questions(1, 4)


@pytest.mark.parametrize("users_shape", [bare, page_by_count, page_by_link, single], ids=lambda shape: shape.__name__)
def test_the_history_of_an_unknown_user_is_empty(users_shape):
    vendor = Vendor(HERS, page_by_link, end_users=[ANNABEL], users_shape=users_shape)
    assert list(vendor.client.history(user="anna")) == []


@pytest.mark.parametrize(
    "page",
    [[ANNABEL], {"count": 99, "results": [ANNABEL]}, {"next": "https://elsewhere.example/", "results": []}],
    ids=["bare", "counted", "empty with a link"],
)
def test_a_user_lookup_ends_even_if_the_vendor_repeats_a_page_forever(page):
    vendor = Vendor(HERS, page_by_link, users_shape=lambda *_: page)
    assert list(vendor.client.history(user="anna")) == []
    assert len(vendor.sent) < 10


def test_a_user_lookup_ends_with_a_404_for_the_next_page():
    def answer(request):
        if request.path.endswith("/end-users/"):
            return reply([ANNABEL]) if read_query(request)["page"] == "1" else reply({"detail": "Invalid page."}, 404)
        return reply([])

    assert list(client_on(StubTransport(answer), "kapa").history(user="anna")) == []


@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_a_404_after_the_first_page_ends_a_list_whatever_its_body_is(kind):
    past_the_end = reply({"detail": "Invalid page."}, 404, kind=kind)

    def answer(request):
        if read_query(request)["page"] != "1":
            return past_the_end
        return reply([ANNABEL] if request.path.endswith("/end-users/") else [row(1)])

    client = client_on(StubTransport(answer), "kapa")
    assert questions(client.history(page_size=1)) == number_questions(1)
    assert list(client.history(user="anna")) == []


def test_a_404_for_the_first_page_of_users_is_a_missing_project():
    def answer(request):
        return reply({"detail": "Not found."}, 404) if request.path.endswith("/end-users/") else reply([])

    with pytest.raises(NotFound) as caught:
        list(client_on(StubTransport(answer), "kapa").history(user="anna"))
    assert caught.value.what == "project"


@pytest.mark.parametrize("listed", [99, 100, 101, 102])
def test_a_user_lookup_in_short_pages_ends_with_the_counted_rows_and_not_before(listed):
    others = [{"id": f"u{number}", "unique_client_id": f"anna{number}"} for number in range(listed)]
    vendor = Vendor(HERS, page_by_link, cap=50, end_users=others, users_shape=page_by_count)
    assert list(vendor.client.history(user="anna")) == []
    assert lookups(vendor) == -(-listed // 50)
    others[-1] = ANNA
    assert questions(vendor.client.history(user="anna")) == number_questions(1, 4)


@pytest.mark.parametrize("limit", [1, 3])
def test_a_user_lookup_reads_no_more_pages_than_page_limit(limit):
    others = [{"id": f"u{number}", "unique_client_id": f"anna{number}"} for number in range(500)]
    vendor = Vendor(HERS, page_by_link, end_users=others, page_limit=limit)
    assert list(vendor.client.history(user="anna")) == []
    assert lookups(vendor) == limit


def test_a_threads_history_can_be_filtered_by_user():
    def answer(request):
        if request.path.endswith("/end-users/"):
            return reply({"results": [ANNA], "next": None})
        return reply({"id": THREAD, "question_answers": HERS})

    assert questions(client_on(StubTransport(answer), "kapa").history(REFERENCE, user="anna")) == number_questions(1, 4)


def test_a_user_known_by_slack_id_only_cannot_be_looked_up():
    transport = StubTransport(lambda request: reply([]))
    with pytest.raises(Unsupported) as caught:
        client_on(transport, "kapa").history(user=User(slack_id="U1"))
    assert caught.value.argument == "user"
    assert transport.sent == []


def test_a_row_without_an_id_is_invalid_with_a_pointer():
    client = client_on(StubTransport(lambda request: reply({"results": [{"question": "q"}], "next": None})), "kapa")
    with pytest.raises(InvalidResponse) as caught:
        list(client.history())
    assert caught.value.pointer == "/results/0/id"


def test_a_history_over_http_requests_its_pages_by_number(kapa, vendor):
    for number in (1, 2):
        page = {"next": "https://elsewhere.example/?page=2" if number == 1 else None, "results": [row(number)]}
        vendor.add("GET", f"{KAPA_URL}/query/v1/projects/{PROJECT}/question-answers/", json=page)
    assert questions(kapa.history(page_size=1)) == number_questions(1, 2)
    assert [call.request.params["page"] for call in vendor.calls] == ["1", "2"]
