"""The references of answers, and how they and those of threads are told apart; the latter are in test_models.py."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat import Answer, AnswerRef, Exchange, ThreadRef
from unichat.errors import InvalidInput
from unichat.references import looks_like_reference

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
REFERENCES = st.builds(
    AnswerRef,
    st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True),
    TEXT,
    thread=st.none() | TEXT,
    user=st.none() | TEXT,
    scope=st.none() | TEXT,
)
REF = AnswerRef("kadal", "7", thread="t", user="ada", scope="bot")


@given(REFERENCES)
def test_the_text_of_an_answers_reference_is_printable_and_reads_back(ref):
    text = str(ref)
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text
    assert AnswerRef.parse(text) == ref
    assert looks_like_reference(text)
    assert copy.copy(ref) == pickle.loads(pickle.dumps(ref)) == ref


@given(REFERENCES, st.data())
def test_a_text_that_was_cut_or_altered_is_rejected(ref, data):
    text = str(ref)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != text[place]))
    for damaged in (cut, text[:place] + other + text[place + 1 :]):
        with pytest.raises(InvalidInput):
            AnswerRef.parse(damaged)


@given(st.text())
def test_any_other_text_is_rejected_without_another_error(text):
    with pytest.raises(InvalidInput) as caught:
        AnswerRef.parse(text)
    assert caught.value.argument == "answer"


def test_the_references_of_threads_and_answers_are_told_apart():
    thread = ThreadRef("kadal", "t")
    with pytest.raises(InvalidInput, match="it is the reference of a thread"):
        AnswerRef.parse(str(thread))
    with pytest.raises(InvalidInput, match="it is the reference of an answer"):
        ThreadRef.parse(str(REF))


@pytest.mark.parametrize("text", ["7", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "64b7f0c2a1d3e4f5a6b7c8d9", "msg:7", ""])
def test_a_vendors_own_id_does_not_look_like_a_reference(text):
    assert not looks_like_reference(text)


@pytest.mark.parametrize(
    "parts", [{"id": ""}, {"id": 7}, {"backend": "No"}, {"thread": ""}, {"user": "\ud800"}, {"scope": "x" * 20_000}]
)
def test_a_part_that_could_not_be_read_back_is_rejected(parts):
    with pytest.raises(InvalidInput):
        AnswerRef(**{"backend": "kadal", "id": "7", **parts})


def test_the_reference_of_an_answer_names_its_thread_and_its_user():
    thread = ThreadRef("kadal", "t", user="ada", scope="bot", position="7")
    for each in (Answer(text="", id="7", thread=thread), Exchange(question="", answer="", id="7", thread=thread)):
        assert each.ref == REF
    assert str(REF.thread_ref) == str(thread)


def test_an_answer_without_an_id_or_a_thread_has_no_reference():
    assert Answer(text="", thread=ThreadRef("kadal", "t")).ref is None
    assert Answer(text="", id="7").ref is None
    assert Exchange(question="", answer="", id="7").ref is None
    assert AnswerRef("kadal", "7").thread_ref is None


def test_an_exchange_without_a_thread_may_know_what_it_belongs_to():
    exchange = Exchange(question="", answer="", id="7", belongs_to=("kadal", "bot"))
    assert exchange.ref == AnswerRef("kadal", "7", scope="bot")
    assert Exchange(question="", answer="", belongs_to=("kadal", "bot")).ref is None
