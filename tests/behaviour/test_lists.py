"""Lists in pages: empty pages, items at hand, lists within lists, and oldest first over a backwards cursor."""

import itertools
import tracemalloc

import pytest
from attrs import evolve

from tests.behaviour.own_vendor import detect_error, reply
from unichat.adapter import Operation, Page, Paged, Replay, Request, ask, oldest_first
from unichat.errors import InvalidResponse, ServerError
from unichat.models import Exchange


def exchange(number):
    return Exchange(question="?", answer=str(number), id=str(number))


def key(row):
    return row.id


def build_list(path, cursor=None, make=exchange):
    """Fetch a page whose body is `{"rows": [numbers], "next": cursor}`."""

    def parse(answer):
        body = answer.json()
        following = body.get("next")
        more = None if following is None else build_list(path, following, make)
        return Page(tuple(make(row) for row in body["rows"]), more, raw=body)

    query = () if cursor is None else (("cursor", str(cursor)),)
    return Operation(
        backend="own",
        name="list",
        replay=Replay.READ,
        request=Request("GET", path, query),
        detect_error=detect_error,
        parse=parse,
    )


def page(*rows, following=None):
    return reply({"rows": list(rows), "next": following})


def return_list(paged):
    def history(call):
        return paged
        yield

    return history


def plain(path="/rows"):
    return Paged(build_list(path), key)


def numbers(rows):
    return [int(row.id) for row in rows]


def pages_by_target(pages):
    """Answer each request by its target, as often as it is made."""
    return lambda request: pages[request.target]


# Pages without items


@pytest.mark.parametrize(
    "pages",
    [
        [page(following=2), page(1)],
        [page(following=2), page(following=3), page(following=4), page(1)],
        [page(following="a"), page(1, following="b"), page(following="c"), page(following="d"), page(2)],
        [page(1, following=2), page(following=3)],
    ],
    ids=["first", "several in a row", "here and there", "last"],
)
def test_a_page_without_items_but_with_a_next_page_continues(own, pages):
    made = own(*pages, *([page()] if pages[-1].json()["next"] else []), history=return_list(plain()))
    expected = [row for each in pages for row in each.json()["rows"]]
    assert numbers(made.client.history(newest_first=True)) == expected


@pytest.mark.parametrize("rows", [[], [1]])
def test_a_vendor_that_repeats_its_next_page_is_not_read_forever(own, rows):
    made = own(*[page(*rows, following="x")] * 5, history=return_list(plain()))
    assert numbers(made.client.history()) == rows
    assert len(made.sent) == (3 if rows else 2)


def test_a_vendor_whose_cursors_form_a_cycle_is_not_read_forever(own):
    pages = {
        "/rows": page(1, following="a"),
        "/rows?cursor=a": page(following="b"),
        "/rows?cursor=b": page(following="c"),
        "/rows?cursor=c": page(following="a"),
    }
    made = own(*[pages_by_target(pages)] * 50, history=return_list(plain()))
    assert numbers(made.client.history()) == [1]
    assert len(made.sent) == 4


def test_two_known_pages_with_empty_ones_between_are_a_vendor_that_repeats_itself(own):
    pages = [page(1, following=2), page(1, following=3), page(following=4), page(1, following=5), page(2)]
    made = own(*pages, history=return_list(plain()))
    assert numbers(made.client.history()) == [1]
    assert len(made.sent) == 4


def test_empty_pages_without_end_stop_at_the_page_limit(own):
    made = own(
        *[page(following=number) for number in range(10)], history=return_list(plain()), policy={"page_limit": 7}
    )
    with pytest.raises(InvalidResponse, match="did not end after 7 pages"):
        list(made.client.history())
    assert len(made.sent) == 7


# Items at hand


def test_a_list_can_begin_with_items_at_hand(own):
    paged = Paged(Page((exchange(1), exchange(2)), build_list("/rows")), key)
    made = own(page(2, 3), history=return_list(paged))
    rows = made.client.history()
    assert numbers(itertools.islice(rows, 2)) == [1, 2]
    assert made.sent == []
    assert numbers(rows) == [3]


def test_a_list_can_be_at_hand_altogether(own):
    made = own(history=return_list(Paged(Page((exchange(1), exchange(2))), key)))
    assert numbers(made.client.history(limit=1)) == [1]
    assert numbers(made.client.history()) == [1, 2]


def test_items_at_hand_may_be_none(own):
    made = own(page(1), history=return_list(Paged(Page((), build_list("/rows")), key)))
    assert numbers(made.client.history()) == [1]


def test_items_at_hand_can_come_of_the_flow(own):
    def history(call):
        first = yield from ask(build_list("/first"))
        return Paged(first, key)

    made = own(page(1, following="b"), page(2), history=history)
    assert numbers(made.client.history()) == [1, 2]
    assert [request.target for request in made.sent] == ["/first", "/first?cursor=b"]


# Lists within lists


def conversations():
    return Paged(build_list("/conversations", make=str), lambda name: name)


def messages(name):
    return Paged(build_list(f"/{name}/messages"), key)


def test_the_lists_of_each_row_are_read_one_after_the_other_and_lazily(own):
    made = own(
        page("a", "b", following=2),
        page(1, 2, following=2),
        page(3),
        page(4),
        page("c"),
        page(5),
        history=return_list(conversations().flat_map(messages)),
    )
    rows = made.client.history()
    assert numbers([next(rows)]) == [1]
    assert [request.target for request in made.sent] == ["/conversations", "/a/messages"]
    assert numbers(rows) == [2, 3, 4, 5]
    assert [request.target for request in made.sent][2:] == [
        "/a/messages?cursor=2",
        "/b/messages",
        "/conversations?cursor=2",
        "/c/messages",
    ]


