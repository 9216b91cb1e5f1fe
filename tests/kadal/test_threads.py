"""Kadal's threads: one conversation per user, where a newer one takes an older one's place; or one for each thread."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.behaviour.doubles import BOT, Canned, FakeClock, body_of, checked, client_on, query_of, reply
from unichat import Answer, Rating, ThreadRef, User, errors
from unichat.adapter import ChatCall, Exclusive
from unichat_kadal.adapter import KadalAdapter
from unichat_kadal.conversations import Conversations, ThreadIds

WAIT = 10
"""Seconds that a thread of a test waits for another one at most; only a test that fails waits so long."""


@pytest.fixture
def kadal(mini):
    return client_on(mini.transport, "kadal")


def other_client(mini, **settings):
    """A client that has seen nothing yet: after a restart, or on another machine."""
    return client_on(mini.transport, "kadal", **settings)


# One conversation per user


def test_a_thread_begins_afresh_goes_on_and_remembers_its_user(kadal, mini):
    answer = kadal.chat("one", user="anna")
    kadal.continue_thread(answer.thread, "two")
    with kadal.stream("three", thread=str(answer.thread)) as stream:
        last = stream.answer
    assert mini.asked == [("anna", "false", "one"), ("anna", "true", "two"), ("anna", "true", "three")]
    assert answer.thread == last.thread
    assert (answer.thread.user, answer.thread.scope) == ("anna", BOT)
    assert (answer.thread.position, last.thread.position) == ("1", "3")


def test_the_user_may_be_named_again_if_it_is_the_threads(kadal, mini):
    answer = kadal.chat("one", user="anna")
    kadal.continue_thread(answer, "two", user="anna")
    assert mini.asked[1] == ("anna", "true", "two")


@pytest.mark.parametrize("owner", ["anna", None])
def test_another_user_than_the_threads_is_refused_before_anything_is_sent(owner, kadal, mini):
    answer = kadal.chat("one", user=owner)
    for call in (
        lambda: kadal.continue_thread(answer, "two", user="bert"),
        lambda: kadal.stream("two", thread=answer, user="bert"),
        lambda: kadal.history(answer, user="bert"),
        lambda: kadal.clear_history(answer, user="bert"),
        lambda: kadal.feedback(answer, Rating.UP, user="bert"),
    ):
        with pytest.raises(errors.ThreadMismatch) as raised:
            call()
        assert (raised.value.expected, raised.value.found) == (owner, "bert")
    assert len(mini.sent) == 1


def test_a_thread_of_nobody_goes_on_as_nobodys(kadal, mini):
    kadal.continue_thread(kadal.chat("one"), "two")
    assert mini.asked == [(None, "false", "one"), (None, "true", "two")]


def test_a_thread_survives_its_text_form_in_another_client(kadal, mini):
    text = str(kadal.chat("one", user="anna / ä").thread)
    answer = other_client(mini).continue_thread(text, "two")
    assert mini.asked[1] == ("anna / ä", "true", "two")
    assert answer.thread == ThreadRef.parse(text)


@pytest.mark.parametrize("scope", ["other-bot", BOT + "x"])
def test_a_thread_of_another_bot_is_refused_before_anything_is_sent(scope, kadal, mini):
    thread = ThreadRef("kadal", "x", user="anna", scope=scope)
    for call in (
        lambda: kadal.continue_thread(thread, "two"),
        lambda: kadal.stream("two", thread=thread),
        lambda: kadal.history(thread),
        lambda: kadal.clear_history(thread),
        lambda: kadal.feedback(Answer(text="a", id="1", thread=thread), Rating.UP),
    ):
        with pytest.raises(errors.ThreadMismatch) as raised:
            call()
        assert (raised.value.expected, raised.value.found) == (BOT, scope)
    assert mini.sent == []


def test_a_thread_of_another_vendor_is_refused_before_anything_is_sent(kadal, mini):
    with pytest.raises(errors.ThreadMismatch) as raised:
        kadal.continue_thread(ThreadRef("kapa", "x"), "two")
    assert (raised.value.expected, raised.value.found) == ("kadal", "kapa")
    assert mini.sent == []


# Stale threads


def refuses_as_stale(kadal, mini, thread, newer=None):
    """Whether continuing `thread` raises StaleThread, both for a question and a stream, and sends no question."""
    before = mini.asked
    for call in (
        lambda: kadal.continue_thread(thread, "never asked"),
        lambda: kadal.stream("never asked", thread=thread).__enter__(),
    ):
        with pytest.raises(errors.StaleThread) as raised:
            call()
        assert raised.value.thread == thread
        assert raised.value.newer == newer
        assert "chat()" in raised.value.hint
        assert raised.value.maybe_delivered is False
    assert mini.asked == before
    return True


def test_a_thread_is_stale_once_this_client_began_a_newer_one_of_the_same_user(kadal, mini):
    old = kadal.chat("one", user="anna")
    kadal.continue_thread(old, "two")
    new = kadal.chat("three", user="anna")
    assert refuses_as_stale(kadal, mini, old.thread, new.thread)
    assert kadal.continue_thread(new, "four").thread == new.thread


def test_a_stale_thread_is_a_mismatch_of_threads(kadal, mini):
    old = kadal.chat("one", user="anna")
    kadal.chat("two", user="anna")
    with pytest.raises(errors.ThreadMismatch):
        kadal.continue_thread(old, "three")


def test_a_thread_that_another_client_made_earlier_is_stale_as_well(kadal, mini):
    old = other_client(mini).chat("one", user="anna")
    new = kadal.chat("two", user="anna")
    assert refuses_as_stale(kadal, mini, old.thread, new.thread)


def test_a_thread_that_was_made_elsewhere_later_is_not_stale_and_takes_the_place(kadal, mini):
    mine = kadal.chat("one", user="anna")
    elsewhere = other_client(mini).chat("two", user="anna")
    kadal.continue_thread(elsewhere, "three")
    assert mini.asked[2] == ("anna", "true", "three")
    assert refuses_as_stale(kadal, mini, mine.thread, elsewhere.thread)


def test_threads_of_other_users_and_of_nobody_make_no_thread_stale(kadal, mini):
    answers = [kadal.chat("one", user=user) for user in ("anna", "bert", None)]
    for answer in answers:
        kadal.continue_thread(answer, "two")
    assert [(user, flag) for user, flag, _ in mini.asked[3:]] == [("anna", "true"), ("bert", "true"), (None, "true")]


def test_a_thread_is_not_stale_because_a_newer_one_failed_to_begin(mini):
    answers = iter([reply({"message_id": 1, "message": "a"}), reply({"status_code": 400}, 400)])
    kadal = client_on(Canned(lambda request: next(answers, reply({"message_id": 2, "message": "b"}))), "kadal")
    old = kadal.chat("one", user="anna")
    with pytest.raises(errors.InvalidInput):
        kadal.chat("two", user="anna")
    assert kadal.continue_thread(old, "three").text == "b"


def test_of_threads_begun_in_the_same_instant_only_the_last_is_not_stale(kadal, mini, monkeypatch):
    monkeypatch.setattr(ThreadIds.__init__, "__defaults__", (lambda: 1_700_000_000 * 10**9,))
    answers = [kadal.chat("q", user="anna") for _ in range(20)]
    for answer in answers[:-1]:
        assert refuses_as_stale(kadal, mini, answer.thread, answers[-1].thread)
    kadal.continue_thread(answers[-1], "q")


def test_a_thread_is_stale_though_the_clock_of_the_machine_went_back(kadal, mini, monkeypatch):
    now = [1_700_000_000 * 10**9]
    monkeypatch.setattr(ThreadIds.__init__, "__defaults__", (lambda: now[0],))
    old = kadal.chat("one", user="anna")
    now[0] -= 3600 * 10**9
    new = kadal.chat("two", user="anna")
    assert refuses_as_stale(kadal, mini, old.thread, new.thread)
    kadal.continue_thread(new, "three")


def finished(flow, transport):
    """Run a flow to its end over `transport`, as a driver would; holds are granted at once."""
    result = None
    while True:
        try:
            step = flow.send(result)
        except StopIteration as stop:
            return stop.value
        result = None if isinstance(step, Exclusive) else step.parse(transport.answer(step.request))


def test_the_newest_thread_is_the_one_whose_question_was_sent_last(mini):
    ids = iter(["1", "2", "3"])
    adapter = KadalAdapter(checked("kadal").settings, Conversations(make_id=lambda: next(ids)))

    def call(thread=None):
        user = None if thread else User("anna")
        return ChatCall(backend="kadal", operation="chat", question="q", user=user, thread=thread)

    # Two calls at a time: the first to be made is the last to have its turn.
    waiting, going = adapter.chat(call()), adapter.chat(call())
    sent_first = finished(going, mini.transport).thread
    sent_last = finished(waiting, mini.transport).thread
    finished(adapter.chat(call(sent_last)), mini.transport)
    with pytest.raises(errors.StaleThread):
        finished(adapter.chat(call(sent_first)), mini.transport)


def test_a_row_of_the_history_continues_whatever_conversation_is_the_last(kadal, mini):
    kadal.chat("one", user="anna")
    (row,) = kadal.history(user="anna")
    answer = other_client(mini).continue_thread(row, "two")
    assert mini.asked[1] == ("anna", "true", "two")
    assert answer.thread.user == "anna"


def test_going_on_from_the_history_is_no_newer_thread_and_makes_none_stale(kadal, mini):
    answer = kadal.chat("one", user="anna")
    (row,) = kadal.history(user="anna")
    kadal.continue_thread(row, "two")
    kadal.continue_thread(answer, "three")
    assert [conversation for _, conversation, _ in mini.rows] == [1, 1, 1]


def test_a_new_thread_makes_those_before_it_stale_also_after_going_on_from_the_history(kadal, mini):
    answer = kadal.chat("one", user="anna")
    (row,) = kadal.history(user="anna")
    kadal.continue_thread(row, "two")
    new = kadal.chat("three", user="anna")
    assert refuses_as_stale(kadal, mini, answer.thread, new.thread)


def test_users_are_forgotten_one_by_one_and_the_latest_remembered(mini, monkeypatch):
    monkeypatch.setattr("unichat_kadal.conversations._MAX_USERS", 2)
    kadal = client_on(mini.transport, "kadal")
    first = kadal.chat("q", user="anna")
    kadal.chat("q", user="anna")
    kadal.chat("q", user="bert")
    old = kadal.chat("q", user="cora")
    new = kadal.chat("q", user="cora")
    assert kadal.continue_thread(first, "as far as this client still knows").thread == first.thread
    assert refuses_as_stale(kadal, mini, old.thread, new.thread)


# A look at the history first


def test_a_look_first_reads_the_newest_row_and_then_asks(mini):
    kadal = client_on(mini.transport, "kadal", check_thread=True)
    answer = kadal.chat("one", user="anna")
    assert len(mini.sent) == 1
    kadal.continue_thread(answer, "two")
    look = mini.sent[1]
    assert look.path == "/aiwb/chat/api/v1/"
    assert query_of(look) == {
        "chat_bot_id": BOT,
        "page_no": "1",
        "page_size": "1",
        "order": "desc",
        "ext_user_id_ref": "anna",
    }
    assert "/v2/" in mini.sent[2].path
    assert len(mini.sent) == 3


def test_without_it_nothing_is_looked_at(kadal, mini):
    kadal.continue_thread(kadal.chat("one", user="anna"), "two")
    assert all("/v2/" in request.path for request in mini.sent)


def test_a_look_first_finds_a_thread_that_was_begun_elsewhere(mini):
    kadal = client_on(mini.transport, "kadal", check_thread=True)
    answer = kadal.chat("one", user="anna")
    mini.say("anna", "from elsewhere")
    assert refuses_as_stale(kadal, mini, answer.thread)


def test_a_look_first_knows_the_answers_of_its_own_thread(mini):
    kadal = client_on(mini.transport, "kadal", check_thread=True)
    first = kadal.chat("one", user="anna")
    second = kadal.continue_thread(first, "two")
    kadal.continue_thread(first, "three: from the first reference")
    kadal.continue_thread(second, "four")
    assert len(mini.asked) == 4


def test_a_look_first_knows_the_position_that_a_stored_reference_has(mini):
    text = str(client_on(mini.transport, "kadal").chat("one", user="anna").thread)
    kadal = other_client(mini, check_thread=True)
    assert kadal.continue_thread(text, "two").thread == ThreadRef.parse(text)


def test_a_look_first_finds_that_a_stored_reference_is_behind(mini):
    before = other_client(mini)
    text = str(before.chat("one", user="anna").thread)
    before.chat("two", user="anna")
    assert refuses_as_stale(other_client(mini, check_thread=True), mini, ThreadRef.parse(text))


def test_a_look_first_at_an_empty_history_finds_nothing_that_is_newer(mini):
    kadal = client_on(mini.transport, "kadal", check_thread=True)
    answer = kadal.chat("one", user="anna")
    mini.rows.clear()
    assert kadal.continue_thread(answer, "two").thread == answer.thread


def test_a_look_first_takes_a_404_for_an_empty_history():
    def answer(request):
        if "/v2/" in request.path:
            return reply({"message_id": 1, "message": "a"})
        return reply({"status_code": 404, "message": "none"}, 404)

    transport = Canned(answer)
    kadal = client_on(transport, "kadal", check_thread=True)
    kadal.continue_thread(kadal.chat("one", user="anna"), "two")
    assert len(transport.sent) == 3


def test_a_look_first_that_fails_asks_nothing():
    def answer(request):
        return reply({"message_id": 1, "message": "a"}) if "/v2/" in request.path else reply(status=400, body=b"")

    transport = Canned(answer)
    kadal = client_on(transport, "kadal", check_thread=True)
    first = kadal.chat("one", user="anna")
    with pytest.raises(errors.InvalidInput):
        kadal.continue_thread(first, "two")
    assert len([request for request in transport.sent if "/v2/" in request.path]) == 1


@pytest.mark.parametrize("version", ["v1", "v7"])
def test_a_look_first_looks_at_the_rows_of_the_user_whichever_list_the_history_uses(version, mini):
    kadal = client_on(mini.transport, "kadal", check_thread=True, history_version=version)
    answer = kadal.chat("one", user="anna")
    mini.say("anna", "from elsewhere")
    assert refuses_as_stale(kadal, mini, answer.thread)


# Isolated threads


@pytest.fixture
def isolated(mini):
    return client_on(mini.transport, "kadal", threads="isolated")


def references(mini):
    return [query_of(request).get("ext_user_id_ref") for request in mini.sent]


def test_each_isolated_thread_has_a_uuid_of_its_own_that_it_keeps(isolated, mini):
    one, two = isolated.chat("q", user="anna"), isolated.chat("q", user="anna")
    isolated.continue_thread(one, "q")
    isolated.continue_thread(ThreadRef.parse(str(two.thread)), "q")
    other_client(mini, threads="isolated").continue_thread(str(one.thread), "q")
    first, second, *later = references(mini)
    assert first != second
    assert later == [first, second, first]
    assert {uuid.UUID(reference).version for reference in references(mini)} == {5}
    assert [flag for _, flag, _ in mini.asked] == ["false", "false", "true", "true", "true"]
    assert [conversation for _, conversation, _ in mini.rows] == [1, 2, 1, 2, 1]


def test_no_isolated_thread_becomes_stale(isolated, mini):
    answers = [isolated.chat("q", user="anna") for _ in range(3)]
    for answer in answers:
        assert isolated.continue_thread(answer, "q").thread == answer.thread


def test_an_isolated_threads_reference_is_made_of_user_and_thread_and_the_same_for_ever(mini):
    kadal = client_on(mini.transport, "kadal", threads="isolated")
    for user in ("anna", "bert", None):
        kadal.continue_thread(ThreadRef("kadal", "isolated-1", user=user, scope=BOT), "q")
    assert len(set(references(mini))) == 3
    # Conversations are kept under it: another value would lose them.
    assert references(mini)[0] == "e5707b82-0de8-5d42-90cd-86970c2a95a0"


def test_history_feedback_and_clearing_of_an_isolated_thread_use_its_reference(isolated, mini):
    answer = isolated.chat("q", user="anna")
    (row,) = isolated.history(answer)
    isolated.feedback(answer, Rating.UP)
    isolated.feedback(row, Rating.UP)
    isolated.clear_history(answer)
    assert len(set(references(mini))) == 1
    assert row.thread == answer.thread
    assert isolated.capabilities.history_by_thread is isolated.capabilities.parallel_threads is True


def test_what_names_a_user_but_no_isolated_thread_is_unsupported_or_dropped(isolated, mini):
    calls = (
        lambda **options: isolated.clear_history(user="anna", **options),
        lambda **options: list(isolated.history(user="anna", **options)),
        lambda **options: isolated.feedback(1, Rating.UP, user="anna", **options),
    )
    for call in calls:
        with pytest.raises(errors.Unsupported) as raised:
            call()
        assert raised.value.argument == "user"
    assert mini.sent == []
    for call in calls:
        call(on_unsupported="drop")
    assert references(mini) == [None, None, None]


def test_an_isolated_thread_needs_no_look_first(mini):
    kadal = client_on(mini.transport, "kadal", threads="isolated", check_thread=True)
    kadal.continue_thread(kadal.chat("q", user="anna"), "q")
    assert all("/v2/" in request.path for request in mini.sent)


@pytest.mark.parametrize(("made", "used"), [("isolated", "per-user"), ("per-user", "isolated")])
def test_a_thread_made_in_the_other_way_is_refused_before_anything_is_sent(made, used, mini):
    answer = client_on(mini.transport, "kadal", threads=made).chat("q", user="anna")
    kadal = client_on(mini.transport, "kadal", threads=used)
    for call in (
        lambda: kadal.continue_thread(answer, "q"),
        lambda: kadal.stream("q", thread=answer),
        lambda: kadal.history(answer),
        lambda: kadal.clear_history(answer),
        lambda: kadal.feedback(answer, Rating.UP),
    ):
        with pytest.raises(errors.ThreadMismatch) as raised:
            call()
        assert (raised.value.expected, raised.value.found) == (used, made)
        assert "threads" in raised.value.hint
    assert len(mini.sent) == 1


# One at a time


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


def holding(monkeypatch, gate, **settings):
    """A client, and a semaphore that is raised by each call which is about to wait for its turn."""
    queued = threading.Semaphore(0)
    original = Exclusive.__init__

    def noted(self, *args, **kwargs):
        original(self, *args, **kwargs)
        queued.release()

    monkeypatch.setattr(Exclusive, "__init__", noted)
    return client_on(Canned(gate.answer), "kadal", **settings), queued


def test_questions_of_one_user_are_sent_one_at_a_time(gate, pool, monkeypatch):
    kadal, queued = holding(monkeypatch, gate)
    calls = [pool.submit(kadal.chat, "q", user="anna") for _ in range(4)]
    assert all(queued.acquire(timeout=WAIT) for _ in calls)
    assert gate.until(1)
    assert len(gate.waiting) == 1
    gate.release()
    assert {call.result(WAIT).text for call in calls} == {"a"}
    assert gate.most == 1


def test_a_question_waits_for_a_clearing_of_the_same_user(gate, pool, monkeypatch):
    kadal, queued = holding(monkeypatch, gate)
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
    kadal = client_on(Canned(gate.answer), "kadal")
    calls = [pool.submit(kadal.chat, "q", user=user) for user in ("anna", "bert", "cora", None)]
    assert gate.until(4)
    gate.release()
    assert all(call.result(WAIT).text == "a" for call in calls)


def test_isolated_threads_of_one_user_are_asked_at_the_same_time(gate, pool):
    kadal = client_on(Canned(gate.answer), "kadal", threads="isolated")
    calls = [pool.submit(kadal.chat, "q", user="anna") for _ in range(3)]
    assert gate.until(3)
    gate.release()
    assert all(call.result(WAIT).text == "a" for call in calls)


def test_a_thread_that_became_stale_while_it_waited_for_its_turn_is_refused_then(gate, pool, monkeypatch):
    kadal, queued = holding(monkeypatch, gate)
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


def test_waiting_for_a_turn_ends_with_the_calls_deadline(gate, pool, monkeypatch):
    kadal, _ = holding(monkeypatch, gate)
    first = pool.submit(kadal.chat, "one", user="anna")
    assert gate.until(1)
    with pytest.raises(errors.DeadlineExceeded) as raised:
        kadal.chat("two", user="anna", deadline=0.001)
    assert raised.value.maybe_delivered is False
    gate.release()
    first.result(WAIT)


def test_a_turn_is_passed_on_after_a_failure():
    answers = iter([reply(status=400, body=b""), reply({"message_id": 1, "message": "a"})])
    kadal = client_on(Canned(lambda request: next(answers)), "kadal", FakeClock())
    with pytest.raises(errors.InvalidInput):
        kadal.chat("one", user="anna")
    assert kadal.chat("two", user="anna").text == "a"


def test_threads_of_many_users_at_a_time_are_never_mixed(mini, pool):
    lock = threading.Lock()

    def answer(request):
        with lock:
            return mini.answer(request)

    kadal = client_on(Canned(answer), "kadal")

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
    assert [body_of(request) for request in mini.sent] == [{"message": "one"}, {"message": "two"}]


# Going on from the history where another client began a newer thread


@pytest.mark.parametrize("settings", [{}, {"check_thread": True}], ids=["trusting", "looking first"])
def test_the_newest_row_of_the_history_can_be_continued_though_another_client_began_its_thread(mini, settings):
    here, there = other_client(mini, **settings), other_client(mini)
    first = here.chat("one", user="anna")
    there.chat("two", user="anna")
    row = next(iter(here.history(user="anna", newest_first=True)))
    answer = here.continue_thread(row, "three")
    assert mini.asked[-1] == ("anna", "true", "three")
    assert answer.thread.id != first.thread.id
    with pytest.raises(errors.StaleThread):
        here.continue_thread(first, "four")
