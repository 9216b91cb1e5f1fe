"""How far one attempt has come, and what ends it from outside."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
from weakref import ref

import pytest

from tests.pace import PATIENCE
from unichat.transport.base import Deadline
from unichat.transport.requests.progress import SocketProgress, Watchdog, current, shut_down


@pytest.fixture
def pair():
    here, there = socket.socketpair()
    with contextlib.closing(here), contextlib.closing(there):
        there.settimeout(PATIENCE)
        yield here, there


class Slot:
    released = 0

    def release(self):
        self.released += 1


def progress(seconds=60.0):
    return SocketProgress(Deadline(seconds))


def is_shut(peer):
    peer.setblocking(False)
    try:
        return peer.recv(1) == b""
    except BlockingIOError:
        return False


class WrappedSocket:
    """As urllib3's TLS within the TLS of a proxy: no socket, but with one."""

    def __init__(self, inner):
        self.socket = inner


def test_shut_down_with_an_object_that_wraps_a_socket_ends_that_socket(pair):
    here, there = pair
    shut_down(WrappedSocket(here))
    assert there.recv(1) == b""


def test_shut_down_without_a_socket_or_with_a_closed_one_does_nothing(pair):
    shut_down(None)
    pair[0].close()
    shut_down(pair[0])


def test_stop_ends_the_watched_socket_and_keeps_the_first_reason(pair):
    attempt = progress()
    attempt.watch(pair[0])
    attempt.stop("deadline")
    attempt.stop("cancelled")
    assert attempt.stopped == "deadline"
    assert is_shut(pair[1])


def test_watch_after_stop_ends_the_socket_at_once(pair):
    attempt = progress()
    attempt.stop("cancelled")
    attempt.watch(pair[0])
    assert is_shut(pair[1])


def test_stop_after_release_leaves_the_connection_to_the_next_call(pair):
    attempt = progress()
    attempt.watch(pair[0])
    attempt.release()
    attempt.stop("deadline")
    assert (attempt.over, attempt.stopped) == (True, None)
    assert not is_shut(pair[1])


def test_release_after_stop_does_not_make_the_attempt_good(pair):
    attempt = progress()
    attempt.watch(pair[0])
    attempt.stop("stalled")
    attempt.release()
    assert (attempt.over, attempt.stopped) == (False, "stalled")


def test_current_attempt_is_of_its_own_thread():
    current.progress = progress()
    seen = []
    thread = threading.Thread(target=lambda: seen.append(current.progress))
    thread.start()
    thread.join()
    assert seen == [None]
    current.progress = None


def test_a_watchdog_stops_its_attempt_at_the_deadline(pair):
    attempt = progress(0.0)
    attempt.watch(pair[0])
    watchdog = Watchdog(attempt, None, Slot())
    assert pair[1].recv(1) == b""
    assert attempt.stopped == "deadline"
    watchdog.end()


def test_a_watchdog_stops_its_attempt_after_idle_time_only_while_it_is_counted(pair):
    attempt = progress()
    attempt.watch(pair[0])
    watchdog = Watchdog(attempt, 3_600.0, Slot())
    watchdog.pause()
    watchdog.reset_idle_timeout(0.0)
    watchdog.resume()
    assert pair[1].recv(1) == b""
    assert attempt.stopped == "stalled"
    watchdog.end()


def test_a_watchdog_without_an_idle_timeout_begins_one_when_it_is_set_unless_the_attempt_is_over(pair):
    attempt = progress()
    attempt.watch(pair[0])
    watchdog = Watchdog(attempt, None, Slot())
    watchdog.reset_idle_timeout(0.0)
    watchdog.resume()
    assert pair[1].recv(1) == b""
    ended = Watchdog(progress(), None, Slot())
    ended.end()
    ended.reset_idle_timeout(0.0)
    assert ended._idle is None


def test_a_watchdog_that_ends_releases_the_slot_and_stops_nothing_any_more(pair):
    attempt, slot = progress(), Slot()
    attempt.watch(pair[0])
    watchdog = Watchdog(attempt, 3_600.0, slot)
    watchdog.end()
    assert slot.released == 1
    assert attempt.stopped is None
    assert not is_shut(pair[1])


def test_a_timer_does_not_keep_a_forgotten_attempt(pair):
    attempt = progress(3_600.0)
    watchdog = Watchdog(attempt, 3_600.0, Slot())
    watchdog.progress = progress()
    forgotten = ref(attempt)
    del attempt
    gc.collect()
    assert forgotten() is None
