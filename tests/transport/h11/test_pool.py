"""Slots are given back whatever happens to their owner, and connections are used again only while they can be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.transport.h11.fakes import Wire, new_progress, receive, run, turns
from unichat.transport import limits
from unichat.transport.h11.connection import Connection
from unichat.transport.h11.pool import ConnectionPool
from unichat.transport.h11.progress import AttemptFailed, AttemptStopped, TaskProgress


class Network:
    """Makes connections over fake transports: at once, or after so many turns of the loop."""

    def __init__(self) -> None:
        self.made: list[Wire] = []
        self.takes = 0
        self.fails = False

    async def connect(self, progress: TaskProgress) -> Connection:
        progress.phase = "connecting"
        await turns(self.takes)
        if self.fails:
            raise AttemptFailed("refused")
        self.made.append(Wire())
        return self.made[-1].connection

    def wire(self, connection: Connection) -> Wire:
        return next(wire for wire in self.made if wire.connection is connection)


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    for wire in network.made:
        wire.close()


async def use(pool: ConnectionPool, *, reusable: bool = True) -> Connection:
    progress = new_progress()
    connection = await pool.acquire(progress)
    pool.release(progress, connection, reusable=reusable)
    return connection


def test_the_most_recently_used_connection_is_used_first(network: Network) -> None:
    async def test() -> None:
        pool = ConnectionPool(network.connect, 3)
        attempts = [new_progress() for _ in range(3)]
        first, second, third = [await pool.acquire(attempt) for attempt in attempts]
        for attempt, connection in zip(attempts, (third, first, second), strict=True):
            pool.release(attempt, connection, reusable=True)
        assert pool.try_acquire(new_progress()) is second
        assert pool.try_acquire(new_progress()) is first
        assert pool.try_acquire(new_progress()) is third
        assert pool.try_acquire(new_progress()) is None
        await pool.close()

    run(test())


def test_a_connection_that_cannot_be_reused_is_closed(network: Network) -> None:
    async def test() -> None:
        pool = ConnectionPool(network.connect, 1)
        spent = await use(pool, reusable=False)
        assert network.wire(spent).transport.closing
        assert pool.try_acquire(new_progress()) is None
        assert await use(pool) is not spent
        await pool.close()

    run(test())


def test_an_idle_connection_that_is_too_old_is_closed_whether_or_not_anybody_comes(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        pool = ConnectionPool(network.connect, 2)
        one, two = new_progress(), new_progress()
        old, young = await pool.acquire(one), await pool.acquire(two)
        pool.release(one, old, reusable=True)
        pool.release(two, young, reusable=True)
        old.idle_since -= limits.IDLE_LIFE
        pool._sweep()
        assert network.wire(old).transport.closing
        assert not network.wire(young).transport.closing
        assert pool._sweeping is not None
        young.idle_since -= limits.IDLE_LIFE + 1
        assert pool.try_acquire(new_progress()) is None
        assert network.wire(young).transport.closing
        pool._sweep()
        assert pool._sweeping is None, "a timer runs with nothing to wait for"
        await pool.close()

    run(test())


@pytest.mark.parametrize("seen_by", ["loop", "kernel", "end"])
def test_a_connection_on_which_anything_came_unasked_is_not_used(network: Network, seen_by: str) -> None:
    async def test() -> None:
        pool = ConnectionPool(network.connect, 1)
        connection = await use(pool)
        wire = network.wire(connection)
        if seen_by == "loop":
            receive(connection, b"x")
        elif seen_by == "end":
            connection.eof_received()
        else:
            wire.far.send(b"x")
        assert pool.try_acquire(new_progress()) is None
        assert wire.transport.closing
        assert await use(pool) is not connection
        await pool.close()

    run(test())


def test_the_caller_that_waits_longest_gets_the_next_slot(network: Network) -> None:
    async def test() -> None:
        pool = ConnectionPool(network.connect, 1)
        holder = new_progress()
        connection = await pool.acquire(holder)
        served: list[int] = []

        async def ask(number: int) -> None:
            progress = new_progress()
            got = await pool.acquire(progress)
            served.append(number)
            await turns(2)
            pool.release(progress, got, reusable=True)

        tasks = [asyncio.create_task(ask(number)) for number in range(5)]
        await turns(1)
        pool.release(holder, connection, reusable=True)
        # The slot was handed over: a caller that comes now comes last.
        assert pool.try_acquire(new_progress()) is None
        await asyncio.gather(*tasks)
        assert served == [0, 1, 2, 3, 4]
        assert len(network.made) == 1
        await pool.close()

    run(test())


@pytest.mark.parametrize("busy", [True, False], ids=["queued", "connecting"])
@pytest.mark.parametrize("after", range(12))
def test_a_task_that_is_cancelled_at_any_moment_leaves_its_slot(network: Network, after: int, *, busy: bool) -> None:
    async def test() -> None:
        network.takes = 3
        pool = ConnectionPool(network.connect, 1)
        holder = new_progress()
        connection = await pool.acquire(holder) if busy else None

        async def ask() -> None:
            progress = new_progress()
            got = await pool.acquire(progress)
            try:
                await turns(3)
            finally:
                pool.release(progress, got, reusable=False)

        task = asyncio.create_task(ask())
        await turns(after)
        if connection is not None:
            # In the same turn as the slot is handed over, too.
            pool.release(holder, connection, reusable=after % 2 == 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert pool._free_slots == 1
        assert not pool._attempts
        assert not pool._queue
        assert await use(pool)
        await pool.close()

    run(test())


def test_a_slot_that_was_handed_to_a_cancelled_task_goes_to_the_next_in_the_queue(network: Network) -> None:
    async def test() -> None:
        pool = ConnectionPool(network.connect, 1)
        holder = new_progress()
        connection = await pool.acquire(holder)
        first, second = (asyncio.create_task(pool.acquire(new_progress())) for _ in range(2))
        await turns(1)
        pool.release(holder, connection, reusable=True)
        first.cancel()
        assert await second is connection
        await asyncio.gather(first, return_exceptions=True)
        await pool.close()

    run(test())


def test_a_caller_that_waits_for_a_slot_beyond_the_deadline_is_stopped_and_leaves_the_queue(network: Network) -> None:
    async def test() -> None:
        pool = ConnectionPool(network.connect, 1)
        holder, late = new_progress(), new_progress(0.001, idle_timeout=0.0001)
        connection = await pool.acquire(holder)
        with pytest.raises(AttemptStopped) as caught:
            await pool.acquire(late)
        failure = late.failure(caught.value)
        assert (failure.kind, failure.detail) == ("deadline", "all connections were busy")
        assert (failure.delivered, failure.phase) == (False, "connecting")
        assert not pool._queue
        pool.release(holder, connection, reusable=True)
        assert pool._free_slots == 1
        await pool.close()

    run(test())


def test_a_connection_that_cannot_be_made_costs_no_slot(network: Network) -> None:
    async def test() -> None:
        network.fails = True
        pool = ConnectionPool(network.connect, 1)
        for _ in range(3):
            with pytest.raises(AttemptFailed):
                await pool.acquire(new_progress())
        assert pool._free_slots == 1
        await pool.close()

    run(test())


def test_closing_ends_waiting_callers_and_closes_every_connection(network: Network) -> None:
    async def test() -> None:
        pool = ConnectionPool(network.connect, 2)
        busy = new_progress()
        used, idle = await pool.acquire(busy), await use(pool)
        holder = new_progress()
        assert await pool.acquire(holder) is idle
        queued = asyncio.create_task(pool.acquire(new_progress()))
        await turns(1)
        await asyncio.gather(pool.close(), pool.close())
        with pytest.raises(AttemptStopped):
            await queued
        assert busy.stopped == holder.stopped == "cancelled"
        assert used.is_lost
        assert idle.is_lost
        # What is given back afterwards is not kept.
        pool.release(busy, used, reusable=True)
        assert not pool._idle

    run(test())


def test_the_sockets_of_a_loop_that_has_ended_can_still_be_closed(network: Network) -> None:
    pools: list[ConnectionPool] = []

    async def test() -> None:
        pools.append(ConnectionPool(network.connect, 2))
        await use(pools[0])

    run(test())
    pools[0].close_sockets()
    assert network.made[0].near.fileno() == -1
