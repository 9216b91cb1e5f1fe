"""A client of the backend `echo` on a real transport, and what none of its errors may show."""

from __future__ import annotations

import base64
import json
import pickle
import socket
from typing import Any, Self
from urllib.parse import quote

import pytest
import requests
from attrs import evolve

from tests.canned import (
    ALL_CAPABILITIES,
    Bench,
    EchoAdapter,
    EchoSettings,
    FakeClock,
    endpoints,
    operation,
    stream_operation,
)
from unichat.adapter import Capabilities, Credential, Replay, Secret
from unichat.client.sync_client import Client
from unichat.errors import UnichatError
from unichat.transport.base import Clock, Transport

SENTINEL = "sentinel/+secret=key"
QUESTION = "sentinel question?"


class Caller:
    """Runs operations; none waits between attempts."""

    body_limit = 16 * 1024 * 1024

    def __init__(
        self, transport: Transport, url: str, *, attempts: int = 3, header: str = "X-Token", idle_timeout: float = 30.0
    ) -> None:
        credential = Credential(header, "", Secret(SENTINEL))
        settings = EchoSettings(
            base_url="https://echo.example", attempts=attempts, body_limit=self.body_limit, idle_timeout=idle_timeout
        )
        adapter = EchoAdapter(Capabilities(**ALL_CAPABILITIES), credential)
        self.client = Client(
            "echo", adapter, transport, endpoints=endpoints, settings=settings, clock=Clock(sleep=lambda _: None)
        )
        # As its address, the settings would not take http, or another host than this one.
        self.client._context = evolve(self.client._context, base_url=url.rstrip("/"))
        self.bench = Bench(transport, FakeClock(), self.client, adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def run(self, replay: Replay = Replay.READ, deadline: float = 20.0, wanted: Any = None) -> Any:
        return self.bench.run(wanted or operation(replay), deadline)

    def error(self, replay: Replay = Replay.READ, deadline: float = 20.0, wanted: Any = None) -> Any:
        """The error that the operation ends in."""
        with pytest.raises(UnichatError) as caught:
            self.run(replay, deadline, wanted)
        check_nothing_leaks(caught.value)
        return caught.value

    def open(self, deadline: float = 20.0) -> Any:
        return self.bench.open(stream_operation(), deadline)

    def stream_error(self, deadline: float = 20.0) -> Any:
        """The error that the stream ends in."""
        with pytest.raises(UnichatError) as caught:
            list(self.open(deadline))
        check_nothing_leaks(caught.value)
        return caught.value


def check_nothing_leaks(error: BaseException) -> None:
    """Check that no secret, in any form, and nothing of an HTTP library hangs on an error."""
    texts = [str(error), repr(error), repr(vars(error)), pickle.dumps(error).decode("latin-1")]
    frame = error.__traceback__
    while frame is not None:
        if "/unichat/" in frame.tb_frame.f_code.co_filename:
            values = frame.tb_frame.f_locals.values()
            texts += [repr(value) for value in values]
            foreign = [type(value) for value in values if isinstance(value, BaseException | requests.PreparedRequest)]
            assert all(issubclass(kind, UnichatError) for kind in foreign), foreign
        frame = frame.tb_next
    assert error.__cause__ is None
    assert error.__context__ is None
    forms = [
        SENTINEL,
        quote(SENTINEL, safe=""),
        json.dumps(SENTINEL).replace("/", "\\/"),
        *(base64.b64encode(b"x" * shift + SENTINEL.encode())[4:-4].decode() for shift in range(3)),
    ]
    for text in texts:
        assert not any(form in text for form in forms)


def find_closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
