"""Permits that are taken as long as something refers to them."""

import gc
import queue
import threading

import pytest

from tests.pace import PATIENCE
from unichat.transport.weak_semaphore import WeakSemaphore


def test_as_many_permits_are_given_as_there_are_and_each_again_once_it_is_released():
    slots = WeakSemaphore(2)
    first, second = slots.acquire(PATIENCE), slots.acquire(PATIENCE)
    assert second is not None
    assert slots.acquire(0.0) is None
    first.release()
    first.release()
    assert slots.free == 1
    third = slots.acquire(0.0)
    assert third is not None
    assert slots.acquire(0.0) is None


def test_a_permit_that_is_forgotten_is_released():
    slots = WeakSemaphore(1)
    permit = slots.acquire(0.0)
    assert slots.free == 0
    del permit
    assert slots.free == 1
    assert slots.acquire(0.0) is not None


def test_a_permit_in_a_cycle_is_released_by_the_garbage_collector():
    slots = WeakSemaphore(1)
    cycle = [slots.acquire(0.0)]
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert slots.acquire(0.0) is not None


def test_a_thread_that_waits_is_given_what_another_releases():
    slots = WeakSemaphore(1)
    permit = slots.acquire(0.0)
    given = []
    waiting = threading.Thread(target=lambda: given.append(slots.acquire(PATIENCE)))
    waiting.start()
    permit.release()
    waiting.join(PATIENCE)
    assert given[0] is not None


def test_a_notice_that_was_lost_keeps_nobody_waiting():
    # As after Ctrl-C between the queue and the instruction that keeps what it gave.
    slots = WeakSemaphore(1)
    slots.acquire(0.0).release()
    while True:
        try:
            slots._freed.get_nowait()
        except queue.Empty:
            break
    permit = slots.acquire(0.0)
    assert permit is not None
    waiting = threading.Timer(0.05, permit.release)
    waiting.start()
    assert slots.acquire(PATIENCE) is not None
    waiting.join()


@pytest.mark.parametrize("moment", ["_take", "_forget_dead"])
def test_an_interrupt_within_an_acquisition_takes_nothing(moment, monkeypatch):
    slots = WeakSemaphore(1)
    held = slots.acquire(0.0) if moment == "_forget_dead" else None
    real = getattr(WeakSemaphore, moment)

    def interrupt(self, *arguments):
        real(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(WeakSemaphore, moment, interrupt)
    with pytest.raises(KeyboardInterrupt):
        slots.acquire(0.0)
    monkeypatch.undo()
    del held
    assert slots.free == 1
    assert slots.acquire(0.0) is not None


def test_acquisitions_that_time_out_leave_nothing_behind():
    slots = WeakSemaphore(1)
    permit = slots.acquire(0.0)
    for _ in range(100):
        assert slots.acquire(0.0) is None
    assert slots._freed.qsize() <= 1
    permit.release()
    assert slots.free == 1


def test_closing_gives_everybody_a_permit():
    slots = WeakSemaphore(1)
    permit = slots.acquire(0.0)
    given = []
    waiting = [threading.Thread(target=lambda: given.append(slots.acquire(PATIENCE))) for _ in range(3)]
    for thread in waiting:
        thread.start()
    slots.close()
    for thread in waiting:
        thread.join(PATIENCE)
    assert len(given) == 3
    assert None not in given
    assert slots.acquire(0.0) is not None
    permit.release()


def test_many_threads_never_hold_more_than_there_are():
    slots, holding, most = WeakSemaphore(3), [], []

    def work():
        for _ in range(200):
            permit = slots.acquire(PATIENCE)
            holding.append(None)
            most.append(len(holding))
            holding.pop()
            permit.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(most) == 1600
    assert max(most) <= 3
    assert slots.free == 3
