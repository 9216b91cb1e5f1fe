import asyncio

from unichat.execution.task_lock import TaskLock


def test_a_task_lock_is_acquired_by_one_at_a_time_and_released_once():
    async def use():
        lock = TaskLock()
        permit = await lock.acquire(60.0)
        assert permit is not None
        assert await lock.acquire(0.0) is None
        permit.release()
        second = await lock.acquire(60.0)
        permit.release()
        assert await lock.acquire(0.0) is None
        second.release()
        assert not lock.lock.locked()

    asyncio.run(use())
