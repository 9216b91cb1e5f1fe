"""Calls of an adapter's own code: a mistake in it is an `AdapterError` that names the adapter, without a secret."""

from __future__ import annotations

import pytest
from attrs import frozen

from tests.canned import bench, operation, reply
from unichat.adapter import CommonSettings, HistoryCall, Replay, Secret
from unichat.client.adapter_calls import begin_flow, build_adapter, call_in, wrong_result
from unichat.errors import AdapterError, InvalidInput

KEY = "sesame-key"
CALL = HistoryCall(backend="echo", operation="history")


@frozen(kw_only=True)
class Settings(CommonSettings):
    api_key: Secret


class FakeBackend:
    name = "echo"

    def __init__(self, build):
        self.build = build


def make_failure(error):
    def fail(*_):
        raise error

    return fail


@pytest.fixture
def context():
    return bench(reply(200, 1)).context


def test_build_adapter_returns_what_the_backend_builds():
    settings = Settings(base_url="https://x", api_key=Secret(KEY))
    assert build_adapter(FakeBackend(lambda given: given), settings) is settings


def test_build_adapter_with_a_mistake_raises_without_the_secrets_of_the_settings():
    settings = Settings(base_url="https://x", api_key=Secret(KEY))
    with pytest.raises(AdapterError, match="echo's adapter could not be made") as caught:
        build_adapter(FakeBackend(lambda given: int(given.api_key.reveal())), settings)
    assert KEY not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_begin_flow_returns_the_flow_before_anything_of_it_has_run(context):
    ran = []

    def method(call):
        ran.append(call)
        yield

    flow = begin_flow(method, CALL, context)
    assert ran == []
    next(flow)
    assert ran == [CALL]


@pytest.mark.parametrize("found", [None, [], "text"])
def test_begin_flow_with_a_method_that_returns_something_else_names_its_type(context, found):
    with pytest.raises(AdapterError, match=f"returned {type(found).__name__} instead of a flow") as caught:
        begin_flow(lambda call: found, CALL, context)
    assert (caught.value.backend, caught.value.operation) == ("echo", "history")


def test_begin_flow_with_an_asynchronous_method_closes_its_coroutine(context):
    async def method(call):
        raise AssertionError("it ran")

    # A warning that it was never awaited would fail the test.
    with pytest.raises(AdapterError, match="returned coroutine instead of a flow"):
        begin_flow(method, CALL, context)


def test_begin_flow_with_a_mistake_before_the_flow_begins_raises_adapter_error(context):
    with pytest.raises(AdapterError, match="echo's adapter could not begin history"):
        begin_flow(make_failure(AttributeError("no such method")), CALL, context)


@pytest.mark.parametrize("error", [InvalidInput("no"), RuntimeError("somebody else's")])
def test_begin_flow_lets_pass_what_is_no_mistake(context, error):
    with pytest.raises(type(error)) as caught:
        begin_flow(make_failure(error), CALL, context)
    assert caught.value is error


@pytest.fixture
def chat_bench():
    return bench(reply(200, 1), source=Secret(KEY))


@pytest.fixture
def sent_call(chat_bench):
    """A call of a question that was sent and answered."""
    call = chat_bench.context.call(kind="question")
    call.neutral = CALL
    chat_bench.perform_run(operation(Replay.ASK, name="post_chat"), call)
    return call


def test_call_in_returns_what_the_function_returns(chat_bench):
    assert call_in(chat_bench.context.call(), chat_bench.context, lambda: 5) == 5


def test_call_in_with_a_mistake_tells_of_what_the_call_has_sent(chat_bench, sent_call):
    with pytest.raises(AdapterError) as caught:
        call_in(sent_call, chat_bench.context, make_failure(KeyError(KEY)))
    error = caught.value
    assert (error.operation, error.maybe_delivered) == ("post_chat", True)
    assert error.call.call_id == sent_call.record.call_id
    assert KEY not in f"{error} {error.__cause__!r}"


def test_call_in_with_a_mistake_before_anything_was_sent_names_the_neutral_call(chat_bench):
    call = chat_bench.context.call()
    call.neutral = CALL
    with pytest.raises(AdapterError) as caught:
        call_in(call, chat_bench.context, make_failure(TypeError("x")))
    assert (caught.value.backend, caught.value.operation, caught.value.call) == ("echo", "history", None)


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt()])
def test_call_in_lets_pass_what_is_no_mistake(chat_bench, sent_call, error):
    with pytest.raises(type(error)) as caught:
        call_in(sent_call, chat_bench.context, make_failure(error))
    assert caught.value is error


def test_wrong_result_after_a_question_says_that_it_may_have_been_asked(chat_bench, sent_call):
    error = wrong_result("a str", sent_call, chat_bench.context)
    assert "echo's adapter returned a str" in error.message
    assert (error.maybe_delivered, error.call.call_id) == (True, sent_call.record.call_id)


def test_wrong_result_without_a_neutral_call_names_no_backend(chat_bench):
    assert (
        "the backend's adapter returned a str"
        in wrong_result("a str", chat_bench.context.call(), chat_bench.context).message
    )
