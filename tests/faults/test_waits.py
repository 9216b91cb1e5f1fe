"""The waits between attempts: which backoff each failure has, where its cap is, and that full jitter spreads it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.injection import send
from tests.faults.neutral import Opens
from tests.faults.server import FaultServer
from tests.faults.vendors import VENDORS, as_json
from unichat.errors import UnichatError

_CURVES = {
    503: [0.5, 1, 2, 4, 8, 8],
    500: [0.5, 1, 2, 4, 8, 8],
    429: [1, 2, 4, 8, 16, 20],
    507: [5, 10, 20, 30, 30, 30],
}


def _collect_sleeps(client_on: Opens, backend: str, status: int, *, calls: int = 1, **settings: Any) -> list[float]:
    slept: list[float] = []
    fault = send(as_json({"detail": "no"}, status), keep=True)
    with (
        FaultServer(VENDORS[backend], (fault,)) as server,
        client_on(backend, server.url, sleep=slept.append, deadline=1_000, **settings) as client,
    ):
        for _ in range(calls):
            with pytest.raises(UnichatError):
                client.chat("How do I install it?")
    return slept


@pytest.mark.parametrize("status", _CURVES)
@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_waits_double_up_to_their_cap(
    backend: str, status: int, monkeypatch: pytest.MonkeyPatch, client_on: Opens, count: Callable[..., None]
) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, longest: longest)
    assert _collect_sleeps(client_on, backend, status, attempts=7) == _CURVES[status]
    count(45 if status == 507 else 42 if status == 429 else 43, f"waits after {status}: {backend}")


def test_waits_are_spread_over_their_whole_length(client_on: Opens) -> None:
    slept = _collect_sleeps(client_on, "kapa", 503, calls=60, attempts=2, retry_budget=1_000)
    assert len(slept) == 60
    assert 0 <= min(slept) < 0.15
    assert 0.35 < max(slept) <= 0.5


def test_a_wait_that_would_outlast_the_deadline_is_not_begun(count: Callable[..., None], client_on: Opens) -> None:
    slept: list[float] = []
    fault = send(as_json({"detail": "no"}, 429, retry_after="20"), keep=True)
    with (
        FaultServer(VENDORS["kapa"], (fault,)) as server,
        client_on("kapa", server.url, sleep=slept.append, deadline=10) as client,
    ):
        with pytest.raises(UnichatError) as caught:
            client.chat("How do I install it?")
        assert caught.value.call is not None
        assert caught.value.call.stopped_by == "deadline"
        assert caught.value.retry_after == 20
    assert slept == []
    count(42, "Retry-After beyond the deadline: kapa chat")
