"""Pacing: reservations within a rate, slower after a refusal, shared by all on one key."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.canned import FakeClock, bench, operation, reply, try_call
from unichat.adapter.setting_checks import seconds_per_call
from unichat.errors import ConfigError
from unichat.policy.pacing import Pacer, pacer_for


@pytest.mark.parametrize(
    ("rate", "seconds"), [("20/min", 3.0), ("2/s", 0.5), ("1/h", 3600.0), (" 0.5 / second ", 2.0), ("60/minute", 1.0)]
)
def test_a_rate_is_a_number_per_unit(rate, seconds):
    assert seconds_per_call(rate) == seconds


@pytest.mark.parametrize("rate", ["", "20", "20/day", "0/min", "-1/s", "1e3/s", "\uff11/s", "20/min/min", None, 20])
def test_any_other_rate_raises_with_an_example(rate):
    with pytest.raises(ConfigError, match="20/min") as caught:
        seconds_per_call(rate)
    assert caught.value.key == "rate"


@given(st.text())
def test_any_text_is_a_rate_or_a_config_error(rate):
    seconds, error = try_call(lambda: seconds_per_call(rate), ConfigError)
    assert error is not None or seconds > 0


def test_reservations_are_an_interval_apart_and_idle_time_is_not_saved_up():
    ticks = FakeClock()
    pacer = Pacer(3.0, ticks.monotonic)
    assert [pacer.reserve(60).wait for _ in range(3)] == [0.0, 3.0, 6.0]
    ticks.now += 100
    assert [pacer.reserve(60).wait for _ in range(2)] == [0.0, 3.0]


def test_a_reservation_that_would_be_too_late_is_not_made():
    pacer = Pacer(3.0, FakeClock().monotonic)
    assert pacer.reserve(1).wait == 0.0
    assert pacer.reserve(1) is None
    assert pacer.reserve(5).wait == 3.0


def test_a_released_reservation_is_reused_unless_its_time_has_passed():
    ticks = FakeClock()
    pacer = Pacer(3.0, ticks.monotonic)
    reservations = [pacer.reserve(60) for _ in range(4)]
    for reservation in (reservations[2], reservations[1]):
        pacer.release(reservation)
    assert [pacer.reserve(60).wait for _ in range(3)] == [3.0, 6.0, 12.0]
    pacer.release(reservations[0])
    ticks.now += 1
    assert pacer.reserve(60).wait == 14.0


def test_a_reservation_at_the_old_pace_is_not_reused_after_a_429():
    pacer = Pacer(1.0, FakeClock().monotonic)
    reservations = [pacer.reserve(60) for _ in range(3)]
    pacer.release(reservations[1])
    pacer.slow_down()
    pacer.release(reservations[2])
    assert pacer.reserve(60).wait == 3.0


@given(st.lists(st.one_of(st.just("reserve"), st.integers(0, 9), st.floats(0, 5)), max_size=40))
def test_two_reservations_never_have_the_same_time(steps):
    ticks = FakeClock()
    pacer = Pacer(1.0, ticks.monotonic)
    held = []
    for step in steps:
        if step == "reserve":
            held.append(pacer.reserve(1e9))
        elif isinstance(step, float):
            ticks.now += step
        elif step < len(held):
            pacer.release(held.pop(step))
        ahead = sorted(reservation.at for reservation in held if reservation.at >= ticks.now)
        assert all(later - sooner > 0.999 for sooner, later in pairwise(ahead))


def test_a_refusal_slows_the_pace_down_and_successes_bring_it_back():
    ticks = FakeClock()
    pacer = Pacer(1.0, ticks.monotonic)
    pacer.slow_down()
    assert [pacer.reserve(60).wait for _ in range(2)] == [2.0, 4.0]
    for _ in range(50):
        pacer.speed_up()
    ticks.now += 100
    assert [pacer.reserve(60).wait for _ in range(2)] == [0.0, 1.0]


def test_refusals_of_calls_in_flight_together_slow_the_pace_down_once():
    ticks = FakeClock()
    pacer = Pacer(1.0, ticks.monotonic)
    for _ in range(4):
        pacer.slow_down()
    assert [pacer.reserve(60).wait for _ in range(2)] == [2.0, 4.0]


def test_refusals_slow_the_pace_down_again_once_a_call_was_made_at_the_slower_one():
    ticks = FakeClock()
    pacer = Pacer(1.0, ticks.monotonic)
    pacer.slow_down()
    ticks.now += 2
    pacer.slow_down()
    assert [pacer.reserve(60).wait for _ in range(2)] == [4.0, 8.0]


def test_a_success_speeds_the_pace_up_by_a_tenth_and_not_at_once():
    ticks = FakeClock()
    pacer = Pacer(1.0, ticks.monotonic)
    pacer.slow_down()
    pacer.speed_up()
    assert pacer.reserve(60).interval == 1.8


def test_a_reservation_may_be_as_far_away_as_is_allowed():
    pacer = Pacer(3.0, FakeClock().monotonic)
    assert [pacer.reserve(3).wait for _ in range(2)] == [0.0, 3.0]
    assert pacer.reserve(5.9) is None


@pytest.mark.parametrize(("now", "waits"), [(3.0, [0.0, 3.0, 9.0]), (4.0, [2.0, 8.0, 11.0])])
def test_of_the_released_times_those_that_have_passed_are_forgotten(now, waits):
    ticks = FakeClock()
    pacer = Pacer(3.0, ticks.monotonic)
    begin = ticks.now
    reservations = [pacer.reserve(60) for _ in range(4)]
    for reservation in reservations[1:3]:
        pacer.release(reservation)
    ticks.now = begin + now
    assert [pacer.reserve(60).wait for _ in range(3)] == waits


def test_one_rate_written_in_two_ways_is_one_pace():
    ticks = FakeClock()
    first, second = (pacer_for("key", rate, ticks.monotonic) for rate in ("2/s", "120/min"))
    assert first is second


def test_a_429_slows_the_pace_of_the_client_down():
    made = bench(reply(429, {}), *[reply(200, 1)] * 3, policy={"rate": "1/s", "attempts": 1})
    made.error(operation())
    made.clock.slept.clear()
    for _ in range(2):
        made.run(operation())
    assert sum(made.clock.slept) > 2.0


def test_the_interval_never_exceeds_sixteen_times_the_base():
    ticks = FakeClock()
    pacer = Pacer(1.0, ticks.monotonic)
    for _ in range(100):
        pacer.slow_down()
        ticks.now += 20
    ticks.now += 1000
    assert [pacer.reserve(60).wait for _ in range(2)] == [0.0, 16.0]


def test_all_on_one_key_share_a_pace_and_others_do_not():
    clock = FakeClock().monotonic
    one, same, other = (
        pacer_for("key", "20/min", clock),
        pacer_for("key", "20/min", clock),
        pacer_for("k", "20/min", clock),
    )
    assert one is same
    assert one is not other
