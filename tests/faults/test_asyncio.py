"""What only asyncio has: tasks that are cancelled at any moment, time-outs around calls, and more than one loop."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from tests.blocking import Loop
from tests.faults import vendors
from tests.faults.certificates import authority_file
from tests.faults.injection import DEADLINE, good, send
from tests.faults.neutral import BACKENDS, SECRET, new_nonce, settings_for
from tests.faults.oracles import Observer, check_error, open_sockets
from tests.faults.rows_connection import close_after_reading, drip_the_head, full_port, say_nothing, stall_in_the_body
from tests.faults.rows_streams import then_silence
from tests.faults.rows_tls import never_shake_hands
from tests.faults.server import Connection, Fault, FaultServer
from tests.faults.vendors import VENDORS, text_for
from tests.pace import PATIENCE, at_any_pace
from unichat.adapter import Secret
from unichat.client.async_client import AsyncClient
from unichat.connecting import async_client_for
from unichat.errors import CircuitOpen, ConfigError, DeadlineExceeded, InvalidInput, ServerError
from unichat.hooks import Hook

BOTH = pytest.mark.parametrize("backend", sorted(BACKENDS))
Test = Callable[[], Awaitable[None]]
_BUSY = send(vendors.as_json({"detail": "busy"}, 429, retry_after="60"), keep=True)
_DOWN = send(vendors.as_json({"detail": "down"}, 503), keep=True)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Test], None]:
    """Runs a test in a loop of its own, which must be left without tasks and sockets."""
    factory = request.getfixturevalue("uvloop_factory") if request.param == "uvloop" else None

    async def limit_time(test: Test) -> None:
        async with asyncio.timeout(4 * PATIENCE):
            await test()
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a task was left"

    def run(test: Test) -> None:
        before = open_sockets()
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(limit_time(test))
        assert not open_sockets() - before, "sockets were left open"

    return run


def connect(backend: str, url: str, hooks: Sequence[Hook] = (), **given: Any) -> AsyncClient:
    return async_client_for(BACKENDS[backend], settings_for(backend, url, **given), hooks=hooks)


@asynccontextmanager
async def serve_client(backend: str, *script: Fault, **given: Any) -> AsyncIterator[tuple[AsyncClient, FaultServer]]:
    """A client of a server with a script."""
    with FaultServer(VENDORS[backend], script) as server:
        async with connect(backend, server.url, **given) as client:
            yield client, server


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what a server in another thread does; and then a moment for the client to come to rest."""
    while not happened():
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.02)


