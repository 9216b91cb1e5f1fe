"""Conversations that the client keeps: what is kept where, what is dropped, and that no turn is lost."""

from __future__ import annotations

import base64
import json
import logging
import random
import zlib
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from unichat import ThreadRef
from unichat.adapter import (
    ChatCall,
    ClearCall,
    Exclusive,
    MemoryTurns,
    ReferenceTurns,
    Transcripts,
    TranscriptSettings,
    Turn,
    TurnStore,
    as_flow,
)
from unichat.errors import InvalidInput, NotFound, ThreadMismatch, Unsupported
from unichat.models import Answer, ClearOutcome, User

THREAD = ThreadRef("acme", "t-1", user="ada")
HUGE = Turn("".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(20_000)), "")
"""Longer than any reference."""
TURNS = st.lists(st.builds(Turn, st.text(max_size=50), st.text(max_size=50)), max_size=5)


def run_flow(flow, sent=None):
    """What a flow returns that only waits for locks."""
    steps = []
    try:
        while True:
            steps.append(flow.send(sent))
            sent = None
            assert isinstance(steps[-1], Exclusive)
    except StopIteration as stop:
        return stop.value, [step.key for step in steps]


def call(question="Hello", **more):
    return ChatCall(backend="acme", operation="chat", question=question, **more)


def make_sender(seen):
    def send(turns, user):
        seen.append(([turn.question for turn in turns], user))
        return as_flow(Answer(text=f"answer {len(seen)}"))

    return send


def clear(**more):
    return ClearCall(backend="acme", operation="clear_history", **more)


@pytest.mark.parametrize("store", [MemoryTurns, ReferenceTurns])
def test_each_question_is_asked_with_the_turns_before_it(store):
    transcripts, seen = Transcripts(store()), []
    first, keys = run_flow(transcripts.ask(call("one", user=User("ada")), make_sender(seen)))
    assert first.thread.user == "ada"
    assert keys == [("acme", first.thread.id)]
    second, again = run_flow(transcripts.ask(call("two", thread=first.thread), make_sender(seen)))
    run_flow(transcripts.ask(call("three", thread=second.thread), make_sender(seen)))
    assert second.thread == first.thread
    assert again == keys
    assert seen == [([], "ada"), (["one"], "ada"), (["one", "two"], "ada")]


@pytest.mark.parametrize("store", [MemoryTurns, ReferenceTurns])
@given(turns=TURNS)
def test_a_store_returns_what_was_saved(store, turns):
    kept = store()
    assert isinstance(kept, TurnStore)
    assert kept.load(THREAD) is None
    reference = kept.save(THREAD, turns)
    assert reference == THREAD
    assert list(kept.load(ThreadRef.parse(str(reference)))) == turns


def test_the_oldest_turns_are_dropped_beyond_the_limit():
    transcripts, seen, thread = Transcripts(limit=20), [], None
    for question in ("a" * 5, "b" * 3, "c" * 3):
        thread = run_flow(transcripts.ask(call(question, thread=thread), make_sender(seen)))[0].thread
    assert seen[2][0] == ["b" * 3]
    assert [turn.question for turn in transcripts.store.load(thread)] == ["c" * 3]


@pytest.mark.parametrize("store", [MemoryTurns, ReferenceTurns])
@pytest.mark.parametrize("earlier", [[], ["a"], ["a", "b"]], ids=len)
def test_a_turn_longer_than_the_limit_is_left_out_with_one_warning_and_those_before_it_are_kept(store, earlier, caplog):
    transcripts, seen, thread = Transcripts(store(), limit=20), [], None
    for question in earlier:
        thread = run_flow(transcripts.ask(call(question, thread=thread), make_sender(seen)))[0].thread
    assert caplog.messages == []
    # Too long for a reference as well.
    thread = run_flow(transcripts.ask(call(HUGE.question, thread=thread), make_sender(seen)))[0].thread
    assert caplog.messages == [
        "acme chat: the turn is longer than 20 characters, and is not sent again with later questions"
    ]
    assert [turn.question for turn in transcripts.store.load(thread)] == earlier
    run_flow(transcripts.ask(call("y", thread=thread), make_sender(seen)))
    assert seen[-1][0] == earlier


