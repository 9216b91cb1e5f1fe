import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat._text.templates import Argument, Method, PythonOnly, Setting, Template, Term, python_words, render

TEMPLATE = Template(
    "Set ",
    Setting("threads", "'isolated'"),
    Template(", or pass ", Argument("user")),
    ", or start anew with ",
    Method("chat"),
    ".",
)


def test_a_template_is_the_text_for_python():
    assert TEMPLATE == "Set threads = 'isolated', or pass user=, or start anew with chat()."
    assert render(TEMPLATE, python_words) == TEMPLATE


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        (Argument("user"), "user="),
        (Argument("on_unsupported", "'drop'"), "on_unsupported='drop'"),
        (Method("chat"), "chat()"),
        (Setting("base_url"), "base_url"),
        (Setting("threads", "'isolated'"), "threads = 'isolated'"),
        (Term("answer.thread"), "answer.thread"),
        (PythonOnly("a User"), "a User"),
    ],
)
def test_python_has_words_for_each_reference(reference, text):
    assert python_words(reference) == text


def test_a_face_renders_references_in_its_own_words():
    assert render(TEMPLATE, lambda reference: f"<{reference.name}>") == (
        "Set <threads>, or pass <user>, or start anew with <chat>."
    )


def test_a_part_is_left_out_where_a_face_has_no_words_for_it():
    words = lambda reference: None if isinstance(reference, Argument) else "it"  # noqa: E731
    assert render(TEMPLATE, words) == "Set it, or start anew with it."
    assert render(Template("Pass ", Argument("user"), "."), words) == ""


@given(st.text(), st.text())
def test_text_is_never_searched_for_references(before, after):
    template = Template(before, Method("chat"), after)
    assert template == f"{before}chat(){after}"
    assert render(template, lambda reference: "`ask`") == f"{before}`ask`{after}"
    assert render(before, lambda reference: "`ask`") == before


@pytest.mark.parametrize(
    "keep", [copy.copy, copy.deepcopy, *(lambda it, n=n: pickle.loads(pickle.dumps(it, n)) for n in (0, 2, 5))]
)
def test_a_template_copies_and_pickles_with_its_references(keep):
    kept = keep(TEMPLATE)
    assert (kept, kept.parts) == (TEMPLATE, TEMPLATE.parts)


def test_stripping_the_end_of_a_template_keeps_its_references():
    stripped = Template("Pass ", Argument("user"), Template(" or not", ".")).rstrip(".")
    assert stripped == "Pass user= or not"
    assert render(stripped, lambda reference: "--user") == "Pass --user or not"
    assert Template().rstrip(".") == ""
    assert Template(Method("chat")).rstrip(")") == "chat()"
