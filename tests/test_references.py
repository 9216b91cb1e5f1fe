"""The references of threads and of answers, and how the two are told apart."""

import copy
import inspect
import pickle
import re
import zlib
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from unichat import Answer, AnswerRef, Exchange, ThreadRef
from unichat.errors import InvalidInput
from unichat.references import looks_like_reference

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
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


def seal(text):
    """The text with the checksum that belongs to it."""
    return f"{text}~{zlib.crc32(text.encode()):08x}"


LIMIT = 16_384


@pytest.mark.parametrize("character", ["x", "%", "\U0001f600"])
def test_a_reference_may_be_as_long_as_is_read_and_no_longer(character):
    each = len(quote(character))
    rest = LIMIT - len(str(AnswerRef("kadal", "7"))) + 1
    longest = AnswerRef("kadal", character * (rest // each) + "y" * (rest % each))
    assert len(str(longest)) == LIMIT
    assert AnswerRef.parse(str(longest)) == longest
    with pytest.raises(InvalidInput, match="its text would be over 16,384 characters long") as caught:
        AnswerRef("kadal", f"{longest.id}y")
    assert caught.value.limit == LIMIT


def test_a_reference_of_a_backend_with_a_long_name_may_not_be_longer_either():
    with pytest.raises(InvalidInput, match="over 16,384 characters"):
        ThreadRef("k" * LIMIT, "t")


def test_a_text_that_is_too_long_is_not_read():
    with pytest.raises(InvalidInput, match="it is 16,385 characters long") as caught:
        AnswerRef.parse(seal(f"kadal:answer:1:{'x' * (LIMIT + 1 - 24)}"))
    assert caught.value.limit == LIMIT


@pytest.mark.parametrize(("kind", "mark"), [(ThreadRef, ""), (AnswerRef, "answer:")])
@pytest.mark.parametrize("pair", ["colour=x", "user", "user=a,user=b", "=x", "user=a,colour"])
def test_a_part_that_is_unknown_repeated_or_without_a_value_is_named(kind, mark, pair):
    with pytest.raises(InvalidInput, match="is not part of a reference") as caught:
        kind.parse(seal(f"kadal:{mark}1:7,{pair}"))
    assert f"'{pair.rpartition(',')[2]}' is not part" in caught.value.message


@pytest.mark.parametrize(
    ("kind", "made_by", "called", "hint"),
    [
        (ThreadRef, "str(thread)", "a thread reference", "Pass answer.thread or str(answer.thread)."),
        (AnswerRef, "str(answer.ref)", "an answer reference", "Pass answer.ref or str(answer.ref)."),
    ],
)
def test_the_refusal_of_a_text_names_what_was_expected_and_where_it_comes_from(kind, made_by, called, hint):
    with pytest.raises(InvalidInput) as caught:
        kind.parse("x7")
    assert caught.value.message == f"'x7' is not {called}: it is cut short, or was not made by {made_by}"
    assert caught.value.hint == hint


def test_a_reference_is_shown_with_everything_but_its_state():
    assert repr(ThreadRef("kadal", "t", position="7")) == (
        "ThreadRef(backend='kadal', id='t', user=None, scope=None, position='7', state=None)"
    )
    assert repr(ThreadRef("kadal", "t", state="a question")).endswith("state=***)")


def test_neither_position_nor_state_takes_part_in_comparison():
    thread = ThreadRef("kadal", "t", user="ada")
    assert thread == ThreadRef("kadal", "t", user="ada", position="7", state="a question")
    assert thread != ThreadRef("kadal", "t", user="bob")


@pytest.mark.parametrize("kind", [ThreadRef, AnswerRef])
def test_all_but_backend_and_id_is_given_by_name(kind):
    names = list(inspect.signature(kind).parameters.values())[2:]
    assert {each.kind for each in names} == {inspect.Parameter.KEYWORD_ONLY}


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


BACKEND = st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True)
THREADS = st.builds(ThreadRef, BACKEND, TEXT, user=TEXT | st.none(), scope=TEXT | st.none(), position=TEXT | st.none())


def refusal(text):
    with pytest.raises(InvalidInput) as caught:
        ThreadRef.parse(text)
    return caught.value


# Thread references


@given(THREADS)
def test_a_reference_survives_its_text_form(thread):
    text = str(thread)
    parsed = ThreadRef.parse(text)
    assert parsed == thread
    assert parsed.position == thread.position
    assert str(parsed) == text


@given(THREADS)
def test_the_text_form_survives_shells_urls_and_log_lines(thread):
    assert re.fullmatch(r"[A-Za-z0-9_.~:,=%-]+", str(thread))


@given(THREADS, st.data())
def test_every_altered_character_is_noticed(thread, data):
    text = str(thread)
    place = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters() | st.sampled_from("~:,=%0123456789abcdef"))
    assume(character != text[place])
    refusal(text[:place] + character + text[place + 1 :])