async def cancel_and_wait(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# Cancelling

_MOMENTS: dict[str, Fault] = {
    "before the head": say_nothing,
    "in the head": drip_the_head,
    "in the body": stall_in_the_body,
    "between two attempts": _BUSY,
}


@BOTH
@pytest.mark.parametrize("moment", _MOMENTS)
def test_a_call_that_is_cancelled_gives_up_all_that_it_held(
    backend: str, moment: str, run: Callable[[Test], None], count: Callable[..., None]
) -> None:
    async def test() -> None:
        nonce = new_nonce()
        hook = Observer()
        # With a budget for one retry: what a cancelled call does not give back, the last one has not.
        settings = {"retry_budget": 10, "backoff": 0.001, "hooks": [hook]}
        async with serve_client(backend, _MOMENTS[moment], _DOWN, good, **settings) as (client, server):
            await cancel_and_wait(await _begin(client.chat("How do I install it?", user="ann"), server))
            hook.check_given_up(asyncio.CancelledError)
            if moment != "between two attempts":
                await asyncio.to_thread(server.settle)
                assert server.open_connections == 0, "the connection was kept"
            # The conversation is free, and the retry that this needs can be paid for.
            assert (await client.chat(f"Question {nonce}", user="ann")).text == text_for(nonce)
            assert server.seen[nonce] == 2
            assert len(server.log) == 3, "the cancelled question was sent again"

    run(test)
    count(62, f"cancelled {moment}: {backend}")


async def _begin(call: Any, server: FaultServer) -> asyncio.Task[Any]:
    task = asyncio.ensure_future(call)
    await until(lambda: bool(server.log))
    return task


@pytest.mark.parametrize("seed", range(3))
def test_however_calls_end_each_leaves_its_slot_to_another(
    seed: int, run: Callable[[Test], None], count: Callable[..., None]
) -> None:
    chance = random.Random(seed)
    script = [chance.choice([good, good, stall_in_the_body, say_nothing, close_after_reading]) for _ in range(40)]

    async def test() -> None:
        async with serve_client("kapa", *script, good, connections=2, attempts=1) as (client, _):
            for _ in range(12):
                calls = [asyncio.create_task(_ask_or_stream(client, chance.random() < 0.5)) for _ in range(6)]
                await asyncio.sleep(chance.random() * 0.01)
                for call in calls:
                    call.cancel()
                await asyncio.gather(*calls, return_exceptions=True)
            pool = client._transport._pool
            assert pool._free_slots == 2
            assert not pool._attempts

    run(test)
    count(62, f"72 calls on two connections, cancelled at random: seed {seed}")


async def _ask_or_stream(client: AsyncClient, streamed: bool) -> None:
    if not streamed:
        await client.chat("How do I install it?", deadline=1)
        return
    async with client.stream("How do I install it?", deadline=1) as pieces:
        async for _ in pieces:
            await asyncio.sleep(0)


@BOTH
@at_any_pace
def test_turns_of_the_pace_that_nobody_waits_for_any_longer_are_given_back(
    backend: str, run: Callable[[Test], None], count: Callable[..., None], pace: float
) -> None:
    async def test() -> None:
        # With a budget for one retry, which waits for its turn and is paid for already when it is cancelled.
        async with serve_client(backend, _DOWN, good, rate=f"{300 / pace:g}/min", retry_budget=10, backoff=0.001) as (
            client,
            server,
        ):
            waiting = [await _begin(client.chat("How do I install it?", user="ann"), server)]
            waiting += [asyncio.create_task(client.chat("And then?", user=f"user-{number}")) for number in range(20)]
            await asyncio.sleep(0.05)
            for task in waiting:
                await cancel_and_wait(task)
            assert len(server.log) == 1
            # Otherwise more than four seconds away, at the first pace.
            assert await client.chat("How do I install it?", user="ann", deadline=2 * pace)
            assert client._context.budget.remaining == 10

    run(test)
    count(62, f"cancelled while waiting for a turn of the pace: {backend}")


@BOTH
def test_a_call_that_is_cancelled_while_connecting_leaves_no_socket(
    backend: str, run: Callable[[Test], None], count: Callable[..., None]
) -> None:
    async def test() -> None:
        before = open_sockets()
        with full_port() as url:
            inside = open_sockets()
            async with connect(backend, url) as client:
                task = asyncio.create_task(client.chat("How do I install it?"))
                await until(lambda: bool(open_sockets() - inside))
                await cancel_and_wait(task)
                await asyncio.sleep(0)
                assert not open_sockets() - inside
        assert not open_sockets() - before

    run(test)
    count(62, f"cancelled while connecting: {backend}")


def test_a_call_that_is_cancelled_in_a_handshake_leaves_no_connection(
    run: Callable[[Test], None], count: Callable[..., None]
) -> None:
    async def test() -> None:
        with FaultServer(VENDORS["kapa"], (never_shake_hands,)) as server:
            url = server.url.replace("http:", "https:")
            async with connect("kapa", url, ca_bundle=authority_file()) as client:
                task = asyncio.create_task(client.chat("How do I install it?"))
                await until(lambda: server.accepted == 1)
                await cancel_and_wait(task)
                await asyncio.to_thread(server.settle)
                assert server.open_connections == 0

    run(test)
    count(62, "cancelled in a handshake")


def test_a_call_that_is_cancelled_while_it_waits_for_its_turn_leaves_the_turn_to_others(
    run: Callable[[Test], None], count: Callable[..., None]
) -> None:
    async def test() -> None:
        nonce = new_nonce()
        async with serve_client("kadal", stall_in_the_body, good) as (client, server):
            first = await _begin(client.chat("How do I install it?", user="ann"), server)
            waiting = asyncio.create_task(client.chat("And then?", user="ann"))
            last = asyncio.create_task(client.chat(f"Question {nonce}", user="ann"))
            await asyncio.sleep(0.02)
            await cancel_and_wait(waiting)
            await cancel_and_wait(first)
            assert (await last).text == text_for(nonce)
            assert len(server.log) == 2, "who was cancelled while waiting has asked"

    run(test)
    count(62, "cancelled while waiting for a turn: kadal")


@pytest.mark.parametrize("records", [0, 3])
def test_a_stream_that_is_cancelled_gives_its_connection_up_and_no_part_of_it_passes_for_the_whole(
    records: int, run: Callable[[Test], None], count: Callable[..., None]
) -> None:
    async def test() -> None:
        async with serve_client("kapa", then_silence(records), good) as (client, server):
            pieces = client.stream("How do I install it?")
            for _ in range(records):
                await anext(pieces)
            await cancel_and_wait(await _begin(anext(pieces), server))
            with pytest.raises(InvalidInput, match="the stream is closed"):
                await pieces.answer()
            await asyncio.to_thread(server.settle)
            assert server.open_connections == 0, "the connection was kept"
            assert len(server.log) == 1

    run(test)
    count(62, f"cancelled in a stream after {records} records")


@at_any_pace
def test_a_probe_that_is_cancelled_leaves_the_breaker_to_the_next_call(
    run: Callable[[Test], None], count: Callable[..., None], pace: float
) -> None:
    async def test() -> None:
        policy = {"attempts": 1, "breaker_failures": 1, "breaker_reset": 0.05 * pace}
        async with serve_client("kapa", _DOWN, say_nothing, good, **policy) as (client, server):
            with pytest.raises(ServerError):
                await client.chat("How do I install it?")
            with pytest.raises(CircuitOpen):
                await client.chat("How do I install it?")
            await asyncio.sleep(0.06 * pace)
            probe = asyncio.create_task(client.chat("How do I install it?"))
            await until(lambda: len(server.log) == 2)
            await cancel_and_wait(probe)
            assert (await client.chat("How do I install it?")).text

    run(test)
    count(62, "cancelled as the breaker's probe")


# Time-outs


async def _within_a_moment(call: Awaitable[Any], server: FaultServer) -> None:
    """Await a call with a time-out that expires a moment after the server has got the question."""

    async def expire(limit: asyncio.Timeout) -> None:
        await until(lambda: bool(server.log))
        limit.reschedule(asyncio.get_running_loop().time())

    async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as tasks:
        tasks.create_task(expire(limit))
        await call


@BOTH
@pytest.mark.parametrize("moment", _MOMENTS)
def test_a_timeout_around_a_call_ends_it_with_its_own_error(
    backend: str, moment: str, run: Callable[[Test], None], count: Callable[..., None]
) -> None:
    async def test() -> None:
        async with serve_client(backend, _MOMENTS[moment], good) as (client, server):
            with pytest.raises(TimeoutError) as caught:
                await _within_a_moment(client.chat("How do I install it?", user="ann"), server)
            assert type(caught.value) is TimeoutError
            assert (await client.chat("How do I install it?", user="ann")).text

    run(test)
    count(62, f"asyncio.timeout {moment}: {backend}")


@BOTH
@at_any_pace
def test_a_deadline_within_a_longer_timeout_ends_the_call_with_an_error_of_ours(
    backend: str, run: Callable[[Test], None], count: Callable[..., None], pace: float
) -> None:
    async def test() -> None:
        async with serve_client(backend, say_nothing) as (client, _):
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(DeadlineExceeded) as caught:
                    await client.chat("How do I install it?", deadline=DEADLINE * pace)
            check_error(caught.value)
            assert caught.value.maybe_delivered is True

    run(test)
    count(62, f"a deadline within asyncio.timeout: {backend}")


# Many calls, many loops


@BOTH
def test_256_calls_at_a_time_get_their_own_answers(
    backend: str, run: Callable[[Test], None], count: Callable[..., None]
) -> None:
    all_there = 256

    def together(connection: Connection) -> bool:
        received = connection.read()
        # None is answered before all are asked.
        until_then = time.monotonic() + PATIENCE
        while len(connection.server.log) < all_there and time.monotonic() < until_then:
            connection.pause(0.01)
        connection.write(connection.good(received))
        return True

    async def test() -> None:
        nonces = [new_nonce() for _ in range(all_there)]
        async with serve_client(backend, together) as (client, server):
            answers = await asyncio.gather(*(client.chat(f"Question {nonce}", user=nonce) for nonce in nonces))
            assert [answer.text for answer in answers] == [text_for(nonce) for nonce in nonces], (
                "not the answer to the question"
            )
            assert server.accepted == server.most_open == all_there

    run(test)
    count(57, f"256 calls at a time in one loop: {backend}")


@BOTH
def test_a_client_in_another_event_loop_says_so_and_sends_nothing(
    backend: str, loop: Loop, run: Callable[[Test], None], count: Callable[..., None]
) -> None:
    with FaultServer(VENDORS[backend], (good,)) as server:
        client = connect(backend, server.url)
        assert loop.run(client.chat("How do I install it?")).text

        async def elsewhere() -> None:
            for call in (client.chat, client.with_policy(attempts=1).chat):
                with pytest.raises(InvalidInput, match="another event loop") as caught:
                    await call("How do I install it?")
                check_error(caught.value)
            with pytest.raises(InvalidInput, match="another event loop"):
                await client.close()

        run(elsewhere)
        assert len(server.log) == 1
        assert loop.run(client.chat("How do I install it?")).text
        loop.run(client.close())
        run(client.close)
    count(59, f"used in another event loop: {backend}")


def test_closing_ends_calls_in_every_moment_at_once(run: Callable[[Test], None], count: Callable[..., None]) -> None:
    async def test() -> None:
        with FaultServer(VENDORS["kadal"], (stall_in_the_body, say_nothing, _BUSY, drip_the_head)) as server:
            client = connect("kadal", server.url)
            calls = []
            for number in range(4):
                calls.append(asyncio.create_task(client.chat("How do I install it?", user=f"user-{number}")))
                await until(lambda wanted=number + 1: len(server.log) == wanted)
            calls.append(asyncio.create_task(client.chat("And then?", user="user-0")))
            await asyncio.sleep(0.01)
            await client.close()
            for error in await asyncio.gather(*calls, return_exceptions=True):
                check_error(error)
            assert len(server.log) == 4

    run(test)
    count(59, "closed with calls before the head, in head and body, between attempts, and waiting for a turn")


# Functions that give tokens


async def _token() -> str:
    await asyncio.sleep(0)
    return SECRET


@pytest.mark.parametrize(
    "provider",
    [lambda: SECRET, lambda: Secret(SECRET), _token, lambda: _token(), partial(_token)],
    ids=["function", "of a secret", "asynchronous", "that makes a coroutine", "partial"],
)
def test_a_function_that_gives_tokens_may_be_asynchronous(
    provider: Callable[[], Any], run: Callable[[Test], None]
) -> None:
    async def test() -> None:
        async with serve_client("kadal", good, token=provider) as (client, server):
            await client.chat("How do I install it?")
            assert server.log[0].headers["authorization"] == f"Bearer {SECRET}"

    run(test)


async def _fails() -> str:
    raise LookupError(SECRET)


async def _gives_a_number() -> int:
    return 5


async def _cancel_sleep() -> str:
    task = asyncio.ensure_future(asyncio.sleep(20))
    task.cancel()
    await task
    return SECRET


def _stops() -> str:
    return next(iter(()))


def _exits() -> str:
    raise SystemExit(SECRET)


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        (_fails, "raised LookupError"),
        (_gives_a_number, "returned int instead of text"),
        (_cancel_sleep, "was cancelled"),
        (_stops, "raised StopIteration"),
        (_exits, "raised SystemExit"),
    ],
)
def test_an_asynchronous_function_that_gives_no_token_is_named_and_nothing_is_sent(
    provider: Callable[[], Any], words: str, run: Callable[[Test], None]
) -> None:
    async def test() -> None:
        async with serve_client("kadal", good, token=provider) as (client, server):
            with pytest.raises(ConfigError, match=words) as caught:
                await client.chat("How do I install it?")
            check_error(caught.value)
            assert server.accepted == 0

    run(test)


