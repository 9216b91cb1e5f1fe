"""An attempt's waits end with news, at its deadline, after too much idle time, and when it is stopped; by one timer."""

from __future__ import annotations

import asyncio

import pytest

from tests.transport.h11.fakes import new_progress, run, turns
from unichat.transport.h11.progress import AttemptFailed, AttemptStopped


def test_a_wait_ends_with_news_and_the_next_is_a_new_one() -> None:
    async def test() -> None:
        progress = new_progress()
        for _ in range(3):
            waiter = progress.wait()
            progress.wake()
            progress.wake()
            assert await waiter is True
        progress.finish()

    run(test())


def test_news_that_nobody_waits_for_is_not_kept() -> None:
    async def test() -> None:
        progress = new_progress()
        progress.wake()
        waiter = progress.wait()
        await turns()
        assert not waiter.done()
        progress.stop("cancelled")
        assert await waiter is False
        # Nor does a later wait begin.
        assert await progress.wait() is False
        progress.finish()

    run(test())


@pytest.mark.parametrize(
    ("seconds", "idle_timeout", "reason"),
    [(0.001, None, "deadline"), (0.001, 30.0, "deadline"), (60.0, 0.001, "stalled")],
)
def test_a_wait_ends_by_whichever_limit_comes_first(seconds: float, idle_timeout: float | None, reason: str) -> None:
    async def test() -> None:
        progress = new_progress(seconds, idle_timeout)
        assert await progress.wait() is False
        assert progress.stopped == reason

    run(test())


def test_a_connection_that_is_waited_for_is_not_idle_time() -> None:
    async def test() -> None:
        progress = new_progress(0.002, idle_timeout=0.0)
        progress.phase = "queued"
        assert await progress.wait() is False
        assert progress.stopped == "deadline"

    run(test())


def test_only_time_that_is_waited_counts_as_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        now = [0.0]
        loop = asyncio.get_running_loop()
        with monkeypatch.context() as patched:
            patched.setattr(loop, "time", lambda: now[0])
            progress = new_progress(1_000, idle_timeout=10)
            waiter = progress.wait()
            now[0] += 4
            progress.wake()
            assert await waiter
            # What its reader does meanwhile takes long.
            now[0] += 100
            progress.wait()
            assert progress._due == 10, "the timer was set anew without need"
            progress._expire()
            assert progress._due == 110
            now[0] = 110
            progress._expire()
            assert progress.stopped == "stalled"

    run(test())


def test_a_shorter_limit_moves_the_timer() -> None:
    async def test() -> None:
        progress = new_progress(60.0, idle_timeout=30.0)
        waiter = progress.wait()
        progress.wake()
        await waiter
        progress.reset_idle_timeout(0.001)
        assert await progress.wait() is False
        assert progress.stopped == "stalled"

    run(test())


def test_a_shorter_limit_holds_for_a_caller_that_waits_already() -> None:
    async def test() -> None:
        progress = new_progress(60.0, idle_timeout=30.0)
        waiter = progress.wait()
        progress.reset_idle_timeout(0.001)
        assert await waiter is False
        assert progress.stopped == "stalled"

    run(test())


def test_a_block_that_takes_too_long_ends_by_its_own_limit() -> None:
    async def test() -> None:
        progress = new_progress()
        with pytest.raises(AttemptFailed) as caught:
            async with progress.time_limit(0.001):
                await asyncio.sleep(60)
        assert caught.value.kind == "connect_timeout"
        assert not progress.stopped

    run(test())


@pytest.mark.parametrize(("seconds", "idle", "reason"), [(0.001, None, "deadline"), (60.0, 0.001, "stalled")])
def test_a_block_ends_by_the_attempts_limits_where_shorter(seconds: float, idle: float | None, reason: str) -> None:
    async def test() -> None:
        progress = new_progress(seconds, idle)
        with pytest.raises(AttemptStopped):
            async with progress.time_limit(30.0):
                await asyncio.sleep(60)
        assert progress.stopped == reason

    run(test())


def test_a_block_ends_at_once_when_the_attempt_is_stopped() -> None:
    async def test() -> None:
        progress = new_progress()
        asyncio.get_running_loop().call_soon(progress.stop, "cancelled")
        with pytest.raises(AttemptStopped):
            async with progress.time_limit(30.0):
                await asyncio.sleep(60)
        with pytest.raises(AttemptStopped):
            async with progress.time_limit(30.0):
                pytest.fail("it began")

    run(test())


@pytest.mark.parametrize("error", [TimeoutError("of another"), KeyError("x"), asyncio.CancelledError()])
def test_what_else_ends_a_block_passes_through(error: BaseException) -> None:
    async def test() -> None:
        with pytest.raises(type(error)) as caught:
            async with new_progress().time_limit(30.0):
                raise error
        assert caught.value is error

    run(test())


def test_a_cancelled_wait_does_not_disturb_what_comes_later() -> None:
    async def test() -> None:
        progress = new_progress()

        async def wait() -> None:
            await progress.wait()

        task = asyncio.create_task(wait())
        await turns(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        progress.wake()
        progress.stop("cancelled")
        progress.finish()
        progress.finish()

    run(test())
