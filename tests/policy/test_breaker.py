"""The circuit breaker: closed, open, and one probe in between."""

from __future__ import annotations

import pytest

from tests.canned import FakeClock
from unichat import errors
from unichat.policy.breaker import Breaker

DOWN = errors.ServerError("down")


class Caller:
    """Makes attempts."""


CALLER = Caller()


def open_breaker(failures=3, reset=30.0):
    ticks = FakeClock()
    breaker = Breaker(failures, reset, ticks.monotonic)
    for _ in range(failures):
        assert breaker.admit(CALLER)[1] is None
        breaker.report(DOWN, breaker.generation)
    return breaker, ticks


def test_failures_in_a_row_open_the_breaker_and_it_says_for_how_long():
    breaker, ticks = open_breaker()
    assert breaker.admit(CALLER)[1] == 30.0
    ticks.now += 12
    assert breaker.admit(CALLER)[1] == 18.0


def test_a_success_in_between_resets_the_count():
    breaker = Breaker(2, 30.0, FakeClock().monotonic)
    for error in (DOWN, None, DOWN):
        assert breaker.admit(CALLER)[1] is None
        breaker.report(error, breaker.generation)
    assert breaker.admit(CALLER)[1] is None


@pytest.mark.parametrize(
    "error",
    [errors.InvalidInput("x"), errors.NotFound("x"), errors.RateLimited("x"), errors.InsufficientTokens("x")],
    ids=lambda error: type(error).__name__,
)
def test_errors_that_show_the_vendor_to_be_up_do_not_open_the_breaker(error):
    breaker = Breaker(1, 30.0, FakeClock().monotonic)
    breaker.report(error, breaker.generation)
    assert breaker.admit(CALLER)[1] is None


@pytest.mark.parametrize(
    "error",
    [errors.ConnectionFailed("x"), DOWN, errors.DeadlineExceeded("x"), errors.InvalidResponse("x")],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_a_failing_vendor_open_the_breaker(error):
    breaker = Breaker(1, 30.0, FakeClock().monotonic)
    breaker.report(error, breaker.generation)
    assert breaker.admit(CALLER)[1] == 30.0


@pytest.mark.parametrize(
    ("status", "opens"),
    [(None, True), (200, True), (400, False), (404, False), (429, False), (500, True), (503, True), (507, False)],
)
def test_a_stream_that_broke_counts_as_the_status_that_the_vendor_gave_for_it(status, opens):
    breaker = Breaker(1, 30.0, FakeClock().monotonic)
    breaker.report(errors.StreamInterrupted("x", status=status), breaker.generation)
    assert breaker.admit(CALLER)[1] == (30.0 if opens else None)


def test_after_a_success_as_many_failures_open_it_as_before():
    breaker = Breaker(2, 30.0, FakeClock().monotonic)
    for error in (DOWN, None, DOWN, DOWN):
        breaker.report(error, breaker.generation)
    assert breaker.admit(CALLER)[1] == 30.0


def test_a_success_says_nothing_against_the_failures_of_calls_that_began_with_it():
    breaker = Breaker(2, 30.0, FakeClock().monotonic)
    together = breaker.generation
    for error in (None, DOWN, DOWN):
        breaker.report(error, together)
    assert breaker.admit(CALLER)[1] == 30.0


def test_calls_that_began_before_it_opened_do_not_keep_it_open_for_longer():
    ticks = FakeClock()
    breaker = Breaker(1, 30.0, ticks.monotonic)
    together = breaker.generation
    breaker.report(DOWN, together)
    ticks.now += 29.5
    breaker.report(DOWN, together)
    assert breaker.admit(CALLER)[1] == 0.5


def test_a_probe_that_takes_its_time_lets_nobody_else_pass():
    breaker, ticks = open_breaker()
    ticks.now += 30
    assert breaker.admit(CALLER)[1] is None
    ticks.now += 12
    assert breaker.admit(CALLER)[1] == 0.0


def test_after_the_reset_time_only_one_probe_is_admitted():
    breaker, ticks = open_breaker()
    ticks.now += 30
    assert breaker.admit(CALLER)[1] is None
    assert [breaker.admit(CALLER)[1] for _ in range(8)] == [0.0] * 8


def test_a_probe_that_succeeds_closes_it():
    breaker, ticks = open_breaker()
    ticks.now += 30
    assert breaker.admit(CALLER)[1] is None
    breaker.report(None, breaker.generation)
    assert [breaker.admit(CALLER)[1] for _ in range(3)] == [None] * 3


def test_a_probe_that_fails_opens_it_for_the_whole_time_again():
    breaker, ticks = open_breaker()
    ticks.now += 30
    assert breaker.admit(CALLER)[1] is None
    breaker.report(DOWN, breaker.generation)
    assert breaker.admit(CALLER)[1] == 30.0


def test_an_abandoned_probe_makes_room_for_another():
    breaker, ticks = open_breaker()
    ticks.now += 30
    assert breaker.admit(CALLER)[1] is None
    breaker.abandon(breaker.generation)
    assert breaker.admit(CALLER)[1] is None


def test_a_late_report_neither_closes_an_open_breaker_nor_admits_a_second_probe():
    breaker, ticks = open_breaker()
    before, _ = breaker.admit(CALLER)
    old = before - 1
    breaker.report(None, old)
    assert breaker.admit(CALLER)[1] == 30.0
    ticks.now += 30
    probe, refused = breaker.admit(CALLER)
    assert refused is None
    for news in (None, DOWN):
        breaker.report(news, old)
        breaker.report(news, before)
    breaker.abandon(before)
    assert breaker.admit(CALLER)[1] == 0.0
    breaker.report(None, probe)
    assert breaker.admit(CALLER)[1] is None


def test_an_abandoned_call_leaves_a_closed_breaker_unchanged():
    breaker = Breaker(1, 30.0, FakeClock().monotonic)
    generation, _ = breaker.admit(CALLER)
    breaker.abandon(generation)
    assert breaker.admit(CALLER) == (generation, None)


def test_a_probe_whose_caller_is_gone_without_a_report_makes_room_for_another():
    # As after Ctrl-C between the admission and the attempt.
    breaker, ticks = open_breaker()
    ticks.now += 30
    caller = Caller()
    assert breaker.admit(caller)[1] is None
    assert breaker.admit(CALLER)[1] == 0.0
    del caller
    assert breaker.admit(CALLER)[1] is None
