"""Which member a thread or an answer belongs to, whatever the weights are and whoever is first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routing.conftest import Vendors, list_questions
from unichat.errors import ConnectionFailed, InvalidInput, ServerError, StaleThread, ThreadMismatch
from unichat.models import Answer, AnswerRef, ThreadRef
from unichat.routing.members import Member, Owner
from unichat.routing.ownership import find_answer_owner, find_owner, has_owner


@pytest.fixture
def two_answers(vendors: Vendors) -> tuple[Any, Answer, Answer]:
    """A fallback, and an answer of each of its members."""
    client = vendors.fallback()
    vendors.kapa.answers("from Kapa").fails("503")
    vendors.kadal.answers("from Kadal")
    return client, client.chat("one"), client.chat("two")


def test_a_thread_is_continued_by_its_owner(vendors: Vendors, two_answers: Any) -> None:
    client, first, second = two_answers
    vendors.kapa.answers("more of Kapa")
    vendors.kadal.answers("more of Kadal")
    assert client.member_for(thread=first) == "kapa"
    assert client.member_for(thread=second.thread) == "kadal"
    assert client.member_for(thread=str(second.thread)) == "kadal"
    assert client.continue_thread(str(first.thread), "And?").text == "more of Kapa"
    with client.stream("And?", thread=second) as pieces:
        assert pieces.answer.text == "more of Kadal"


@pytest.mark.parametrize("fault", ["503", "429", "refused", "silence"])
def test_a_thread_whose_owner_cannot_answer_raises_the_owners_error(
    vendors: Vendors, two_answers: Any, fault: str
) -> None:
    client, first, _ = two_answers
    questions = list_questions(vendors.kadal)
    for ask in (
        lambda: client.continue_thread(first, "And?", deadline=5),
        lambda: client.stream("And?", thread=first, deadline=5).__enter__(),
        lambda: client.feedback(first, "up", user="ada", deadline=5),
        lambda: list(client.history(first, deadline=5)),
        lambda: client.clear_history(first, deadline=5),
    ):
        vendors.kapa.fails(fault)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - of each call the owner's own
            ask()
        assert "no member" not in str(caught.value)
        assert {attempt.profile for attempt in caught.value.attempts} <= {"kapa"}
    assert list_questions(vendors.kadal) == questions


def test_a_stale_thread_is_not_asked_elsewhere(vendors: Vendors) -> None:
    vendors.kapa.capabilities(parallel_threads=False)
    client = vendors.fallback()
    vendors.kapa.answers("one").answers("two")
    old = client.chat("one", user="ada")
    client.chat("two", user="ada")
    with pytest.raises(StaleThread):
        client.continue_thread(old, "And?", user="ada")
    assert list_questions(vendors.kadal) == []


def test_an_answer_is_rated_by_its_owner_however_it_is_named(vendors: Vendors, two_answers: Any) -> None:
    client, first, second = two_answers
    row = next(iter(client.history(second)))
    for answer in (second, second.ref, str(second.ref), row):
        assert client.feedback(answer, "up").answer_id == second.id
    assert [call.answer for call in vendors.kadal.calls if call.name == "feedback"] == [second.id] * 4
    client.feedback(first, "down")
    assert [call.answer for call in vendors.kapa.calls if call.name == "feedback"] == [first.id]


def test_an_answer_without_a_thread_is_its_profiles(vendors: Vendors) -> None:
    client = vendors.fallback()
    client.feedback(Answer(text="", id="a-1", profile="kadal"), "up")
    assert [call.answer for call in vendors.kadal.calls] == ["a-1"]


@pytest.mark.parametrize("answer", ["answer-1", 7, Answer(text="", id="a-1")])
def test_a_bare_id_is_rejected_with_what_to_pass(vendors: Vendors, answer: Any) -> None:
    client = vendors.fallback()
    with pytest.raises(InvalidInput, match=r"answer\.ref"):
        client.feedback(answer, "up")
    assert vendors.kapa.calls == vendors.kadal.calls == []


def test_a_bare_id_on_a_route_of_one_member_is_that_members(vendors: Vendors) -> None:
    client = vendors.fallback({"kapa": vendors.client(vendors.kapa)})
    assert client.feedback("a-1", "up").answer_id == "a-1"


@pytest.mark.parametrize(
    "thread", [ThreadRef("kapa", "t"), ThreadRef("fake", "t", scope="another"), ThreadRef("fake", "t")]
)
def test_a_thread_of_no_member_or_of_several_is_a_mismatch_that_names_the_members(
    vendors: Vendors, thread: ThreadRef
) -> None:
    client = vendors.fallback()
    for call in (
        lambda: client.continue_thread(thread, "And?"),
        lambda: client.stream("And?", thread=str(thread)),
        lambda: client.history(thread),
        lambda: client.clear_history(thread),
        lambda: client.member_for(thread=thread),
        lambda: client.feedback(AnswerRef(thread.backend, "a", thread="t", scope=thread.scope), "up"),
    ):
        with pytest.raises(ThreadMismatch, match=r"kapa.*kadal"):
            call()
    assert vendors.kapa.calls == vendors.kadal.calls == []


def test_a_thread_without_a_scope_is_of_the_only_member_of_its_vendor(vendors: Vendors) -> None:
    client = vendors.fallback({"kapa": vendors.client(vendors.kapa)})
    vendors.kapa.answers("one")
    assert client.continue_thread(ThreadRef("fake", "t"), "And?").text == "one"


def test_two_clients_of_one_bot_are_one_owner(vendors: Vendors) -> None:
    client = vendors.fallback({"a": vendors.client(vendors.kapa), "b": vendors.client(vendors.kapa)})
    assert client.member_for(thread=ThreadRef("fake", "t")) == "a"
    assert client.member_for(thread=ThreadRef("fake", "t", scope="project")) == "a"


def test_a_thread_in_a_nested_route_is_its_bottom_members(vendors: Vendors) -> None:
    inner = vendors.fallback()
    client = vendors.split({"pair": 1}, {"pair": getattr(inner, "asynchronous", inner)})
    vendors.kapa.fails("503")
    vendors.kadal.answers("one").answers("two")
    first = client.chat("one")
    assert client.member_for(thread=first) == "pair"
    second = client.continue_thread(first, "two")
    assert (first.profile, second.profile) == ("kadal", "kadal")
    assert client.feedback(second, "up").answer_id == second.id
    vendors.kadal.fails("refused")
    with pytest.raises(ConnectionFailed):
        client.continue_thread(second, "three")
    vendors.kadal.fails("503")
    with pytest.raises(ServerError):
        list(client.history(second))


def build_members(**owners: tuple[str, str | None]) -> list[Member]:
    """Members by name, each with its vendor and scope."""
    clients: list[Any] = [object() for _ in owners]
    return [
        Member(name, None, None, (Owner(name, backend, scope, client),))
        for (name, (backend, scope)), client in zip(owners.items(), clients, strict=True)
    ]


MEMBERS = build_members(first=("kapa", "one"), second=("kapa", "two"), third=("kadal", None))


@pytest.mark.parametrize(
    ("backend", "scope", "owner"),
    [
        ("kapa", "one", "first"),
        ("kapa", "two", "second"),
        ("kapa", "three", None),
        ("kapa", None, None),
        ("kadal", None, "third"),
        ("kadal", "any", "third"),
        ("dify", None, None),
        ("dify", "one", None),
    ],
)
def test_find_owner_is_the_member_of_the_vendor_and_scope(backend: str, scope: str | None, owner: str | None) -> None:
    thread = ThreadRef(backend, "t", scope=scope)
    if owner is not None:
        assert find_owner(MEMBERS, thread, "history").name == owner
    else:
        with pytest.raises(ThreadMismatch):
            find_owner(MEMBERS, thread, "history")
    # Without a scope it may be either's.
    assert has_owner(MEMBERS, thread) is (owner is not None or (backend, scope) == ("kapa", None))


def test_find_owner_prefers_the_scope_itself_to_a_member_without_one() -> None:
    members = build_members(open=("kapa", None), exact=("kapa", "one"))
    assert find_owner(members, ThreadRef("kapa", "t", scope="one"), "history").name == "exact"
    assert find_owner(members, ThreadRef("kapa", "t", scope="two"), "history").name == "open"


@pytest.mark.parametrize(
    ("scope", "message", "found"),
    [(None, "belongs to dify, and", "dify"), ("bot", "belongs to dify's 'bot', and", "bot")],
)
def test_find_owner_of_no_member_says_whose_it_is_and_what_to_do(scope: str | None, message: str, found: str) -> None:
    with pytest.raises(ThreadMismatch) as caught:
        find_owner(MEMBERS, ThreadRef("dify", "t", scope=scope), "history")
    assert f"the thread {message} the route has no such member: first (kapa), second (kapa)" in caught.value.message
    assert (caught.value.found, caught.value.expected) == (found, "first, second, third")
    assert caught.value.hint == "Use a client of it, or start a new thread with chat()."
    with pytest.raises(ThreadMismatch) as caught:
        find_answer_owner(MEMBERS, AnswerRef("dify", "a", thread="t", scope=scope))
    assert caught.value.message.startswith(f"the answer {message}")
    assert caught.value.hint == "Use a client of it."


def test_find_owner_of_several_members_names_them_alone() -> None:
    with pytest.raises(
        ThreadMismatch, match=r"several members could own it: first \(kapa\), second \(kapa\)\."
    ) as caught:
        find_owner(MEMBERS, ThreadRef("kapa", "t"), "history")
    assert (caught.value.found, caught.value.expected) == ("kapa", "first, second")
