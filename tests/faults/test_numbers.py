"""Bad inputs 58 to 62: numbers of the policy and token providers that cannot work. Nothing is sent for any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.faults import vendors
from tests.faults.bench import Bench
from tests.faults.injection import DEADLINE, Injection, good
from tests.faults.neutral import BACKENDS, CORE, OPERATIONS, SECRET, Opens, settings_for
from tests.faults.oracles import check_error, secrets_in
from tests.faults.outcome import answers
from tests.faults.rows_connection import full_queue
from tests.faults.server import FaultServer
from tests.faults.vendors import VENDORS
from tests.pace import at_any_pace
from unichat.adapter import Secret
from unichat.errors import ConfigError, DeadlineExceeded, InvalidInput, InvalidResponse, UnichatError

BOTH = pytest.mark.parametrize("backend", sorted(BACKENDS))
_SECONDS = [0, -1, float("nan"), float("inf"), -float("inf"), "5", True, b"5", [5]]
_WHOLE = [0, -1, 1.5, True, "3", float("nan")]

_BAD: list[tuple[str, Any]] = [
    *(
        (name, value)
        for name in ("deadline", "connect_timeout", "first_event_timeout", "idle_timeout", "breaker_reset")
        for value in _SECONDS
    ),
    *((name, value) for name in ("attempts", "body_limit", "record_limit", "page_limit") for value in _WHOLE),
    *(("retry_budget", value) for value in (-1, 1.5, True, "3")),
    *(("breaker_failures", value) for value in (0, -1, 1.5, True)),
    *(("rate", value) for value in ("", "fast", "0/min", "-1/s", "5/fortnight", "nan/s", 5, True)),
]


@BOTH
@pytest.mark.parametrize(("name", "value"), _BAD)
def test_a_number_that_cannot_work_is_refused_when_the_client_is_made(backend: str, name: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_for(backend, "https://api.example.com", **{name: value})
    assert caught.value.key == name
    assert name in str(caught.value)


@BOTH
@pytest.mark.parametrize("value", _SECONDS)
def test_a_deadline_of_a_call_that_is_none_is_refused_before_anything_is_sent(
    backend: str, value: Any, client_on: Opens
) -> None:
    calls: dict[str, Callable[[Any], Any]] = {
        "chat": lambda client: client.chat("How?", deadline=value),
        "stream": lambda client: client.stream("How?", deadline=value),
        "history": lambda client: client.history(deadline=value),
        "clear": lambda client: (
            client.clear_history(deadline=value) if backend == "kadal" else client.chat("", deadline=1)
        ),
    }
    with FaultServer(VENDORS[backend], (good,)) as server, client_on(backend, server.url) as client:
        for call in calls.values():
            with pytest.raises(InvalidInput) as caught:
                call(client)
            check_error(caught.value)
            assert caught.value.argument in ("deadline", "question")
        assert server.accepted == 0


@BOTH
@at_any_pace
def test_a_deadline_shorter_than_the_connect_timeout_is_valid_and_shortens_it(
    backend: str, count: Callable[..., None], monkeypatch: pytest.MonkeyPatch, client_on: Opens, pace: float
) -> None:
    nothing = Injection(row=3, name="black hole", expected=answers(1))
    with ExitStack() as opened, FaultServer(VENDORS[backend], (good,)) as server:
        bench = Bench(nothing, OPERATIONS[0], monkeypatch, server, opened, server.url)
        full_queue(bench)
        with client_on(backend, bench.url, deadline=DEADLINE * pace, connect_timeout=5.0) as client:
            with pytest.raises(DeadlineExceeded) as caught:
                client.chat("How?")
            assert caught.value.maybe_delivered is False
            assert caught.value.phase == "connecting"
    count(3, f"a deadline shorter than connect_timeout: {backend}")


def _raises() -> str:
    raise RuntimeError(f"no token for {CORE}")


def _exits() -> str:
    raise UnicodeEncodeError("latin-1", f"Bearer {CORE}é", 0, 1, "ordinal not in range")


_PROVIDERS: dict[str, Callable[[], Any]] = {
    "returns None": lambda: None,
    "returns bytes": lambda: CORE.encode(),
    "returns a number": lambda: 7,
    "returns nothing": lambda: "",
    "returns a line end": lambda: f"{CORE}\n",
    "returns two lines": lambda: f"{CORE}\r\nX-Evil: 1",
    "returns another script": lambda: f"{CORE}é",
    "raises": _raises,
    "raises with the header in it": _exits,
}


@pytest.mark.parametrize("how", _PROVIDERS)
def test_a_token_provider_that_gives_no_token_is_named_and_nothing_is_sent(how: str, client_on: Opens) -> None:
    with (
        FaultServer(VENDORS["kadal"], (good,)) as server,
        client_on("kadal", server.url, token=_PROVIDERS[how]) as client,
    ):
        with pytest.raises(ConfigError) as caught:
            client.chat("How?")
        check_error(caught.value)
        assert server.accepted == 0


@pytest.mark.parametrize("token", [f"{CORE}é", f"{CORE}\n", f"{CORE} ", f"{CORE}\x7f"])
def test_a_fetched_token_that_cannot_be_sent_is_refused_and_not_shown(token: str, client_on: Opens) -> None:
    given = vendors.as_json({"access_token": token, "expires_in": 300})
    with (
        FaultServer(lambda _: given, (good,)) as server,
        client_on("kadal", server.url, token=None, client_id="me", client_secret=Secret(SECRET)) as client,
    ):
        with pytest.raises(InvalidResponse, match="cannot be used in an HTTP header") as caught:
            client.chat("How?")
        check_error(caught.value)
        assert len(server.log) == 1


def test_a_token_and_a_client_account_at_once_are_refused() -> None:
    with pytest.raises(ConfigError, match="both given") as caught:
        settings_for("kadal", "https://api.example.com", client_id="me", client_secret=Secret(f"{CORE}!"))
    assert not secrets_in(str(caught.value))


@pytest.fixture
def kapa_server() -> Iterator[FaultServer]:
    with FaultServer(VENDORS["kapa"], (good,)) as server:
        yield server


@pytest.mark.parametrize("value", [30, 10**6, 30.5, 10**9])
def test_a_deadline_that_is_positive_is_accepted_however_long(
    kapa_server: FaultServer, value: float, client_on: Opens
) -> None:
    with client_on("kapa", kapa_server.url, deadline=value) as client:
        assert client.chat("How?", deadline=value).text


def test_one_attempt_is_one_attempt(kapa_server: FaultServer, client_on: Opens) -> None:
    kapa_server.close()
    with client_on("kapa", kapa_server.url, attempts=1) as client:
        with pytest.raises(UnichatError) as caught:
            client.chat("How?")
        assert len(caught.value.attempts) == 1