def test_a_reference_keeps_the_newest_turns_that_fit_into_its_text():
    turns = [Turn(random.Random(number).randbytes(400).hex(), "") for number in range(40)]
    reference = ReferenceTurns().save(THREAD, turns)
    kept = ReferenceTurns().load(ThreadRef.parse(str(reference)))
    assert 0 < len(kept) < len(turns)
    assert kept == turns[-len(kept) :]
    more = ReferenceTurns().save(THREAD, turns[-len(kept) - 1 :])
    assert ReferenceTurns().load(more) == kept


@pytest.mark.parametrize("huge", [HUGE, Turn("x" * 1_000_000, "")], ids=["packed", "unpacked"])
@pytest.mark.parametrize("earlier", [[], [Turn("one", "1")], [Turn("one", "1"), Turn("two", "2")]], ids=len)
def test_a_turn_that_does_not_fit_into_a_reference_is_left_out_with_one_warning(earlier, huge, caplog):
    transcripts = Transcripts(ReferenceTurns(), limit=10_000_000)
    thread = transcripts.store.save(THREAD, earlier)
    with caplog.at_level(logging.WARNING, "unichat"):
        thread = run_flow(transcripts.ask(call(huge.question, thread=thread), make_sender([])))[0].thread
    assert caplog.messages == ["acme: a turn does not fit into the thread's reference, and is left out"]
    assert ReferenceTurns().load(ThreadRef.parse(str(thread))) == earlier


def test_a_reference_of_a_long_conversation_takes_few_compressions(monkeypatch):
    turns = [Turn(random.Random(number).randbytes(20).hex(), "") for number in range(2_000)]
    compressions, compress = [], zlib.compress
    monkeypatch.setattr(zlib, "compress", lambda *given: compressions.append(1) or compress(*given))
    kept = ReferenceTurns().load(ReferenceTurns().save(THREAD, turns))
    assert 0 < len(kept) < len(turns)
    # The last one alone, log2 of 2,000, and the result.
    assert len(compressions) <= 13


def test_a_reference_holds_turns_of_up_to_12_000_characters_packed_and_a_million_bytes_unpacked():
    noise = random.Random(0).randbytes(10_000).hex()

    def packed_length(size):
        reference = ReferenceTurns().save(THREAD, [Turn(noise[:size], "")])
        return len(reference.state) if len(ReferenceTurns().load(reference)) else None

    longest = bisect_left(range(20_000), True, key=lambda size: packed_length(size) is None) - 1
    assert packed_length(longest) == 12_000
    fits = Turn("x" * (1_000_000 - len('[["",""]]')), "")
    assert ReferenceTurns().load(ReferenceTurns().save(THREAD, [fits])) == [fits]
    assert ReferenceTurns().load(ReferenceTurns().save(THREAD, [evolve(fits, answer="x")])) == []


def test_the_turns_of_a_reference_are_not_shown():
    reference = ReferenceTurns().save(THREAD, [Turn("my password is opensesame", "I see.")])
    assert reference.state not in repr(reference)
    assert reference.state in str(reference)
    for broken in (str(reference)[:-1], f"x{reference}", str(reference).replace("user", "User")):
        with pytest.raises(InvalidInput) as caught:
            ThreadRef.parse(broken)
        assert reference.state[:10] not in f"{caught.value} {caught.value!r} {caught.value.value}"


def pack(value):
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(value).encode())).decode()


@pytest.mark.parametrize(
    "state",
    ["x", "AAAA", pack([["only one"]]), pack(7), pack({"a": "b"}), pack(None), pack("[" * 100_000),
     base64.urlsafe_b64encode(zlib.compress(b"[" * 100_000)).decode(),
     base64.urlsafe_b64encode(zlib.compress(b" " * 5_000_000)).decode()],
    ids=range(9),
)  # fmt: skip
def test_a_reference_that_holds_something_else_is_refused(state):
    with pytest.raises(InvalidInput, match="does not hold its turns") as caught:
        ReferenceTurns().load(evolve(THREAD, state=state))
    assert caught.value.__context__ is None


def test_a_thread_whose_turns_are_not_known_is_not_found():
    for transcripts in (Transcripts(), Transcripts(ReferenceTurns())):
        flow = transcripts.ask(call(thread=THREAD), make_sender([]))
        next(flow)
        with pytest.raises(NotFound) as caught:
            flow.send(None)
        assert (caught.value.what, caught.value.backend) == ("thread", "acme")