def test_a_function_that_takes_long_for_a_token_holds_nobody_up(run: Callable[[Test], None]) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        asked.set()
        go_on.wait(PATIENCE)
        return SECRET

    async def test() -> None:
        asked.clear()
        go_on.clear()
        async with serve_client("kadal", good, token=slow) as (client, server):
            call = asyncio.create_task(client.chat("How do I install it?"))
            # The loop goes on meanwhile, and a caller that no longer waits is free at once.
            await until(asked.is_set)
            await cancel_and_wait(call)
            with pytest.raises(DeadlineExceeded, match="the token provider was still running") as caught:
                await client.chat("How do I install it?", deadline=0.05)
            assert caught.value.maybe_delivered is False
            assert server.accepted == 0
            go_on.set()
            await client.chat("How do I install it?")

    run(test)


def test_functions_that_never_give_a_token_hold_up_neither_other_clients_nor_the_end(
    run: Callable[[Test], None],
) -> None:
    go_on = threading.Event()

    def hang() -> str:
        go_on.wait(PATIENCE)
        return SECRET

    async def test() -> None:
        async with serve_client("kadal", good, token=hang) as (client, server):
            calls = [asyncio.create_task(client.chat("How?", user=f"user-{number}")) for number in range(40)]
            await asyncio.sleep(0.05)
            # Its name has to be looked up.
            async with connect("kadal", server.url.replace("127.0.0.1", "localhost")) as other:
                await other.chat("How do I install it?", deadline=10)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            assert len(server.log) == 1

    run(test)
    go_on.set()


