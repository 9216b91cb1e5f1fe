"""`client.operations`: the vendor's own, with the ids of the settings."""

import copy

import pytest

from tests.canned import (
    bench,
    endpoints,
)
from unichat.adapter import CommonSettings, StreamOperation
from unichat.client.sync_client import Client


def test_operations_have_the_ids_from_the_settings_filled_in():
    operations = bench().client.operations
    assert operations.chat(text="Hi?").request.path == "/bots/b/chat"
    assert operations.chat(bot="other", text="Hi?").request.path == "/bots/other/chat"
    assert operations.rate(answer="a", rating="up").request.path == "/ratings"
    assert isinstance(operations.chat_streamed(text="Hi?"), StreamOperation)


def test_an_id_that_is_not_in_the_settings_must_be_passed():
    made = bench()
    client = Client(
        "echo", made.adapter, made.transport, endpoints=endpoints, settings=CommonSettings(base_url="https://e.example")
    )
    with pytest.raises(TypeError, match="bot"):
        client.operations.chat(text="Hi?")
    assert client.operations.chat(bot="x", text="Hi?").request.path == "/bots/x/chat"


def test_operations_can_be_listed_and_looked_at():
    operations = bench().client.operations
    assert list(operations) == ["chat", "chat_streamed", "rate", "list_rows", "clear"]
    assert {"chat", "clear"} <= set(dir(operations))
    assert operations.chat.__name__ == "chat"
    assert operations.chat.__doc__ == "Ask."


def test_an_operation_that_does_not_exist_is_an_attribute_error_with_the_names():
    with pytest.raises(AttributeError, match="has no operation 'fly': chat, chat_streamed, rate"):
        _ = bench().client.operations.fly
    assert not hasattr(bench().client.operations, "_fly")


def test_operations_can_be_copied():
    assert list(copy.copy(bench().client.operations)) == list(endpoints.names())
