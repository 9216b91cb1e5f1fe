"""What the neutral calls refuse before anything is sent, and what of the rest reaches an adapter."""

import inspect
import math
import sys

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from tests.canned import CannedStream, bench, records, reply, try_call
from tests.client.conftest import ANSWER, ASKING, EXCHANGE, FOREIGN, LOOSE, THREAD, check_call, expect_refusal
from unichat._text.printable import is_blank
from unichat.client.arguments import check_concurrency, check_deadline, check_limit
from unichat.client.call_records import attach_record
from unichat.errors import InvalidInput, ThreadMismatch, UnichatError, Unsupported
from unichat.execution.call import Call
from unichat.models import Answer, AnswerRef, ClearOutcome, Exchange, Source, ThreadRef, User
from unichat.record import CallRecord
from unichat.transport.base import Deadline

ANYTHING = st.text(st.characters())


# Questions


@pytest.mark.parametrize("asking", ASKING, ids=["chat", "continue_thread", "stream"])
@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("", "the question is empty"),
        (" \t\n\u3000", "the question is empty"),
        ("x" * 101, "has 101 characters, and echo takes at most 100"),
        ("\U0001f600" * 101, "has 101 characters"),
        (5, "question is int, not text"),
        (b"Hi", "question is bytes, not text"),
        (None, "question is NoneType, not text"),
        (["Hi"], "question is list, not text"),
        ("Hi \ud800", "NUL character or a lone surrogate"),
        ("Hi \x00", "NUL character or a lone surrogate"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(asking, question, words):
    method, args, more = asking(question)
    error = expect_refusal(method, *args, **more)
    assert type(error) is InvalidInput
    assert words in str(error)
    assert (error.argument, error.source) == ("question", "local")
    assert error.hint
    assert error.value
    assert len(str(error)) < 400


def test_a_long_question_is_refused_with_the_limit():
    assert expect_refusal("chat", "x" * 101).limit == 100


@given(st.text(min_size=1, max_size=100).filter(lambda text: not is_blank(text) and "\x00" not in text))
def test_any_other_question_is_passed_on_as_it_is(question):
    assert check_call("chat", question).question == question


def test_a_question_may_be_as_long_as_the_vendor_takes():
    assert check_call("chat", "x" * 100).question == "x" * 100


@pytest.mark.parametrize("replay", ["never", "reconcile", "always"])
def test_an_adapter_is_told_to_reconcile_where_the_setting_says_so(replay):
    assert check_call("chat", "Hi?", bench={"policy": {"replay": replay}}).reconcile is (replay == "reconcile")


def test_without_a_limit_of_the_vendors_a_question_may_be_long():
    assert len(check_call("chat", "x" * 50_000, bench={"question_limit": None}).question) == 50_000


# Threads


THREADED = (
    lambda thread: ("continue_thread", (thread, "Hi?"), {}),
    lambda thread: ("stream", ("Hi?",), {"thread": thread}),
    lambda thread: ("history", (thread,), {}),
    lambda thread: ("clear_history", (thread,), {}),
)
each_threaded = pytest.mark.parametrize("call", THREADED, ids=["continue_thread", "stream", "history", "clear_history"])


@each_threaded
@pytest.mark.parametrize(
    "thread",
    ["", "t1", "echo:1:t1", str(THREAD)[:-1], str(THREAD)[1:], "x" * 200_000, ":1:t1~00000000", "echo:9:t1~00000000",
     5, True, b"t1", object(), {}, User("ann")],
    ids=range(14),
)  # fmt: skip
def test_a_value_that_is_not_a_thread_is_refused(call, thread):
    method, args, more = call(thread)
    error = expect_refusal(method, *args, **more)
    assert type(error) is InvalidInput
    assert error.argument == "thread"
    assert "answer.thread" in error.hint


@each_threaded
@pytest.mark.parametrize(
    "thread", [FOREIGN, str(FOREIGN), Answer(text="a", thread=FOREIGN)], ids=["ref", "text", "answer"]
)
def test_another_backends_thread_is_refused(call, thread):
    method, args, more = call(thread)
    error = expect_refusal(method, *args, **more)
    assert type(error) is ThreadMismatch
    assert (error.expected, error.found, error.backend) == ("echo", "kapa", "echo")
    assert "start a new one with chat()" in error.hint


@each_threaded
@pytest.mark.parametrize("loose", [LOOSE, Exchange(question="Q", answer="A")], ids=["answer", "exchange"])
def test_an_answer_without_a_thread_means_neither_all_threads_nor_a_new_one(call, loose):
    method, args, more = call(loose)
    error = expect_refusal(method, *args, **more)
    assert type(error) is InvalidInput
    assert error.argument == "thread"


def test_continuing_without_a_thread_is_rejected():
    error = expect_refusal("continue_thread", None, "Hi?")
    assert (type(error), error.argument) == (InvalidInput, "thread")


@each_threaded
@pytest.mark.parametrize("thread", [THREAD, str(THREAD), ANSWER, EXCHANGE], ids=["ref", "text", "answer", "exchange"])
def test_a_thread_can_be_passed_in_four_ways(call, thread):
    method, args, more = call(thread)
    made = bench(reply(200, {"text": "Yes."}))
    getattr(made.client, method)(*args, **more)
    assert made.adapter.calls[0].thread == THREAD


# What is rated

REF = AnswerRef("echo", "a1", thread="t1", user="ada", scope="bot")


@pytest.mark.parametrize("given", [REF, str(REF)], ids=["reference", "text"])
def test_a_reference_to_an_answer_reaches_the_adapter_as_id_thread_and_scope(given):
    call = check_call("feedback", given, "up")
    assert (call.answer_id, call.answer_scope) == ("a1", "bot")
    assert str(call.thread) == str(ThreadRef("echo", "t1", user="ada", scope="bot", position="a1"))


@pytest.mark.parametrize("rated", [ANSWER, EXCHANGE], ids=["answer", "exchange"])
def test_an_answer_reaches_the_adapter_with_its_thread(rated):
    call = check_call("feedback", rated, "up")
    assert (call.answer_id, call.thread, call.answer_scope) == (rated.id, THREAD, None)


def test_an_exchange_without_a_thread_reaches_the_adapter_with_its_scope():
    call = check_call("feedback", Exchange(question="Q", answer="A", id="a2", belongs_to=("echo", "bot")), "up")
    assert (call.answer_id, call.thread, call.answer_scope) == ("a2", None, "bot")


@pytest.mark.parametrize("given", ["a1", 7, LOOSE], ids=repr)
def test_a_bare_id_reaches_the_adapter_without_a_thread(given):
    call = check_call("feedback", given, "up")
    assert (call.thread, call.answer_scope) == (None, None)


@pytest.mark.parametrize(
    "given", [AnswerRef("kapa", "a1"), str(AnswerRef("kapa", "a1")), Answer(text="", id="a1", thread=FOREIGN)], ids=repr
)
def test_an_answer_of_another_backend_is_a_mismatch(given):
    error = expect_refusal("feedback", given, "up")
    assert (type(error), error.expected, error.found) == (ThreadMismatch, "echo", "kapa")


@pytest.mark.parametrize(
    "given", [str(REF)[:-1], str(REF).replace("a1", "a2"), str(THREAD), "echo:answer:1:", "echo:answer:2:x~00000000"]
)
def test_a_reference_that_is_cut_altered_or_a_threads_is_not_taken_for_an_id(given):
    error = expect_refusal("feedback", given, "up")
    assert (type(error), error.argument) == (InvalidInput, "answer")


@pytest.mark.parametrize("method", ["continue_thread", "history", "clear_history"])
def test_a_reference_to_an_answer_is_not_taken_for_a_thread(method):
    arguments = (str(REF), "Hi?")[: 2 if method == "continue_thread" else 1]
    error = expect_refusal(method, *arguments)
    assert (type(error), error.argument) == (InvalidInput, "thread")
    assert "it is the reference of an answer" in str(error)


# Pages, limits and deadlines


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "5", 10_001, 2**70, math.nan])
def test_a_page_size_is_a_whole_number_from_1(size):
    error = expect_refusal("history", page_size=size)
    assert (type(error), error.argument, error.limit) == (InvalidInput, "page_size", 10_000)
    assert "from 1 to 10,000" in error.hint


