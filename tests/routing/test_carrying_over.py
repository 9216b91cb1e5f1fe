"""Earlier exchanges before a question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat import Exchange
from unichat.routing.carrying_over import CARRY_OVER_LIMIT, prepend_exchanges


def exchanges(*pairs):
    return [Exchange(question=question, answer=answer) for question, answer in pairs]


def test_exchanges_stand_before_the_question_in_their_order():
    text, count = prepend_exchanges("And then?", exchanges(("Second?", "Yes."), ("First?", "No.")), question_limit=None)
    assert count == 2
    assert text == (
        "Earlier in this conversation:\n\nQ: First?\nA: No.\n\nQ: Second?\nA: Yes.\n\nNow the question is:\n\nAnd then?"
    )


def test_without_exchanges_the_question_goes_alone():
    assert prepend_exchanges("And then?", [], question_limit=10) == ("And then?", 0)


def test_the_newest_are_kept_where_there_is_no_room_for_all():
    text, count = prepend_exchanges(
        "q", exchanges(("new", "a"), ("old", "x" * 3_000), ("older", "y" * 3_000)), question_limit=None
    )
    assert count == 2
    assert "Q: old\n" in text
    assert "older" not in text


def test_a_limit_without_room_leaves_the_question_alone():
    assert prepend_exchanges("q" * 100, exchanges(("a", "b")), question_limit=110) == ("q" * 100, 0)


@given(
    st.text(min_size=1, max_size=200),
    st.lists(st.tuples(st.text(max_size=600), st.text(max_size=600)), max_size=20),
    st.one_of(st.none(), st.integers(200, 3_000)),
)
def test_no_limit_is_ever_passed_and_the_question_stands_at_the_end(question, pairs, limit):
    text, count = prepend_exchanges(question, exchanges(*pairs), question_limit=limit)
    assert text.endswith(question)
    assert 0 <= count <= len(pairs)
    assert limit is None or len(text) <= limit
    assert len(text) - len(question) <= CARRY_OVER_LIMIT


@pytest.mark.parametrize("question_limit", [None, 4_000])
def test_prepend_exchanges_counts_what_was_carried_into_a_question_before(question_limit: int | None) -> None:
    carried, _ = prepend_exchanges("3?", exchanges(("2?", "two\n\nlines"), ("1?", "one")), question_limit=None)
    once = prepend_exchanges(
        "4?", exchanges(("3?", "three"), ("2?", "two\n\nlines"), ("1?", "one")), question_limit=question_limit
    )
    assert prepend_exchanges("4?", exchanges((carried, "three")), question_limit=question_limit) == once
    assert once[1] == 3


@given(st.lists(st.tuples(st.text("ab \n"), st.text("ab \n")), max_size=4), st.text("ab ", min_size=1))
def test_prepend_exchanges_after_a_second_move_says_what_it_would_after_one(
    pairs: list[tuple[str, str]], question: str
) -> None:
    carried, count = prepend_exchanges("then?", exchanges(*pairs), question_limit=None)
    assert prepend_exchanges(question, exchanges((carried, "so")), question_limit=None) == prepend_exchanges(
        question, exchanges(("then?", "so"), *pairs[:count]), question_limit=None
    )


@pytest.mark.parametrize("text", ["Earlier in this conversation: what?", "What?\n\nNow the question is:\n\nwhy?"])
def test_prepend_exchanges_leaves_words_of_a_person_alone(text: str) -> None:
    assert f"Q: {text}\nA: yes" in prepend_exchanges("And?", exchanges((text, "yes")), question_limit=None)[0]


@pytest.mark.parametrize(("missing", "count"), [(0, 2), (1, 1)])
@pytest.mark.parametrize("of_vendor", [True, False])
def test_prepend_exchanges_uses_the_room_to_its_last_character(of_vendor: bool, missing: int, count: int) -> None:
    pairs = exchanges(("2?", "two"), ("1?", "one"))
    whole, _ = prepend_exchanges("3?", pairs, question_limit=None)
    question_limit, limit = (len(whole), 10_000) if of_vendor else (None, len(whole) - len("3?"))
    text, kept = prepend_exchanges(
        "3?", pairs, question_limit=question_limit and question_limit - missing, limit=limit - missing
    )
    assert kept == count
    assert (text == whole) is (not missing)


def test_prepend_exchanges_leaves_no_gap_for_an_exchange_that_is_too_long() -> None:
    pairs = iter(exchanges(("new", "a"), ("long", "x" * 500), ("old", "b")))
    text, count = prepend_exchanges("q", pairs, question_limit=None, limit=200)
    assert (count, "Q: old" in text) == (1, False)
    # What is older is not even read.
    assert [each.question for each in pairs] == ["old"]
