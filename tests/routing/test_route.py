"""What a route is besides its routing: policy, operations, closing, hooks, and what becomes of interrupted calls."""

from __future__ import annotations

import asyncio
import gc
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.routing.conftest import Vendors, list_questions
from unichat import routing
from unichat.errors import ConfigError, InvalidInput, ServerError, Unsupported
from unichat.models import User
from unichat.testing import CannedTransport, FakeBackend, json_answer, recorded
from unichat.testing.clients import connect
from unichat.transport.base import Deadline, HttpRequest


class HookLog:
    """A hook that notes how operations ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def started(self, record: Any) -> None: ...

    def attempted(self, record: Any) -> None: ...

    def finished(self, record: Any, error: Any) -> None:
        self.ended.append(f"{record.attempts[-1].profile}: {type(error).__name__}")


def test_with_policy_changes_the_members_and_the_routes_deadline(vendors: Vendors) -> None:
    client = vendors.fallback(vendors.clients(attempts=3))
    hasty = client.with_policy(attempts=1, deadline=6)
    vendors.kapa.fails("503")
    vendors.kadal.answers("one")
    answer = hasty.chat("Hello?")
    assert [attempt.profile for attempt in answer.call.attempts] == ["kapa", "kadal"]
    vendors.kapa.fails("silence")
    vendors.kadal.answers("two")
    assert hasty.chat("Hello?").call.attempts[1].started == pytest.approx(3)
    assert hasty.members["kapa"] is not client.members["kapa"]
    with pytest.raises(InvalidInput, match="attempts"):
        client.with_policy(attempt=1)
    hasty.close()
    with pytest.raises(InvalidInput, match="closed"):
        client.chat("Hello?")


def test_operations_are_those_of_members(vendors: Vendors) -> None:
    client = vendors.fallback()
    with pytest.raises(Unsupported, match=r'client\.members\["kapa"\]'):
        _ = client.operations
    with pytest.raises(Unsupported):
        client.probes()


def test_what_is_recorded_is_a_member(tmp_path: Path) -> None:
    client = routing.fallback({"kapa": FakeBackend().client()})
    with pytest.raises(Unsupported, match=r'client\.members\["kapa"\]'):
        recorded(client, tmp_path / "recording.jsonl")


KAPA = {"api_key": "key", "project_id": "9ec8a81a-31b2-4a83-bcd8-cef9150932d2"}
KADAL = {"token": "token", "chat_bot_id": "bot"}


def test_run_goes_to_the_only_member_of_the_operations_backend() -> None:
    sent = CannedTransport(json_answer({"status": "ok"}), json_answer({"status": "ok"}))
    kadal = connect("kadal", sent, **KADAL)
    with routing.fallback({"kapa": connect("kapa", CannedTransport(), **KAPA), "kadal": kadal}) as client:
        assert client.run(client.members["kadal"].operations.health()).raw == {"status": "ok"}
    operation = kadal.operations.health()
    with routing.fallback({"kapa": connect("kapa", CannedTransport(), **KAPA)}) as client:
        with pytest.raises(Unsupported, match="no member of the route talks to it: kapa"):
            client.run(operation)
        with pytest.raises(InvalidInput, match="not an operation"):
            client.run("health")  # type: ignore[call-overload]
    two = {name: connect("kadal", CannedTransport(), **KADAL) for name in ("a", "b")}
    with (
        routing.fallback(two) as client,
        pytest.raises(Unsupported, match="more than one member of the route"),
    ):
        client.run(operation)


def test_closing_a_route_closes_its_members_whatever_becomes_of_each() -> None:
    class FailingClient(CannedTransport):
        def close(self) -> None:
            super().close()
            raise OSError("no")

    transports = [FailingClient(), CannedTransport()]
    client = routing.fallback(
        {"a": connect("kapa", transports[0], **KAPA), "b": connect("kadal", transports[1], **KADAL)}
    )
    with pytest.raises(OSError, match="no"):
        client.close()
    assert [transport.closed for transport in transports] == [1, 1]


def test_hooks_of_each_member_hear_of_it(vendors: Vendors) -> None:
    first, second = HookLog(), HookLog()
    members = {
        "kapa": vendors.client(vendors.kapa, hooks=[first]),
        "kadal": vendors.client(vendors.kadal, hooks=[second]),
    }
    client = vendors.fallback(members)
    vendors.kapa.fails("503")
    vendors.kadal.answers("one")
    client.chat("Hello?")
    assert (first.ended, second.ended) == (["kapa: ServerError"], ["kadal: NoneType"])


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_a_call_that_is_interrupted_asks_no_other_member(interrupt: type[BaseException]) -> None:
    def stop(_: HttpRequest) -> Any:
        raise interrupt

    other = FakeBackend()
    client = routing.fallback({"kapa": connect("kapa", CannedTransport(stop), **KAPA), "other": other.client()})
    with pytest.raises(interrupt):
        client.chat("Hello?")
    assert list_questions(other) == []


def test_a_task_that_is_cancelled_asks_no_other_member() -> None:
    class WaitingClient:
        async def send(self, request: HttpRequest, deadline: Deadline, *, limit: int) -> Any:
            asking.set()
            await asyncio.Event().wait()

        async def open(self, *_: Any, **__: Any) -> Any: ...

        async def close(self) -> None: ...

    async def run() -> None:
        from unichat.testing.clients import connect_async

        other = FakeBackend()
        members = {"kapa": connect_async("kapa", WaitingClient(), **KAPA), "other": other.async_client()}
        async with routing.fallback(members) as client:
            task = asyncio.ensure_future(client.chat("Hello?"))
            await asking.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert list_questions(other) == []

    asking = asyncio.Event()
    asyncio.run(run())


def test_a_member_that_was_closed_is_an_error_and_not_a_reason_to_ask_the_next(vendors: Vendors) -> None:
    members = vendors.clients()
    client = vendors.fallback(members)
    if vendors.loop is None:
        members["kapa"].close()
    else:
        vendors.loop.run(members["kapa"].close())
    with pytest.raises(InvalidInput, match="closed"):
        client.chat("Hello?")
    assert list_questions(vendors.kadal) == []


def test_an_error_of_a_route_can_be_shown_copied_and_pickled(vendors: Vendors) -> None:
    import copy
    import pickle

    client = vendors.fallback()
    vendors.kapa.fails("503")
    vendors.kadal.fails("503")
    with pytest.raises(ServerError) as caught:
        client.chat("Hello?")
    for same in (copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert (str(same), same.attempts) == (str(caught.value), caught.value.attempts)
    assert caught.value.__context__ is None


def test_a_fall_back_is_logged_without_what_was_asked(vendors: Vendors, caplog: pytest.LogCaptureFixture) -> None:
    client = vendors.fallback()
    vendors.kapa.fails("503")
    vendors.kadal.answers("one")
    with caplog.at_level(logging.INFO, logger="unichat"):
        client.chat("A secret question?")
    assert "fallback: kadal is asked after kapa: HTTP 503" in caplog.text
    assert "secret" not in caplog.text


def test_an_asyncio_route_belongs_to_one_event_loop() -> None:
    kapa = FakeBackend().answers("one").answers("two")
    members = {"kapa": kapa.async_client()}
    client = routing.fallback(members)

    async def ask() -> str:
        return (await client.chat("Hello?")).text

    async def ask_member() -> str:
        return (await members["kapa"].chat("Hello?")).text

    assert asyncio.run(ask()) == "one"
    for call in (ask, ask_member):
        with pytest.raises(InvalidInput, match="another event loop"):
            asyncio.run(call())


def test_a_stream_of_an_asyncio_route_that_is_forgotten_gives_up_its_connection() -> None:
    kapa = FakeBackend().streams("one", "two")

    async def run() -> None:
        client = routing.fallback({"kapa": kapa.async_client()})
        stream = client.stream("Hello?")
        await anext(stream)
        reply: Any = stream._source._reply  # type: ignore[union-attr]
        del stream
        gc.collect()
        await asyncio.sleep(0)
        assert reply._stream.closed == 1

    asyncio.run(run())


@pytest.mark.parametrize("user", [5, "", " ", [], User()])
def test_member_for_a_user_that_is_none_is_rejected(vendors: Vendors, user: Any) -> None:
    for route in (vendors.fallback(), vendors.split({"kapa": 1, "kadal": 1})):
        with pytest.raises(InvalidInput, match="user"):
            route.member_for(user=user)


def test_fall_back_on_may_be_any_iterable_but_text(vendors: Vendors) -> None:
    route = vendors.fallback(fall_back_on=(reason for reason in ("rate_limited",)))
    vendors.kapa.fails("429")
    vendors.kadal.answers("Yes.")
    assert route.chat("one?").profile == "kadal"
    for text in ("unavailable", "unavailble"):
        with pytest.raises(ConfigError, match="into a list") as caught:
            vendors.fallback(fall_back_on=text)
        assert "Did you mean" not in str(caught.value)
