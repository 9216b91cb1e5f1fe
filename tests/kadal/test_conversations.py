"""Conversations: older threads of a user are stale, and the history's newest row can be continued."""

import uuid

import pytest

from tests.behaviour.doubles import StubTransport, check_settings, client_on, reply
from unichat import ThreadRef, User, errors
from unichat.adapter import ChatCall, Exclusive
from unichat_kadal.adapter import KadalAdapter
from unichat_kadal.conversations import CURRENT, Conversations, ThreadIds

from .replies import raises_stale_thread


@pytest.fixture
def kadal(mini):
    return client_on(mini.transport, "kadal")


def other_client(mini, **settings):
    """A client that has seen nothing yet: after a restart, or on another machine."""
    return client_on(mini.transport, "kadal", **settings)


def test_a_thread_is_stale_once_this_client_has_started_a_newer_one_of_the_same_user(kadal, mini):
    old = kadal.chat("one", user="anna")
    kadal.continue_thread(old, "two")
    new = kadal.chat("three", user="anna")
    assert raises_stale_thread(kadal, mini, old.thread, new.thread)
    assert kadal.continue_thread(new, "four").thread == new.thread


def test_a_stale_thread_error_is_a_thread_mismatch(kadal, mini):
    old = kadal.chat("one", user="anna")
    kadal.chat("two", user="anna")
    with pytest.raises(errors.ThreadMismatch):
        kadal.continue_thread(old, "three")


def test_a_thread_that_another_client_started_earlier_is_stale(kadal, mini):
    old = other_client(mini).chat("one", user="anna")
    new = kadal.chat("two", user="anna")
    assert raises_stale_thread(kadal, mini, old.thread, new.thread)


def test_a_thread_that_another_client_started_later_becomes_the_newest(kadal, mini):
    mine = kadal.chat("one", user="anna")
    elsewhere = other_client(mini).chat("two", user="anna")
    kadal.continue_thread(elsewhere, "three")
    assert mini.asked[2] == ("anna", "true", "three")
    assert raises_stale_thread(kadal, mini, mine.thread, elsewhere.thread)


def test_threads_of_other_users_do_not_make_a_thread_stale(kadal, mini):
    answers = [kadal.chat("one", user=user) for user in ("anna", "bert", None)]
    for answer in answers:
        kadal.continue_thread(answer, "two")
    assert [(user, flag) for user, flag, _ in mini.asked[3:]] == [("anna", "true"), ("bert", "true"), (None, "true")]


def test_a_thread_is_not_stale_if_a_newer_one_failed_to_start(mini):
    answers = iter([reply({"message_id": 1, "message": "a"}), reply({"status_code": 400}, 400)])
    kadal = client_on(StubTransport(lambda request: next(answers, reply({"message_id": 2, "message": "b"}))), "kadal")
    old = kadal.chat("one", user="anna")
    with pytest.raises(errors.InvalidInput):
        kadal.chat("two", user="anna")
    assert kadal.continue_thread(old, "three").text == "b"


def test_all_threads_of_the_same_instant_but_the_last_are_stale(kadal, mini, monkeypatch):
    monkeypatch.setattr(ThreadIds.__init__, "__defaults__", (lambda: 1_700_000_000 * 10**9,))
    answers = [kadal.chat("q", user="anna") for _ in range(20)]
    for answer in answers[:-1]:
        assert raises_stale_thread(kadal, mini, answer.thread, answers[-1].thread)
    kadal.continue_thread(answers[-1], "q")


def test_an_older_thread_is_stale_even_if_the_clock_went_back(kadal, mini, monkeypatch):
    now = [1_700_000_000 * 10**9]
    monkeypatch.setattr(ThreadIds.__init__, "__defaults__", (lambda: now[0],))
    old = kadal.chat("one", user="anna")
    now[0] -= 3600 * 10**9
    new = kadal.chat("two", user="anna")
    assert raises_stale_thread(kadal, mini, old.thread, new.thread)
    kadal.continue_thread(new, "three")


