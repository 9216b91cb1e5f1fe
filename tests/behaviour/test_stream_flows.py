"""Flows around streams, over HTTP and both clients: locks that last until a stream's end, and what follows it."""

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.behaviour.own_server import DONE, HELLO, data, good, read_answer, sends, serve
from tests.behaviour.own_vendor import Decoder, state_operation, stream_operation
from tests.pace import PATIENCE, wait_until
from unichat import errors, join_text
from unichat.adapter import Relay, ask, exclusive, open_stream, reconcile, relay_stream
from unichat.models import Answer

KEY = ("conversation", "ada")


@pytest.fixture(params=["requests", "h11"])
def over(request):
    """The event loop of the asyncio client; None for the sync one."""
    return None if request.param == "requests" else request.getfixturevalue("loop")


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as pool:
        yield pool


def open_alone(call):
    """Alone in the conversation; the stream is the flow's result."""
    yield from exclusive(KEY)
    return (yield from open_stream(stream_operation(call.question)))


def relay_alone(call):
    """Alone in the conversation, and resumed at the stream's end."""
    yield from exclusive(KEY)
    return (yield from relay_stream(stream_operation(call.question)))


def chat_alone(call):
    yield from exclusive(KEY)
    return (yield from ask(state_operation("/ask").map(read_answer)))


def open_unlocked(call):
    return open_stream(stream_operation(call.question))


def is_waiting(client, users=2):
    """Whether a call waits for the lock."""
    locks = getattr(client, "asynchronous", client)._context.locks._locks
    return KEY in locks and len(locks[KEY].users) == users


def is_free(client):
    return KEY not in getattr(client, "asynchronous", client)._context.locks._locks


# A lock lasts until the stream's end


@pytest.mark.parametrize("flow", [open_alone, relay_alone])
@pytest.mark.parametrize("second", ["chat", "stream"])
def test_a_second_question_waits_until_the_first_ones_stream_has_ended(over, pool, flow, second):
    with serve(over, sends(*HELLO, DONE), good) as vendor:
        client = vendor.client(flow, chat_alone)
        with client.stream("one") as pieces:
            next(pieces)
            ask_again = (lambda: client.chat("two").text) if second == "chat" else (lambda: read(client).text)
            asking = pool.submit(ask_again)
            wait_until(lambda: is_waiting(client))
            assert len(vendor.paths) == 1
            assert pieces.answer.text == "Hello"
            assert asking.result(PATIENCE) == ("whole" if second == "chat" else "Hello")
        assert len(vendor.paths) == 2
        assert is_free(client)


def read(client):
    with client.stream("two") as pieces:
        return pieces.answer


@pytest.mark.parametrize("flow", [open_alone, relay_alone])
@pytest.mark.parametrize("way", ["close", "block", "error", "broken", "forgotten", "failed record"])
def test_the_lock_is_released_however_a_stream_ends(over, flow, way):
    wrong = {"broken": (HELLO[0],), "failed record": (HELLO[0], b"data: {oops\n\n")}.get(way, HELLO)
    end = "cut" if way == "broken" else "open"
    with serve(over, sends(*wrong, end=end), good) as vendor:
        client = vendor.client(flow, chat_alone)
        pieces = client.stream("one")
        next(pieces)
        if way == "close":
            pieces.close()
        elif way == "block":
            with pieces:
                pass
        elif way == "error":
            with pytest.raises(ZeroDivisionError), pieces:
                raise ZeroDivisionError
        elif way == "forgotten":
            del pieces
            gc.collect()
        else:
            with pytest.raises(errors.StreamInterrupted):
                list(pieces)
        assert client.chat("two", deadline=20.0).text == "whole"
        assert is_free(client)


@pytest.mark.parametrize("flow", [open_alone, relay_alone])
def test_the_lock_is_released_where_a_stream_does_not_begin(over, flow):
    with serve(over, sends(data(error="no", status=400)), good) as vendor:
        client = vendor.client(flow, chat_alone)
        with pytest.raises(errors.InvalidInput), client.stream("one"):
            pass
        assert is_free(client)
        assert client.chat("two", deadline=20.0).text == "whole"


@pytest.mark.parametrize("flow", [open_alone, relay_alone])
def test_waiting_for_a_stream_ends_with_the_deadline(over, pool, flow):
    with serve(over, sends(*HELLO, end="open")) as vendor:
        client = vendor.client(flow, chat_alone)
        with client.stream("one") as pieces:
            next(pieces)
            asking = pool.submit(client.chat, "two", deadline=0.05)
            with pytest.raises(errors.DeadlineExceeded, match="another call in the same conversation"):
                asking.result(PATIENCE)
            assert len(vendor.paths) == 1