@pytest.mark.parametrize("limit", [-1, 1.5, True, "5", math.inf])
def test_a_limit_is_a_whole_number_from_0(limit):
    error = expect_refusal("history", limit=limit)
    assert (type(error), error.argument) == (InvalidInput, "limit")


def test_omitted_history_arguments_are_left_to_the_adapter():
    call = check_call("history")
    assert (call.thread, call.user, call.newest_first, call.page_size) == (None, None, False, None)
    assert check_call("history", page_size=7, newest_first=True).page_size == 7


CALLS = {
    "chat": ("Hi?",),
    "continue_thread": (THREAD, "Hi?"),
    "stream": ("Hi?",),
    "feedback": ("a1", "up"),
    "history": (),
    "clear_history": (),
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("deadline", [0, -1, math.nan, math.inf, "30", True, 10**400], ids=range(7))
def test_a_deadline_is_a_positive_number_of_seconds(method, deadline):
    made = bench()
    with pytest.raises(InvalidInput) as caught:
        getattr(made.client, method)(*CALLS[method], deadline=deadline)
    assert caught.value.argument == "deadline"
    assert made.sent == []


@pytest.mark.parametrize(
    ("check", "argument", "lowest", "highest"),
    [(check_limit, "limit", 0, 2**63), (check_concurrency, "concurrency", 1, 10_000)],
    ids=["limit", "concurrency"],
)
def test_a_whole_number_is_taken_from_the_lowest_to_the_highest(check, argument, lowest, highest):
    assert [check(lowest), check(highest)] == [lowest, highest]
    for value in (lowest - 1, highest + 1, True, "7", 1.5):
        with pytest.raises(InvalidInput) as caught:
            check(value)
        assert (caught.value.argument, caught.value.limit) == (argument, highest)
        assert caught.value.hint == f"Give a whole number from {lowest} to {highest:,}."


@pytest.mark.parametrize(
    ("value", "taken"),
    [(0.001, True), (1, True), (sys.float_info.max, True), (-0.5, False), (0, False), (0.0, False)],
)
def test_any_positive_number_of_seconds_that_a_float_holds_is_a_deadline(value, taken):
    found, error = try_call(lambda: check_deadline(value), InvalidInput)
    assert (found == value and isinstance(found, float)) if taken else error.argument == "deadline"


# Arguments that the backend does not know


@pytest.mark.parametrize("method", CALLS)
def test_an_unknown_argument_is_rejected_by_name(method):
    error = expect_refusal(method, *CALLS[method], colour="red")
    assert (type(error), error.argument, error.operation) == (Unsupported, "colour", method)
    assert "on_unsupported" not in str(error)


@pytest.mark.parametrize(
    ("method", "name", "nearest"),
    [("chat", "ton", "tone"), ("chat", "metdata", "metadata"), ("stream", "usr", "user"),
     ("feedback", "coment", "comment"), ("history", "sinc", "since"),
     ("history", "pagesize", "page_size"), ("clear_history", "missing", "missing_ok")],
)  # fmt: skip
def test_the_nearest_argument_is_named(method, name, nearest):
    error = expect_refusal(method, *CALLS[method], **{name: "x"})
    assert f"Did you mean {nearest}?" in str(error)
    assert error.alternative == f"Did you mean {nearest}?"


def test_a_thread_given_to_chat_is_not_taken_for_a_similar_argument_of_the_backend():
    error = expect_refusal("chat", "Hi?", on=bench(options={"chat": ("threads",)}), thread=THREAD)
    assert "Use continue_thread()" in error.hint


def test_the_backends_own_arguments_are_named_if_none_is_similar():
    assert "Its own arguments: tone." in str(expect_refusal("chat", "Hi?", zzz=1))
    assert "Its own arguments: none." in str(expect_refusal("chat", "Hi?", on=bench(options={}), zzz=1))


def test_the_backends_own_arguments_reach_it():
    assert check_call("chat", "Hi?", tone="warm").options == {"tone": "warm"}
    assert check_call("feedback", "a1", "up", weight=3).options == {"weight": 3}
    assert check_call("history", since="yesterday").options == {"since": "yesterday"}
    assert check_call("clear_history", missing_ok=False).options == {"missing_ok": False}


def test_an_argument_of_none_counts_as_omitted():
    assert check_call("chat", "Hi?", tone=None).options == {}


@pytest.mark.parametrize("where", ["call", "settings"])
@pytest.mark.parametrize("method", CALLS)
def test_an_unknown_argument_is_rejected_even_where_the_caller_drops_what_is_unsupported(method, where):
    made = bench(**({"on_unsupported": "drop"} if where == "settings" else {}))
    more = {"on_unsupported": "drop"} if where == "call" else {}
    error = expect_refusal(method, *CALLS[method], on=made, usr="ada", **more)
    assert (type(error), error.argument) == (Unsupported, "usr")


@pytest.mark.parametrize("name", ["thread", "tread", "thread_id"])
@pytest.mark.parametrize("leniency", ["raise", "drop"])
def test_a_thread_given_to_chat_names_continue_thread(name, leniency):
    error = expect_refusal("chat", "Hi?", **{name: THREAD}, on_unsupported=leniency)
    assert (type(error), error.argument) == (Unsupported, name)
    assert "Use continue_thread(): chat() starts a new thread." in str(error)
    assert "Did you mean" not in str(error)


@pytest.mark.parametrize("name", ["timeout", "time_limit"])
def test_what_others_call_a_deadline_is_told_from_it(name):
    assert "Did you mean deadline?" in str(expect_refusal("chat", "Hi?", **{name: 3}))


def test_a_stream_asked_of_chat_names_the_call():
    assert "Use stream(), whose answer comes in pieces." in str(expect_refusal("chat", "Hi?", stream=True))


def test_an_answers_reference_is_told_from_a_threads():
    ref = AnswerRef(THREAD.backend, "a-1", thread=THREAD.id)
    for form in (ref, str(ref)):
        assert "reference of an answer" in str(expect_refusal("continue_thread", form, "Hi?"))


def test_a_thread_given_to_feedback_names_the_answers_reference():
    assert "Pass answer.ref or str(answer.ref)" in str(expect_refusal("feedback", "a1", "up", thread=THREAD))


@pytest.mark.parametrize("method", CALLS)
def test_an_argument_is_suggested_only_where_the_call_has_it(method):
    own = set(inspect.signature(getattr(bench().client, method)).parameters)
    for name in ("user", "metadata", "comment", "thread", "deadline", "page_size", "newest_first", "limit"):
        alternative = expect_refusal(method, *CALLS[method], **{f"{name}_": 1}).alternative
        assert not alternative.startswith("Did you mean") or alternative[len("Did you mean ") : -1] in {
            *own, "tone", "weight", "since", "missing_ok",
        }  # fmt: skip


def test_what_the_adapter_does_not_support_is_raised_or_dropped_likewise(caplog):
    made = bench(reply(200, {"text": "Yes."}), metadata=False)
    with pytest.raises(Unsupported) as caught:
        made.client.chat("Hi?", metadata={"a": 1})
    assert (caught.value.argument, caught.value.alternative) == ("metadata", "Leave it out.")
    assert str(caught.value).startswith("echo chat: metadata: there is no place for it. Leave it out. Or pass")
    assert made.sent == []
    assert made.client.chat("Hi?", metadata={"a": 1}, on_unsupported="drop").text == "Yes."
    assert "dropped metadata: there is no place for it" in caplog.text


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("leniency", ["ignore", "", True, 5, ["drop"]])
def test_any_other_value_of_on_unsupported_is_rejected(method, leniency):
    error = expect_refusal(method, *CALLS[method], on_unsupported=leniency)
    assert (type(error), error.argument) == (InvalidInput, "on_unsupported")


# Clearing where the backend cannot


def test_a_backend_that_cannot_clear_says_so():
    error = expect_refusal("clear_history", on=bench(clear_history=False))
    assert (type(error), error.argument) == (Unsupported, "clear_history")
    assert str(error).startswith("echo clear_history: echo has no call that clears a conversation. Start a new one")


def test_a_conversation_that_cannot_be_cleared_can_be_left(caplog):
    made = bench(clear_history=False)
    result = made.client.clear_history(user="ann", on_unsupported="drop")
    assert (result.outcome, result.user, result.call) == (ClearOutcome.DETACHED, "ann", None)
    assert made.client.clear_history(on_unsupported="drop").user is None
    assert made.sent == []
    assert "dropped clear_history" in caplog.text


# All of it


BAD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | ANYTHING
    | st.binary()
    | st.lists(ANYTHING)
    | st.just({1: 2})
)