def run_flow(flow, transport):
    """Run a flow to its end over `transport`, as a performer would; locks are granted at once."""
    result = None
    while True:
        try:
            step = flow.send(result)
        except StopIteration as stop:
            return stop.value
        result = None if isinstance(step, Exclusive) else step.parse(transport.answer(step.request))


def test_the_newest_thread_is_the_one_whose_question_was_sent_last(mini):
    ids = iter(["1", "2", "3"])
    adapter = KadalAdapter(check_settings("kadal").settings, Conversations(make_id=lambda: next(ids)))

    def call(thread=None):
        user = None if thread else User("anna")
        return ChatCall(backend="kadal", operation="chat", question="q", user=user, thread=thread)

    # Two calls at a time: the first to be made is the last to have its turn.
    waiting, going = adapter.chat(call()), adapter.chat(call())
    sent_first = run_flow(going, mini.transport).thread
    sent_last = run_flow(waiting, mini.transport).thread
    run_flow(adapter.chat(call(sent_last)), mini.transport)
    with pytest.raises(errors.StaleThread):
        run_flow(adapter.chat(call(sent_first)), mini.transport)


def test_a_stale_thread_is_refused_before_the_flow_is_run(mini):
    adapter = KadalAdapter(check_settings("kadal").settings)
    call = ChatCall(backend="kadal", operation="chat", question="q", user=User("anna"))
    old, _ = (run_flow(adapter.chat(call), mini.transport).thread for _ in range(2))
    with pytest.raises(errors.StaleThread):
        adapter.chat(ChatCall(backend="kadal", operation="chat", question="q", thread=old))


def test_a_row_of_the_history_continues_the_current_conversation(kadal, mini):
    kadal.chat("one", user="anna")
    (row,) = kadal.history(user="anna")
    answer = other_client(mini).continue_thread(row, "two")
    assert mini.asked[1] == ("anna", "true", "two")
    assert answer.thread.user == "anna"


def test_continuing_from_the_history_starts_no_thread_and_makes_none_stale(kadal, mini):
    answer = kadal.chat("one", user="anna")
    (row,) = kadal.history(user="anna")
    kadal.continue_thread(row, "two")
    kadal.continue_thread(answer, "three")
    assert [conversation for _, conversation, _ in mini.rows] == [1, 1, 1]


def test_a_new_thread_makes_older_ones_stale_even_after_continuing_from_the_history(kadal, mini):
    answer = kadal.chat("one", user="anna")
    (row,) = kadal.history(user="anna")
    kadal.continue_thread(row, "two")
    new = kadal.chat("three", user="anna")
    assert raises_stale_thread(kadal, mini, answer.thread, new.thread)


def test_conversations_forget_the_least_recent_user_first(mini, monkeypatch):
    monkeypatch.setattr("unichat_kadal.conversations._MAX_CONVERSATIONS", 2)
    kadal = client_on(mini.transport, "kadal", check_thread=False)
    first = kadal.chat("q", user="anna")
    kadal.chat("q", user="anna")
    kadal.chat("q", user="bert")
    old = kadal.chat("q", user="cora")
    new = kadal.chat("q", user="cora")
    assert kadal.continue_thread(first, "as far as this client still knows").thread == first.thread
    assert raises_stale_thread(kadal, mini, old.thread, new.thread)


@pytest.mark.parametrize("settings", [{}, {"check_thread": True}], ids=["trusting", "looking first"])
def test_the_newest_row_of_the_history_can_be_continued_even_if_another_client_started_its_thread(mini, settings):
    here, there = other_client(mini, **settings), other_client(mini)
    first = here.chat("one", user="anna")
    there.chat("two", user="anna")
    row = next(iter(here.history(user="anna", newest_first=True)))
    answer = here.continue_thread(row, "three")
    assert mini.asked[-1] == ("anna", "true", "three")
    assert answer.thread.id != first.thread.id
    with pytest.raises(errors.StaleThread):
        here.continue_thread(first, "four")


