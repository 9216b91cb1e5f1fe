"""Ids that would change the route: refused before anything is sent, or received as they were given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.faults.injection import good
from tests.faults.neutral import Opens
from tests.faults.server import FaultServer
from tests.faults.vendors import VENDORS
from unichat.adapter import Operation, Replay, Request, endpoint_context
from unichat.client.sync_client import Client
from unichat.errors import ConfigError, InvalidInput

_ASTRAY = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a?b",
    "a#b",
    "x\n",
    "x\0",
    "%2e%2e",
    "..%2f",
    "a" * 4096,
    7,
    True,
    None,
    2**70,
]


@pytest.mark.parametrize("bad", _ASTRAY, ids=lambda bad: repr(bad)[:20])
def test_an_id_that_is_not_a_kapa_id_is_refused_before_anything_is_sent(bad: Any, client_on: Opens) -> None:
    builders: list[Callable[[Any], Any]] = [
        lambda client: client.operations.retrieve_thread(id=bad),
        lambda client: client.operations.chat_in_thread(thread_id=bad, query="How?"),
        lambda client: client.operations.chat(project_id=bad, query="How?"),
        lambda client: client.feedback(bad, "up", user="u"),
    ]
    with FaultServer(VENDORS["kapa"], (good,)) as server, client_on("kapa", server.url) as client:
        for build in builders:
            with pytest.raises(InvalidInput):
                client.run(build(client))
        assert server.accepted == 0


@pytest.mark.parametrize("bad", ["", ".", "..", "x\n", "x\0", "   ", 7, None], ids=repr)
def test_a_bot_id_that_would_change_kadals_route_is_refused_before_anything_is_sent(bad: Any, client_on: Opens) -> None:
    with FaultServer(VENDORS["kadal"], (good,)) as server, client_on("kadal", server.url) as client:
        for build in (client.operations.post_chat, client.operations.get_chat, client.operations.clear_chat_history):
            question = {"post_chat": {"message": "How?"}, "get_chat": {"query": "How?"}}.get(build.__name__, {})
            with pytest.raises((InvalidInput, ConfigError)):
                client.run(build(chat_bot_id=bad, **question))
        assert server.accepted == 0


@pytest.fixture(scope="module")
def kapa_client(client_on: Opens) -> Iterator[tuple[FaultServer, Client]]:
    with FaultServer(VENDORS["kapa"], (good,)) as server, client_on("kapa", server.url, attempts=1) as client:
        yield server, client


@given(text=st.text())
@example("")
@example(".")
@example("..")
@settings(database=None, deadline=None)
def test_any_text_arrives_in_its_own_segment_of_the_path_or_is_refused(
    kapa_client: tuple[FaultServer, Client], text: str
) -> None:
    server, client = kapa_client
    try:
        request = Request("GET", f"/before/{endpoint_context._encode_segment(text, 'id')}/after")
    except InvalidInput:
        return
    client.run(
        Operation(
            backend="kapa",
            name="look",
            replay=Replay.READ,
            request=request,
            detect_error=lambda _: None,
            parse=lambda reply: reply.status,
        )
    )
    before, between, after = urlsplit(server.log[-1].target).path.removeprefix("/").split("/")
    assert (before, unquote(between), after) == ("before", text, "after")
    # Whatever stands before the vendor's server may walk up the path.
    assert between not in ("", ".", "..")
