"""The sandbox does each fault of the fault bench to a connection, as the fault server does."""

from __future__ import annotations

import asyncio

import pytest

import unichat.sandbox
from unichat.errors import UnichatError
from unichat.testing import FAULTS, CannedStream, CannedTransport, connect, json_answer

SERVED = [each.name for each in FAULTS.values() if each.serve is not None]
SILENT = ("silence", "stall_in_body")
KAPA = {"api_key": "key", "project_id": "00000000-0000-4000-8000-000000000000"}
KADAL = {"token": "token", "chat_bot_id": "bot"}
GOOD = {
    "kapa": json_answer({"answer": "Hi", "thread_id": KAPA["project_id"], "question_answer_id": KAPA["project_id"]}),
    "kadal": json_answer({"status_code": 200, "message_id": 7, "message": "Hi"}),
}
RECORD = '{"chunk": {"type": "partial_answer", "content": {"text": "Hel"}, "stream_end": false}}\u241e'


@pytest.fixture(scope="module")
def box():
    with unichat.sandbox.start() as box:
        yield box


def find_outcome(call):
    try:
        call()
    except UnichatError as error:
        return type(error).__name__, error.status, getattr(error, "kind", None)
    return "answer"


@pytest.mark.parametrize("name", SERVED)
@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_a_call_ends_as_with_the_canned_fault(box, backend, name):
    box.reset()
    box.fail(backend, name)
    seconds = 1.0 if name in SILENT else 30.0
    with unichat.connect(backend, **box.settings(backend), attempts=1, deadline=seconds) as client:
        found = find_outcome(lambda: client.chat("What is a thread?"))
        # The fault was for one request.
        assert client.chat("What is a thread?", deadline=30).text
    settings = {"kapa": KAPA, "kadal": KADAL}[backend]
    with connect(backend, CannedTransport(name, answer=lambda _: GOOD[backend]), **settings, attempts=1) as client:
        assert found == find_outcome(lambda: client.chat("What is a thread?"))


@pytest.mark.parametrize("name", [name for name in SERVED if name not in SILENT])
def test_a_stream_ends_as_with_the_canned_fault(box, name):
    def read(client):
        with client.stream("What is a thread?") as pieces:
            return pieces.answer

    box.reset()
    box.fail("kapa", name)
    with unichat.connect("kapa", **box.settings("kapa"), attempts=1) as client:
        found = find_outcome(lambda: read(client))
    identifiers = RECORD.replace("partial_answer", "identifiers").replace("false", "true")
    identifiers = identifiers.replace('"text": "Hel"', '"thread_id": "t", "question_answer_id": "q"')
    good = CannedStream([RECORD.encode(), RECORD.encode(), RECORD.encode(), identifiers.encode()])
    with connect("kapa", CannedTransport(name, answer=lambda _: good), **KAPA, attempts=1) as client:
        assert found == find_outcome(lambda: read(client))


def test_a_fault_before_the_answer_asks_nothing_and_one_within_it_has_asked(box):
    box.reset()
    with unichat.connect("kadal", **box.settings("kadal"), attempts=1) as client:
        for name, count in (("503", 0), ("reset_after_send", 0), ("cut_body", 1)):
            box.fail("kadal", name)
            with pytest.raises(UnichatError):
                client.chat("What?", user=name)
            assert len(list(client.history(user=name))) == count


def test_a_fault_meets_the_client_on_asyncio_as_well(box):
    async def ask():
        async with unichat.connect_async("kapa", **box.settings("kapa"), attempts=1) as client:
            await client.chat("What is a thread?")

    box.reset()
    box.fail("kapa", "reset_in_body")
    with pytest.raises(UnichatError):
        asyncio.run(ask())


def test_closing_the_sandbox_ends_a_silent_connection():
    with unichat.sandbox.start() as box:
        box.fail("kadal", "silence", times=None)
        client = unichat.connect("kadal", **box.settings("kadal"), attempts=1, deadline=0.2)
        with client, pytest.raises(UnichatError):
            client.chat("What?")