@given(THREADS)
@example(ThreadRef("echo", "t", user="=,:~%"))
def test_every_truncation_is_noticed(thread):
    text = str(thread)
    for length in range(len(text)):
        refusal(text[:length])


def test_a_truncation_is_noticed_even_where_the_id_ends_like_a_reference():
    inner = "echo:1:t"
    thread = ThreadRef("echo", f"t~{zlib.crc32(inner.encode()):08x}")
    assert ThreadRef.parse(str(thread)) == thread
    refusal(str(thread)[:-9])


@given(THREADS, st.data())
def test_a_character_too_many_is_noticed(thread, data):
    text = str(thread)
    place = data.draw(st.integers(0, len(text)))
    refusal(text[:place] + data.draw(st.characters()) + text[place:])


@given(st.text(st.characters()) | st.from_regex(r"[a-z]{1,5}:1:[!-~]{1,20}~[0-9a-f]{8}", fullmatch=True))
def test_nothing_but_invalid_input_comes_out_of_parsing(text):
    error = refusal(text)
    assert error.argument == "thread"
    assert error.maybe_delivered is False


@given(st.text(alphabet="abc:,=~%0123456789useridcopn", max_size=40))
def test_a_good_checksum_does_not_make_a_good_reference_of_anything(body):
    text = f"echo:1:{body}"
    try:
        parsed = ThreadRef.parse(f"{text}~{zlib.crc32(text.encode()):08x}")
    except InvalidInput:
        return
    assert ThreadRef.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("t,colour=red", "'colour=red' is not part"),
        ("t,user", "'user' is not part"),
        ("t,user=a,user=b", "'user=b' is not part"),
        ("t,user=", "its user must be text that is not empty"),
        (",user=a", "its id must be text that is not empty"),
    ],
)
def test_a_part_that_is_unknown_repeated_or_empty_is_named(body, words):
    text = f"echo:1:{body}"
    assert words in str(refusal(f"{text}~{zlib.crc32(text.encode()):08x}"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("t-1", "was not made by str"),
        (":1:t~00000000", "was not made by str"),
        ("echo:2:t~00000000", "its version is 2, and this unichat reads version 1"),
        ("echo:1:t~00000000", "its checksum does not match"),
        ("x" * 200_000, "it is 200,000 characters long"),
        (None, "it is not text"),
        (b"echo:1:t~00000000", "it is not text"),
        (5, "it is not text"),
    ],
)
def test_the_refusal_of_a_text_says_what_is_wrong_and_what_to_pass(text, words):
    error = refusal(text)
    assert words in error.message
    assert "answer.thread" in error.hint
    assert len(str(error)) < 400


def test_the_refusal_of_a_long_text_has_the_limit():
    assert refusal("x" * 16_385).limit == 16_384


@pytest.mark.parametrize("character", ["x", "é", "\U0001f600"])
def test_a_reference_that_can_be_made_can_be_parsed_however_long_it_is(character):
    for length in (5_000, 20_000):
        try:
            thread = ThreadRef("echo", character * length)
        except InvalidInput:
            continue
        assert ThreadRef.parse(str(thread)) == thread


@pytest.mark.parametrize("backend", ["", "Echo", "1echo", "e cho", "e:cho", "é", None, 5, "echo\n"])
def test_a_backend_that_is_not_the_name_of_an_adapter_is_refused(backend):
    with pytest.raises(InvalidInput, match="not a valid adapter name"):
        ThreadRef(backend, "t")


@pytest.mark.parametrize("name", ["id", "user", "scope", "position"])
@pytest.mark.parametrize("value", ["", 5, b"t", "\ud800", True])
def test_a_part_that_is_not_valid_text_is_refused_by_name(name, value):
    with pytest.raises(InvalidInput, match=f"its {name} ") as caught:
        ThreadRef(**{"backend": "echo", "id": "t", name: value})
    assert caught.value.argument == name


def test_the_id_cannot_be_left_out():
    with pytest.raises(InvalidInput, match="its id must be text"):
        ThreadRef("echo", None)


def test_references_are_equal_wherever_in_the_thread_they_point():
    assert ThreadRef("echo", "t", position="1") == ThreadRef("echo", "t", position="2")
    assert hash(ThreadRef("echo", "t", position="1")) == hash(ThreadRef("echo", "t", position="2"))
    assert ThreadRef("echo", "t", user="a") != ThreadRef("echo", "t", user="b")
    assert ThreadRef("echo", "t", scope="a") != ThreadRef("echo", "t", scope="b")
