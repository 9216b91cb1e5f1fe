"""Many calls at a time: the same by threads and by tasks, with a vendor's client and with any function."""

import asyncio
import itertools
import threading
import time
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import unichat
from tests.blocking import BlockingClient, BlockingOutcomes
from unichat import Outcome, Progress, errors

from .conftest import KNOWN
from .doubles import FAST, StubTransport, client_on, reply, where


def collect(client, function, items, **options):
    """The outcomes of `function(client, item)`, by threads or by tasks, as the client needs it."""
    if isinstance(client, BlockingClient):
        calls = unichat.map_concurrent_async(lambda item: function(client.asynchronous, item), items, **options)
        return BlockingOutcomes(client.loop, calls)
    return unichat.map_concurrent(lambda item: function(client, item), items, **options)


PACES = itertools.count(1)


def chat(client, item):
    return client.chat(**item)


# With a vendor's client.


def test_a_list_of_questions_is_answered_in_its_order(client, user):
    questions = [KNOWN, "What does the warranty cover?", "How is the boiler descaled?"] * 3
    rows = [{"question": question, "user": f"{user}-{number}"} for number, question in enumerate(questions)]
    outcomes = list(collect(client, chat, rows, concurrency=3))
    assert [outcome.item for outcome in outcomes] == rows
    assert [outcome.index for outcome in outcomes] == list(range(9))
    for outcome, word in zip(outcomes, ("attempts", "two years", "vinegar") * 3, strict=True):
        assert outcome.ok
        assert outcome.error is None
        assert word in outcome.result.text


def test_a_failure_is_a_value_and_ends_no_other_call(client, user):
    rows = [{"question": question, "user": f"{user}-{question}"} for question in (KNOWN, " ", KNOWN)]
    good, bad, other = collect(client, chat, rows)
    assert good.ok
    assert other.ok
    assert not bad.ok
    assert isinstance(bad.error, errors.InvalidInput)
    with pytest.raises(errors.InvalidInput, match="the question is empty"):
        _ = bad.result


@where("history")
def test_questions_in_one_conversation_run_one_after_the_other(client, user):
    rows = [{"question": f"{KNOWN} {number}", "user": user} for number in range(6)]
    assert all(outcome.ok for outcome in collect(client, chat, rows, concurrency=6, ordered=False))
    assert {each.question for each in client.history(user=user)} == {row["question"] for row in rows}


def test_threads_are_continued_side_by_side(client, user):
    begun = [client.chat(KNOWN, user=f"{user}-{number}") for number in range(4)]

    def go_on(client, answer):
        return client.continue_thread(answer, "And the backoff?")

    assert [outcome.result.thread for outcome in collect(client, go_on, begun)] == [answer.thread for answer in begun]


def test_leaving_early_asks_no_more_and_leaves_a_client_that_works(client, user, box, vendor):
    rows = ({"question": KNOWN, "user": f"{user}-{number}"} for number in itertools.count())
    before = len(box.simulator(vendor).requests)
    with collect(client, chat, rows, concurrency=2) as outcomes:
        assert next(iter(outcomes)).ok
    sent = len(box.simulator(vendor).requests) - before
    assert sent <= 1 + 4 * 2
    assert client.chat(KNOWN, user=user).text
    assert list(outcomes) == []


def test_calls_queued_beyond_their_deadline_fail_as_values(connect, vendor, user):
    # A pace of its own: other clients on the same key share it.
    client = connect(vendor, rate=f"{next(PACES)}/h")
    rows = [{"question": KNOWN, "user": f"{user}-{number}", "deadline": 20} for number in range(3)]
    found = Counter(type(outcome.error) for outcome in collect(client, chat, rows, concurrency=3))
    assert found == {type(None): 1, errors.DeadlineExceeded: 2}


def test_more_calls_than_a_client_has_connections_queue(client, user):
    rows = [{"question": KNOWN, "user": f"{user}-{number}"} for number in range(100)]
    assert all(outcome.ok for outcome in collect(client, chat, rows, concurrency=100, ordered=False))


