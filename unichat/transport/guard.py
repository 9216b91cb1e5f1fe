"""Which hosts may be connected to: all, unless a test run forbids those outside of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_checks: list[Callable[[str], None]] = []


def check_host(host: str) -> None:
    """Ask whether there may be a connection to a host; called before its name is resolved.

    Raises:
        Whatever a check raises.
    """
    for check in tuple(_checks):
        check(host)


@contextmanager
def check_hosts(check: Callable[[str], None]) -> Iterator[None]:
    """Have each host checked in the meantime, in all threads: `check` raises for one that is not allowed."""
    _checks.append(check)
    try:
        yield
    finally:
        _checks.remove(check)
