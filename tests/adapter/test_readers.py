"""Readers of single values that `Fields` does not use."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.adapter import as_boolean_word, as_epoch_milliseconds, as_epoch_seconds

ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()) | st.just({})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, datetime(1970, 1, 1, tzinfo=UTC)), ("86400", datetime(1970, 1, 2, tzinfo=UTC)), (True, None), ("x", None)],
)
def test_as_epoch_seconds_is_a_time_with_its_zone(value, expected):
    assert as_epoch_seconds.read(value, None) == expected


def test_as_epoch_milliseconds_keeps_the_milliseconds():
    assert as_epoch_milliseconds.read(1_500, None) == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    assert as_epoch_seconds.read(1.5, None) == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("true", True),
        ("Yes", True),
        ("0", False),
        ("off", False),
        (True, True),
        (0, False),
        ("maybe", None),
        ([], None),
    ],
)
def test_as_boolean_word_reads_words_and_booleans(value, expected):
    assert as_boolean_word.read(value, None) is expected


@given(ANY)
def test_readers_never_raise(value):
    for reader in (as_epoch_seconds, as_epoch_milliseconds, as_boolean_word):
        reader.read(value, None)
