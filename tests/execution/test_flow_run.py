import threading
from contextlib import suppress

import pytest

from tests.canned import bench, operation, reply
from tests.execution.conftest import SOON, join_thread, start_thread
from unichat.adapter import Exclusive, NeutralCall, Replay, ask, exclusive
from unichat.errors import DeadlineExceeded, InvalidInput, NotFound, ServerError, UnichatError
from unichat.execution.call import Call
from unichat.transport.base import Deadline, TransportFailure


def complete(made, flow, deadline=None):
    return made.complete(flow, made.context.call(deadline, kind="question"))


def alone(key, wanted):
    yield from exclusive(key)
    return (yield from ask(wanted))


# Flows


def test_a_flow_is_sent_the_results_of_its_operations_in_order():
    def flow():
        first = yield from ask(operation(name="first"))
        second = yield from ask(operation(name=f"second-{first}"))
        return first, second

    made = bench(reply(200, 1), reply(200, 2))
    assert complete(made, flow()) == (1, 2)
    assert [request.path for request in made.sent] == ["/first", "/second-1"]


def test_a_flow_without_operations_sends_nothing():
    def flow():
        return 5
        yield

    made = bench()
    assert complete(made, flow()) == 5
    assert made.sent == []


def test_an_error_is_thrown_into_the_flow_which_can_continue():
    def flow():
        with pytest.raises(NotFound) as caught:
            yield from ask(operation(name="first"))
        assert caught.value.status == 404
        return (yield from ask(operation(name="second")))

    made = bench(reply(404, {}), reply(200, "instead"))
    assert complete(made, flow()) == "instead"


def test_an_error_that_the_flow_does_not_catch_comes_out_as_it_is():
    made = bench(reply(404, {}))
    with pytest.raises(NotFound) as caught:
        complete(made, ask(operation()))
    assert caught.value.__context__ is None
    assert caught.value.operation == "look"


def test_a_flow_can_raise_its_own_error_instead():
    def flow():
        with suppress(NotFound):
            yield from ask(operation())
        raise InvalidInput("no such thread", argument="thread")

    with pytest.raises(InvalidInput, match="no such thread"):
        complete(bench(reply(404, {})), flow())


def test_the_record_is_that_of_the_question_wherever_it_is_in_the_flow():
    def flow():
        yield from ask(operation(Replay.READ, name="before"))
        yield from ask(operation(Replay.ASK, name="question"))
        yield from ask(operation(Replay.READ, name="after"))

    made = bench(reply(200, 1), reply(200, 2), reply(200, 3))
    call = made.context.call(None, kind="question")
    made.complete(flow(), call)
    assert call.record.operation == "question"


def test_without_a_question_the_record_is_the_last_operations():
    def flow():
        yield from ask(operation(name="first"))
        yield from ask(operation(name="last"))

    made = bench(reply(200, 1), reply(200, 2))
    call = made.context.call(None, kind="other")
    made.complete(flow(), call)
    assert call.record.operation == "last"
    assert call.maybe_duplicated is False


def test_one_deadline_holds_for_the_whole_flow():
    def flow():
        yield from ask(operation(name="first"))
        yield from ask(operation(name="second"))

    def slow(_):
        made.clock.now += 10
        return reply(200, 1)

    made = bench(slow)
    with pytest.raises(DeadlineExceeded):
        complete(made, flow(), deadline=10)
    assert [request.path for request in made.sent] == ["/first"]


def test_a_question_refused_in_one_form_after_it_may_have_been_asked_stays_maybe_delivered_in_the_next():
    def flow():
        with suppress(InvalidInput):
            yield from ask(operation(Replay.ASK, name="as-json"))
        return (yield from ask(operation(Replay.ASK, name="in-query")))

    made = bench(reply(500, {}), reply(422, {}), reply(200, "answer"))
    call = made.context.call(None, kind="question")
    assert made.complete(flow(), call) == "answer"
    assert call.maybe_duplicated is True


# Locks


class RequestPairing:
    """Lets requests pass only two at a time, or one by one after a moment in which no second one came."""

    def __init__(self, moment):
        self._barrier = threading.Barrier(2)
        self._moment = moment
        self.met = 0

    def __call__(self, _):
        try:
            self._barrier.wait(self._moment)
            self.met += 1
        except threading.BrokenBarrierError:
            self._barrier.reset()
        return reply(200, 1)


def test_flows_that_lock_different_keys_run_side_by_side():
    meeting = RequestPairing(SOON)
    made = bench(meeting, meeting, real_clock=True)
    threads = [start_thread(complete, made, alone(key, operation())) for key in ("ann", "bob")]
    assert [join_thread(thread) for thread in threads] == [1, 1]
    assert meeting.met == 2