# What is remembered


def thread(name, user="anna", position=None):
    return ThreadRef("kadal", name, user=user, scope="bot", position=position)


def test_thread_ids_are_uuids_of_version_7_with_their_time(monkeypatch):
    # RFC 9562, 5.7: 48 bits of milliseconds, the version, 12 bits more, the variant, and 62 random bits.
    monkeypatch.setattr("secrets.randbits", lambda bits: 2**bits - 1)
    make_id = ThreadIds(lambda: 1_700_000_000_123_456_789)
    first, second = (uuid.UUID(make_id()) for _ in range(2))
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert first.int >> 80 == second.int >> 80 == 1_700_000_000_123
    assert first.int >> 64 & 0xFFF == 456_789 * 4096 // 1_000_000
    assert second.int - first.int == 1 << 64
    assert first.int & (1 << 62) - 1 == (1 << 62) - 1


def test_thread_ids_have_random_bits():
    one, other = (ThreadIds(lambda: 10**18)() for _ in range(2))
    assert (one[:18], one == other) == (other[:18], False)


def test_a_client_remembers_10_000_conversations():
    conversations = Conversations()
    threads = [thread("1", user=str(number)) for number in range(10_001)]
    for each in threads:
        conversations.record_answer(each)
    assert [conversations.is_known(each) for each in threads[:2]] == [False, True]


def test_a_client_remembers_50_answers_of_a_thread():
    conversations = Conversations()
    for number in range(51):
        conversations.record_answer(thread("1", position=str(number)))
    for find in (conversations.has_answer, conversations.has_seen):
        assert [find(thread("1"), str(number)) for number in range(3)] == [False, True, True]


def test_a_client_remembers_200_threads_that_others_replaced():
    conversations = Conversations()
    # Each sorts before the one that it replaces, so that the ids alone would say nothing.
    threads = [thread(f"{999 - number}") for number in range(202)]
    for each in threads:
        conversations.record_answer(each)
    conversations.check(threads[0])
    for each in threads[1:3]:
        with pytest.raises(errors.StaleThread) as raised:
            conversations.check(each)
        assert (raised.value.expected, raised.value.found) == (str(threads[-1]), str(each))


def test_whether_to_warn_is_said_once():
    conversations = Conversations()
    assert [conversations.should_warn() for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(("position", "is_same"), [(None, True), ("2", True), ("1", True), ("7", False)])
def test_the_current_conversation_is_the_newest_thread_unless_its_row_is_unknown(position, is_same):
    conversations = Conversations()
    current = thread(CURRENT, position=position)
    assert conversations.resolve(current) == current
    conversations.record_answer(thread("1", position="1"))
    conversations.record_answer(thread("1", position="2"))
    assert conversations.resolve(current) == (thread("1") if is_same else current)
    assert conversations.resolve(thread("0")).id == "0"


def test_an_answer_is_known_to_be_of_its_thread_only():
    conversations = Conversations()
    assert not conversations.has_answer(thread("1"), "1")
    assert conversations.has_answer(thread("1", position="1"), "1")
    conversations.record_answer(thread("1", position="1"))
    assert conversations.has_answer(thread("1"), "1")
    assert not conversations.has_answer(thread("2"), "1")
    assert conversations.has_seen(thread("2"), "1")
    conversations.record_answer(thread("2", position="2"))
    assert not conversations.has_seen(thread("1"), "1")
    assert [conversations.is_known(thread(name)) for name in "12"] == [False, True]


def test_each_isolated_thread_is_a_conversation_of_its_own():
    conversations = Conversations()
    one, two = (thread(f"isolated-{number}", position=str(number)) for number in range(2))
    for each in (one, two):
        conversations.record_answer(each)
    for each in (one, two):
        conversations.check(each)
        assert conversations.is_known(each)
    assert not conversations.has_seen(thread(one.id), "1")