def test_a_list_within_a_list_can_be_at_hand_or_empty_and_go_three_levels_deep(own):
    def middle(name):
        return Paged(Page((f"{name}1", f"{name}2")), lambda name: name).flat_map(messages)

    made = own(
        page("a", "b"), page(1), page(following=2), page(), page(), page(3), history=return_list(
            conversations().flat_map(middle)
        )
    )  # fmt: skip
    assert numbers(made.client.history()) == [1, 3]


def test_a_limit_counts_over_all_lists_and_no_further_list_is_started(own):
    made = own(page("a", "b", "c"), page(1, 2), page(3, 4), history=return_list(conversations().flat_map(messages)))
    assert numbers(made.client.history(limit=3)) == [1, 2, 3]
    assert len(made.sent) == 3


def test_rows_that_are_not_wanted_are_left_out_on_each_level(own):
    outer = Paged(build_list("/conversations", make=str), lambda name: name, lambda name: name != "b")
    nested = outer.flat_map(lambda name: Paged(build_list(f"/{name}/m"), key, lambda row: row.id != "2"))
    made = own(page("a", "b", "c"), page(1, 2), page(3), history=return_list(nested))
    assert numbers(made.client.history()) == [1, 3]


def test_rows_that_a_nested_list_does_not_keep_are_left_out_over_all_its_lists(own):
    nested = evolve(conversations().flat_map(messages), keep=lambda row: row.id not in ("2", "3"))
    made = own(page("a", "b"), page(1, 2), page(3, 4), history=return_list(nested))
    assert numbers(made.client.history()) == [1, 4]


def test_pages_count_over_all_lists(own):
    pages = {"/conversations": page(*"abcdefghij"), **{f"/{name}/messages": page(1) for name in "abcdefghij"}}
    made = own(
        *[pages_by_target(pages)] * 20,
        history=return_list(conversations().flat_map(messages)),
        policy={"page_limit": 5},
    )
    with pytest.raises(InvalidResponse, match="did not end after 5 pages"):
        list(made.client.history())
    assert len(made.sent) == 5


def test_a_list_that_fails_ends_the_reading_and_earlier_rows_stay_valid(own):
    made = own(
        page("a", "b"), page(1), *[reply(status=500)] * 3, history=return_list(conversations().flat_map(messages))
    )
    given = []
    rows = made.client.history()
    with pytest.raises(ServerError):
        given.extend(row.id for row in rows)
    assert given == ["1"]
    assert list(rows) == []


def test_memory_stays_flat_over_many_lists():
    from unichat.client.paging import Paging

    body = "x" * 10_000

    def inner(number):
        return Paged(Page(tuple(exchange(number * 10 + n) for n in range(10)), raw=body * 1), key)

    outer = Paged(Page(tuple(range(2_000))), lambda number: number).flat_map(inner)
    tracemalloc.start()
    try:
        paging = Paging(outer, 10)
        count = 0
        before = None
        while (step := paging.next_step()) is not None:
            assert isinstance(step, list)
            count += len(step)
            if count == 5_000:
                before = tracemalloc.get_traced_memory()[0]
        assert count == 20_000
        assert tracemalloc.get_traced_memory()[0] - before < 500_000
    finally:
        tracemalloc.stop()


# Oldest first over a cursor that goes backwards


@pytest.mark.parametrize(
    ("pages", "order", "expected"),
    [
        ([[6, 5], [4, 3], [2, 1]], "newest_first", [1, 2, 3, 4, 5, 6]),
        ([[5, 6], [3, 4], [1, 2]], "oldest_first", [1, 2, 3, 4, 5, 6]),
        ([[6, 5], [], [5, 4]], "newest_first", [4, 5, 6]),
        ([[]], "newest_first", []),
        ([[1]], "oldest_first", [1]),
    ],
)
def test_a_list_that_the_vendor_returns_backwards_is_returned_oldest_first(own, pages, order, expected):
    answers = [page(*rows, following=at + 1 if at + 1 < len(pages) else None) for at, rows in enumerate(pages)]
    made = own(*answers, history=return_list(oldest_first(plain(), within_pages=order)))
    assert numbers(made.client.history()) == expected


def test_its_price_is_that_all_is_read_before_the_first_row_each_page_with_its_own_deadline(own):
    def slow(rows, following):
        def answer(request):
            made.clock.now += 20
            return page(*rows, following=following)

        return answer

    made = own(slow([4, 3], 2), slow([2, 1], None), history=return_list(oldest_first(plain())))
    rows = made.client.history(limit=1, deadline=30)
    assert numbers(rows) == [1]
    assert len(made.sent) == 2


def test_its_pages_count(own):
    made = own(
        *[page(number, following=number) for number in range(9, 0, -1)],
        history=return_list(oldest_first(plain())),
        policy={"page_limit": 3},
    )
    with pytest.raises(InvalidResponse, match="did not end after 3 pages"):
        list(made.client.history())


def test_a_list_of_conversations_and_each_ones_messages_can_both_go_backwards(own):
    nested = oldest_first(conversations()).flat_map(lambda name: oldest_first(messages(name)))
    made = own(page("b", following=2), page("a"), page(2, 1), page(4, 3), history=return_list(nested))
    assert numbers(made.client.history()) == [1, 2, 3, 4]


def test_a_list_of_lists_can_go_backwards_as_a_whole(own):
    made = own(
        page("b", "a"), page(4, 3), page(2, 1), history=return_list(oldest_first(conversations().flat_map(messages)))
    )
    assert numbers(made.client.history()) == [1, 2, 3, 4]
