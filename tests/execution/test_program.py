"""Programs, stepped by hand: what a call needs done, in which order, without a transport, a thread or an event loop."""

import gc

import pytest

from tests.canned import CannedStream, FakeClock, operation, records, reply, stream_operation
from unichat.adapter import CommonSettings, Credential, Replay, Secret, ask, exclusive
from unichat.errors import ConfigError, ConnectionFailed, DeadlineExceeded, InvalidInput, ServerError
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.execution.effects import Acquire, FetchToken, Open, Read, Send, Sleep
from unichat.execution.live_stream import LiveStream
from unichat.execution.program import complete, run
from unichat.execution.token_provider import ProviderResult
from unichat.testing import CannedTransport
from unichat.transport.base import Deadline, HttpRequest, TransportFailure


class ByHand:
    """Stands for the performer of a context: the test itself does what the effects say."""

    def __init__(self):
        self.open = True
        self.discarded = []

    @staticmethod
    def make_lock():
        return Lock()

    def check_open(self):
        if not self.open:
            raise InvalidInput("the client is closed")

    def discard(self, reply):
        self.discarded.append(reply)

    def call_soon(self, function):
        function()

    def caller(self):
        return self


class Lock:
    """A lock, and what shows that it was acquired."""

    def __init__(self):
        self.released = 0

    def release(self):
        self.released += 1


class HookLog:
    """A hook that remembers what it was told."""

    def __init__(self):
        self.events = []

    def started(self, record):
        self.events.append("started")

    def attempted(self, record):
        self.events.append(record.attempts[-1].outcome)

    def finished(self, record, error):
        self.events.append(type(error).__name__ if error else "finished")


def context(source=None, *, transport="the transport", hooks=(), ticks=None, **policy):
    settings = CommonSettings(base_url="https://echo.example/prefix/", **policy)
    credential = Credential("X-Token", "", source or Secret("sesame"))
    return Context.build(transport, credential, settings, ByHand(), (ticks or FakeClock()).clock, hooks)


def finish(program, value):
    """The result of a program that ends when it is sent `value`."""
    with pytest.raises(StopIteration) as stop:
        program.send(value)
    return stop.value.value


def test_an_operation_is_one_send_and_its_result():
    where = context()
    program = run(operation(), where.call(), where)
    effect = next(program)
    assert isinstance(effect, Send)
    assert (effect.transport, effect.limit) == ("the transport", where.policy.body_limit)
    assert effect.request.url == "https://echo.example/prefix/look"
    assert effect.request.headers["X-Token"] == "sesame"
    assert finish(program, reply(200, {"x": 1})) == {"x": 1}


NOT_IDEMPOTENT = (Replay.ASK, Replay.INSERT)


@pytest.mark.parametrize("replay", list(Replay), ids=lambda replay: replay.value)
def test_a_request_says_whether_it_may_be_sent_twice(replay):
    where = context()
    assert next(run(operation(replay), where.call(), where)).request.idempotent is (replay not in NOT_IDEMPOTENT)


def test_a_failure_is_waited_after_and_sent_again():
    where = context()
    program = run(operation(), where.call(), where)
    first = next(program)
    assert isinstance(program.send(reply(503, {})), Sleep)
    again = program.send(None)
    assert isinstance(again, Send)
    assert again.request == first.request
    assert finish(program, reply(200, 1)) == 1


def test_the_last_failure_is_raised_with_the_record_of_all():
    where = context(attempts=2)
    program = run(operation(), where.call(), where)
    next(program)
    program.send(TransportFailure("refused", phase="connecting"))
    program.send(None)
    with pytest.raises(ConnectionFailed) as caught:
        program.send(TransportFailure("refused", phase="connecting"))
    assert [attempt.outcome for attempt in caught.value.attempts] == ["refused", "refused"]
    assert (caught.value.stopped_by, caught.value.phase) == ("attempts", "connecting")


def test_a_token_is_fetched_before_the_request_within_the_same_deadline():
    where = context(lambda: "never called")
    call = where.call(7.0)
    program = run(operation(), call, where)
    effect = next(program)
    assert isinstance(effect, FetchToken)
    assert effect.deadline is call.deadline
    sending = program.send(ProviderResult(Secret("fresh")))
    assert sending.request.headers["X-Token"] == "fresh"


def test_a_token_that_cannot_be_had_ends_the_run():
    heard = HookLog()
    where = context(lambda: "never called", hooks=[heard])
    program = run(operation(), where.call(), where)
    next(program)
    with pytest.raises(ConfigError, match="the token provider raised KeyError"):
        program.send(ProviderResult(None, "raised KeyError"))
    assert heard.events == ["started", "ConfigError"]


def test_a_flow_holds_its_lock_until_it_ends():
    def flow():
        yield from exclusive("ann")
        return (yield from ask(operation()))

    where = context()
    program = complete(flow(), where.call(), where)
    effect = next(program)
    assert isinstance(effect, Acquire)
    assert isinstance(program.send(effect.lock), Send)
    assert effect.lock.released == 0
    assert finish(program, reply(200, 1)) == 1
    assert effect.lock.released == 1
    assert where.locks._locks == {}


