"""One operation's run, step by step: what breaker, pacer, hooks and budget are told, and what is kept of it."""

import random

import pytest
from attrs import evolve

from tests.canned import bench, operation
from unichat.adapter import Replay, Request
from unichat.errors import (
    AdapterError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    RateLimited,
    ServerError,
)
from unichat.execution.attempt import OperationRun
from unichat.hooks import Hooks
from unichat.policy.failures import Retry
from unichat.policy.judge import Done, Failed
from unichat.policy.pacing import Reservation
from unichat.record import Attempt, CallRecord

ASK, INSERT, READ = Replay.ASK, Replay.INSERT, Replay.READ


class Recorder:
    """Stands for a breaker, a pacer or a hook, and keeps what it is told."""

    def __init__(self, reservation=None, reopens_in=None):
        self.told = []
        self._reservation = reservation
        self._reopens_in = reopens_in

    def reserve(self, max_wait):
        self.told.append(("reserve", max_wait))
        return self._reservation

    def admit(self, caller):
        return 7, self._reopens_in

    def __getattr__(self, name):
        return lambda *arguments: self.told.append((name, *arguments))


def begin(wanted=None, *, deadline=None, lost=(), **context):
    """A run that was started, and its call."""
    made = bench()
    call = made.context.call(deadline, kind="question")
    call.lost = lost
    run = OperationRun(wanted or operation(ASK), call, evolve(made.context, **context))
    run.start()
    return run, call, made


DOWN, LIMITED = Failed(ServerError("down"), Retry.YES), Failed(RateLimited("slow down"), Retry.YES)
LOST = Failed(ConnectionFailed("lost", maybe_delivered=True), Retry.AMBIGUOUS)
ENDS = [
    (Done(1), ("report", None, 7), [("speed_up",)], "ok", True),
    (DOWN, ("report", DOWN.error, 7), [], "ServerError", None),
    (LIMITED, ("report", LIMITED.error, 7), [("slow_down",)], "RateLimited", False),
    (LOST, ("report", LOST.error, 7), [], "closed", True),
    (None, ("abandon", 7), [], "cancelled", None),
]


@pytest.mark.parametrize(
    ("outcome", "to_breaker", "to_pacer", "named", "delivered"), ENDS, ids=[row[3] for row in ENDS]
)
def test_an_attempts_end_is_recorded_and_told_to_breaker_and_pacer(outcome, to_breaker, to_pacer, named, delivered):
    breaker, pacer = Recorder(), Recorder()
    run, _, _ = begin(breaker=breaker, pacer=pacer)
    assert run.admit() is None
    run.end_attempt(0.0, outcome)
    assert breaker.told == [to_breaker]
    assert pacer.told == to_pacer
    (attempt,) = run.facts.attempts
    assert (attempt.outcome, attempt.maybe_delivered) == (named, delivered)


def test_an_open_circuit_is_a_failed_attempt_that_says_when_it_closes():
    run, _, _ = begin(breaker=Recorder(reopens_in=2.5))
    assert run.admit().error.reopens_in == 2.5


def test_a_call_that_the_pacer_has_no_time_for_is_refused():
    run, _, _ = begin(pacer=Recorder(), deadline=10)
    failed = run.reserve()
    assert (type(failed.error), failed.error.maybe_delivered) == (DeadlineExceeded, False)


@pytest.mark.parametrize("admitted", [True, False])
def test_a_reserved_time_is_released_unless_the_attempt_was_made(admitted):
    reservation = Reservation(at=3.0, wait=3.0, interval=1.0)
    pacer = Recorder(reservation)
    run, _, _ = begin(pacer=pacer, deadline=10)
    assert run.reserve() == 3.0
    if admitted:
        assert run.admit() is None
    run.finish(KeyboardInterrupt())
    assert pacer.told == [("reserve", 10), *([] if admitted else [("release", reservation)])]


@pytest.mark.parametrize(("elapsed", "admitted"), [(4.5, True), (5.0, False)])
def test_an_attempt_is_made_until_the_deadline_has_passed(elapsed, admitted):
    run, _, made = begin(deadline=5)
    made.clock.now += elapsed
    assert (run.admit() is None) is admitted


@pytest.mark.parametrize(
    ("replay", "outcome", "kept"), [(ASK, LOST, True), (INSERT, LOST, False), (ASK, DOWN, False), (READ, DOWN, False)]
)
def test_only_the_attempts_of_a_question_whose_answer_was_lost_are_kept_for_asking_again(replay, outcome, kept):
    run, call, _ = begin(operation(replay))
    run.end_attempt(0.0, outcome)
    assert run.finish(outcome) is outcome.error
    assert [attempt.outcome for attempt in call.lost] == (["closed"] if kept else [])


def test_a_question_that_is_asked_again_has_the_attempts_of_both_and_may_be_a_duplicate():
    lost = (Attempt(1, 0.0, 1.0, "closed", 0.0, True),)
    run, call, made = begin(lost=lost)
    run.end_attempt(2.0, Done(1))
    made.context.budget.take(50)
    before = made.context.budget.remaining
    run.finish(Done(1))
    assert [attempt.outcome for attempt in call.record.attempts] == ["closed", "ok"]
    assert call.maybe_duplicated is True
    # Nothing was charged for it, so that it earns what a first attempt does.
    assert made.context.budget.remaining == before + 1
    assert begin(operation(READ), lost=lost)[0].facts.attempts == []


def test_a_call_that_is_interrupted_before_its_first_attempt_ends_as_cancelled():
    hook = Recorder()
    run, call, _ = begin(hooks=Hooks([hook]))
    ended = KeyboardInterrupt()
    assert run.finish(ended) is None
    assert (run.facts.stopped_by, call.record) == ("cancelled", None)
    assert [(event, *rest[1:]) for event, *rest in hook.told] == [("started",), ("finished", ended)]


def test_an_error_without_an_attempt_is_not_logged_and_a_hook_is_told_of_the_operation_itself(caplog):
    of_token = NotFound("x", call=CallRecord(backend="echo", operation="token", call_id="89abcdef"))
    for error in (InvalidInput("the client is closed"), of_token):
        hook = Recorder()
        run, _, _ = begin(hooks=Hooks([hook]))
        assert run.finish(error) is error
        assert hook.told[-1][1].operation == "look"
    assert caplog.records == []


def test_a_header_of_the_credential_is_not_an_operations_own():
    request = Request("GET", "/x", headers=(("x-token", "mine"),))
    made = bench()
    error = made.error(evolve(operation(), request=request))
    assert (type(error), made.sent) == (AdapterError, [])
    assert "set a header that it must not set" in error.message


@pytest.mark.parametrize(("signed", "shown"), [(True, "bad login sesame-street"), (False, "bad login ***")])
def test_only_the_body_of_an_unsigned_request_holds_secrets(signed, shown):
    login = evolve(operation(signed=signed), request=Request("POST", "/login", body=b'{"secret": "sesame-street"}'))
    assert begin(login)[0].redact("bad login sesame-street") == shown


def test_the_id_of_a_call_has_eight_hexadecimal_digits(monkeypatch):
    monkeypatch.setattr(random, "getrandbits", lambda bits: 2**bits - 1)
    assert begin()[0].facts.call_id == "ffffffff"
