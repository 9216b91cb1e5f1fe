"""What a transport is given."""

from __future__ import annotations

import pytest

from unichat.transport.base import Deadline


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(120, "120 s"), (0.39999, "0.4 s"), (59.99998, "60 s"), (0.125, "0.125 s"), (1e-6, "1e-06 s"), (0, "0 s")],
)
def test_a_deadline_as_text_is_rounded_to_what_people_read(seconds: float, text: str) -> None:
    assert str(Deadline(seconds)) == text


def test_a_deadline_counts_from_when_it_is_made():
    times = iter([100.0, 103.0, 104.0, 111.0])
    deadline = Deadline(10, lambda: next(times))
    assert deadline.elapsed() == 3
    assert deadline.remaining() == 6
    assert deadline.remaining() == 0