def test_a_stream_whose_adapter_asks_for_no_lock_holds_none(over):
    with serve(over, sends(*HELLO, DONE)) as vendor:
        client = vendor.client(open_unlocked)
        with client.stream("one") as first, client.stream("two") as second:
            assert next(first).text == next(second).text == "Hel"
            assert client.chat("three").text == "whole"


# Within one's own open stream


@pytest.mark.parametrize("flow", [open_alone, relay_alone])
def test_a_thread_that_asks_within_its_own_open_stream_is_refused_at_once(flow):
    with serve(None, sends(*HELLO, DONE)) as vendor:
        client = vendor.client(flow, chat_alone)
        with client.stream("one") as pieces:
            for _ in pieces:
                for again in (lambda: client.chat("two"), lambda: client.stream("two").__enter__()):
                    with pytest.raises(errors.InvalidInput, match="its stream is open") as caught:
                        again()
                    assert (caught.value.backend, caught.value.maybe_delivered) == ("own", False)
                    assert "leave its block" in caught.value.hint
        assert client.chat("two").text == "whole"
        assert len(vendor.paths) == 2


@pytest.mark.parametrize("flow", [open_alone, relay_alone])
def test_a_task_that_asks_within_its_own_open_stream_is_refused_at_once_and_another_waits(loop, flow):
    with serve(loop, sends(*HELLO, DONE), good) as vendor:
        client = vendor.client(flow, chat_alone).asynchronous

        async def conversation():
            async with client.stream("one") as pieces:
                await anext(pieces)
                with pytest.raises(errors.InvalidInput, match="its stream is open"):
                    await client.chat("two")
                with pytest.raises(errors.InvalidInput, match="its stream is open"):
                    await client.stream("two").__aenter__()
                other = asyncio.create_task(client.chat("three"))
                await asyncio.sleep(0.05)
                assert not other.done()
                assert (await pieces.answer()).text == "Hello"
            return (await other).text, (await client.chat("four")).text

        assert loop.run(conversation()) == ("whole", "whole")


def test_a_task_that_the_reader_awaits_within_its_open_stream_waits_for_its_own_deadline(loop):
    """As docs/asyncio.md says: which task awaits which cannot be seen."""
    with serve(loop, sends(*HELLO, DONE), good) as vendor:
        client = vendor.client(open_alone, chat_alone).asynchronous

        async def conversation():
            async with client.stream("one") as pieces:
                await anext(pieces)
                with pytest.raises(errors.InvalidInput, match="its stream is open"):
                    async with asyncio.timeout(PATIENCE):
                        await client.chat("two")
                with pytest.raises(errors.DeadlineExceeded):
                    await asyncio.gather(client.chat("two", deadline=0.05))
                return (await pieces.answer()).text

        assert loop.run(conversation()) == "Hello"


def test_a_thread_may_go_on_with_a_stream_that_another_opened(pool):
    with serve(None, sends(*HELLO, DONE)) as vendor:
        client = vendor.client(open_alone, chat_alone)
        pieces = client.stream("one")
        next(pieces)
        read_on = threading.Event()

        def reader():
            next(pieces)
            read_on.set()
            wait_until(lambda: is_waiting(client))
            return pieces.answer.text

        reading = pool.submit(reader)
        assert read_on.wait(PATIENCE)
        # It is not this thread's any more.
        assert client.chat("two").text == "whole"
        assert reading.result(PATIENCE) == "Hello"


def test_a_cancelled_reader_releases_the_lock(loop):
    with serve(loop, sends(*HELLO[:2], end="open"), good) as vendor:
        client = vendor.client(relay_alone, chat_alone).asynchronous

        async def conversation():
            async def reads():
                async with client.stream("one") as pieces:
                    async for _ in pieces:
                        begun.set()

            begun = asyncio.Event()
            reading = asyncio.create_task(reads())
            await begun.wait()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            return (await client.chat("two")).text

        assert loop.run(conversation()) == "whole"


# After the stream


def make_keeper(log, *, finds=None, and_then=lambda: iter(())):
    """A flow that stores the turn at the stream's end, as an adapter of a vendor without memory does."""

    def flow(call):
        log.append("begins")
        try:
            answer = yield from relay_stream(stream_operation(call.question))
        except errors.StreamInterrupted as error:
            log.append(f"broke after {error.text}")
            if finds is None:
                raise
            return (yield from ask(state_operation("/find").map(lambda row: Answer(text=finds))))
        except GeneratorExit:
            log.append("left")
            raise
        log.append(f"ended with {answer.text}")
        yield from ask(state_operation("/state", turn=answer.text))
        return Answer(text=answer.text, id="stored", raw=answer.raw)

    return flow


