"""The Kadal adapter's threads: one conversation per user, or isolated ones."""

import uuid

import pytest

from tests.behaviour.doubles import BOT, StubTransport, client_on, read_query, reply
from unichat import Answer, Rating, ThreadRef, User, errors
from unichat.models import ClearOutcome

from .replies import raises_stale_thread


@pytest.fixture
def kadal(mini):
    return client_on(mini.transport, "kadal")


def other_client(mini, **settings):
    """A client that has seen nothing yet: after a restart, or on another machine."""
    return client_on(mini.transport, "kadal", **settings)


# One conversation per user


def test_a_thread_starts_continues_and_remembers_its_user(kadal, mini):
    answer = kadal.chat("one", user="anna")
    kadal.continue_thread(answer.thread, "two")
    with kadal.stream("three", thread=str(answer.thread)) as stream:
        last = stream.answer
    assert mini.asked == [("anna", "false", "one"), ("anna", "true", "two"), ("anna", "true", "three")]
    assert answer.thread == last.thread
    assert (answer.thread.user, answer.thread.scope) == ("anna", BOT)
    assert (answer.thread.position, last.thread.position) == ("1", "3")


def test_a_threads_user_may_be_given_again(kadal, mini):
    answer = kadal.chat("one", user="anna")
    kadal.continue_thread(answer, "two", user="anna")
    assert mini.asked[1] == ("anna", "true", "two")


@pytest.mark.parametrize("owner", ["anna", None])
def test_another_user_than_the_threads_is_a_mismatch_before_anything_is_sent(owner, kadal, mini):
    answer = kadal.chat("one", user=owner)
    for call in (
        lambda: kadal.continue_thread(answer, "two", user="bert"),
        lambda: kadal.stream("two", thread=answer, user="bert"),
        lambda: kadal.history(answer, user="bert"),
        lambda: kadal.clear_history(answer, user="bert"),
    ):
        with pytest.raises(errors.ThreadMismatch) as raised:
            call()
        assert (raised.value.expected, raised.value.found) == (owner, "bert")
        assert "Leave out user=, which the thread remembers, or set threads = 'isolated'." in str(raised.value)
    assert len(mini.sent) == 1


def test_a_thread_without_a_user_continues_without_one(kadal, mini):
    kadal.continue_thread(kadal.chat("one"), "two")
    assert mini.asked == [(None, "false", "one"), (None, "true", "two")]


def test_a_thread_survives_its_text_form_in_another_client(kadal, mini):
    text = str(kadal.chat("one", user="anna / ä").thread)
    answer = other_client(mini).continue_thread(text, "two")
    assert mini.asked[1] == ("anna / ä", "true", "two")
    assert answer.thread == ThreadRef.parse(text)


@pytest.mark.parametrize("scope", ["other-bot", BOT + "x"])
def test_a_thread_of_another_bot_is_a_mismatch_before_anything_is_sent(scope, kadal, mini):
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


def test_a_thread_of_another_vendor_is_a_mismatch_before_anything_is_sent(kadal, mini):
    with pytest.raises(errors.ThreadMismatch) as raised:
        kadal.continue_thread(ThreadRef("kapa", "x"), "two")
    assert (raised.value.expected, raised.value.found) == ("kadal", "kapa")
    assert mini.sent == []


# A look at the history first


def test_check_thread_reads_the_newest_row_before_asking(mini):
    kadal = client_on(mini.transport, "kadal", check_thread=True)
    answer = kadal.chat("one", user="anna")
    assert len(mini.sent) == 1
    kadal.continue_thread(answer, "two")
    look = mini.sent[1]
    assert look.path == "/aiwb/chat/api/v1/"
    assert read_query(look) == {
        "chat_bot_id": BOT,
        "page_no": "1",
        "page_size": "1",
        "order": "desc",
        "ext_user_id_ref": "anna",
    }
    assert "/v2/" in mini.sent[2].path
    assert len(mini.sent) == 3


def test_no_row_is_read_for_a_thread_that_this_client_has_seen(kadal, mini):
    kadal.continue_thread(kadal.chat("one", user="anna"), "two")
    assert all("/v2/" in request.path for request in mini.sent)


def test_no_row_is_ever_read_with_check_thread_off(mini):
    text = str(other_client(mini).chat("one", user="anna").thread)
    mini.say("anna", "from elsewhere")
    other_client(mini, check_thread=False).continue_thread(text, "two")
    assert all("/v2/" in request.path for request in mini.sent)


# The first question in a thread that this client has not seen


def lists(mini):
    return [read_query(request) for request in mini.sent if request.path.endswith("/v1/")]


def test_an_unseen_thread_that_another_one_replaced_is_stale_before_the_question_is_sent(mini):
    before = other_client(mini)
    old = before.chat("one", user="anna").thread
    before.chat("two", user="anna")
    assert raises_stale_thread(other_client(mini), mini, ThreadRef.parse(str(old)))


