"""The thread on which all deadlines of a process hang."""

from __future__ import annotations

import threading
import time

import pytest

from unichat.transport.timers import NoThread, TimerThread


def test_an_alarm_that_raises_leaves_the_others_to_ring(caplog):
    alarms, rung = TimerThread(), threading.Event()

    def mistaken():
        raise TypeError("a mistake")

    alarms.call_at(time.monotonic(), mistaken)
    alarms.call_at(time.monotonic() + 0.01, rung.set)
    assert rung.wait(10)
    assert "a timer's callback failed" in caplog.text


def test_a_thread_that_cannot_be_started_is_tried_again_with_the_next_timer(monkeypatch):
    timers, called = TimerThread(), threading.Event()
    start = threading.Thread.start

    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(NoThread, match="can't start"):
        timers.call_at(time.monotonic(), called.set)
    monkeypatch.setattr(threading.Thread, "start", start)
    timers.call_at(time.monotonic(), called.set)
    assert called.wait(20)