def test_a_question_that_fails_leaves_the_thread_as_it_was():
    transcripts, seen = Transcripts(), []
    thread = run_flow(transcripts.ask(call("one"), make_sender(seen)))[0].thread

    def fail(turns, user):
        raise NotFound("gone")
        yield

    with pytest.raises(NotFound):
        run_flow(transcripts.ask(call("two", thread=thread), fail))
    assert [turn.question for turn in transcripts.store.load(thread)] == ["one"]


def test_another_users_thread_is_a_mismatch_at_once():
    transcripts = Transcripts()
    transcripts.store.save(THREAD, [])
    with pytest.raises(ThreadMismatch):
        transcripts.ask(call(thread=THREAD, user=User("grace")), make_sender([]))
    with pytest.raises(ThreadMismatch):
        transcripts.clear(clear(thread=THREAD, user=User("grace")))


def test_clearing_forgets_a_thread_and_only_a_thread():
    transcripts = Transcripts()
    transcripts.store.save(THREAD, [Turn("q", "a")])
    with pytest.raises(Unsupported):
        transcripts.clear(clear(user=User("ada")))
    dropped, _ = run_flow(transcripts.clear(clear(user=User("ada"), on_unsupported="drop")))
    assert (dropped.outcome, dropped.user) == (ClearOutcome.DETACHED, "ada")
    with pytest.raises(InvalidInput):
        transcripts.clear(clear())
    assert transcripts.store.load(THREAD) is not None
    assert run_flow(transcripts.clear(clear(thread=THREAD)))[0].outcome is ClearOutcome.CLEARED
    assert transcripts.store.load(THREAD) is None
    with pytest.raises(NotFound):
        run_flow(transcripts.clear(clear(thread=THREAD)))


def test_memory_holds_the_threads_that_were_used_last(monkeypatch):
    monkeypatch.setattr("unichat.adapter.transcripts._MAX_CONVERSATIONS", 2)
    store = MemoryTurns()
    for name in ("a", "b", "a", "c"):
        store.save(ThreadRef("acme", name), [])
    assert [store.load(ThreadRef("acme", name)) is None for name in "abc"] == [False, True, False]


def test_memory_holds_10_000_threads():
    store = MemoryTurns()
    threads = [ThreadRef("acme", str(number)) for number in range(10_001)]
    for thread in threads:
        store.save(thread, [])
    assert [store.load(thread) is None for thread in threads[:2]] == [True, False]


def test_memory_can_be_used_from_several_threads():
    store = MemoryTurns()

    def use(number):
        thread = ThreadRef("acme", str(number))
        store.save(thread, [Turn(str(number), "")])
        return store.load(thread)[0].question

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(use, range(200))) == [str(number) for number in range(200)]


def test_turns_of_32_000_characters_are_sent_again_by_default():
    settings = TranscriptSettings(base_url="https://acme.example")
    assert (settings.turns, settings.turn_limit) == ("memory", 32_000)
    assert (type(Transcripts().store), Transcripts().limit) == (MemoryTurns, 32_000)
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        TranscriptSettings("memory")


@pytest.mark.parametrize(("limit", "kept"), [(12, ["two"]), (13, ["one", "two"])])
def test_turns_as_long_as_the_limit_are_kept(limit, kept):
    transcripts, thread = Transcripts(limit=limit), None
    send = lambda turns, user: as_flow(Answer(text="abc" if turns else "abcd"))  # noqa: E731
    for question in ("one", "two"):
        thread = run_flow(transcripts.ask(call(question, thread=thread), send))[0].thread
    assert [turn.question for turn in transcripts.store.load(thread)] == kept


def test_a_setting_chooses_the_store():
    own = MemoryTurns()
    stores = [
        Transcripts.from_settings(TranscriptSettings(base_url="https://acme.example", turns=turns, turn_limit=7))
        for turns in ("memory", "reference", own)
    ]
    assert [type(each.store) for each in stores] == [MemoryTurns, ReferenceTurns, MemoryTurns]
    assert stores[2].store is own
    assert [each.limit for each in stores] == [7] * 3
    assert [each.can_clear for each in stores] == [True, False, True]
