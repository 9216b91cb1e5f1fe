"""What tests put in place of time, the network and a vendor's good manners."""

import copy
import json
from collections.abc import Callable
from functools import cache, wraps
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.vendors import BOT as BOT
from tests.vendors import KEY as KEY
from tests.vendors import PROJECT as PROJECT
from tests.vendors import VENDORS
from unichat.adapter import Reply
from unichat.client.sync_client import Client
from unichat.config import resolve
from unichat.connecting import client_for
from unichat.errors import Unsupported
from unichat.testing import CannedTransport, FakeClock

KAPA_URL = "https://api.kapa.ai"
KADAL_URL = "https://api.kadal.ai"
INTEGRATION = "55d7337e-1d0a-49fc-9826-925ba40df035"

# No database: a test must neither depend on earlier runs nor write into the folder that it was started in.
FAST = settings(database=None, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

BAD_IDS = {
    "empty": "",
    "a dot": ".",
    "two dots": "..",
    "two dots and a slash": "../x",
    "a slash": "a/b",
    "a question mark": "a?b",
    "a hash": "a#b",
    "a line feed": f"{PROJECT}\n",
    "a NUL": f"{PROJECT}\0",
    "dots percent-encoded": "%2e%2e",
    "4 KB": "a" * 4096,
    "an integer": 7,
    "true": True,
    "2**70": 2**70,
    "blanks": "   ",
}
"""What no vendor's id looks like, whatever its form."""


def reply(value: Any = None, status: int = 200, *, body: bytes | None = None, kind: str = "application/json") -> Reply:
    """An answer: `value` as JSON, or `body` as it stands."""
    return Reply(status, {"content-type": kind}, json.dumps(value).encode() if body is None else body)


class StubTransport(CannedTransport):
    """A canned transport of which `answer` makes the outcome of each request."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        super().__init__(answer=answer)


def stub_replies(*replies: Any) -> CannedTransport:
    """A transport that gives these replies in turn; one more request fails the test."""
    return CannedTransport(*replies)


def check_settings(backend: str, **given: Any) -> Any:
    """The backend and its settings, from `given` alone: the environment is not looked at."""
    return resolve(backend, settings={**VENDORS[backend].given, **given}, environ={}, find=_find)


@cache
def _find(name: str) -> Any:
    return VENDORS[name].backend


def connect_client(backend: str, clock: FakeClock | None = None, **given: Any) -> Client:
    """A client that sends with requests, waits by `clock`, and needs no settings but those that a test is about."""
    found = check_settings(backend, **given)
    return client_for(found.backend, found.settings, clock=(clock or FakeClock()).clock)


def client_on(transport: Any, backend: str, clock: FakeClock | None = None, **given: Any) -> Client:
    """As `client_of`, over a transport of the test's own."""
    found = check_settings(backend, **given)
    return client_for(found.backend, found.settings, transport=transport, clock=(clock or FakeClock()).clock)


def catch(kind: type[Exception], action: Callable[[], Any]) -> tuple[Any, Any]:
    """What `action` returns, and the exception of that kind that it raised instead; any other is not caught."""
    try:
        return action(), None
    except kind as error:
        return None, error


def where(capability: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test where its client has the capability; elsewhere, see that it is refused as unsupported."""

    def wrap(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def run(client: Any, **others: Any) -> None:
            if getattr(client.capabilities, capability):
                test(client=client, **others)
                return
            with pytest.raises(Unsupported):
                test(client=client, **others)

        return run

    return wrap


def read_query(request: Any) -> dict[str, str]:
    """The query of a request that was sent over `Canned`."""
    return dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True))


def read_body(request: Any) -> Any:
    """The JSON body of a request that was sent over `Canned`; None if it had no body."""
    return None if request.body is None else json.loads(request.body)


_WRONG: tuple[Any, ...] = (
    None, True, False, 0, -1, 7, 2**70, 1.5, "", "x", "404", "2019-13-45", "\u241e",
    [], [None], ["x"], [[]], {}, {"x": 1},
)  # fmt: skip


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of `value` with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    found = [(value, key) for key in keys]
    for key in keys:
        found += _places(value[key])
    return found


@st.composite
def damage(draw: st.DrawFn, sample: Any) -> Any:
    """`sample` with one to three of its fields missing, null, of the wrong kind, or accompanied by one that is new."""
    whole = {"": copy.deepcopy(sample)}
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(_places(whole)))
        match draw(st.sampled_from(("wrong", "missing", "extra"))):
            case "missing" if container is not whole:
                del container[key]
            case "extra" if isinstance(container, dict) and container is not whole:
                container[draw(st.text(max_size=3))] = copy.deepcopy(draw(st.sampled_from(_WRONG)))
            case _:
                container[key] = copy.deepcopy(draw(st.sampled_from(_WRONG)))
    return whole[""]
