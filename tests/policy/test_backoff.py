import math
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unichat.adapter import PolicySettings
from unichat.policy.backoff import Backoff, longest_wait, retry_after

NOW = "Tue, 06 Jan 2026 08:49:37 GMT"


def parse(value, date=NOW):
    return retry_after({"retry-after": value, "date": date})


@given(st.text(st.characters()), st.none() | st.text(st.characters()))
@example("Sun, 06 Nov 0000 08:49:37 GMT", None)
@example("Sun, 06 Nov 1 08:49:37 +9999", "Sun, 06 Nov 1 08:49:37 -9999")
@example("1 1 1 1:1:1 +9" + "9" * 40, None)
@example("0" * 5000, None)
def test_any_text_can_be_read(value, date):
    headers = {"retry-after": value} | ({} if date is None else {"date": date})
    seconds = retry_after(headers)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@given(st.text(alphabet="MonSunJaNov 0123456789:,+-GMT", max_size=40))
def test_any_text_like_a_date_can_be_read(value):
    seconds = parse(value, value[::-1])
    assert seconds is None or seconds >= 0


@given(st.integers(0, 10**6))
def test_whole_seconds_are_read(seconds):
    assert parse(str(seconds)) == seconds
    assert parse(f" {seconds} ") == seconds


@given(st.datetimes(datetime(1970, 1, 2), datetime(2068, 1, 1)), st.integers(0, 10**6))
def test_a_date_counts_from_the_answers_own_date(now, seconds):
    now = now.replace(microsecond=0, tzinfo=UTC)
    then = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    assert parse(then, format_datetime(now, usegmt=True)) == seconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", None),
        ("0", 0.0),
        ("2", 2.0),
        ("60", 60.0),
        ("61", 61.0),
        ("1000000000", 1e9),
        ("9" * 15, 999_999_999_999_999.0),
        ("9" * 400, 1e16),
        ("-1", None),
        ("5.5", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("\uff15", None),
        ("\u0665", None),
        ("5, 6", None),
        ("5s", None),
        ("soon", None),
        ("Tue, 06 Jan 2026 08:50:07 GMT", 30.0),
        ("Tuesday, 06-Jan-26 08:50:07 GMT", 30.0),
        ("Tue Jan  6 08:50:07 2026", 30.0),
        ("Tue, 06 Jan 2026 08:00:00 GMT", 0.0),
        ("Tue, 06 Jan 2026 13:50:07 +0500", None),
        ("Tue, 06 Jan 2026 03:50:07 EST", None),
        ("0" * 30 + "2", 2.0),
        ("Tue, 06 Jan 100000 08:49:37 GMT", None),
        ("Tue, 36 Jan 2026 08:49:37 GMT", None),
        ("Tue, 06 Jan 2026 28:49:37 GMT", None),
    ],
)
def test_the_forms_of_a_retry_after(value, expected):
    assert parse(value) == expected


def test_an_answer_without_the_header_asks_for_no_wait():
    assert retry_after({}) is None
    assert retry_after({"date": NOW}) is None


@pytest.mark.parametrize("date", ["", "not a date", "Tue, 06 Jan 100000 08:49:37 GMT"])
def test_without_a_date_header_the_machines_clock_counts(date):
    then = datetime.now(UTC) + timedelta(hours=2)
    seconds = parse(format_datetime(then, usegmt=True), date)
    assert 7100 < seconds <= 7200


@pytest.fixture
def far_from_greenwich(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
@pytest.mark.parametrize("value", ["Tuesday, 06-Jan-26 08:50:07 GMT", "Tue Jan  6 08:50:07 2026"])
def test_every_form_of_a_date_is_in_gmt_whatever_the_machines_timezone(value):
    assert parse(value) == 30.0


@pytest.mark.usefixtures("far_from_greenwich")
@pytest.mark.parametrize("date", ["Tuesday, 06-Jan-26 08:49:37 GMT", "Tue Jan  6 08:49:37 2026"])
def test_the_date_header_is_in_gmt_too(date):
    assert parse("Tue, 06 Jan 2026 08:50:07 GMT", date) == 30.0


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        (Backoff.SERVER, [0.5, 1, 2, 4, 8, 8, 8]),
        (Backoff.THROTTLED, [1, 2, 4, 8, 16, 20, 20]),
        (Backoff.TOKENS, [5, 10, 20, 30, 30, 30, 30]),
        (Backoff.AT_ONCE, [0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_the_waits_double_up_to_a_cap(backoff, expected):
    assert [longest_wait(PolicySettings(), backoff, attempt) for attempt in range(1, 8)] == expected


@pytest.mark.parametrize(
    ("backoff", "cost"), [(Backoff.SERVER, 10), (Backoff.THROTTLED, 5), (Backoff.TOKENS, 5), (Backoff.AT_ONCE, 0)]
)
def test_a_retry_costs_the_budget_half_where_the_vendor_is_up_and_nothing_for_a_token(backoff, cost):
    assert backoff.cost == cost


@given(st.sampled_from(Backoff), st.integers(1, 10**9))
def test_no_number_of_attempts_makes_a_wait_endless(backoff, attempt):
    cap = 0 if backoff is Backoff.AT_ONCE else getattr(PolicySettings(), backoff.value[1])
    assert 0 <= longest_wait(PolicySettings(), backoff, attempt) <= cap


def test_the_longest_retry_after_that_is_honoured_is_a_minute():
    assert PolicySettings().retry_after_limit == 60
