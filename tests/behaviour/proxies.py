"""The option `--proxy`: the tests of behaviour with a proxy between the clients and a simulated vendor.

    pytest tests/behaviour --proxy kapa=8101,http://127.0.0.1:4011

runs Kapa's simulator at port 8101, and its clients send to the other address, where something listens that forwards.
Only tests whose requests go through a proxy are run; a test may be marked as `unproxied`, with the reason.
"""

from __future__ import annotations

import re

import pytest
from attrs import frozen


@frozen
class Proxy:
    """A proxy before a simulator, which runs at `port`; clients reach it at `url`."""

    backend: str
    port: int
    url: str

    @classmethod
    def parse(cls, text: str) -> Proxy:
        """Read a value of the option.

        Raises:
            ValueError: it is none.
        """
        found = re.fullmatch(r"(\w+)=(\d+),(https?://.+)", text)
        if found is None:
            raise ValueError(f"{text!r} is not BACKEND=PORT,URL")
        return cls(found[1], int(found[2]), found[3])


def sends_through(item: pytest.Item, proxies: list[Proxy]) -> bool:
    """Return whether a test's requests go through one of the proxies."""
    callspec = getattr(item, "callspec", None)
    given = {} if callspec is None else callspec.params
    backend = given.get("vendor", given.get("backend"))
    return (
        "box" in getattr(item, "fixturenames", ())
        and (backend is None or backend in {each.backend for each in proxies})
        and item.get_closest_marker("unproxied") is None
    )
