"""Processes that hammer one store while some are killed; longer in `tox -e load`."""

import pytest

from bench.hammer import Asked, Hammer

from .conftest import new_schema


@pytest.mark.parametrize("route", [False, True], ids=["one vendor", "a route"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_message_is_lost_mixed_up_or_asked_twice_while_workers_are_killed(kind, route, tmp_path):
    def hammer(store):
        hammering = Hammer(store, processes=2, conversations=4, messages=4, kills=3, between_kills=0.5, route=route)
        hammering.run()
        return hammering

    if kind == "sqlite":
        hammering = hammer(f"sqlite:///{tmp_path / 'bot.db'}")
    else:
        with new_schema() as address:
            hammering = hammer(address)
    assert hammering.problems == []


def check(*questions, answers=(), interrupted=()):
    """What is said of a history: pairs of a thread and a question, oldest first, whose answers are numbered."""
    hammering = Hammer("memory:", conversations=2, messages=2, answers=dict(answers), interrupted=set(interrupted))
    hammering._check([Asked(thread, number, text, f"a{number}") for number, (thread, text) in enumerate(questions)])
    return hammering.problems


GOOD = [("t1", "c0-m0"), ("t2", "c1-m0"), ("t1", "c0-m1"), ("t2", "c1-m1")]


def test_each_message_once_and_in_the_thread_of_its_conversation_is_no_problem():
    assert check(*GOOD, answers={"c0-m0": "a0", "c1-m1": "a3"}) == []


def test_a_message_that_was_lost_or_asked_twice_is_noticed():
    answers = {"c0-m0": "a0", "c1-m1": "a9"}
    assert check(*GOOD[:3], ("t1", "c0-m0"), answers=answers) == ["c1-m1 was lost", "c0-m0 was asked 2 times"]


def test_a_thread_of_two_conversations_is_noticed():
    shared = [("t1", "c0-m0"), ("t1", "c1-m0"), ("t1", "c0-m1"), ("t1", "c1-m1")]
    assert check(*shared) == ["['c0', 'c1'] share a thread"]


def test_an_answer_to_another_message_is_noticed():
    assert check(*GOOD, answers={"c0-m0": "a1"}) == ["c0-m0 got the answer a1, which is not its own"]


def test_only_a_first_question_whose_worker_was_killed_may_have_a_thread_of_its_own():
    extra = [("t0", "c0-m1"), *GOOD[:2], GOOD[3]]
    assert check(*extra, interrupted=["c0-m1"]) == []
    assert check(*extra) == ["c0 left a thread of 1 questions that began with c0-m1"]
    forked = [*GOOD, ("t3", "c0-m1")]
    assert "c0 left a thread of 2 questions that began with c0-m0" in check(*forked, interrupted=["c0-m0"])