def test_the_newest_rows_are_looked_at_once_for_an_unseen_thread(mini):
    text = str(other_client(mini).chat("one", user="anna").thread)
    mini.say("bert", "somebody else's row is not looked at")
    kadal = other_client(mini)
    kadal.continue_thread(kadal.continue_thread(text, "two"), "three")
    kadal.continue_thread(text, "four")
    (look,) = lists(mini)
    assert (look["ext_user_id_ref"], look["order"], look["page_no"], look["page_size"]) == ("anna", "desc", "1", "50")
    assert [conversation for owner, conversation, _ in mini.rows if owner == "anna"] == [1] * 4


@pytest.mark.parametrize("position", [None, "991", "65f0c2a1d3e4f5a6b7c8d9e0"])
def test_an_unseen_thread_whose_answer_is_not_listed_goes_on_and_that_is_logged_once(position, mini, caplog):
    mini.say("anna", "one")
    mini.say("anna", "two")
    kadal = other_client(mini)
    for _ in range(2):
        thread = ThreadRef("kadal", kadal._adapter.conversations.make_id(), user="anna", scope=BOT, position=position)
        kadal.continue_thread(thread, "three")
    assert len(mini.asked) == 2
    (line,) = [text for record in caplog.records if "could not be told" in (text := record.getMessage())]
    assert line.startswith("kadal continue_thread: whether a newer thread has replaced this one could not be told")


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422])
def test_a_list_that_is_refused_does_not_stop_the_question(status):
    transport = StubTransport(
        lambda request: reply({"message_id": 2, "message": "a"}) if "/v2/" in request.path else reply({}, status)
    )
    thread = ThreadRef("kadal", "x", user="anna", scope=BOT, position="1")
    assert client_on(transport, "kadal").continue_thread(thread, "two").id == "2"


@pytest.mark.parametrize("status", [401, 500, 507])
def test_no_question_is_sent_if_the_look_fails_for_a_reason_that_it_would_share(status):
    transport = StubTransport(lambda request: reply({}, status))
    thread = ThreadRef("kadal", "x", user="anna", scope=BOT, position="1")
    with pytest.raises(errors.UnichatError):
        client_on(transport, "kadal", attempts=1).continue_thread(thread, "two")
    assert not [request for request in transport.sent if "/v2/" in request.path]


def test_a_streamed_question_looks_too(mini):
    before = other_client(mini)
    old = before.chat("one", user="anna").thread
    before.chat("two", user="anna")
    with pytest.raises(errors.StaleThread), other_client(mini).stream("three", thread=str(old)) as stream:
        list(stream)
    assert len(mini.asked) == 2


def test_an_isolated_thread_is_not_looked_at(mini):
    text = str(client_on(mini.transport, "kadal", threads="isolated").chat("q", user="anna").thread)
    other_client(mini, threads="isolated").continue_thread(text, "q")
    assert lists(mini) == []


# Always


def test_check_thread_finds_a_thread_that_another_client_started(mini):
    kadal = client_on(mini.transport, "kadal", check_thread=True)
    answer = kadal.chat("one", user="anna")
    mini.say("anna", "from elsewhere")
    assert raises_stale_thread(kadal, mini, answer.thread)


def test_check_thread_recognizes_the_answers_of_its_own_thread(mini):
    kadal = client_on(mini.transport, "kadal", check_thread=True)
    first = kadal.chat("one", user="anna")
    second = kadal.continue_thread(first, "two")
    kadal.continue_thread(first, "three: from the first reference")
    kadal.continue_thread(second, "four")
    assert len(mini.asked) == 4


def test_check_thread_recognizes_the_position_of_a_stored_reference(mini):
    text = str(client_on(mini.transport, "kadal").chat("one", user="anna").thread)
    kadal = other_client(mini, check_thread=True)
    assert kadal.continue_thread(text, "two").thread == ThreadRef.parse(text)


def test_check_thread_finds_that_a_stored_reference_is_outdated(mini):
    before = other_client(mini)
    text = str(before.chat("one", user="anna").thread)
    before.chat("two", user="anna")
    assert raises_stale_thread(other_client(mini, check_thread=True), mini, ThreadRef.parse(text))


def test_check_thread_accepts_an_empty_history(mini):
    kadal = client_on(mini.transport, "kadal", check_thread=True)
    answer = kadal.chat("one", user="anna")
    mini.rows.clear()
    assert kadal.continue_thread(answer, "two").thread == answer.thread


def test_check_thread_treats_a_404_as_an_empty_history():
    def answer(request):
        if "/v2/" in request.path:
            return reply({"message_id": 1, "message": "a"})
        return reply({"status_code": 404, "message": "none"}, 404)

    transport = StubTransport(answer)
    kadal = client_on(transport, "kadal", check_thread=True)
    kadal.continue_thread(kadal.chat("one", user="anna"), "two")
    assert len(transport.sent) == 3


def test_no_question_is_sent_if_check_thread_fails():
    def answer(request):
        return reply({"message_id": 1, "message": "a"}) if "/v2/" in request.path else reply(status=400, body=b"")

    transport = StubTransport(answer)
    kadal = client_on(transport, "kadal", check_thread=True)
    first = kadal.chat("one", user="anna")
    with pytest.raises(errors.InvalidInput):
        kadal.continue_thread(first, "two")
    assert len([request for request in transport.sent if "/v2/" in request.path]) == 1