def test_a_closed_client_fails_every_call(connect, vendor):
    client = connect(vendor)
    client.close()
    for outcome in collect(client, chat, [{"question": KNOWN}] * 3):
        assert isinstance(outcome.error, errors.InvalidInput)


def test_retries_of_many_calls_share_one_budget():
    transport = StubTransport(lambda request: reply({"detail": "down"}, 503))
    client = client_on(transport, "kapa")
    outcomes = list(unichat.map_concurrent(client.chat, [KNOWN] * 100))
    assert all(isinstance(outcome.error, errors.ServerError) for outcome in outcomes)
    assert len(transport.sent) <= 100 + 100 // 10


# With any function, by threads and by tasks. A fake is a generator: where it yields, others may run.


def by_threads(fake, items, loop, **options):
    def function(item):
        steps = fake(item)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                return stop.value
            time.sleep(0)

    return unichat.map_concurrent(function, items, **options)


def by_tasks(fake, items, loop, **options):
    async def function(item):
        with closing(fake(item)) as steps:
            while True:
                try:
                    next(steps)
                except StopIteration as stop:
                    return stop.value
                await asyncio.sleep(0)

    return BlockingOutcomes(loop, unichat.map_concurrent_async(function, items, **options))


@pytest.fixture(params=[by_threads, by_tasks])
def map_items(request, loop):
    return lambda fake, items, **options: request.param(fake, items, loop, **options)


class Fake:
    """Calls that take as many steps as each item says, and fail where it says so; notes what runs."""

    def __init__(self):
        self._guard = threading.Lock()
        self.running = self.most = 0
        self.begun = []

    def __call__(self, item):
        with self._guard:
            self.running += 1
            self.most = max(self.most, self.running)
            self.begun.append(item)
        try:
            number, steps, fails = item
            for _ in range(steps):
                yield
            if fails:
                raise errors.ServerError(f"number {number}")
            return number * 2
        finally:
            with self._guard:
                self.running -= 1


