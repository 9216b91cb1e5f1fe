"""The thread on which all deadlines of a process hang."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from unichat.transport.requests.progress import shut_down
from unichat.transport.timers import NoThread, TimerThread


def test_an_alarm_that_raises_leaves_the_others_to_ring(caplog):
    alarms, rung = TimerThread(), threading.Event()

    def mistaken():
        raise TypeError("a mistake")

    alarms.call_at(time.monotonic(), mistaken)
    alarms.call_at(time.monotonic() + 0.01, rung.set)
    assert rung.wait(10)
    assert "a timer's callback failed" in caplog.text


class Wrapped:
    """As urllib3's TLS within the TLS of a proxy: no socket, but with one."""

    def __init__(self, inner):
        self.socket = inner


def test_an_object_that_wraps_a_socket_is_shut_down_like_one():
    here, there = socket.socketpair()
    with contextlib.closing(here), contextlib.closing(there):
        shut_down(Wrapped(here))
        assert there.recv(1) == b""


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
