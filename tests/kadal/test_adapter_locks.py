"""The Kadal adapter's locks: one question at a time in a conversation."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.behaviour.doubles import BOT, FakeClock, StubTransport, client_on, read_body, reply
from unichat import ThreadRef, errors
from unichat.adapter import Exclusive

WAIT = 10
"""Seconds that a thread of a test waits for another one at most; only a test that fails waits so long."""


@pytest.fixture
def kadal(mini):
    return client_on(mini.transport, "kadal")


class Gate:
    """A Kadal whose answers wait until the test lets them go; `arrived` counts the questions that wait."""

    def __init__(self):
        self.lock = threading.Condition()
        self.waiting = []
        self.most = 0
        self.open = False

    def answer(self, request):
        if "/v2/" not in request.path and "clear" not in request.path:
            return reply({"status_code": 200, "data": []})
        with self.lock:
            self.waiting.append(request)
            self.most = max(self.most, len(self.waiting))
            self.lock.notify_all()
            assert self.lock.wait_for(lambda: self.open, WAIT)
            self.waiting.remove(request)
            self.lock.notify_all()
        return reply({"status_code": 200, "message_id": 1, "message": "a"})

    def until(self, count):
        """Wait until that many questions have arrived and wait."""
        with self.lock:
            return self.lock.wait_for(lambda: len(self.waiting) >= count, WAIT)

    def release(self):
        with self.lock:
            self.open = True
            self.lock.notify_all()


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.release()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def hold_client(monkeypatch, gate, **settings):
    """A client, and a semaphore that is raised by each call which is about to wait for its turn."""
    queued = threading.Semaphore(0)
    original = Exclusive.__init__

    def note(self, *args, **kwargs):
        original(self, *args, **kwargs)
        queued.release()

    monkeypatch.setattr(Exclusive, "__init__", note)
    return client_on(StubTransport(gate.answer), "kadal", **settings), queued


def test_questions_of_one_user_are_sent_one_at_a_time(gate, pool, monkeypatch):
    kadal, queued = hold_client(monkeypatch, gate)
    calls = [pool.submit(kadal.chat, "q", user="anna") for _ in range(4)]
    assert all(queued.acquire(timeout=WAIT) for _ in calls)
    assert gate.until(1)
    assert len(gate.waiting) == 1
    gate.release()
    assert {call.result(WAIT).text for call in calls} == {"a"}
    assert gate.most == 1


def test_a_question_waits_for_a_clearing_of_the_same_user(gate, pool, monkeypatch):
    kadal, queued = hold_client(monkeypatch, gate)
    clearing = pool.submit(kadal.clear_history, user="anna")
    assert gate.until(1)
    asking = pool.submit(kadal.chat, "q", user="anna")
    assert all(queued.acquire(timeout=WAIT) for _ in range(2))
    assert ["clear" in request.path for request in gate.waiting] == [True]
    gate.release()
    clearing.result(WAIT)
    asking.result(WAIT)
    assert gate.most == 1


def test_questions_of_different_users_are_sent_at_the_same_time(gate, pool):
    kadal = client_on(StubTransport(gate.answer), "kadal")
    calls = [pool.submit(kadal.chat, "q", user=user) for user in ("anna", "bert", "cora", None)]
    assert gate.until(4)
    gate.release()
    assert all(call.result(WAIT).text == "a" for call in calls)


def test_questions_in_isolated_threads_of_one_user_are_sent_at_the_same_time(gate, pool):
    kadal = client_on(StubTransport(gate.answer), "kadal", threads="isolated")
    calls = [pool.submit(kadal.chat, "q", user="anna") for _ in range(3)]
    assert gate.until(3)
    gate.release()
    assert all(call.result(WAIT).text == "a" for call in calls)


def test_a_thread_that_became_stale_while_waiting_for_the_lock_raises_then(gate, pool, monkeypatch):
    kadal, queued = hold_client(monkeypatch, gate)
    old = ThreadRef("kadal", "00000000-0000-7000-8000-000000000000", user="anna", scope=BOT)
    beginning = pool.submit(kadal.chat, "one", user="anna")
    assert gate.until(1)
    assert queued.acquire(timeout=WAIT)
    going_on = pool.submit(kadal.continue_thread, old, "never asked")
    assert queued.acquire(timeout=WAIT)
    gate.release()
    assert beginning.result(WAIT).text == "a"
    with pytest.raises(errors.StaleThread):
        going_on.result(WAIT)
    assert gate.most == 1


def test_waiting_for_the_lock_ends_with_the_calls_deadline(gate, pool, monkeypatch):
    kadal, _ = hold_client(monkeypatch, gate)
    first = pool.submit(kadal.chat, "one", user="anna")
    assert gate.until(1)
    with pytest.raises(errors.DeadlineExceeded) as raised:
        kadal.chat("two", user="anna", deadline=0.001)
    assert raised.value.maybe_delivered is False
    gate.release()
    first.result(WAIT)


def test_the_lock_is_released_after_a_failure():
    answers = iter([reply(status=400, body=b""), reply({"message_id": 1, "message": "a"})])
    kadal = client_on(StubTransport(lambda request: next(answers)), "kadal", FakeClock())
    with pytest.raises(errors.InvalidInput):
        kadal.chat("one", user="anna")
    assert kadal.chat("two", user="anna").text == "a"


def test_concurrent_threads_of_many_users_are_never_mixed_up(mini, pool):
    lock = threading.Lock()

    def answer(request):
        with lock:
            return mini.answer(request)

    kadal = client_on(StubTransport(answer), "kadal")

    def talk(user):
        answer = kadal.chat("0", user=user)
        for turn in range(1, 5):
            answer = kadal.continue_thread(answer, str(turn))
        return answer.thread.user

    users = [f"user {number}" for number in range(8)]
    assert list(pool.map(talk, users)) == users
    for user in users:
        turns = [(conversation, question) for owner, conversation, question in mini.rows if owner == user]
        assert len({conversation for conversation, _ in turns}) == 1
        assert [question for _, question in turns] == ["0", "1", "2", "3", "4"]


def test_the_body_of_a_question_holds_the_question_alone(kadal, mini):
    kadal.continue_thread(kadal.chat("one", user="anna"), "two")
    assert [read_body(request) for request in mini.sent] == [{"message": "one"}, {"message": "two"}]
