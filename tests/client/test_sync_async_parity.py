"""The sync and the async client are written out, for editors and readers; here they are held together."""

import inspect

import pytest

from unichat import AnswerStream, AsyncAnswerStream, AsyncClient, Client

SHARED = ("chat", "continue_thread", "stream", "feedback", "history", "clear_history", "close")


def parameters(function):
    return [
        (parameter.name, parameter.kind, parameter.default, parameter.annotation)
        for parameter in inspect.signature(function).parameters.values()
    ]


@pytest.mark.parametrize("name", SHARED)
def test_a_method_takes_the_same_arguments_on_both_clients(name):
    assert parameters(getattr(Client, name)) == parameters(getattr(AsyncClient, name))


@pytest.mark.parametrize("name", SHARED)
def test_a_method_returns_the_counterpart_on_both_clients(name):
    sync, asynchronous = (inspect.signature(getattr(each, name)).return_annotation for each in (Client, AsyncClient))
    assert sync.replace("Iterator", "AsyncIterator").replace("AnswerStream", "AsyncAnswerStream") == asynchronous


@pytest.mark.parametrize("name", SHARED)
def test_a_method_has_the_same_docstring_on_both_clients(name):
    documented = inspect.getdoc(getattr(AsyncClient, name))
    expected = inspect.getdoc(getattr(Client, name))
    for sync, asynchronous in (
        ("`with client.stream(q) as pieces: for event in pieces: …`",
         "`async with client.stream(q) as pieces: async for event in pieces: …`"),
    ):  # fmt: skip
        expected = expected.replace(sync, asynchronous)
    assert documented == expected


def test_the_clients_have_the_same_public_names_but_for_streamed_operations():
    names = [{name for name in dir(each) if not name.startswith("_")} for each in (Client, AsyncClient)]
    assert names[1] - names[0] == {"run_stream"}
    assert names[0] <= names[1]


def test_the_streams_have_the_same_public_names():
    names = [{name for name in dir(each) if not name.startswith("_")} for each in (AnswerStream, AsyncAnswerStream)]
    assert names[0] == names[1]