PLANS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6), st.booleans()), max_size=30)
CALM = settings(FAST, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@CALM
@given(plan=PLANS, concurrency=st.integers(1, 5), ordered=st.booleans())
def test_every_item_has_its_outcome_within_the_window(map_items, plan, concurrency, ordered):
    fake, progress = Fake(), []
    most = concurrency * (4 if ordered else 1)
    found = []
    held = []

    def items():
        for number, item in enumerate(plan):
            held.append(number - len(found))
            yield item

    # extend() of a list takes one by one, so items() sees how many there are.
    found.extend(map_items(fake, items(), concurrency=concurrency, ordered=ordered, on_progress=progress.append))
    assert fake.running == 0
    assert fake.most <= concurrency
    # One more: what was given counts here only after it has arrived.
    assert max(held, default=0) <= most + 1
    indices = [outcome.index for outcome in found]
    assert sorted(indices) == list(range(len(plan)))
    assert indices == sorted(indices) or not ordered
    for outcome in found:
        number, _, fails = plan[outcome.index]
        assert outcome.item == plan[outcome.index]
        assert outcome.ok is not fails
        assert str(outcome.error) == f"number {number}" if fails else outcome.result == number * 2
    assert [each.done for each in progress] == list(range(1, len(plan) + 1))
    assert [each.failed for each in progress] == sorted(each.failed for each in progress)
    assert {each.total for each in progress} <= {None}
    assert (progress[-1].failed if progress else 0) == sum(fails for _, _, fails in plan)


@CALM
@given(
    steps=st.lists(st.integers(0, 6), min_size=20, max_size=20),
    concurrency=st.integers(1, 5),
    ordered=st.booleans(),
    taken=st.integers(0, 20),
)
def test_leaving_early_starts_no_more_calls_and_leaves_none_running(map_items, steps, concurrency, ordered, taken):
    fake = Fake()
    with map_items(
        fake, ((number, many, False) for number, many in enumerate(steps)), concurrency=concurrency, ordered=ordered
    ) as outcomes:
        given = list(itertools.islice(outcomes, taken))
    assert len(given) == taken
    assert fake.running == 0
    begun = len(fake.begun)
    assert begun <= taken + concurrency * (4 if ordered else 1) if taken else begun == 0
    assert list(outcomes) == []
    outcomes.close()
    assert len(fake.begun) == begun


def slow_first(fake, gone_on):
    """Calls of which the first ends only when `gone_on` others have."""

    def function(item):
        if item == 0:
            while len(fake) < gone_on:
                yield
        fake.append(item)
        return item
        yield

    return function


def test_in_order_a_slow_first_call_lets_a_bounded_number_of_others_pass(map_items):
    ended, pulled = [], []
    items = (pulled.append(number) or number for number in itertools.count())
    # All that the window of 4 x 2 has room for, but for the first itself.
    with map_items(slow_first(ended, 7), items, concurrency=2) as outcomes:
        assert next(iter(outcomes)).item == 0
        assert ended[-1] == 0
    assert sorted(pulled) == list(range(8))


def test_unordered_a_slow_call_is_yielded_when_it_completes(map_items):
    ended = []
    found = [outcome.item for outcome in map_items(slow_first(ended, 9), range(10), concurrency=2, ordered=False)]
    assert found == [*range(1, 10), 0]


def test_progress_knows_the_total_of_items_that_have_a_length(map_items):
    progress = []
    plan = [(0, 0, False), (1, 0, True), (2, 0, True)]
    list(map_items(Fake(), plan, concurrency=1, on_progress=progress.append))
    assert progress == [
        Progress(done=1, failed=0, total=3),
        Progress(done=2, failed=1, total=3),
        Progress(done=3, failed=2, total=3),
    ]


class Mistake(Exception):
    """A programming error."""


def test_an_exception_that_is_not_a_failed_call_is_raised_and_ends_everything(map_items):
    fake = Fake()

    def wrong(item):
        if item[0] == 3:
            raise Mistake
        return (yield from fake(item))

    outcomes = map_items(wrong, ((number, 1, False) for number in itertools.count()), concurrency=2)
    with pytest.raises(Mistake):
        list(outcomes)
    assert fake.running == 0
    assert len(fake.begun) <= 2 + 4 * 2
    assert list(outcomes) == []


@CALM
@given(plan=PLANS, concurrency=st.integers(1, 5), ordered=st.booleans())
def test_an_error_of_the_items_is_raised_after_the_outcomes_of_all_before_it(map_items, plan, concurrency, ordered):
    fake, progress = Fake(), []
    mistake = Mistake()

    def items():
        yield from plan
        raise mistake

    outcomes = map_items(fake, items(), concurrency=concurrency, ordered=ordered, on_progress=progress.append)
    found = list(itertools.islice(outcomes, len(plan)))
    with pytest.raises(Mistake) as caught:
        next(iter(outcomes))
    assert caught.value is mistake
    indices = [outcome.index for outcome in found]
    assert (indices if ordered else sorted(indices)) == list(range(len(plan)))
    assert [outcome.item for outcome in sorted(found, key=lambda outcome: outcome.index)] == plan
    assert len(progress) == len(plan)
    assert fake.running == 0
    assert list(outcomes) == []


def test_a_consumer_that_leaves_before_an_error_of_the_items_does_not_hear_of_it(map_items):
    def items():
        yield (0, 0, False)
        yield (1, 0, False)
        raise Mistake

    with map_items(Fake(), items(), concurrency=4) as outcomes:
        assert next(iter(outcomes)).ok
    assert list(outcomes) == []


class NotedItems:
    """A generator of items that somebody holds on to, and whether it was closed."""

    def __init__(self, fails=False):
        self.taken, self.closed = 0, False
        self.items = self._items(fails)

    def _items(self, fails):
        try:
            for number in range(100):
                self.taken += 1
                yield (number, 1, False)
        finally:
            self.closed = True
            if fails:
                raise Mistake


def test_items_are_closed_when_the_iteration_is_left_early(map_items):
    noted = NotedItems()
    with map_items(Fake(), noted.items, concurrency=2) as outcomes:
        next(iter(outcomes))
        assert not noted.closed
    assert noted.closed
    assert noted.taken < 100


def test_items_are_closed_when_an_error_ends_the_iteration(map_items):
    noted = NotedItems()

    def wrong(item):
        yield
        raise Mistake

    with pytest.raises(Mistake):
        list(map_items(wrong, noted.items, concurrency=2))
    assert noted.closed

    def complain(progress):
        raise Mistake

    noted = NotedItems()
    with pytest.raises(Mistake):
        list(map_items(Fake(), noted.items, on_progress=complain))
    assert noted.closed


def test_items_of_which_none_was_taken_are_not_closed(map_items):
    noted = NotedItems()
    with map_items(Fake(), noted.items):
        pass
    assert next(noted.items) == (0, 1, False)


def test_an_error_on_closing_the_items_is_raised(map_items):
    noted = NotedItems(fails=True)
    outcomes = map_items(Fake(), noted.items, concurrency=2)
    next(iter(outcomes))
    with pytest.raises(Mistake):
        outcomes.close()
    assert list(outcomes) == []


class Bare:
    """The least that can be iterated over: its iterator is not an iterable itself."""

    def __init__(self, most):
        self._most = most

    def __iter__(self):
        return CountingItems(self._most)

    def __len__(self):
        raise TypeError("this one has no length")


class CountingItems:
    def __init__(self, most):
        self._left = iter(range(most))

    def __next__(self):
        return next(self._left)


def test_items_without_a_length_and_with_a_minimal_iterator_are_accepted(map_items):
    progress = []
    found = list(map_items(nothing, Bare(3), on_progress=progress.append))
    assert [outcome.item for outcome in found] == [0, 1, 2]
    assert {each.total for each in progress} == {None}


def test_an_error_of_the_progress_callback_is_raised_and_ends_everything(map_items):
    fake = Fake()

    def complain(progress):
        raise Mistake

    outcomes = map_items(
        fake, ((number, 1, False) for number in itertools.count()), concurrency=2, on_progress=complain
    )
    with pytest.raises(Mistake):
        next(iter(outcomes))
    assert fake.running == 0
    assert list(outcomes) == []


def nothing(item):
    return None
    yield


@pytest.mark.parametrize("concurrency", [0, -1, True, 1.5, "8", None, 10_001, float("nan")])
def test_an_invalid_concurrency_is_rejected_immediately(map_items, concurrency):
    with pytest.raises(errors.InvalidInput) as caught:
        map_items(nothing, [1], concurrency=concurrency)
    assert caught.value.argument == "concurrency"
    assert caught.value.hint


@pytest.mark.parametrize("items", ["a question", b"a question", bytearray(b"q"), None, 5, object])
def test_anything_that_is_not_an_iterable_is_rejected_immediately(map_items, items):
    with pytest.raises(errors.InvalidInput) as caught:
        map_items(nothing, items)
    assert caught.value.argument == "items"
    assert caught.value.hint


@pytest.mark.parametrize("entry", [unichat.map_concurrent, unichat.map_concurrent_async])
@pytest.mark.parametrize("function", [None, "chat", 5])
def test_a_function_that_cannot_be_called_is_refused_at_once(entry, function):
    with pytest.raises(errors.InvalidInput) as caught:
        entry(function, ["q"])
    assert caught.value.argument == "function"


async def asynchronous(item):
    return item


@pytest.mark.parametrize("on_progress", [5, "print", asynchronous])
def test_a_progress_callback_that_cannot_be_called_is_refused_at_once(map_items, on_progress):
    with pytest.raises(errors.InvalidInput) as caught:
        map_items(nothing, [1], on_progress=on_progress)
    assert caught.value.argument == "on_progress"


def test_nothing_is_started_before_the_first_outcome_is_requested(map_items):
    fake = Fake()
    outcomes = map_items(fake, [(0, 0, False)])
    assert fake.begun == []
    outcomes.close()
    assert list(outcomes) == []
    assert fake.begun == []


def test_no_items_give_no_outcomes(map_items):
    assert list(map_items(nothing, [])) == []


def test_a_result_of_none_is_a_result(map_items):
    (outcome,) = map_items(nothing, ["x"])
    assert outcome == Outcome(item="x", index=0)
    assert outcome.ok
    assert outcome.result is None
