"""Runs one cell: one fault on one operation, with its outcome compared and every oracle asked."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

import pytest
from attrs import define, field

from tests.faults.certificates import context_for
from tests.faults.injection import Injection
from tests.faults.neutral import CallResult, Neutral, Opens, new_nonce
from tests.faults.oracles import LogCapture, check_error, check_log, open_sockets, secrets_in
from tests.faults.outcome import Outcome
from tests.faults.server import FaultServer
from tests.faults.vendors import VENDORS
from unichat.errors import DeadlineExceeded, StreamInterrupted
from unichat.record import CallRecord

OVERRUN = 0.05
"""Seconds by which a deadline of `DEADLINE` may be overrun, and longer ones by as large a share."""


@define
class Bench:
    """The surroundings of one call.

    Attributes:
        url: where the client is sent; the server's own unless a fault changes it.
        elsewhere: the target of redirects, which nobody may ever talk to.
        limit: the limit in seconds that the fault is there to overrun, if there is one.
        slept: the waits between attempts, none of which was waited for.
    """

    injection: Injection
    neutral: Neutral
    patch: pytest.MonkeyPatch
    server: FaultServer
    opened: ExitStack
    url: str
    settings: dict[str, Any] = field(factory=dict)
    limit: float | None = None
    slept: list[float] = field(factory=list)

    def sleep(self, seconds: float) -> None:
        """Note a wait, and let the fault act meanwhile."""
        self.slept.append(seconds)
        if self.injection.between is not None:
            self.injection.between(self.server, len(self.slept))


@define
class Result:
    """How one call ended."""

    given: CallResult | None
    error: BaseException | None
    seconds: float

    @property
    def record(self) -> CallRecord | None:
        return self.given.record if self.given is not None else getattr(self.error, "call", None)


def check_overrun(overrun: float | None, pace: float) -> None:
    """Check that a deadline held."""
    assert (overrun or 0.0) < OVERRUN * pace, f"the deadline was overrun by {(overrun or 0.0) * 1000:.0f} ms"


def run_cell(
    injection: Injection, neutral: Neutral, patch: pytest.MonkeyPatch, client_on: Opens, expected: Outcome
) -> dict[str, Any]:
    """Run it at a pace that this machine keeps up with, and return its figures."""
    for again, pace in enumerate(injection.paces):
        try:
            with patch.context() as patched:
                figures = _run_once(injection, neutral, patched, client_on, expected, pace)
            check_overrun(figures["overrun"], pace)
            return figures | {"again": again}
        except Exception:
            if again + 1 == len(injection.paces):
                raise
    raise AssertionError("there is no pace")


def _run_once(
    injection: Injection,
    neutral: Neutral,
    patch: pytest.MonkeyPatch,
    client_on: Opens,
    expected: Outcome,
    pace: float,
) -> dict[str, Any]:
    before = open_sockets()
    tls = context_for(injection.server["tls"]) if "tls" in injection.server else None
    listening = injection.server.get("listening", True)
    nonce = new_nonce()
    with ExitStack() as opened, LogCapture() as log:
        server = opened.enter_context(
            FaultServer(VENDORS[neutral.backend], injection.script, tls=tls, listening=listening)
        )
        settings = injection.at_pace(pace)
        bench = Bench(injection, neutral, patch, server, opened, server.url, settings, injection.limit_at(pace))
        if injection.arrange is not None:
            injection.arrange(bench)
        with client_on(neutral.backend, bench.url, sleep=bench.sleep, **bench.settings) as client:
            if injection.warm is not None:
                assert neutral.run(client, new_nonce()).right
                server.settle(injection.warm)
            result = _time(neutral, client, nonce)
            assert not secrets_in(repr(client) + repr(vars(getattr(client, "asynchronous", client))))
        _compare(expected, result, bench, nonce)
        check_log(log, nonce)
        if result.error is not None:
            check_error(result.error)
    left = open_sockets() - before
    assert not left, f"{len(left)} sockets were left open"
    return {
        "row": injection.row,
        "name": injection.name,
        "operation": neutral.name,
        "overrun": _overrun(bench.limit, result),
    }


def _time(neutral: Neutral, client: Any, nonce: str) -> Result:
    given: CallResult | None = None
    error: BaseException | None = None
    began = time.monotonic()
    try:
        given = neutral.run(client, nonce)
    except BaseException as raised:
        error = raised
    if isinstance(error, AssertionError | KeyboardInterrupt):
        raise error
    return Result(given, error, time.monotonic() - began)


def _overrun(limit: float | None, result: Result) -> float | None:
    """Seconds after the deadline, where one ended the call."""
    if limit is None or not isinstance(result.error, DeadlineExceeded | StreamInterrupted):
        return None
    return max(0.0, result.seconds - limit)


def _compare(expected: Outcome, result: Result, bench: Bench, nonce: str) -> None:
    if expected.otherwise is not None and _is_like(result, expected.otherwise):
        expected = expected.otherwise
    if result.given is not None:
        assert expected.error is None, f"answered {result.given.shown!r} instead of {expected.words()}"
        assert result.given.right, f"not the answer to the question: {result.given.shown!r}"
        assert result.given.duplicated is expected.duplicated
    else:
        _compare_error(expected, result, bench)
    record = result.record
    if record is not None:
        assert len(record.attempts) == expected.attempts, record
        assert record.stopped_by == expected.stopped_by, record
    seen = bench.server.seen
    assert seen[nonce] <= expected.seen, f"the question was seen {seen[nonce]} times, not {expected.seen}"
    if bench.injection.waits is not None and expected.attempts > 1:
        assert bench.injection.waits(bench.slept), f"waited {bench.slept}"


def _is_like(result: Result, expected: Outcome) -> bool:
    record = result.record
    attempts_agree = record is None or len(record.attempts) == expected.attempts
    return (result.error is None) is (expected.error is None) and attempts_agree


def _compare_error(expected: Outcome, result: Result, bench: Bench) -> None:
    error = result.error
    assert expected.error is not None, f"raised {error!r} instead of an answer"
    assert type(error) is expected.error, f"raised {error!r} instead of {expected.words()}"
    if expected.kind:
        assert error.kind in expected.kind, f"kind {error.kind}: {error}"
    assert error.maybe_delivered is expected.delivered, f"maybe_delivered={error.maybe_delivered}: {error}"
    if isinstance(error, DeadlineExceeded):
        # A member of a route has its share of what is left when it is asked.
        assert error.deadline == pytest.approx(bench.limit, abs=0.01)
        assert result.seconds > error.deadline - 0.01, "it gave up before its deadline"
    if isinstance(error, StreamInterrupted):
        assert error.call is not None
