"""Results of the vendors' own operations carry the record of their call."""

from __future__ import annotations

import asyncio
import copy
import pickle

import pytest
from attrs import frozen

import unichat.sandbox
from unichat.adapter import JsonModel, Replay, as_text, call_field, optional
from unichat.client.call_records import attach_if_possible
from unichat.errors import InvalidInput
from unichat.execution.call import Call
from unichat.record import CallRecord
from unichat.transport.base import Deadline

BACKENDS = ("kapa", "kadal")


@pytest.fixture(scope="module")
def box():
    with unichat.sandbox.start() as box:
        yield box


def some_operations(client, backend):
    """Every kind of result: an object, a list, one that is streamed, one that may be empty."""
    if backend == "kapa":
        asked = client.run(client.operations.chat(query="What is a thread?"))
        yield client.operations.retrieve_project()
        yield client.operations.search(query="thread")
        yield client.operations.activity(aggregation_period="DAY")
        yield client.operations.retrieve_thread(id=asked.thread_id)
        yield client.operations.upsert_feedback(
            question_answer=asked.question_answer_id, reaction="upvote", user_identifier="ada"
        )
        for endpoint in client._endpoints:
            if endpoint.name.startswith("list_"):
                yield getattr(client.operations, endpoint.name)()
    else:
        asked = client.run(client.operations.post_chat(message="What is a thread?"))
        yield client.operations.health()
        yield client.operations.list_chats(page_no=1, page_size=5)
        yield client.operations.list_chats_v7()
        yield client.operations.get_chat(query="What?")
        yield client.operations.add_feedback(bot_response_id=int(asked.message_id), is_positive=True, rating_id=1)
        yield client.operations.clear_chat_history()


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_result_carries_its_call(box, backend):
    with unichat.connect(backend, **box.settings(backend)) as client:
        for operation in some_operations(client, backend):
            result = client.run(operation)
            assert result.call.operation == operation.name
            assert result.call.status in (200, 201)
            assert len(result.call.attempts) == 1
            again = pickle.loads(pickle.dumps(result))
            assert again == result == copy.deepcopy(result)
            assert again.call == result.call
            assert "call" not in repr(result).replace("call_", "")


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_result_carries_its_call_on_asyncio(box, backend):
    with unichat.connect(backend, **box.settings(backend)) as client:
        operations = list(some_operations(client, backend))

    async def run_all():
        async with unichat.connect_async(backend, **box.settings(backend)) as client:
            return [await client.run(operation) for operation in operations]

    for result, operation in zip(asyncio.run(run_all()), operations, strict=True):
        assert result.call.operation == operation.name


def test_the_rows_of_a_result_have_no_call_of_their_own(box):
    with unichat.connect("kapa", **box.settings("kapa")) as client:
        found = client.run(client.operations.search(query="thread"))
    assert found.items
    assert all(row.call is None for row in found.items)


def test_a_stream_has_its_call_from_its_first_event_on(box):
    with unichat.connect("kapa", **box.settings("kapa")) as client:
        stream = client.run(client.operations.chat_streamed(query="What is a thread?"))
        assert stream.call is None
        with stream:
            next(stream)
            assert (stream.call.operation, stream.call.status) == ("chat_streamed", 200)
            assert stream.answer.call == stream.call
        with client.stream("What is a thread?") as pieces:
            assert pieces.answer.call == pieces.call


def test_a_stream_on_asyncio_has_its_call(box):
    async def read():
        async with unichat.connect_async("kapa", **box.settings("kapa")) as client:
            async with client.run_stream(client.operations.chat_streamed(query="What?")) as stream:
                answer = await stream.answer()
            return stream.call, answer.call

    of_stream, of_answer = asyncio.run(read())
    assert of_stream.operation == "chat_streamed"
    assert of_stream == of_answer


def test_a_stream_that_is_refused_has_the_call_of_its_error(box):
    settings = {**box.settings("kapa"), "api_key": "wrong"}
    with unichat.connect("kapa", **settings) as client:
        stream = client.run(client.operations.chat_streamed(query="What?"))
        with pytest.raises(unichat.errors.AuthenticationError), stream:
            pass


def test_what_is_not_a_model_is_returned_as_it_is(box):
    with unichat.connect("kapa", **box.settings("kapa")) as client:
        operation = client.operations.retrieve_project()
        assert client.run(operation.map(lambda project: None)) is None
        assert client.run(operation.map(lambda project: [project.id])) == [client._settings.project_id]
        assert client.run(operation.map(lambda project: project.raw))["id"] == client._settings.project_id


def test_a_member_that_a_vendor_calls_call_is_left_alone():
    @frozen(kw_only=True)
    class Phone(JsonModel):
        call: str | None = optional(as_text)

    @frozen
    class Own:
        record: CallRecord | None = call_field()

    call = Call(Deadline(1), record=CallRecord(backend="b", operation="o", call_id="c"))
    assert attach_if_possible(Phone(call="me"), call).call == "me"
    assert attach_if_possible(Own(), call).record is call.record


def test_unchecked_operations_of_a_client_have_its_ids(box):
    with unichat.connect("kadal", **box.settings("kadal")) as client:
        operation = client.operations.post_chat.unchecked(message=None)
        assert operation.replay is Replay.ASK
        with pytest.raises(InvalidInput) as caught:
            client.run(operation)
    assert (caught.value.source, caught.value.status) == ("vendor", 422)
