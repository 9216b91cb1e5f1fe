"""The two performers: each effect is done, and what is raised goes into the program."""

import asyncio
import threading

import pytest

from unichat.errors import InvalidInput
from unichat.execution.async_performer import AsyncPerformer
from unichat.execution.effects import Acquire, Execute, Sleep, Start
from unichat.execution.sync_performer import SyncPerformer
from unichat.transport.base import REAL_TIME, Clock, Deadline

SOON = 20


def wait_once(seconds=0.0):
    yield Sleep(seconds)
    return "waited"


def test_a_program_without_effects_returns_its_result():
    def nothing():
        return 5
        yield

    assert SyncPerformer(REAL_TIME).perform(nothing()) == 5
    assert asyncio.run(_perform(nothing())) == 5


async def _perform(program, clock=REAL_TIME):
    return await AsyncPerformer(clock).perform(program)


def test_the_clocks_sleep_replaces_waiting():
    slept = []
    assert SyncPerformer(Clock(sleep=slept.append)).perform(wait_once(3.0)) == "waited"
    assert asyncio.run(_perform(wait_once(4.0), Clock(sleep=slept.append))) == "waited"
    assert slept == [3.0, 4.0]


def test_what_an_effect_raises_is_thrown_into_the_program():
    def sleep(seconds):
        raise ZeroDivisionError

    def cautious():
        try:
            yield Sleep(1.0)
        except ZeroDivisionError:
            return "caught"

    assert SyncPerformer(Clock(sleep=sleep)).perform(cautious()) == "caught"
    assert asyncio.run(_perform(cautious(), Clock(sleep=sleep))) == "caught"


def test_a_lock_is_acquired_within_the_deadline_or_not():
    def acquire(lock, seconds):
        return (yield Acquire(lock, Deadline(seconds)))

    lock = SyncPerformer.make_lock()
    permit = SyncPerformer(REAL_TIME).perform(acquire(lock, SOON))
    assert SyncPerformer(REAL_TIME).perform(acquire(lock, 0.0)) is None
    permit.release()
    assert SyncPerformer(REAL_TIME).perform(acquire(lock, 0.0)) is not None

    async def in_turn():
        lock = AsyncPerformer.make_lock()
        permit = await _perform(acquire(lock, SOON))
        assert await _perform(acquire(lock, 0.01)) is None
        permit.release()
        permit.release()
        assert await _perform(acquire(lock, SOON)) is not None

    asyncio.run(in_turn())


def test_a_program_can_start_another_in_the_background():
    began, finish, done = threading.Event(), threading.Event(), threading.Event()

    def background():
        began.set()
        finish.wait(SOON)
        done.set()
        return
        yield

    def foreground():
        yield Start(background())
        return "at once"

    assert SyncPerformer(REAL_TIME).perform(foreground()) == "at once"
    assert began.wait(SOON)
    assert not done.is_set()
    finish.set()
    assert done.wait(SOON)


def test_a_program_on_asyncio_can_start_another_in_the_background():
    async def both():
        performer = AsyncPerformer(REAL_TIME)
        done = asyncio.Event()

        def background():
            yield Sleep(0.0)
            done.set()

        def foreground():
            yield Start(background())
            return done.is_set()

        at_once = await performer.perform(foreground())
        async with asyncio.timeout(SOON):
            await done.wait()
        return at_once

    assert asyncio.run(both()) is False


def test_a_background_program_that_fails_is_logged_and_disturbs_nobody(caplog):
    ended = threading.Event()

    def background():
        try:
            raise ValueError("broken")
        finally:
            ended.set()
        yield

    def foreground():
        yield Start(background())
        return "fine"

    assert SyncPerformer(REAL_TIME).perform(foreground()) == "fine"
    assert ended.wait(SOON)
    for thread in threading.enumerate():
        if thread.name == "unichat-background":
            thread.join(SOON)
    assert "a program in the background failed" in caplog.text


def test_closing_ends_a_wait_at_once():
    performer = SyncPerformer(REAL_TIME)
    outcome = []

    def run():
        try:
            performer.perform(wait_once(100.0))
        except InvalidInput as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    performer.close()
    thread.join(SOON)
    assert "the client is closed" in str(outcome[0])

    async def both():
        performer = AsyncPerformer(REAL_TIME)
        waiting = asyncio.ensure_future(performer.perform(wait_once(100.0)))
        await asyncio.sleep(0)
        assert performer.close() is True
        assert performer.close() is False
        await waiting

    with pytest.raises(InvalidInput, match="the client is closed"):
        asyncio.run(both())


def test_a_performer_on_asyncio_belongs_to_the_loop_of_its_first_program():
    performer = AsyncPerformer(Clock(sleep=lambda _: None))
    assert asyncio.run(performer.perform(wait_once())) == "waited"
    with pytest.raises(InvalidInput, match="another event loop"):
        asyncio.run(performer.perform(wait_once()))


def test_a_forgotten_reply_is_closed_in_the_loop_from_any_thread():
    async def forget():
        performer = AsyncPerformer(REAL_TIME)
        await performer.perform(wait_once())
        closed = asyncio.Event()

        class Reply:
            def close(self):
                closed.set()

        threading.Thread(target=performer.discard, args=(Reply(),)).start()
        async with asyncio.timeout(SOON):
            await closed.wait()
        return performer, Reply()

    performer, reply = asyncio.run(forget())
    # After the loop's end there is nothing to close it in.
    performer.discard(reply)


def execute(function, *, blocks):
    try:
        return (yield Execute(function, blocks))
    except ZeroDivisionError:
        return "failed"


@pytest.mark.parametrize("blocks", [False, True])
def test_a_function_is_called_and_what_it_raises_is_thrown_in(blocks):
    performer = SyncPerformer(REAL_TIME)
    assert performer.perform(execute(lambda: 7, blocks=blocks)) == 7
    assert performer.perform(execute(lambda: 1 / 0, blocks=blocks)) == "failed"


@pytest.mark.parametrize("blocks", [False, True])
def test_a_function_that_may_block_runs_in_a_thread_on_asyncio(blocks):
    async def main():
        performer = AsyncPerformer(REAL_TIME)
        here = await performer.perform(execute(threading.current_thread, blocks=blocks)) is threading.main_thread()
        return here, await performer.perform(execute(lambda: 1 / 0, blocks=blocks))

    assert asyncio.run(main()) == (not blocks, "failed")


def test_a_function_in_a_thread_is_waited_for_when_its_task_is_cancelled():
    ended = []
    begun, may_end = threading.Event(), threading.Event()

    def function():
        begun.set()
        may_end.wait(30)
        ended.append(True)

    async def main():
        task = asyncio.ensure_future(AsyncPerformer(REAL_TIME).perform(execute(function, blocks=True)))
        while not begun.is_set():
            await asyncio.sleep(0)
        task.cancel()
        asyncio.get_running_loop().call_soon(may_end.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [True]

    asyncio.run(main())
