"""The outcomes of many calls at a time: what may be started, what is yielded next, and what is counted."""

from __future__ import annotations

import asyncio
import inspect
from concurrent import futures

import pytest

from unichat.client.outcomes import (
    Outcome,
    Progress,
    Window,
    cancelled_call_error,
    check_function,
    check_items,
    check_progress,
    close_items,
    is_cancellation,
    items_failure,
)
from unichat.errors import InvalidInput, NotFound

FAILURE = NotFound("gone")


def end(window, *indexes, error=None):
    for index in indexes:
        window.end(Outcome(item=f"item {index}", index=index, error=error, result=None if error else index * 10))


def begin(window, count):
    return [window.begin() for _ in range(count)]


def test_outcome_with_an_error_raises_it_instead_of_a_result():
    failed = Outcome(item="a", index=0, error=FAILURE)
    assert not failed.ok
    with pytest.raises(NotFound) as caught:
        _ = failed.result
    assert caught.value is FAILURE


def test_outcome_without_an_error_has_its_result_even_where_that_is_none():
    assert (Outcome(item="a", index=0, result=None).ok, Outcome(item="a", index=0, result=None).result) == (True, None)


@pytest.mark.parametrize("kind", [Outcome, Progress])
def test_what_a_caller_is_given_is_built_by_name(kind):
    assert {each.kind for each in inspect.signature(kind).parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


def test_window_starts_as_many_items_as_calls_may_run():
    window = Window([1, 2, 3], 2, ordered=True, on_progress=None)
    assert (window.running, window.room, window.ready) == (0, True, False)
    assert begin(window, 1) == [0]
    assert window.room
    assert begin(window, 1) == [1]
    assert (window.running, window.room) == (2, False)
    end(window, 1)
    assert (window.running, window.room) == (1, True)


@pytest.mark.parametrize(("ordered", "held"), [(True, 8), (False, 2)])
def test_window_holds_four_items_for_each_call_in_order_and_one_otherwise(ordered, held):
    window = Window([], 2, ordered=ordered, on_progress=None)
    begin(window, 1)
    # The first call is slow, and each other one ends at once.
    while window.room:
        end(window, window.begin())
    assert window._started == held
    end(window, 0)
    assert not window.room
    window.take()
    assert window.room


@pytest.mark.parametrize(
    ("ordered", "ended", "taken"), [(True, [2, 0, 1], [0, 1, 2]), (False, [2, 0, 1], [2, 0, 1]), (True, [1, 2], [])]
)
def test_window_yields_in_the_order_of_the_items_or_as_calls_end(ordered, ended, taken):
    window = Window([], 3, ordered=ordered, on_progress=None)
    begin(window, 3)
    end(window, *ended)
    found = []
    while window.ready:
        found.append(window.take().index)
    assert found == taken


@pytest.mark.parametrize(("items", "total"), [([1, 2, 3], 3), (iter([1]), None)])
def test_window_tells_how_far_the_calls_have_got(items, total):
    seen = []
    window = Window(items, 3, ordered=True, on_progress=seen.append)
    begin(window, 3)
    end(window, 0)
    end(window, 1, error=FAILURE)
    end(window, 2)
    assert seen == [Progress(done=done, failed=failed, total=total) for done, failed in ((1, 0), (2, 1), (3, 1))]


def test_window_of_items_whose_length_cannot_be_told_has_no_total():
    class Odd(list):
        def __len__(self):
            raise OSError("the cursor is closed")

    seen = []
    window = Window(Odd(), 1, ordered=True, on_progress=seen.append)
    begin(window, 1)
    end(window, 0)
    assert seen[0].total is None


@pytest.mark.parametrize("concurrency", [0, 10_001, True, "2"])
def test_window_refuses_a_number_of_calls_that_is_none(concurrency):
    with pytest.raises(InvalidInput):
        Window([], concurrency, ordered=True, on_progress=None)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (asyncio.CancelledError(), True),
        (futures.CancelledError(), True),
        (KeyboardInterrupt(), False),
        (ValueError(), False),
    ],
)
def test_is_cancellation_knows_those_of_tasks_and_of_threads(error, expected):
    assert is_cancellation(error) is expected


def test_items_failure_is_the_exception_or_says_that_the_items_were_cancelled():
    error, cancelled = ValueError("x"), asyncio.CancelledError()
    assert items_failure(error) is error
    failure = items_failure(cancelled)
    assert (type(failure), failure.__cause__) == (RuntimeError, cancelled)
    with pytest.raises(KeyboardInterrupt):
        items_failure(KeyboardInterrupt())


def test_cancelled_call_error_says_who_did_not_cancel():
    assert "not by the consumer" in cancelled_call_error().message


def test_close_items_closes_a_generator_and_nothing_else():
    generator = (each for each in (1, 2))
    close_items(generator)
    assert list(generator) == []

    class Owned:
        def __iter__(self):
            return self

        def __next__(self):
            return 1

        def close(self):
            raise AssertionError("its owner closes it")

    close_items(Owned())


@pytest.mark.parametrize(("items", "taken"), [([1], True), ((1,), False), ("text", False), (b"x", False), (5, False)])
def test_check_items_takes_what_is_of_the_kinds_and_no_text(items, taken):
    if taken:
        check_items(items, list, "Pass a list.")
        return
    with pytest.raises(InvalidInput) as caught:
        check_items(items, (list, str, bytes), "Pass a list.")
    assert (caught.value.argument, caught.value.hint) == ("items", "Pass a list.")


async def asynchronous(_):
    """A function that makes a coroutine."""


@pytest.mark.parametrize(
    ("function", "blocking", "taken"),
    [
        (print, True, True),
        (print, False, True),
        (asynchronous, False, True),
        (asynchronous, True, False),
        (5, False, False),
    ],
)
def test_check_function_refuses_what_cannot_be_called_or_would_have_to_be_awaited(function, blocking, taken):
    if taken:
        check_function("function", function, "Pass a function.", blocking=blocking)
        return
    with pytest.raises(InvalidInput) as caught:
        check_function("function", function, "Pass a function.", blocking=blocking)
    assert caught.value.argument == "function"


def test_check_function_takes_a_coroutine_function_unless_it_is_told_otherwise():
    check_function("function", asynchronous, "Pass a function.")


def test_check_progress_takes_a_function_or_nothing():
    check_progress(None)
    check_progress(print)
    for wrong in (asynchronous, 5):
        with pytest.raises(InvalidInput, match="on_progress is"):
            check_progress(wrong)
