"""Which hosts may be asked: all, unless a test run forbids those outside of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_checks: list[Callable[[str], None]] = []


def check_host(host: str) -> None:
    """Check whether a vendor's host may be asked; called before each request, and before a name is resolved.

    The host is the vendor's own, whether a connection is kept or new, and whether or not a proxy leads there.

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