def test_a_flow_acts_after_its_stream_has_ended(over):
    log = []
    with serve(over, good) as vendor:
        with vendor.client(make_keeper(log)).stream("one") as pieces:
            assert join_text(list(pieces)) == "Hello"
            assert pieces.answer.id == "stored"
            assert len(pieces.raw) == 3
        assert pieces.answer.call.operation == "chat_streamed"
        assert vendor.paths == ["/stream", "/state"]
    assert log == ["begins", "ended with Hello"]


def test_a_flow_hears_of_a_stream_that_breaks_and_of_one_that_is_left(over):
    for way, heard in (("broken", "broke after Hel"), ("left", "left"), ("forgotten", "left")):
        log = []
        with serve(over, sends(HELLO[0], end="cut" if way == "broken" else "open")) as vendor:
            pieces = vendor.client(make_keeper(log)).stream("one")
            next(pieces)
            if way == "broken":
                with pytest.raises(errors.StreamInterrupted) as caught:
                    list(pieces)
                assert caught.value.text == "Hel"
            elif way == "left":
                pieces.close()
                pieces.close()
            else:
                del pieces
                gc.collect()
            wait_until(lambda log=log: len(log) == 2)
            assert vendor.paths == ["/stream"]
        assert log == ["begins", heard]


def test_an_answer_that_a_flow_finds_after_a_break_replaces_the_text_so_far(over):
    log = []
    with serve(over, sends(HELLO[0], end="cut"), good) as vendor:
        with vendor.client(make_keeper(log, finds="Found")).stream("one") as pieces:
            events = list(pieces)
        assert [event.replaces for event in events] == [False, True]
        assert join_text(events) == pieces.answer.text == "Found"


def test_what_fails_after_the_end_is_raised_at_the_end_and_releases_the_lock(over):
    def flow(call):
        yield from exclusive(KEY)
        answer = yield from relay_stream(stream_operation(call.question))
        yield from ask(state_operation("/ask").map(lambda row: row["text"]))
        raise errors.InvalidResponse(f"no room for {answer.text}")

    with serve(over, good) as vendor:
        client = vendor.client(flow, chat_alone)
        events = []
        with client.stream("one") as pieces:
            with pytest.raises(errors.InvalidResponse, match="no room for Hello"):
                events.extend(pieces)
            with pytest.raises(errors.InvalidResponse, match="no room for Hello"):
                _ = pieces.answer
        assert len(events) == 3
        assert client.chat("two").text == "whole"


def test_a_flow_may_ask_again_after_its_stream_for_the_lock_that_it_holds(over):
    def flow(call):
        yield from relay_alone(call)
        return (yield from chat_alone(call))

    with serve(over, good) as vendor:
        client = vendor.client(flow)
        with client.stream("one") as pieces:
            assert pieces.answer.text == "whole"
        assert is_free(client)


def test_a_flow_may_relay_one_stream_after_another(over):
    def flow(call):
        first = yield from relay_stream(stream_operation("one"))
        second = yield from relay_stream(stream_operation("two"))
        return Answer(text=first.text + second.text)

    with serve(over, good) as vendor:
        with vendor.client(flow).stream("?") as pieces:
            assert join_text(list(pieces)) == pieces.answer.text == "HelloHello"
        assert vendor.paths == ["/stream"] * 2


def test_a_stream_that_is_relayed_may_be_looked_for_before_it_is_asked_again(over):
    def flow(call):
        return reconcile(lambda: relay_stream(stream_operation()), lambda: find_state(()))

    def find_state(_):
        return (yield from ask(state_operation("/ask").map(read_answer)))

    def lose(connection):
        connection.read()
        return False

    with serve(over, lose, good) as vendor:
        with vendor.client(flow).stream("?") as pieces:
            assert [event.text for event in pieces] == ["whole"]
        assert vendor.paths == ["/stream", "/ask"]


def test_the_answer_of_a_relayed_stream_may_be_anything(over):
    def flow(call):
        return (yield from relay_stream(stream_operation().map(lambda answer: [answer.text])))

    with serve(over, good) as vendor, vendor.client(flow).stream("?") as pieces:
        assert pieces.answer == ["Hello"]


def test_a_flow_is_tested_with_canned_results():
    flow = relay_stream(stream_operation())
    step = next(flow)
    assert isinstance(step, Relay)
    assert step.operation.name == "chat_streamed"
    with pytest.raises(StopIteration) as stop:
        flow.send(Answer(text="Hi"))
    assert stop.value.value == Answer(text="Hi")
    assert issubclass(Decoder, object)