def test_flows_that_lock_the_same_key_run_one_after_the_other():
    meeting = RequestPairing(0.05)
    made = bench(*[meeting] * 4, real_clock=True)
    threads = [start_thread(complete, made, alone("ann", operation())) for _ in range(4)]
    assert [join_thread(thread) for thread in threads] == [1] * 4
    assert meeting.met == 0


def test_a_lock_lasts_through_retries():
    seen = []

    def fail(request):
        seen.append(request.path)
        if len(seen) == 1:
            second = start_thread(complete, made, alone("ann", operation(name="second")), SOON)
            threads.append(second)
            return reply(503, {})
        return reply(200, request.path)

    threads = []
    made = bench(fail, fail, fail)
    assert complete(made, alone("ann", operation(name="first"))) == "/first"
    assert join_thread(threads[0]) == "/second"
    assert seen == ["/first", "/first", "/second"]


@pytest.mark.parametrize("failing", [reply(404, {}), TransportFailure("certificate")])
def test_a_lock_is_released_after_an_error(failing):
    made = bench(failing, reply(200, 2))
    with pytest.raises(UnichatError):
        complete(made, alone("ann", operation()))
    assert complete(made, alone("ann", operation()), deadline=SOON) == 2


def test_a_lock_is_released_when_the_caller_interrupts():
    def interrupt(_):
        raise KeyboardInterrupt

    made = bench(interrupt, reply(200, 2))
    with pytest.raises(KeyboardInterrupt):
        complete(made, alone("ann", operation()))
    assert complete(made, alone("ann", operation()), deadline=SOON) == 2


def test_waiting_for_a_lock_ends_with_the_deadline_and_nothing_was_asked():
    entered, leave = threading.Event(), threading.Event()

    def busy(_):
        entered.set()
        assert leave.wait(SOON)
        return reply(200, "first")

    made = bench(busy, real_clock=True)
    first = start_thread(complete, made, alone("ann", operation()))
    assert entered.wait(SOON)
    with pytest.raises(DeadlineExceeded) as caught:
        complete(made, alone("ann", operation(Replay.ASK)), deadline=0.01)
    error = caught.value
    assert (error.maybe_delivered, error.deadline, error.retryable, error.attempts) == (False, 0.01, True, ())
    assert "still running after 0.01 s" in str(error)
    leave.set()
    assert join_thread(first) == "first"
    assert len(made.sent) == 1


def test_an_error_while_waiting_for_a_lock_says_where_it_happened():
    made = bench(reply(200, 1))
    holding = alone("ann", operation(Replay.ASK))

    def flow():
        yield Exclusive("ann", "another call in the same conversation")
        # The second flow waits, and does not get its turn, while the first is between its steps.
        call = made.context.call(0.01, kind="question", call=NeutralCall(backend="echo", operation="chat"))
        with pytest.raises(DeadlineExceeded) as caught:
            made.complete(holding, call)
        errors.append(caught.value)

    errors = []
    complete(made, flow())
    assert (errors[0].backend, errors[0].operation) == ("echo", "chat")


def test_a_lock_is_forgotten_when_no_call_holds_or_awaits_it():
    made = bench(*[reply(200, 1)] * 20)
    for number in range(20):
        complete(made, alone(number, operation()))
    assert made.context.locks._locks == {}


def test_an_interrupt_passes_through_and_nothing_more_is_sent():
    def interrupt(_):
        raise KeyboardInterrupt

    made = bench(interrupt)
    with pytest.raises(KeyboardInterrupt):
        made.run(operation())
    assert len(made.sent) == 1


def test_an_interrupt_during_a_wait_passes_through():
    made = bench(reply(503, {}))

    def interrupt(_):
        raise KeyboardInterrupt

    made.client._performer._sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        made.run(operation())
    assert len(made.sent) == 1


# Deadlines that no clock reaches


@pytest.mark.parametrize("seconds", [1e10, 1e300])
def test_a_deadline_longer_than_any_timer_takes_is_valid(seconds):
    made = bench(reply(200, 1))
    assert complete(made, alone("ann", operation()), deadline=seconds) == 1


def test_a_call_starts_without_a_record():
    call = Call(Deadline(5, lambda: 0.0))
    assert (call.record, call.maybe_duplicated) == (None, False)


def test_calls_of_one_client_in_many_threads_all_end():
    made = bench(*[reply(503, {}), reply(200, 1)] * 40)
    threads = [start_thread(made.run, operation()) for _ in range(40)]
    outcomes = [join_thread(thread) for thread in threads]
    assert all(outcome == 1 or isinstance(outcome, ServerError) for outcome in outcomes)
