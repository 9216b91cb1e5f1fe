"""The record of an operation, built while it runs."""

from __future__ import annotations

import pytest

from tests.canned import operation
from unichat.errors import ConnectionFailed, DeadlineExceeded, InvalidInput, NotFound, ServerError
from unichat.execution.record_builder import RecordBuilder
from unichat.policy.failures import Retry
from unichat.policy.judge import Failed, VendorReport
from unichat.record import Attempt, CallRecord
from unichat.testing import FakeClock
from unichat.transport.base import Deadline


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def builder(clock):
    return RecordBuilder(operation(name="look"), Deadline(60.0, clock.monotonic), "0123abcd")


def test_build_before_any_attempt_is_a_record_of_nothing_sent(builder):
    record = builder.build()
    assert (record.backend, record.operation, record.call_id) == ("echo", "look", "0123abcd")
    assert (record.attempts, record.status, record.phase, record.maybe_delivered) == ((), None, "", False)


def test_attempts_are_numbered_and_timed_from_the_beginning_of_the_call(builder, clock):
    clock.advance(2.0)
    builder.add_attempt(0.5, "HTTP 503")
    builder.add_wait(3.0)
    clock.advance(4.0)
    builder.add_attempt(5.0, "ok")
    record = builder.build()
    assert record.attempts == (Attempt(1, 0.5, 1.5, "HTTP 503", 3.0), Attempt(2, 5.0, 1.0, "ok"))
    assert record.elapsed == 6.0
    assert record.maybe_delivered is True


def test_add_wait_before_any_attempt_adds_nothing(builder):
    builder.add_wait(1.0)
    assert builder.build().attempts == ()


def test_extend_attempt_makes_the_last_one_as_long_as_its_stream(builder, clock):
    builder.add_attempt(0.0, "HTTP 503")
    builder.add_attempt(0.0, "ok")
    clock.advance(7.0)
    builder.extend_attempt("truncated")
    assert builder.build().attempts == (Attempt(1, 0.0, 0.0, "HTTP 503"), Attempt(2, 0.0, 7.0, "truncated"))


def test_extend_attempt_counts_from_where_the_attempt_began(builder, clock):
    for began in (0.0, 1.0, 2.0):
        clock.advance(1.0)
        builder.add_attempt(began, "HTTP 503")
        builder.add_wait(began)
    clock.advance(4.0)
    builder.extend_attempt("ok")
    made = builder.build().attempts
    assert [(each.started, each.elapsed, each.waited) for each in made] == [(0, 1, 0), (1, 1, 1), (2, 5, 2)]
    assert [each.outcome for each in made] == ["HTTP 503", "HTTP 503", "ok"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [(None, None), ("", None), ("r-1", "r-1"), ("r" * 200, "r" * 200), ("r" * 201, "r" * 199 + "…")],
)
def test_add_head_keeps_the_vendors_id_up_to_200_characters(builder, given, kept):
    builder.add_head(503, given)
    record = builder.build()
    assert (record.status, record.phase, record.request_id) == (503, "body", kept)


OWN = CallRecord(backend="echo", operation="token", call_id="89abcdef", stopped_by="budget")


@pytest.mark.parametrize(
    ("outcome", "known", "expected"),
    [
        (Failed(NotFound("x")), None, "not_retryable"),
        (Failed(NotFound("x")), "attempts", "attempts"),
        (Failed(ServerError("x"), Retry.AMBIGUOUS), None, "maybe_delivered"),
        (Failed(ConnectionFailed("x"), cancelled=True), None, "cancelled"),
        (Failed(ConnectionFailed("x"), cancelled=True), "attempts", "cancelled"),
        (InvalidInput("the client is closed"), None, "cancelled"),
        (InvalidInput("the client is closed"), "deadline", "deadline"),
        (DeadlineExceeded("x"), None, "deadline"),
        (NotFound("x", call=OWN), None, "budget"),
    ],
)
def test_complete_says_why_no_further_attempt_was_made(builder, outcome, known, expected):
    builder.stopped_by = known
    builder.complete(outcome.error if isinstance(outcome, Failed) else outcome, outcome)
    assert builder.stopped_by == expected


def test_complete_gives_an_error_the_record_unless_it_has_one(builder):
    error, of_token = NotFound("x"), NotFound("x", call=OWN)
    assert builder.complete(error, Failed(error)) is True
    assert (error.call.call_id, error.call.stopped_by) == ("0123abcd", "not_retryable")
    assert builder.complete(of_token, of_token) is False
    assert of_token.call is OWN


@pytest.mark.parametrize("duplicated", [True, False])
def test_complete_does_not_forget_an_earlier_attempt_that_may_have_been_acted_on(builder, duplicated):
    builder.maybe_duplicated = duplicated
    error = NotFound("x")
    builder.complete(error, Failed(error))
    assert (error.maybe_delivered, error.call.maybe_delivered) == (duplicated, duplicated)


def test_build_without_an_error_says_nothing_of_another_call(builder):
    builder.add_attempt(0.0, "ok")
    record = builder.build()
    assert (record.maybe_delivered, record.retryable, record.retry_after) == (True, False, None)


def test_add_failure_keeps_what_an_earlier_failure_said_until_a_later_one_says_more(builder):
    first = VendorReport(message="busy", code="e1", envelope_status=507)
    builder.add_failure(Failed(ServerError("x"), vendor=first, phase="body"))
    builder.add_failure(Failed(ServerError("x")))
    record = builder.build()
    assert (record.vendor_message, record.vendor_code, record.envelope_status) == ("busy", "e1", 507)
    assert record.phase == "body"
    builder.add_failure(Failed(ServerError("x"), vendor=VendorReport(message="later"), phase="waiting"))
    assert (builder.build().vendor_message, builder.build().phase) == ("later", "waiting")


@pytest.mark.parametrize(
    ("retry", "delivered", "duplicated"),
    [
        (Retry.YES, True, True),
        (Retry.YES, False, False),
        (Retry.NO, True, False),
        (Retry.AMBIGUOUS, True, False),
    ],
)
def test_a_call_may_be_duplicated_only_after_the_retry_of_a_delivered_request(builder, retry, delivered, duplicated):
    error = ServerError("x", maybe_delivered=delivered)
    builder.add_failure(Failed(error, retry))
    builder.add_failure(Failed(ServerError("x", maybe_delivered=False), Retry.NO))
    assert builder.maybe_duplicated is duplicated


def test_build_with_an_error_says_what_the_error_says(builder):
    builder.add_attempt(0.0, "HTTP 404")
    builder.stopped_by = "not_retryable"
    error = NotFound("x", maybe_delivered=False, retry_after=5.0)
    record = builder.build(error)
    assert (record.maybe_delivered, record.retryable, record.retry_after) == (False, error.retryable, 5.0)
    assert record.stopped_by == "not_retryable"


def test_attempts_name_the_member_and_say_whether_they_may_have_been_acted_on(clock):
    builder = RecordBuilder(operation(name="look"), Deadline(60.0, clock.monotonic), "0123abcd", "kapa")
    builder.add_attempt(0.0, "refused", False)
    builder.add_attempt(0.0, "read_timeout", True)
    made = builder.build().attempts
    assert [(attempt.profile, attempt.maybe_delivered) for attempt in made] == [("kapa", False), ("kapa", True)]