def test_closing_ends_the_wait_for_a_token_and_nothing_is_sent_afterwards(run: Callable[[Test], None]) -> None:
    go_on = threading.Event()

    def slow() -> str:
        go_on.wait(PATIENCE)
        return SECRET

    async def test() -> None:
        go_on.clear()
        async with serve_client("kadal", good, token=slow) as (client, server):
            call = asyncio.create_task(client.chat("How do I install it?"))
            await asyncio.sleep(0.05)
            await client.close()
            with pytest.raises(InvalidInput, match="the client is closed"):
                await call
            go_on.set()
            await asyncio.sleep(0.05)
            assert server.accepted == 0

    run(test)


# Streams


def test_a_stream_whose_task_is_cancelled_between_two_events_was_given_up(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        hook = Observer()
        async with serve_client("kapa", good, hooks=[hook]) as (client, _):

            async def read() -> None:
                async with client.stream("How do I install it?") as pieces:
                    await anext(pieces)
                    await asyncio.sleep(20)

            task = asyncio.create_task(read())
            await until(lambda: hook.attempts == 1)
            await cancel_and_wait(task)
            hook.check_given_up(asyncio.CancelledError)

    run(test)


def test_what_came_while_the_loop_was_held_up_does_not_answer_the_next_question(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        sent = threading.Event()
        surplus = _answer_and_send(
            vendors.as_json({**vendors.kapa_answer(""), "answer": "somebody else's answer"}), sent.set
        )
        nonce = new_nonce()
        async with serve_client("kapa", surplus, good) as (client, server):
            await client.chat("How do I install it?")
            # The kernel has it, and the loop has not looked.
            assert sent.wait(PATIENCE)
            assert (await client.chat(f"Question {nonce}")).text == text_for(nonce)
            assert server.accepted == 2

    run(test)


# The sockets that a program leaves to its last event loop, asyncio warns of.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_is_left_of_a_stream_after_its_event_loop_never_passes_for_the_whole(count: Callable[..., None]) -> None:
    with FaultServer(VENDORS["kapa"], (then_silence(3),)) as server:
        client = connect("kapa", server.url)
        pieces = client.stream("How do I install it?")

        async def begin(pieces: Any) -> None:
            await anext(pieces)

        asyncio.run(begin(pieces))
        for _ in range(2):
            with pytest.raises(InvalidInput, match="another event loop"):
                asyncio.run(pieces.answer())
        # Nothing is left of its connections, and it can be closed in any loop.
        asyncio.run(pieces.close())
        asyncio.run(client.close())
        asyncio.run(client.close())
        del client, pieces
        gc.collect()
    count(59, "a stream, and closing, after the event loop has ended")


def test_the_end_of_all_generators_is_not_the_end_of_a_stream(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        nonce = new_nonce()
        async with serve_client("kapa", good) as (client, _), client.stream(f"Question {nonce}") as pieces:
            await anext(pieces)
            await asyncio.get_running_loop().shutdown_asyncgens()
            assert (await pieces.answer()).text == text_for(nonce)

    run(test)


def test_a_second_reader_of_a_stream_is_refused_and_the_first_reads_on(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with (
            serve_client("kapa", then_silence(3)) as (client, _),
            client.stream("How do I install it?") as pieces,
        ):
            reading = asyncio.create_task(_texts(pieces))
            await asyncio.sleep(0.05)
            with pytest.raises(InvalidInput, match="already being read"):
                await anext(pieces)
            with pytest.raises(InvalidInput, match="already being read"):
                await pieces.answer()
            assert not reading.done()
            await cancel_and_wait(reading)

    run(test)


@pytest.mark.parametrize("begun", [True, False])
def test_a_stream_that_is_closed_while_another_waits_for_it_is_closed_and_nobody_is_to_blame(
    begun: bool, run: Callable[[Test], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with serve_client("kapa", then_silence(3 if begun else 0)) as (client, server):
            pieces = client.stream("How do I install it?")
            reading = asyncio.create_task(_texts(pieces))
            await until(lambda: bool(server.log))
            await pieces.close()
            if not begun:
                await cancel_and_wait(reading)
            else:
                with pytest.raises(InvalidInput, match="the stream is closed"):
                    await reading
            await asyncio.to_thread(server.settle)
            assert server.open_connections == 0
            assert not caplog.records

    run(test)


@pytest.mark.parametrize("odd", [b"\r\n", b"HTTP/1.1 200 OK\r\nConte", b"x"], ids=["CRLF", "half a head", "a letter"])
def test_a_connection_on_which_anything_came_between_two_questions_is_not_used_again(
    odd: bytes, run: Callable[[Test], None], count: Callable[..., None]
) -> None:
    async def test() -> None:
        nonce = new_nonce()
        sent = threading.Event()
        async with serve_client("kapa", _answer_and_send(odd, sent.set), good) as (client, server):
            await client.chat("How do I install it?")
            await until(sent.is_set)
            assert (await client.chat(f"Question {nonce}")).text == text_for(nonce)
            assert server.accepted == 2

    run(test)
    count(33, f"{odd!r} between two questions")


def _answer_and_send(data: bytes, told: Callable[[], None] = lambda: None) -> Fault:
    """Answer well, and a moment later, unasked, send this on the same connection."""

    def fault(connection: Connection) -> bool:
        received = connection.read()
        connection.write(connection.good(received))
        connection.pause(0.02)
        connection.write(data)
        told()
        return True

    return fault


async def _texts(pieces: Any) -> list[str]:
    return [event.text async for event in pieces]


# Without h11


def test_without_h11_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h11", None)
    for name in [name for name in sys.modules if name.startswith("unichat.transport.h11.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ConfigError, match=r"unichat-bridge\[async\]"):
        connect("kapa", "http://127.0.0.1:9")
