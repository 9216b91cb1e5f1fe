"""Locks by key: one for each key, shared by those that use it at the time, and forgotten with the last of them."""

from __future__ import annotations

import gc

import pytest

from unichat.execution.locks import KeyedLocks, _reset_all
from unichat.transport.weak_semaphore import WeakSemaphore


class Permit:
    def __init__(self):
        self.released = 0

    def release(self):
        self.released += 1


@pytest.fixture
def locks():
    return KeyedLocks(object)


def known_keys(locks):
    return set(locks._locks)


def test_join_with_one_key_gives_one_lock_and_with_another_key_another(locks):
    first, second, other = locks.join("a"), locks.join("a"), locks.join("b")
    assert first.lock is second.lock
    assert other.lock is not first.lock


def test_leave_forgets_the_lock_only_when_nobody_else_uses_it(locks):
    first, second = locks.join("a"), locks.join("a")
    first.leave()
    assert known_keys(locks) == {"a"}
    second.leave()
    assert known_keys(locks) == set()


def test_leave_twice_does_not_take_the_lock_from_another_user(locks):
    first, second = locks.join("a"), locks.join("a")
    first.leave()
    first.leave()
    assert locks.join("a").lock is second.lock


def test_release_releases_the_permit_and_forgets_holder_and_lock(locks):
    lock = locks.join("a")
    lock.permit = Permit()
    lock.hold("reader")
    lock.release()
    assert lock.permit.released == 1
    assert not lock.is_held_by("reader")
    assert known_keys(locks) == set()


def test_is_held_by_is_true_of_the_reader_alone_for_all_users_of_the_key(locks):
    held, waiting = locks.join("a"), locks.join("a")
    held.hold("reader")
    assert waiting.is_held_by("reader")
    assert not waiting.is_held_by("another")
    assert not waiting.is_held_by(None)


def test_join_with_many_keys_forgets_those_whose_users_are_gone(locks):
    kept = locks.join("kept")
    for number in range(200):
        locks.join(number)
    gc.collect()
    for number in range(200, 300):
        locks.join(number)
    assert "kept" in known_keys(locks)
    assert len(known_keys(locks)) < 150
    assert locks.join("kept").lock is kept.lock


def test_a_lock_of_the_parent_does_not_free_that_of_its_child_after_a_fork(locks):
    of_parent = locks.join("a")
    _reset_all()
    of_child = locks.join("a")
    assert of_child.lock is not of_parent.lock
    of_parent.leave()
    assert locks.join("a").lock is of_child.lock


def test_a_forgotten_permit_of_a_lock_for_threads_leaves_the_lock_free():
    locks = KeyedLocks(lambda: WeakSemaphore(1))
    lock = locks.join("a")
    lock.permit = lock.lock.acquire(0.0)
    assert lock.permit is not None
    assert locks.join("a").lock.acquire(0.0) is None
    del lock
    gc.collect()
    assert locks.join("a").lock.acquire(0.0) is not None