def test_a_flow_that_asks_for_a_lock_that_it_holds_goes_on_and_releases_it_once():
    def flow():
        yield from exclusive("ann")
        yield from exclusive("bob")
        yield from exclusive("ann")
        return (yield from ask(operation()))

    where = context()
    program = complete(flow(), where.call(), where)
    ann = next(program)
    bob = program.send(ann.lock)
    assert isinstance(ann, Acquire)
    assert isinstance(bob, Acquire)
    assert isinstance(program.send(bob.lock), Send)
    assert finish(program, reply(200, 1)) == 1
    assert (ann.lock.released, bob.lock.released) == (1, 1)
    assert where.locks._locks == {}


def test_a_lock_that_is_not_to_be_had_in_time_is_a_passed_deadline_and_leaves_nothing():
    where = context()
    program = complete(exclusive("ann"), where.call(3.0), where)
    effect = next(program)
    with pytest.raises(DeadlineExceeded, match="still running after 3 s"):
        program.send(None)
    assert effect.lock.released == 0
    assert where.locks._locks == {}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit(), ValueError("a signal handler's")])
def test_a_foreign_exception_passes_through_and_releases_everything(error):
    def flow():
        yield from exclusive("ann")
        return (yield from ask(operation(Replay.ASK)))

    heard = HookLog()
    where = context(hooks=[heard], breaker_failures=1)
    call = where.call()
    program = complete(flow(), call, where)
    effect = next(program)
    assert isinstance(program.send(effect.lock), Send)
    with pytest.raises(type(error)):
        program.throw(error)
    assert effect.lock.released == 1
    assert where.locks._locks == {}
    assert heard.events == ["started", "cancelled", type(error).__name__]
    # The breaker has heard nothing of the vendor.
    assert where.breaker.admit(where) == (0, None)


def test_an_interrupt_of_a_wait_refunds_the_retry():
    where = context()
    program = run(operation(), where.call(), where)
    next(program)
    program.send(reply(503, {}))
    assert where.budget.remaining == 90
    with pytest.raises(KeyboardInterrupt):
        program.throw(KeyboardInterrupt)
    assert where.budget.remaining == 100


def test_nothing_is_sent_once_the_client_is_closed():
    where = context()
    program = run(operation(), where.call(), where)
    next(program)
    program.send(reply(503, {}))
    where.check_open.__self__.open = False
    with pytest.raises(InvalidInput, match="closed") as caught:
        program.send(None)
    assert caught.value.stopped_by == "cancelled"


def open_answer(*values):
    """A streamed answer whose head has come: a record for each value is still to be read."""
    transport = CannedTransport(CannedStream(records(*values)))
    return transport.open(HttpRequest("POST", "https://echo.example", "/stream"), Deadline(10), idle_timeout=10)


def test_a_stream_is_handed_over_with_its_first_event_and_ends_its_run_later():
    heard = HookLog()
    where = context(hooks=[heard])
    call = where.call(kind="question")
    program = run(stream_operation(), call, where)
    effect = next(program)
    assert isinstance(effect, Open)
    assert effect.idle_timeout == where.policy.first_event_timeout
    opening = open_answer({"text": "Hi"}, {"end": True})
    reading = program.send(opening)
    assert isinstance(reading, Read)
    stream = finish(program, opening.read())
    assert isinstance(stream, LiveStream)
    assert heard.events == ["started", "ok"]
    assert stream.ready().text == "Hi"
    assert stream.ready() is None
    for expected in (True, False):
        more = stream.more()
        assert next(more).reply is opening
        assert finish(more, opening.read()) is expected
        if expected:
            assert stream.ready().text == ""
    assert heard.events == ["started", "ok", "finished"]
    assert call.record.operation == "chat_streamed"


def test_a_forgotten_stream_ends_its_run_and_its_connection_is_discarded():
    heard = HookLog()
    where = context(hooks=[heard])
    program = run(stream_operation(), where.call(), where)
    next(program)
    opening = open_answer({"text": "Hi"})
    program.send(opening)
    stream = finish(program, opening.read())
    del stream, program
    gc.collect()
    assert heard.events == ["started", "ok", "finished"]
    assert where.check_open.__self__.discarded == [opening]


def test_a_deadline_is_handed_on_to_a_call_within_a_call():
    ticks = FakeClock()
    where = context(ticks=ticks)
    outer = where.call(10.0)
    ticks.now += 8
    inner = where.call(outer.deadline)
    assert inner.deadline is outer.deadline
    assert inner.deadline.remaining() == 2.0
    assert (inner.record, Call(outer.deadline).deadline) == (None, outer.deadline)


def test_one_program_can_use_the_contexts_of_several_clients():
    first = context(Secret("first-key"), transport="first")
    second = context(Secret("second-key"), transport="second")

    def either():
        call = first.call(kind="question")
        try:
            return (yield from run(operation(Replay.ASK), call, first))
        except ServerError:
            return (yield from run(operation(Replay.ASK), Call(call.deadline), second))

    program = either()
    assert next(program).transport == "first"
    program.send(reply(503, {}))
    program.send(None)
    program.send(reply(503, {}))
    program.send(None)
    fallback = program.send(reply(503, {}))
    assert (fallback.transport, fallback.request.headers["X-Token"]) == ("second", "second-key")
    assert finish(program, reply(200, "from the second")) == "from the second"
