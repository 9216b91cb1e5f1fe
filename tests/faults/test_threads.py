"""Rows 31, 57 and 58: one client in many threads, and conversations that may not overlap."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.faults import vendors
from tests.faults.injection import good
from tests.faults.neutral import Opens, new_nonce, no_wait
from tests.faults.oracles import check_error, open_sockets
from tests.faults.rows_heads import after
from tests.faults.server import Connection, FaultServer, HttpMessage
from tests.faults.vendors import VENDORS, text_for
from tests.pace import PATIENCE
from tests.thorough import rows
from unichat.client.sync_client import Client
from unichat.errors import ServerError, UnichatError
from unichat.models import ThreadRef
from unichat.transport import limits

_POOL = 64


class MixedVendor:
    """Answers well, but for one request in twenty: lost, cut, refused, or with an interim answer before it."""

    def __init__(self) -> None:
        self._dice = random.Random(4)
        self._guard = threading.Lock()
        self.broken = 0

    def __call__(self, connection: Connection) -> bool:
        data = connection.good(connection.read())
        with self._guard:
            luck = self._dice.randrange(100)
            self.broken += luck < 3
        if luck == 0:
            connection.reset()
            return False
        if luck == 1:
            return False
        if luck == 2:
            connection.write(data[: len(data) // 2])
            return False
        if luck == 3:
            connection.write(vendors.as_json({"detail": "busy"}, 503))
            return True
        connection.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" + data if luck == 4 else data)
        return True


def _ask(client: Client, mixed: Counter[str]) -> None:
    nonce = new_nonce()
    try:
        answer = client.chat(f"Question {nonce}", user=nonce)
    except UnichatError as error:
        check_error(error)
        mixed["failed"] += 1
    else:
        assert answer.text == vendors.text_for(nonce), "not the answer to the question"
        mixed["answered"] += 1


@pytest.mark.parametrize("backend", rows(["kapa"], thorough=["kadal"]))
def test_64_threads_on_one_client_get_their_own_answers_over_no_more_connections_than_the_pool_has(
    backend: str, transport: str, monkeypatch: pytest.MonkeyPatch, client_on: Opens, count: Callable[..., None]
) -> None:
    # The more where threads could mix answers up: over h11 all of them only wait for the one of the loop.
    calls = 50 if (backend, transport) == ("kapa", "requests") else 10
    # On a busy machine a connection may be idle for seconds, and is then replaced: that is another test's business.
    monkeypatch.setattr(limits, "IDLE_LIFE", 60.0)
    before = open_sockets()
    faults, outcomes = MixedVendor(), Counter[str]()
    with (
        ThreadPoolExecutor(64) as threads,
        FaultServer(VENDORS[backend], (faults,)) as server,
        client_on(backend, server.url, sleep=no_wait) as client,
    ):
        list(threads.map(lambda _: _ask(client, outcomes), range(64 * calls)))
        assert outcomes.total() == 64 * calls
        assert outcomes["failed"] <= faults.broken
        assert server.accepted <= _POOL + faults.broken
        twice = [nonce for nonce, times in server.seen.items() if times > 3]
        assert not twice, "the question was seen too often"
    assert not open_sockets() - before
    count(57, f"64 threads, {64 * calls} calls, 5 % of faults: {backend}")


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_answers_with_103_before_them_never_reach_another_caller(
    backend: str, count: Callable[..., None], client_on: Opens
) -> None:
    early = after(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
    outcomes = Counter[str]()
    with (
        ThreadPoolExecutor(16) as threads,
        FaultServer(VENDORS[backend], (early,)) as server,
        client_on(backend, server.url) as client,
    ):
        list(threads.map(lambda _: _ask(client, outcomes), range(320)))
    assert outcomes == {"answered": 320}
    count(31, f"103 first, 16 threads, 320 calls: {backend}")


def test_an_answer_a_second_after_its_103_reaches_its_own_caller(count: Callable[..., None], client_on: Opens) -> None:
    def slow(connection: Connection) -> bool:
        received = connection.read()
        connection.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        connection.pause(0.2)
        connection.write(connection.good(received))
        return True

    outcomes = Counter[str]()
    with (
        ThreadPoolExecutor(2) as threads,
        FaultServer(VENDORS["kapa"], (slow,)) as server,
        client_on("kapa", server.url) as client,
    ):
        list(threads.map(lambda _: _ask(client, outcomes), range(4)))
    assert outcomes == {"answered": 4}
    count(31, "103 at once, the answer later, two callers")


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_an_answer_that_nobody_asked_for_never_reaches_the_next_caller(
    backend: str, client_on: Opens, count: Callable[..., None]
) -> None:
    arrived = threading.Event()

    def talkative(connection: Connection) -> bool:
        received = connection.read()
        data = connection.good(received)
        connection.write(data)
        connection.pause(0.02)
        connection.write(data)
        arrived.set()
        return True

    with FaultServer(VENDORS[backend], (talkative, good)) as server, client_on(backend, server.url) as client:
        for _ in range(2):
            nonce = new_nonce()
            assert client.chat(f"Question {nonce}").text == text_for(nonce), "not the answer to the question"
            assert arrived.wait(PATIENCE)
            time.sleep(0.02)
        assert server.accepted == 2
    count(32, f"a second answer to the first question, on a kept connection: {backend}")


class ObservedVendor:
    """Kadal, noting who talks at the same time: all users together, and each for themselves."""

    def __init__(self, meeting: threading.Barrier | None = None) -> None:
        self._guard = threading.Lock()
        self._now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self._meeting = meeting

    def __call__(self, connection: Connection) -> bool:
        received = connection.read()
        user = _user(received)
        with self._guard:
            self._now[user] += 1
            self.most[user] = max(self.most[user], self._now[user])
        if self._meeting is None:
            connection.pause(0.02)
        else:
            self._meeting.wait(PATIENCE)
        with self._guard:
            self._now[user] -= 1
        connection.write(connection.good(received))
        return True


def _user(received: HttpMessage) -> str:
    return parse_qs(urlsplit(received.target).query)["ext_user_id_ref"][0]


def _thread(user: str) -> ThreadRef:
    return ThreadRef("kadal", "current", user=user, scope=vendors.BOT)


def test_questions_and_clearings_of_one_kadal_conversation_are_sent_one_after_the_other(
    count: Callable[..., None], client_on: Opens
) -> None:
    kadal = ObservedVendor()
    with (
        ThreadPoolExecutor(5) as threads,
        FaultServer(VENDORS["kadal"], (kadal,)) as server,
        client_on("kadal", server.url) as client,
    ):
        asked = [threads.submit(client.continue_thread, _thread("u"), f"Question {new_nonce()}") for _ in range(3)]
        cleared = threads.submit(client.clear_history, user="u")
        asked.append(threads.submit(client.chat, f"Question {new_nonce()}", user="u"))
        for done in (*asked, cleared):
            done.exception()
        assert not client._context.locks._locks, "something is kept for each user for ever"
    assert kadal.most == {"u": 1}
    count(58, "three questions and a clearing in one conversation: kadal")


def test_questions_of_different_kadal_users_are_sent_side_by_side(count: Callable[..., None], client_on: Opens) -> None:
    kadal = ObservedVendor(threading.Barrier(2))
    with (
        ThreadPoolExecutor(2) as threads,
        FaultServer(VENDORS["kadal"], (kadal,)) as server,
        client_on("kadal", server.url) as client,
    ):
        # Each waits at the vendor until the other is there too.
        asked = [threads.submit(client.continue_thread, _thread(user), f"Question {new_nonce()}") for user in "ab"]
        for done in asked:
            done.result(PATIENCE)
    count(58, "two users at a time: kadal")


def test_no_question_slips_in_between_a_clearing_and_its_repetition(
    count: Callable[..., None], client_on: Opens
) -> None:
    order: list[str] = []
    asked = threading.Event()

    def note(received: HttpMessage) -> bytes:
        order.append("clear" if "clearhistory" in received.target else "ask")
        if order == ["clear"]:
            return vendors.as_json({"status_code": 503, "message": "busy"}, 503)
        return VENDORS["kadal"](received)

    def sleep(_: float) -> None:
        # While the clearing waits, a question of the same user asks for its turn.
        threads.submit(client.continue_thread, _thread("u"), f"Question {new_nonce()}")
        asked.wait(0.1)

    with (
        ThreadPoolExecutor(1) as threads,
        FaultServer(note, (good,)) as server,
        client_on("kadal", server.url, sleep=sleep) as client,
    ):
        client.clear_history(user="u")
        threads.shutdown(wait=True)
    assert order == ["clear", "clear", "ask"]
    count(58, "a question while a clearing is repeated: kadal")


def test_a_call_that_waits_for_a_busy_conversation_ends_at_its_deadline(
    count: Callable[..., None], client_on: Opens
) -> None:
    arrived, given_up = threading.Event(), threading.Event()

    def busy(connection: Connection) -> bool:
        received = connection.read()
        arrived.set()
        given_up.wait(PATIENCE)
        connection.write(connection.good(received))
        return True

    with (
        ThreadPoolExecutor(1) as threads,
        FaultServer(VENDORS["kadal"], (busy,)) as server,
        client_on("kadal", server.url) as client,
    ):
        first = threads.submit(client.continue_thread, _thread("u"), f"Question {new_nonce()}")
        arrived.wait(PATIENCE)
        with pytest.raises(UnichatError, match="another call in the same conversation") as caught:
            client.continue_thread(_thread("u"), f"Question {new_nonce()}", deadline=0.1)
        assert caught.value.maybe_delivered is False
        given_up.set()
        first.result(PATIENCE)
    assert len(server.log) == 1
    count(58, "a turn that does not come within the deadline: kadal")


def test_a_full_outage_costs_few_sends_more_than_calls(count: Callable[..., None], client_on: Opens) -> None:
    busy = vendors.as_json({"detail": "busy"}, 503)

    def down(connection: Connection) -> bool:
        connection.read()
        connection.write(busy)
        return True

    stopped = Counter[str | None]()
    with (
        FaultServer(VENDORS["kapa"], (down,)) as server,
        client_on("kapa", server.url, sleep=no_wait) as client,
    ):
        for _ in range(1_000):
            with pytest.raises(ServerError) as caught:
                client.chat("How do I install it?")
            stopped[caught.value.call.stopped_by if caught.value.call else None] += 1
        assert len(server.log) <= 1_000 + 100 // 10
    assert stopped["budget"] >= 990
    assert set(stopped) == {"budget", "attempts"}
    count(44, "503 for ever, 1 000 calls: kapa")
