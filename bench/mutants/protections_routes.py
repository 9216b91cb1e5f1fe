"""Takes away what routes protect, one function each, for `table.py`."""

from __future__ import annotations

from typing import Any

from unichat.routing import asking, questions


def shares() -> None:
    """The first member may take all the time that there is."""
    original: Any = asking.share_deadline
    asking.share_deadline = lambda deadline, *_, **how: original(deadline, 1, **how)


def mistakes() -> None:
    """The next member is asked whatever the first one's error is."""
    asking.classify_failure = lambda _: "unavailable"


def owners() -> None:
    """A thread is continued by whichever member is asked first."""
    questions.find_owner = lambda members, *_: members[-1]
