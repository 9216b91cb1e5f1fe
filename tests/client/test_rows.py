"""Two readers of one history."""

import asyncio
import threading

import pytest

from tests.pace import PATIENCE
from unichat.client.rows import AsyncRows, Rows
from unichat.errors import InvalidInput


def test_a_second_thread_is_refused_and_the_first_gets_all_rows():
    entered, goes_on = threading.Event(), threading.Event()

    def fetch():
        yield 1
        entered.set()
        assert goes_on.wait(PATIENCE)
        yield from (2, 3)

    rows, read = Rows(fetch()), []
    reading = threading.Thread(target=lambda: read.extend(rows))
    reading.start()
    assert entered.wait(PATIENCE)
    with pytest.raises(InvalidInput, match="already being read"):
        next(rows)
    goes_on.set()
    reading.join(PATIENCE)
    assert read == [1, 2, 3]
    assert list(rows) == []


def test_a_second_task_is_refused_and_the_first_gets_all_rows():
    async def use():
        goes_on = asyncio.Event()

        async def fetch():
            yield 1
            await goes_on.wait()
            yield 2

        rows = AsyncRows(fetch())

        async def read():
            return [row async for row in rows]

        first = asyncio.ensure_future(read())
        await asyncio.sleep(0)
        with pytest.raises(InvalidInput, match="already being read"):
            await anext(rows)
        results = await asyncio.gather(read(), return_exceptions=True)
        assert isinstance(results[0], InvalidInput)
        goes_on.set()
        return await first

    assert asyncio.run(use()) == [1, 2]


def test_a_value_error_of_the_reading_stays_one():
    def fetch():
        yield 1
        raise ValueError("a time limit")

    rows = Rows(fetch())
    assert next(rows) == 1
    with pytest.raises(ValueError, match="a time limit"):
        next(rows)


def test_closing_ends_the_reading():
    rows = Rows(each for each in (1, 2))
    assert next(rows) == 1
    rows.close()
    assert list(rows) == []

    async def use():
        async def fetch():
            yield 1
            yield 2

        rows = AsyncRows(fetch())
        assert await anext(rows) == 1
        await rows.aclose()
        return [row async for row in rows]

    assert asyncio.run(use()) == []
