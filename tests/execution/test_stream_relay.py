"""Streams that relay another's events: what happens at the end, and if they are left before it, is the same for all."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from attrs import define, field

from unichat import Conversations, routing
from unichat.errors import InvalidInput, ServerError, UnichatError
from unichat.execution.effects import Program, Sleep
from unichat.execution.stream_relay import StreamRelay
from unichat.models import Answer, StreamEvent
from unichat.testing import FakeBackend

ANSWER = Answer(text="whole", id="1")


@define(eq=False)
class Source:
    """A stream of these steps: an event, an error that taking events raises, or one that waiting for more does."""

    steps: list[StreamEvent | tuple[str, UnichatError]] = field(factory=list)
    records: list[Any] = field(factory=list)
    closed_by: list[Any] = field(factory=list)
    ready_events: list[Any] = field(factory=list)

    def ready(self) -> StreamEvent | None:
        step = self.ready_events.pop(0) if self.ready_events else None
        if isinstance(step, UnichatError):
            raise step
        return step

    def more(self) -> Program[bool]:
        yield Sleep(0)
        if not self.steps:
            return False
        step = self.steps.pop(0)
        if isinstance(step, tuple) and step[0] == "more":
            raise step[1]
        self.ready_events.append(step[1] if isinstance(step, tuple) else step)
        return True

    def result(self) -> Answer:
        return ANSWER

    def partial(self) -> Answer | None:
        return Answer(text="so far")

    def close(self, interrupted_by: BaseException | None = None) -> None:
        self.closed_by.append(interrupted_by)


class Relay(StreamRelay[Answer]):
    """One that notes what it is told."""

    def __init__(self, source: Any, told: list[Any]) -> None:
        self.told = told
        super().__init__(source)

    def _end(self, failure: UnichatError | None) -> Program[bool]:
        self._over = True
        self.told.append(failure or "end")
        if failure is not None:
            raise failure
        return False
        yield

    def _note_reader(self) -> None:
        self.told.append("reads")

    def _leave(self) -> None:
        self.told.append("left")

    def _forget(self) -> None:
        self.told.append("forgotten")


def run(program: Program[Any]) -> Any:
    try:
        while True:
            next(program)
    except StopIteration as stop:
        return stop.value


def read(stream: StreamRelay[Answer]) -> Iterator[StreamEvent]:
    while True:
        event = stream.ready()
        if event is not None:
            yield event
        elif not run(stream.more()):
            return


def test_its_events_and_its_result_are_the_sources() -> None:
    event, told = StreamEvent(type="text", text="whole"), []
    relay = Relay(Source([event]), told)
    assert list(read(relay)) == [event]
    assert relay.result() is ANSWER
    assert told == ["reads", "reads", "end"]
    assert run(relay.more()) is False
    assert relay.ready() is None
    relay.close()
    assert told == ["reads", "reads", "end"]


@pytest.mark.parametrize("where", ["ready", "more"])
def test_a_failure_is_dealt_with_once_and_raised_where_a_program_runs(where: str) -> None:
    error, told = ServerError("broken"), []
    relay = Relay(Source([(where, error)]), told)
    with pytest.raises(ServerError) as raised:
        list(read(relay))
    assert raised.value is error
    assert told.count(error) == 1
    relay.close()
    assert "left" not in told


def test_one_that_is_closed_is_left_once_and_closes_its_source() -> None:
    source, told = Source(), []
    relay, interruption = Relay(source, told), KeyboardInterrupt()
    relay.close(interruption)
    relay.close()
    assert source.closed_by == [interruption, None]
    assert told == ["left"]
    assert relay.partial() == Answer(text="so far")


def test_one_whose_source_cannot_be_closed_is_left_all_the_same() -> None:
    class Interrupted(Source):
        def close(self, interrupted_by: BaseException | None = None) -> None:
            raise KeyboardInterrupt

    told: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        Relay(Interrupted(), told).close()
    assert told == ["left"]


@pytest.mark.parametrize("ending", ["left", "over", "open"])
def test_only_one_that_is_open_is_forgotten(ending: str) -> None:
    told: list[Any] = []
    relay = Relay(Source(), told)
    if ending == "left":
        relay.close()
    elif ending == "over":
        list(read(relay))
    del relay
    gc.collect()
    assert ("forgotten" in told) is (ending == "open")


def test_one_that_was_never_made_is_not_forgotten() -> None:
    unmade = Relay.__new__(Relay)
    unmade.told = told = []
    del unmade
    gc.collect()
    assert told == []


def read_on(source: Any, waiting: Program[bool], effect: Any) -> None:
    """Go on with a reader that waits for an effect, to the end of what its source has."""
    has_more = True
    while has_more:
        has_more = end(waiting, effect.reply.read())
        while source.ready() is not None:
            pass
        waiting = source.more()
        effect = next(waiting)


def end(program: Program[bool], result: object) -> bool:
    """Send a program the result of its last effect, and return its own."""
    try:
        program.send(result)
    except StopIteration as stop:
        return bool(stop.value)
    raise AssertionError("it has another effect")


@contextmanager
def open_fallback(vendor: FakeBackend) -> Iterator[Any]:
    down = FakeBackend(scope="down")
    down.fails("503")
    yield routing.fallback({"down": down.client(attempts=1), "up": vendor.client(attempts=1)})


@contextmanager
def open_shadow(vendor: FakeBackend) -> Iterator[Any]:
    yield routing.shadow({"primary": vendor.client(attempts=1), "other": FakeBackend(scope="other").client(attempts=1)})


@contextmanager
def open_conversation(vendor: FakeBackend) -> Iterator[Any]:
    with Conversations(vendor.client(attempts=1)) as conversations:
        yield conversations.get("c")


@pytest.mark.parametrize("open_asker", [open_fallback, open_shadow, open_conversation])
@pytest.mark.parametrize("failing", [False, True])
def test_what_came_before_a_stream_was_closed_never_passes_for_the_whole(
    open_asker: Callable[[FakeBackend], Any], failing: bool
) -> None:
    vendor = FakeBackend(scope="bot")
    vendor.streams("one ", "two")
    with open_asker(vendor) as asker:
        stream = asker.stream("Hello?")
        assert next(stream).text == "one "
        # As another thread that reads it: it waits for more, and meanwhile this one closes it.
        source = stream._source
        while source.ready() is not None:
            pass
        waiting = source.more()
        effect = next(waiting)
        stream.close()
        going_on = (
            partial(waiting.throw, ServerError("broken")) if failing else partial(read_on, source, waiting, effect)
        )
        with pytest.raises(InvalidInput, match="the stream is closed"):
            going_on()