@pytest.mark.parametrize("version", ["v1", "v7"])
def test_check_thread_reads_the_users_rows_with_either_history_version(version, mini):
    kadal = client_on(mini.transport, "kadal", check_thread=True, history_version=version)
    answer = kadal.chat("one", user="anna")
    mini.say("anna", "from elsewhere")
    assert raises_stale_thread(kadal, mini, answer.thread)


# Isolated threads


@pytest.fixture
def isolated_client(mini):
    return client_on(mini.transport, "kadal", threads="isolated")


def references(mini):
    return [read_query(request).get("ext_user_id_ref") for request in mini.sent]


def test_each_isolated_thread_keeps_a_uuid_of_its_own(isolated_client, mini):
    one, two = isolated_client.chat("q", user="anna"), isolated_client.chat("q", user="anna")
    isolated_client.continue_thread(one, "q")
    isolated_client.continue_thread(ThreadRef.parse(str(two.thread)), "q")
    other_client(mini, threads="isolated").continue_thread(str(one.thread), "q")
    first, second, *later = references(mini)
    assert first != second
    assert later == [first, second, first]
    assert {uuid.UUID(reference).version for reference in references(mini)} == {5}
    assert [flag for _, flag, _ in mini.asked] == ["false", "false", "true", "true", "true"]
    assert [conversation for _, conversation, _ in mini.rows] == [1, 2, 1, 2, 1]


def test_anybody_may_speak_in_an_isolated_thread(isolated_client, mini):
    answer = isolated_client.chat("q", user="anna")
    more = isolated_client.continue_thread(answer, "q", user="bert")
    with isolated_client.stream("q", thread=more, user=User("cora")) as stream:
        assert stream.answer.thread == answer.thread
    assert len(set(references(mini))) == 1
    for call in (
        lambda: isolated_client.history(answer, user="bert"),
        lambda: isolated_client.clear_history(answer, user="bert"),
    ):
        with pytest.raises(errors.ThreadMismatch) as raised:
            call()
        assert "isolated" not in str(raised.value)


def test_details_of_who_speaks_in_an_isolated_thread_are_unsupported(isolated_client):
    answer = isolated_client.chat("q", user="anna")
    with pytest.raises(errors.Unsupported):
        isolated_client.continue_thread(answer, "q", user=User("bert", email="bert@example.com"))


def test_no_isolated_thread_becomes_stale(isolated_client, mini):
    answers = [isolated_client.chat("q", user="anna") for _ in range(3)]
    for answer in answers:
        assert isolated_client.continue_thread(answer, "q").thread == answer.thread


def test_the_reference_of_an_isolated_thread_depends_on_user_and_thread_and_never_changes(mini):
    kadal = client_on(mini.transport, "kadal", threads="isolated")
    for user in ("anna", "bert", None):
        kadal.continue_thread(ThreadRef("kadal", "isolated-1", user=user, scope=BOT), "q")
    assert len(set(references(mini))) == 3
    # Conversations are kept under it: another value would lose them.
    assert references(mini)[0] == "e5707b82-0de8-5d42-90cd-86970c2a95a0"


def test_history_feedback_and_clearing_of_an_isolated_thread_use_its_reference(isolated_client, mini):
    answer = isolated_client.chat("q", user="anna")
    (row,) = isolated_client.history(answer)
    isolated_client.feedback(answer, Rating.UP)
    isolated_client.feedback(row, Rating.UP)
    isolated_client.clear_history(answer)
    assert len(set(references(mini))) == 1
    assert row.thread == answer.thread
    assert isolated_client.capabilities.history_by_thread is isolated_client.capabilities.parallel_threads is True


def test_a_user_without_an_isolated_thread_is_unsupported_or_dropped(isolated_client, mini):
    calls = (
        lambda **options: isolated_client.clear_history(user="anna", **options),
        lambda **options: list(isolated_client.history(user="anna", **options)),
    )
    for call in calls:
        with pytest.raises(errors.Unsupported) as raised:
            call()
        assert raised.value.argument == "user"
    assert mini.sent == []
    # Whose conversation it is is never dropped: it would be somebody else's that is cleared or read.
    cleared, read = (call(on_unsupported="drop") for call in calls)
    assert (cleared.outcome, cleared.user, read) == (ClearOutcome.DETACHED, "anna", [])
    assert mini.sent == []


def test_check_thread_reads_no_row_for_an_isolated_thread(mini):
    kadal = client_on(mini.transport, "kadal", threads="isolated", check_thread=True)
    kadal.continue_thread(kadal.chat("q", user="anna"), "q")
    assert all("/v2/" in request.path for request in mini.sent)


@pytest.mark.parametrize(("made", "used"), [("isolated", "per-user"), ("per-user", "isolated")])
def test_a_thread_of_the_other_kind_is_a_mismatch_before_anything_is_sent(made, used, mini):
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
