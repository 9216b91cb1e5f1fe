"""The idle connections of a pool, kept without a lock."""

from __future__ import annotations

import queue

import pytest

from unichat.transport.base import Deadline
from unichat.transport.requests.connections import TrackedConnection
from unichat.transport.requests.pool import POOLS, IdleStack
from unichat.transport.requests.progress import SocketProgress, current


def test_get_returns_the_connection_that_was_used_last():
    stack = IdleStack(1)
    stack.put("first")
    stack.put("second")
    assert [stack.get(), stack.get()] == ["second", "first"]


@pytest.mark.parametrize("block", [True, False])
def test_get_from_an_empty_stack_raises_and_never_waits(block):
    with pytest.raises(queue.Empty):
        IdleStack(1).get(block=block)


def test_put_of_a_connection_that_is_there_already_or_of_none_adds_nothing():
    stack = IdleStack(1)
    for connection in ("only", None, "only"):
        stack.put(connection)
    assert stack.qsize() == 1


def test_put_takes_more_than_the_size_that_urllib3_names():
    stack = IdleStack(1)
    for connection in range(3):
        stack.put(connection)
    assert stack.qsize() == 3


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_pool_releases_a_connection_before_it_is_idle(scheme):
    pool = POOLS[scheme]("vendor.example")
    seen = []

    class Connection(TrackedConnection):
        def release(self):
            seen.append(pool.pool.qsize())

    pool._put_conn(Connection("vendor.example"))
    pool._put_conn(None)
    assert (seen, pool.pool.qsize()) == ([0], 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_of_a_recording_tool_may_have_sent_what_was_asked_for(scheme, monkeypatch):
    class Theirs:
        is_connected = True

        def __init__(self, **_):
            pass

    pool = POOLS[scheme]("vendor.example")
    monkeypatch.setattr(current, "progress", SocketProgress(Deadline(1.0)), raising=False)
    assert isinstance(pool._get_conn(), TrackedConnection)
    assert current.progress.written == 0
    monkeypatch.setattr(type(pool).__mro__[2], "ConnectionCls", Theirs)
    assert isinstance(pool._get_conn(), Theirs)
    assert (current.progress.phase, current.progress.written) == ("sending", 1)
