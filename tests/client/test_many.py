"""Many calls at a time, where threads differ from tasks."""

import copy
import gc
import pickle
import threading
from asyncio import CancelledError
from concurrent import futures
from contextvars import ContextVar

import pytest

from unichat import Outcome, map_concurrent
from unichat.errors import InvalidInput, ServerError, UnichatError


def names():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("unichat-map")]


def test_items_and_progress_stay_in_the_thread_that_iterates():
    seen = []

    def items():
        for number in range(20):
            seen.append(threading.get_ident())
            yield number

    list(map_concurrent(abs, items(), concurrency=4, on_progress=lambda _: seen.append(threading.get_ident())))
    assert set(seen) == {threading.get_ident()}
    assert len(seen) == 40


def test_calls_run_in_other_threads_with_the_context_of_the_consumer():
    trace = ContextVar("trace", default="none")
    trace.set("mine")
    outcomes = map_concurrent(lambda _: (trace.get(), threading.get_ident()), range(4), concurrency=2)
    found = [outcome.result for outcome in outcomes]
    assert {context for context, _ in found} == {"mine"}
    assert threading.get_ident() not in {thread for _, thread in found}


def test_calls_really_run_at_the_same_time():
    meeting = threading.Barrier(4)
    outcomes = map_concurrent(lambda _: meeting.wait(30), range(8), concurrency=4)
    assert sorted(outcome.result for outcome in outcomes) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_threads_end_with_the_iteration_however_it_ends():
    list(map_concurrent(abs, range(9)))
    assert names() == []
    for _ in map_concurrent(abs, range(9)):
        break
    gc.collect()
    assert names() == []
    outcomes = map_concurrent(abs, range(9))
    next(outcomes)
    outcomes.close()
    assert names() == []


def test_leaving_early_waits_for_running_calls():
    ended = []
    release, running = threading.Event(), threading.Event()

    def function(item):
        if item == 1:
            running.set()
            release.wait(30)
        running.wait(30)
        ended.append(item)

    with map_concurrent(function, range(100), concurrency=2) as outcomes:
        assert next(outcomes).index == 0
        threading.Timer(0.05, release.set).start()
    assert 1 in ended
    assert names() == []


def test_ctrl_c_while_waiting_ends_the_calls_and_is_raised():
    def items():
        yield 1
        # As a signal handler would, while the iteration has the word.
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(map_concurrent(abs, items()))
    assert names() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_exception_that_ends_the_program_is_raised_in_the_consumer(error):
    def function(item):
        if item == 3:
            raise error

    with pytest.raises(error):
        list(map_concurrent(function, range(100), concurrency=2))
    assert names() == []


@pytest.mark.parametrize("error", [CancelledError, futures.CancelledError])
def test_a_call_that_is_cancelled_is_a_failure_and_ends_no_other(error):
    def function(item):
        if item == 3:
            raise error
        return item

    found = list(map_concurrent(function, range(6), concurrency=2))
    assert [outcome.item for outcome in found if outcome.ok] == [0, 1, 2, 4, 5]
    assert type(found[3].error) is UnichatError
    assert "cancelled" in str(found[3].error)


def test_items_that_are_cancelled_are_told_from_a_cancellation_of_the_consumer():
    def items():
        yield 1
        raise CancelledError

    outcomes = map_concurrent(abs, items())
    assert next(outcomes).result == 1
    with pytest.raises(RuntimeError, match="the items were cancelled") as caught:
        next(outcomes)
    assert isinstance(caught.value.__cause__, CancelledError)
    assert names() == []


def test_items_are_closed_by_the_thread_that_iterates_after_the_calls_have_ended():
    seen = []
    met = threading.Barrier(2)

    def items():
        try:
            yield from range(100)
        finally:
            seen.append(("closed", threading.get_ident()))

    def function(item):
        if item < 2:
            met.wait(30)
        seen.append(("called", item))

    kept = items()
    with map_concurrent(function, kept, concurrency=2) as outcomes:
        next(outcomes)
    assert seen[-1] == ("closed", threading.get_ident())
    assert ("called", 1) in seen


def test_a_file_is_left_open(tmp_path):
    path = tmp_path / "questions"
    path.write_text("one\ntwo\nthree\n", encoding="utf-8")
    with path.open(encoding="utf-8") as lines:
        with map_concurrent(str.strip, lines, concurrency=1, ordered=False) as outcomes:
            assert next(outcomes).result == "one"
        assert not lines.closed


@pytest.mark.parametrize("function", [lambda item: coroutine(item), lambda item: Awaitable()])
def test_a_function_that_returns_an_awaitable_raises_invalid_input(function):
    with pytest.raises(InvalidInput, match="awaitable") as caught:
        list(map_concurrent(function, [1]))
    assert "map_concurrent_async" in caught.value.hint


def test_an_async_function_is_refused_at_once():
    with pytest.raises(InvalidInput, match="map_concurrent_async"):
        map_concurrent(coroutine, [1])


def test_asynchronous_items_are_refused_at_once():
    async def items():
        yield 1

    with pytest.raises(InvalidInput, match="map_concurrent_async") as caught:
        map_concurrent(abs, items())
    assert caught.value.argument == "items"


async def coroutine(item):
    return item


class Awaitable:
    def __await__(self):
        return iter(())


def test_an_outcome_compares_copies_and_pickles():
    good = Outcome(item="q", index=3, result="a")
    assert good == pickle.loads(pickle.dumps(good)) == copy.deepcopy(good)
    assert repr(good) == "Outcome(item='q', index=3, error=None, _result='a')"
    bad = Outcome(item="q", index=3, error=ServerError("busy"))
    with pytest.raises(ServerError, match="busy"):
        _ = pickle.loads(pickle.dumps(bad)).result
