"""The endpoints of an adapter: found by name, with their parameters, and functions that build operations."""

import inspect

import pytest

from tests.canned import LineDecoder, detect_error, endpoints, reply
from unichat.adapter import EndpointContext, Endpoints, Operation, Replay, Request, StreamOperation
from unichat.adapter.unchecked import Unchecked
from unichat.errors import InvalidInput


def test_endpoints_are_found_by_name_and_in_order():
    assert endpoints.names() == ("chat", "chat_streamed", "rate", "list_rows", "clear")
    assert [endpoint.name for endpoint in endpoints] == list(endpoints.names())
    assert len(endpoints) == 5
    chat = endpoints["chat"]
    assert (chat.method, chat.path, chat.replay, chat.streamed) == ("POST", "/bots/{bot}/chat", Replay.ASK, False)
    assert chat.reference == "Chat"
    assert dict(chat.from_settings) == {"bot": "bot"}
    assert dict(endpoints["rate"].from_settings) == {}
    with pytest.raises(KeyError):
        endpoints["fly"]


def test_an_endpoint_shows_its_parameters_without_the_filled_in_one():
    parameters = endpoints["chat"].parameters
    assert [parameter.name for parameter in parameters] == ["bot", "text", "thread"]
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters)
    assert endpoints["chat"].function.__doc__ == "Ask."
    # Where functions are in memory tells a reader nothing.
    assert " at 0x" not in repr(endpoints["chat"])


def test_an_endpoint_builds_its_operation():
    built = endpoints["chat"].function(bot="a/b", text="Hi")
    assert isinstance(built, Operation)
    assert (built.backend, built.name, built.replay, built.signed) == ("echo", "chat", Replay.ASK, True)
    assert built.request == Request("POST", "/bots/a%2Fb/chat", body=b'{"text":"Hi","thread":null}')


def test_a_streamed_endpoint_builds_a_stream_operation():
    built = endpoints["chat_streamed"].function(bot="b", text="Hi")
    assert isinstance(built, StreamOperation)
    assert built.decoder is LineDecoder
    assert built.request == Request("POST", "/bots/b/stream", body=b'{"text":"Hi"}')


def test_an_endpoint_can_read_refusals_in_its_own_way():
    table = Endpoints("echo", detect_error)

    @table.add("GET", "/x", Replay.READ, reference="X", detect_error=lambda _: None)
    def lenient(endpoint):
        return endpoint.operation(lambda _: 1, signed=False)

    assert lenient().detect_error(reply(500)) is None
    assert lenient().signed is False


def test_headers_of_none_are_left_out_and_requests_are_signed_unless_the_adapter_says_otherwise():
    context = EndpointContext("echo", "x", "GET", "/x", Replay.READ, detect_error)
    plain = context.operation(lambda _: 1, headers={"X-Version": "2", "X-Mood": None})
    assert (plain.request.headers, plain.signed) == ((("X-Version", "2"),), True)
    streamed = context.stream(LineDecoder, headers={"X-Version": "2", "X-Mood": None})
    assert (streamed.request.headers, streamed.signed) == ((("X-Version", "2"),), True)
    assert context.stream(LineDecoder, signed=False).signed is False


@pytest.mark.parametrize(("problem", "message"), [("", "mood is 'x'"), ("not one", "mood is 'x', not one")])
def test_refuse_says_what_is_wrong_and_returns_what_is_to_be_sent_unchecked(problem, message):
    with pytest.raises(InvalidInput) as caught:
        endpoints.refuse("mood", "x", problem, hint="Use another.", limit=7)
    assert (caught.value.message, caught.value.hint) == (message, "Use another.")
    assert (caught.value.argument, caught.value.backend, caught.value.limit) == ("mood", "echo", 7)
    unchecked = Unchecked("x")
    assert endpoints.refuse("mood", unchecked, hint="Use another.") is unchecked


def test_unchecked_leaves_out_what_is_required_and_not_given():
    assert endpoints["chat_streamed"].unchecked(bot="b").request.body == b"{}"
    assert endpoints["chat_streamed"].unchecked(bot="b", text="").request.body == b'{"text":""}'
