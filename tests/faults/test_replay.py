"""Questions that may have been received: raised, asked again by leave, or looked for first."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.faults import vendors
from tests.faults.injection import good
from tests.faults.neutral import OPERATIONS, Neutral, Opens, new_nonce, no_wait
from tests.faults.oracles import check_error
from tests.faults.rows_connection import close_after_reading, reset_after_reading
from tests.faults.rows_heads import in_chunks
from tests.faults.server import Fault, FaultServer, HttpMessage
from tests.faults.vendors import VENDORS
from unichat.errors import ConnectionFailed, InvalidResponse, PermissionDenied, UnichatError

ASKING = [neutral for neutral in OPERATIONS if neutral.asks]
_LOST: dict[str, Fault] = {
    "reset": reset_after_reading,
    "closed": close_after_reading,
    "cut": in_chunks(lambda body: b"ff\r\n" + body[:8]),
}
EACH = pytest.mark.parametrize("neutral", ASKING, ids=lambda neutral: neutral.name)
LOST = pytest.mark.parametrize("how", _LOST)


@EACH
@LOST
def test_a_lost_answer_is_asked_for_again_only_by_leave(
    neutral: Neutral, how: str, count: Callable[..., None], client_on: Opens
) -> None:
    nonce = new_nonce()
    with (
        FaultServer(VENDORS[neutral.backend], (_LOST[how], good)) as server,
        client_on(neutral.backend, server.url, sleep=no_wait, replay="always") as client,
    ):
        given = neutral.run(client, nonce)
        assert given.right, "not the answer to the question"
        assert given.duplicated
        assert server.seen[nonce] == 2
    count(6, f"{how}, replay always: {neutral.name}")


@pytest.mark.parametrize("neutral", [each for each in OPERATIONS if each.name == "kadal feedback"])
def test_permission_to_ask_again_is_not_permission_to_rate_twice(
    neutral: Neutral, count: Callable[..., None], client_on: Opens
) -> None:
    nonce = new_nonce()
    with (
        FaultServer(VENDORS["kadal"], (reset_after_reading, good)) as server,
        client_on("kadal", server.url, sleep=no_wait, replay="always") as client,
    ):
        with pytest.raises(ConnectionFailed):
            neutral.run(client, nonce)
        assert server.seen[nonce] == 1
    count(6, "reset, replay always: kadal feedback")


def _remember(neutral: Neutral, *, knows: bool) -> Callable[[HttpMessage], bytes]:
    """A vendor whose history has the question whose answer was lost, or has it not."""

    def vendor(received: HttpMessage) -> bytes:
        if received.method == "GET":
            nonce = asked[0] if knows and asked else new_nonce()
            return _history(neutral.backend, received, nonce)
        asked.append(received.nonce)
        return VENDORS[neutral.backend](received)

    asked: list[str] = []
    return vendor


def _history(backend: str, received: HttpMessage, nonce: str) -> bytes:
    now = datetime.now(UTC).isoformat()
    if backend == "kadal":
        return vendors.as_json({"status_code": 200, "data": [vendors.kadal_row(nonce)], "total_count": 1})
    row: dict[str, Any] = {**vendors.kapa_row(nonce), "created_at": now}
    if "/threads/" in received.target:
        return vendors.as_json({"id": vendors.THREAD, "question_answers": [row]})
    return vendors.as_json({"count": 1, "results": [row]})


class LosingVendor:
    """Loses the answer to the first question, which the vendor nevertheless has."""

    def __init__(self, how: str) -> None:
        self._how = how
        self.lost = 0

    def __call__(self, connection: Any) -> bool:
        received = connection.read()
        data = connection.good(received)
        if received.method != "GET" and not self.lost:
            self.lost += 1
            if self._how == "reset":
                connection.reset()
            elif self._how == "cut":
                connection.write(data[: data.index(b"\r\n\r\n") + 8])
            return False
        connection.write(data)
        return True


@EACH
@LOST
@pytest.mark.parametrize("knows", [True, False], ids=["found", "not found"])
def test_reconciling_reads_first_and_asks_again_only_if_the_question_is_not_there(
    neutral: Neutral, how: str, knows: bool, count: Callable[..., None], client_on: Opens
) -> None:
    nonce = new_nonce()
    losing = LosingVendor(how)
    with (
        FaultServer(_remember(neutral, knows=knows), (losing,)) as server,
        client_on(neutral.backend, server.url, sleep=no_wait, replay="reconcile") as client,
    ):
        given = neutral.run(client, nonce)
        assert given.right, "not the answer to the question"
        asked = [json.dumps(received.target) for received in server.log if received.method != "GET"]
        assert len(asked) == (1 if knows else 2), "the question was seen too often"
    count(7, f"{how}, replay reconcile, {'found' if knows else 'not found'}: {neutral.name}")


@EACH
def test_reconciling_that_cannot_read_raises_and_does_not_ask_again(
    neutral: Neutral, count: Callable[..., None], client_on: Opens
) -> None:
    def vendor(received: HttpMessage) -> bytes:
        if received.method == "GET":
            return vendors.as_json({"detail": "broken"}, 500)
        return VENDORS[neutral.backend](received)

    nonce = new_nonce()
    with (
        FaultServer(vendor, (LosingVendor("reset"),)) as server,
        client_on(neutral.backend, server.url, sleep=no_wait, replay="reconcile") as client,
    ):
        with pytest.raises(UnichatError) as caught:
            neutral.run(client, nonce)
        check_error(caught.value)
        assert type(caught.value) is ConnectionFailed
        assert caught.value.maybe_delivered is True
        assert server.seen[nonce] == 1
    count(7, f"reset, replay reconcile, history broken: {neutral.name}")


@EACH
def test_a_question_asked_again_that_is_refused_may_be_received_all_the_same(
    neutral: Neutral, count: Callable[..., None], client_on: Opens
) -> None:
    asked: list[str] = []

    def vendor(received: HttpMessage) -> bytes:
        if received.method == "GET":
            return _history(neutral.backend, received, new_nonce())
        asked.append(received.nonce)
        return VENDORS[neutral.backend](received) if len(asked) == 1 else vendors.as_json({"detail": "no"}, 403)

    nonce = new_nonce()
    with (
        FaultServer(vendor, (LosingVendor("reset"),)) as server,
        client_on(neutral.backend, server.url, replay="reconcile") as client,
    ):
        with pytest.raises(PermissionDenied) as caught:
            neutral.run(client, nonce)
        assert caught.value.maybe_delivered is True
        assert [attempt.outcome for attempt in caught.value.attempts] == ["reset", "HTTP 403"]
        assert server.seen[nonce] == 2
    count(7, f"reset, replay reconcile, refused when asked again: {neutral.name}")


@EACH
def test_an_answer_that_cannot_be_read_is_never_asked_for_again_not_even_by_leave(
    neutral: Neutral, count: Callable[..., None], client_on: Opens
) -> None:
    if neutral.streamed:
        pytest.skip("a stream has no one document")
    nonce = new_nonce()
    with (
        FaultServer(lambda _: vendors.http(200, b"<html>", content_type="text/html"), (good,)) as server,
        client_on(neutral.backend, server.url, sleep=no_wait, replay="always") as client,
    ):
        with pytest.raises(InvalidResponse):
            neutral.run(client, nonce)
        assert server.seen[nonce] == 1
    count(48, f"HTML, replay always: {neutral.name}")


@pytest.mark.parametrize("name", ["kadal chat", "kadal continue"])
@pytest.mark.parametrize("fault", ["reset", "closed"])
@pytest.mark.parametrize("connection", ["fresh", "kept"])
def test_kadals_get_send_is_a_question_and_not_sent_twice(
    name: str, fault: str, connection: str, count: Callable[..., None], client_on: Opens
) -> None:
    neutral = next(each for each in OPERATIONS if each.name == name)
    nonce = new_nonce()
    before = (good,) if connection == "kept" else ()
    with (
        FaultServer(VENDORS["kadal"], (*before, _LOST[fault], good)) as server,
        client_on("kadal", server.url, sleep=no_wait, send_version="v1") as client,
    ):
        for _ in before:
            neutral.run(client, new_nonce())
        with pytest.raises(ConnectionFailed) as caught:
            neutral.run(client, nonce)
        assert server.seen[nonce] == 1, "the question was seen twice"
        assert caught.value.maybe_delivered is True
        assert server.log[0].method == "GET"
        assert server.accepted == 1
    count(6, f"{fault}, sent by GET on a {connection} connection: {name}")
