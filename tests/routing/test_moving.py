"""Threads that move to another member, with what was said in them: `carry_over`, over both kinds of client."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routing.conftest import Vendors, list_questions
from unichat import routing
from unichat.errors import InvalidInput, NotFound, ServerError, StaleThread, ThreadMismatch, Unsupported
from unichat.models import ThreadRef

CARRIED = "Earlier in this conversation:\n\nQ: Hello?\nA: Hi.\n\nNow the question is:\n\nAnd then?"


def begin(vendors: Vendors, route: Any, **arguments: Any) -> Any:
    """Ask the first question, of Kapa."""
    vendors.kapa.answers("Hi.")
    return route.chat("Hello?", **arguments)


@pytest.mark.parametrize("fault", ["503", "429", "refused", "silence", "half_json"])
def test_a_thread_whose_owner_cannot_answer_goes_on_at_the_next_member(vendors: Vendors, fault: str) -> None:
    route = vendors.fallback(carry_over=True, deadline=10)
    first = begin(vendors, route, user="ada")
    vendors.kapa.fails(fault)
    vendors.kadal.answers("Then that.")
    answer = route.continue_thread(first.thread, "And then?", user="ada")
    assert (answer.text, answer.profile, answer.carried_over) == ("Then that.", "kadal", 1)
    assert list_questions(vendors.kadal) == [CARRIED]
    assert vendors.kadal.calls[-1].user == "ada"
    assert [attempt.profile for attempt in answer.call.attempts] == ["kapa", "kadal"]
    # From now on, the thread is the other's.
    vendors.kadal.answers("Yes.")
    again = route.continue_thread(answer.thread, "Really?")
    assert (again.profile, again.carried_over) == ("kadal", 0)
    assert list_questions(vendors.kadal)[-1] == "Really?"


def test_a_stream_in_a_thread_moves_before_its_first_event(vendors: Vendors) -> None:
    route = vendors.fallback(carry_over=True, deadline=10)
    first = begin(vendors, route)
    vendors.kapa.fails("503")
    vendors.kadal.streams("Then ", "that.")
    with route.stream("And then?", thread=first.thread) as stream:
        assert [event.text for event in stream] == ["Then ", "that."]
        answer = stream.answer
    assert (answer.profile, answer.carried_over) == ("kadal", 1)
    assert list_questions(vendors.kadal) == [CARRIED]


def test_a_stream_whose_owner_answers_stays(vendors: Vendors) -> None:
    route = vendors.fallback(carry_over=True, deadline=10)
    first = begin(vendors, route)
    vendors.kapa.streams("Then ", "that.")
    with route.stream("And then?", thread=first.thread) as stream:
        answer = stream.answer
    assert (answer.profile, answer.carried_over, answer.thread) == ("kapa", 0, first.thread)


@pytest.mark.parametrize("kind", ["fallback", "split"])
def test_without_carry_over_the_owners_error_is_raised_and_says_how(vendors: Vendors, kind: str) -> None:
    members = vendors.clients()
    route = vendors.fallback(members) if kind == "fallback" else vendors.split({"kapa": 1, "kadal": 1}, members)
    vendors.kapa.answers("Hi.")
    thread = vendors.block(members["kapa"]).chat("Hello?", user="ada").thread
    vendors.kapa.fails("503")
    with pytest.raises(ServerError) as caught:
        route.continue_thread(thread, "And then?", user="ada")
    assert "carry_over" in str(caught.value.hint)
    vendors.kapa.fails("503")
    with pytest.raises(ServerError) as caught, route.stream("And then?", thread=thread, user="ada") as stream:
        list(stream)
    assert "carry_over" in str(caught.value.hint)
    assert list_questions(vendors.kadal) == []


def test_the_callers_own_mistake_moves_nothing(vendors: Vendors) -> None:
    route = vendors.fallback(carry_over=True)
    first = begin(vendors, route)
    vendors.kapa.fails("422")
    with pytest.raises(InvalidInput) as caught:
        route.continue_thread(first.thread, "And then?")
    assert "carry_over" not in str(caught.value.hint)
    with pytest.raises(InvalidInput):
        route.continue_thread(first.thread, " ")
    assert list_questions(vendors.kadal) == []


def test_what_fall_back_on_does_not_name_moves_nothing(vendors: Vendors) -> None:
    route = vendors.fallback(carry_over=True, fall_back_on=["rate_limited"])
    first = begin(vendors, route)
    vendors.kapa.fails("503")
    with pytest.raises(ServerError):
        route.continue_thread(first.thread, "And then?")


def test_a_thread_that_the_vendor_no_longer_knows_moves(vendors: Vendors) -> None:
    route = vendors.fallback(carry_over=True)
    first = begin(vendors, route)
    vendors.kapa.fails("404")
    vendors.kadal.answers("Then that.")
    answer = route.continue_thread(first.thread, "And then?")
    assert (answer.profile, answer.carried_over) == ("kadal", 1)


def build_route(vendors: Vendors, kind: str, **settings: Any) -> Any:
    """A route in which Kapa is asked first: of two members, of it alone, or nested."""
    members = vendors.clients()
    if kind == "split":
        return vendors.split({"kapa": 1e9, "kadal": 1e-9}, members, **settings)
    if kind == "alone":
        return vendors.fallback({"kapa": members["kapa"]}, **settings)
    if kind == "nested":
        inner = routing.fallback({"kapa": members["kapa"]})
        return vendors.fallback({"inner": inner, "kadal": members["kadal"]}, **settings)
    return vendors.fallback(members, **settings)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", ["fallback", "split", "alone", "nested"])
def test_a_thread_that_the_adapter_knows_to_be_stale_moves(vendors: Vendors, kind: str, streamed: bool) -> None:
    vendors.kapa.capabilities(parallel_threads=False)
    route = build_route(vendors, kind, carry_over=True)
    vendors.kapa.answers("Hi.").answers("two")
    old = route.chat("Hello?", user="ada").thread
    route.chat("two", user="ada")
    target = vendors.kapa if kind == "alone" else vendors.kadal
    target.answers("Then that.")
    if streamed:
        with route.stream("And then?", thread=old, user="ada") as stream:
            answer = stream.answer
    else:
        answer = route.continue_thread(old, "And then?", user="ada")
    assert (answer.text, answer.carried_over) == ("Then that.", 1)
    assert list_questions(target)[-1] == CARRIED


@pytest.mark.parametrize("kind", ["fallback", "split", "nested"])
def test_without_carry_over_the_error_of_a_stale_thread_says_how(vendors: Vendors, kind: str) -> None:
    vendors.kapa.capabilities(parallel_threads=False)
    route = build_route(vendors, kind)
    vendors.kapa.answers("Hi.").answers("two")
    old = route.chat("Hello?", user="ada").thread
    route.chat("two", user="ada")
    for ask in (
        lambda: route.continue_thread(old, "And then?", user="ada"),
        lambda: route.stream("And then?", thread=old, user="ada").__enter__(),
    ):
        with pytest.raises(StaleThread) as caught:
            ask()
        assert str(caught.value.hint).count("carry_over") == 1
    assert list_questions(vendors.kadal) == []


def test_an_argument_that_the_owner_cannot_take_is_rejected_at_once_in_a_thread_that_may_move(
    vendors: Vendors,
) -> None:
    vendors.kapa.capabilities(metadata=False)
    route = vendors.fallback(carry_over=True)
    first = begin(vendors, route)
    for ask in (route.continue_thread, lambda thread, text, **more: route.stream(text, thread=thread, **more)):
        with pytest.raises(Unsupported):
            ask(first.thread, "And then?", metadata={"plan": "free"})
    assert list_questions(vendors.kadal) == []


def test_a_thread_whose_owner_is_no_member_any_more_starts_anew(vendors: Vendors) -> None:
    route = vendors.fallback({"kadal": vendors.client(vendors.kadal)}, carry_over=True)
    thread = ThreadRef("fake", "thread-1", user="ada", scope="project")
    vendors.kadal.answers("Hi.")
    answer = route.continue_thread(thread, "And then?")
    assert (answer.text, answer.carried_over, answer.profile) == ("Hi.", 0, "kadal")
    assert list_questions(vendors.kadal) == ["And then?"]
    assert vendors.kadal.calls[-1].user == "ada"
    vendors.kadal.streams("Hi.")
    with route.stream("And then?", thread=thread, user="ben") as stream:
        assert stream.answer.carried_over == 0
    assert vendors.kadal.calls[-1].user == "ben"


def test_member_for_a_thread_that_moves_is_the_next_member(vendors: Vendors) -> None:
    route = vendors.fallback({"kadal": vendors.client(vendors.kadal)}, carry_over=True)
    assert route.member_for(thread=ThreadRef("fake", "thread-1", scope="project")) == "kadal"
    without = vendors.fallback({"kadal": vendors.client(vendors.kadal)})
    with pytest.raises(ThreadMismatch):
        without.member_for(thread=ThreadRef("fake", "thread-1", scope="project"))


def test_a_thread_of_no_member_is_a_mismatch_that_says_how_without_carry_over(vendors: Vendors) -> None:
    route = vendors.fallback({"kadal": vendors.client(vendors.kadal)})
    thread = ThreadRef("fake", "thread-1", scope="project")
    with pytest.raises(ThreadMismatch) as caught:
        route.continue_thread(thread, "And then?")
    assert "carry_over" in str(caught.value.hint)


def test_a_thread_that_two_could_own_moves_nowhere(vendors: Vendors) -> None:
    route = vendors.fallback(carry_over=True)
    with pytest.raises(ThreadMismatch, match="does not say which"):
        route.continue_thread(ThreadRef("fake", "thread-1"), "And then?")


def test_where_the_owners_history_cannot_be_read_the_question_goes_alone(vendors: Vendors) -> None:
    vendors.kapa.capabilities(history_by_thread=False, history=False)
    route = vendors.fallback(carry_over=True)
    first = begin(vendors, route)
    vendors.kapa.fails("503")
    vendors.kadal.answers("Then that.")
    answer = route.continue_thread(first.thread, "And then?")
    assert answer.carried_over == 0
    assert list_questions(vendors.kadal) == ["And then?"]


def test_as_many_exchanges_as_the_limits_allow_are_carried_the_newest_kept(vendors: Vendors) -> None:
    route = vendors.fallback(carry_over=True, carry_over_limit=120)
    answer = begin(vendors, route)
    for number in range(5):
        vendors.kapa.answers(f"Answer {number}.")
        answer = route.continue_thread(answer.thread, f"Question {number}?")
    vendors.kapa.fails("503")
    vendors.kadal.answers("Then that.")
    moved = route.continue_thread(answer.thread, "And then?")
    (text,) = list_questions(vendors.kadal)
    assert moved.carried_over == 2
    assert "Question 3?" in text
    assert "Answer 4." in text
    assert "Question 2?" not in text
    assert len(text) <= 120 + len("And then?")


def test_the_next_members_question_limit_holds(vendors: Vendors) -> None:
    vendors.kadal.capabilities(question_limit=30)
    route = vendors.fallback(carry_over=True)
    first = begin(vendors, route)
    vendors.kapa.fails("503")
    vendors.kadal.answers("Then that.")
    assert route.continue_thread(first.thread, "And then?").carried_over == 0
    assert list_questions(vendors.kadal) == ["And then?"]


def test_if_no_member_answers_the_error_names_each(vendors: Vendors) -> None:
    route = vendors.fallback(carry_over=True)
    first = begin(vendors, route)
    vendors.kapa.fails("503")
    vendors.kadal.fails("502")
    with pytest.raises(ServerError, match=r"kapa: .*; kadal: ") as caught:
        route.continue_thread(first.thread, "And then?")
    assert [attempt.profile for attempt in caught.value.attempts] == ["kapa", "kadal"]


def test_a_route_of_one_member_has_nowhere_to_move_to(vendors: Vendors) -> None:
    route = vendors.fallback({"kapa": vendors.client(vendors.kapa)}, carry_over=True)
    first = begin(vendors, route)
    vendors.kapa.fails("503")
    with pytest.raises(ServerError):
        route.continue_thread(first.thread, "And then?")
    # Except to a new thread, where only the thread is gone.
    vendors.kapa.fails("404").answers("Then that.")
    answer = route.continue_thread(first.thread, "And then?")
    assert (answer.profile, answer.carried_over) == ("kapa", 1)
    assert answer.thread != first.thread


def test_a_split_moves_a_thread_to_another_member(vendors: Vendors) -> None:
    route = vendors.split({"kapa": 1e9, "kadal": 1e-9}, carry_over=True)
    first = begin(vendors, route, user="ada")
    vendors.kapa.fails("503")
    vendors.kadal.answers("Then that.")
    answer = route.continue_thread(first.thread, "And then?", user="ada")
    assert (answer.profile, answer.carried_over) == ("kadal", 1)
    # New questions stay with the member of the user.
    vendors.kapa.fails("503")
    with pytest.raises(ServerError):
        route.chat("Hello?", user="ada")


def test_a_member_that_hangs_leaves_time_for_the_next(vendors: Vendors) -> None:
    route = vendors.fallback(carry_over=True, deadline=12, patience=2)
    first = begin(vendors, route)
    vendors.kapa.fails("silence")
    vendors.kadal.answers("Then that.")
    before = vendors.kapa.clock.now
    assert route.continue_thread(first.thread, "And then?").profile == "kadal"
    assert vendors.kapa.clock.now - before <= 5


def test_nested_routes_move_what_their_inner_route_cannot_answer(vendors: Vendors) -> None:
    inner = vendors.clients()
    from unichat import routing

    members = {"main": routing.fallback({"kapa": inner["kapa"]}), "kadal": inner["kadal"]}
    route = vendors.fallback(members, carry_over=True)
    first = begin(vendors, route)
    vendors.kapa.fails("503")
    vendors.kadal.answers("Then that.")
    answer = route.continue_thread(first.thread, "And then?")
    assert (answer.profile, answer.carried_over) == ("kadal", 1)


def test_options_that_only_the_owner_takes_are_refused_by_the_next(vendors: Vendors) -> None:
    route = vendors.fallback(carry_over=True)
    first = begin(vendors, route)
    with pytest.raises(Unsupported):
        route.continue_thread(first.thread, "And then?", colour="red")
    assert list_questions(vendors.kapa) == ["Hello?"]


def test_not_found_that_is_of_no_thread_is_the_callers(vendors: Vendors) -> None:
    route = vendors.fallback()
    vendors.kapa.fails("404")
    with pytest.raises(NotFound):
        route.chat("Hello?")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_question_in_a_thread_may_be_as_long_as_its_owner_takes(vendors: Vendors, streamed: bool) -> None:
    vendors.kadal.capabilities(question_limit=20)
    route = vendors.fallback(carry_over=True)
    first = begin(vendors, route)
    question = "And then? " * 5
    vendors.kapa.answers("Then that.")
    if streamed:
        with route.stream(question, thread=first.thread) as stream:
            answer = stream.answer
    else:
        answer = route.continue_thread(first.thread, question)
    assert answer.profile == "kapa"
    vendors.kapa.fails("503")
    with pytest.raises(InvalidInput, match=r"kapa: .*503.*; kadal: .*20"):
        route.continue_thread(first.thread, question)
    with pytest.raises(InvalidInput, match="question"):
        route.continue_thread(first.thread, 5)
