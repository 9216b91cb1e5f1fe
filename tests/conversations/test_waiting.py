"""Messages that arrive at once in one process, at a store whose transactions run in threads."""

import pytest

from unichat.conversations.entries import QueueTurn, Waiting
from unichat.conversations.stores.sqlite import SqliteStore
from unichat.execution.effects import Acquire, Execute


@pytest.fixture
def arrive(bots, monkeypatch):
    """Let a message arrive: the program that waits for its turn."""
    monkeypatch.setattr(SqliteStore, "blocks", True)
    worker = bots.worker()

    def arrive(text, key="c"):
        return worker._arrive(key, text, user=None, event=None, metadata=None, deadline=None)().enter()

    return arrive


def test_messages_take_their_tickets_in_the_order_in_which_they_arrived(arrive):
    first, second, elsewhere = arrive("one"), arrive("two"), arrive("three", "d")
    acquire, later, other = next(first), next(second), next(elsewhere)
    transaction = first.send(acquire.lock.acquire(0))
    assert isinstance(transaction, Execute)
    # The second's transaction cannot run before the first's has, whichever thread is faster.
    assert isinstance(later, Acquire)
    assert later.lock.acquire(0) is None
    assert isinstance(elsewhere.send(other.lock.acquire(0)), Execute)
    elsewhere.close()
    with pytest.raises(StopIteration) as stop:
        first.send(transaction.function())
    assert isinstance(stop.value.value, QueueTurn)
    transaction = second.send(later.lock.acquire(0))
    assert isinstance(transaction.function(), Waiting)
    second.close()


def test_a_message_that_could_not_wait_for_an_earlier_one_to_arrive_finds_out_by_itself(arrive):
    first, second = arrive("one"), arrive("two")
    first.send(next(first).lock.acquire(0))
    next(second)
    assert isinstance(second.send(None), Execute)
    second.close()
    first.close()


def test_a_store_that_does_not_block_needs_no_locks(bots, address):
    if address.startswith("postgresql"):
        pytest.skip("its transactions run in threads")
    program = bots.worker()._arrive("c", "one", user=None, event=None, metadata=None, deadline=None)().enter()
    assert isinstance(next(program), Execute)
    program.close()