@given(BAD, BAD, BAD, BAD, BAD, BAD)
def test_any_arguments_of_a_question_raise_only_unichat_errors(question, thread, user, metadata, deadline, leniency):
    more = {"user": user, "metadata": metadata, "deadline": deadline, "on_unsupported": leniency}
    made = bench(reply(200, {"text": "Yes."}))
    try:
        assert made.client.chat(question, **more).text == "Yes."
    except UnichatError:
        assert made.sent == []
    made = bench(CannedStream(tuple(records({"text": "Yes."}, {"end": 1}))))
    try:
        assert made.client.stream(question, thread=thread, **more).answer.text == "Yes."
    except UnichatError:
        assert made.sent == []


@given(BAD, BAD, BAD, BAD)
def test_any_arguments_of_a_rating_raise_only_unichat_errors(answer, rating, comment, limit):
    made = bench(reply(200, {}), reply(200, {"rows": []}))
    try:
        made.client.feedback(answer, rating, comment=comment)
    except UnichatError:
        assert made.sent == []
    sent = len(made.sent)
    try:
        list(made.client.history(limit=limit, page_size=limit))
    except UnichatError:
        assert len(made.sent) == sent


def test_an_answer_keeps_all_that_it_has_when_the_record_of_its_call_is_added():
    full = Answer(
        text="a",
        id="i",
        thread=ThreadRef("echo", "t"),
        sources=(Source("https://x.org"),),
        uncertain=True,
        began="started",
        carried_over=2,
        raw=[1],
    )
    assert all(getattr(full, each.name) != each.default for each in fields(Answer) if each.name not in ADDED)
    record = CallRecord(backend="b", operation="o", call_id="c")
    given = attach_record(full, Call(Deadline(1), record=record, profile="kapa"))
    for each in fields(Answer):
        if each.name not in ADDED:
            assert getattr(given, each.name) == getattr(full, each.name)
    assert (given.call.call_id, given.profile) == ("c", "kapa")


ADDED = ("call", "maybe_duplicated", "profile")
