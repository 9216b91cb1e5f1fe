import copy
import pickle
import re
import zlib
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from unichat import models
from unichat.errors import InvalidInput
from unichat.models import (
    Answer,
    ClearOutcome,
    ClearResult,
    Comment,
    Exchange,
    Feedback,
    FeedbackReceipt,
    Rating,
    Source,
    StreamEvent,
    ThreadRef,
    User,
)
from unichat.record import Attempt, CallRecord

TEXT = st.text(min_size=1, max_size=60)
BACKEND = st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True)
THREADS = st.builds(ThreadRef, BACKEND, TEXT, user=TEXT | st.none(), scope=TEXT | st.none(), position=TEXT | st.none())

RECORD = CallRecord(
    backend="echo",
    operation="chat",
    call_id="00c0ffee",
    status=200,
    envelope_status=200,
    request_id="r-1",
    vendor_message="busy",
    attempts=(Attempt(1, 0.0, 0.5, "HTTP 503", 1.5), Attempt(2, 2.0, 0.25, "ok")),
    elapsed=2.25,
    stopped_by="attempts",
)
THREAD = ThreadRef("echo", "t/1", user="ann", scope="bot", position="17")
SOURCE = Source("https://example.com", "Title", internal=True, raw={"a": [1]})
COMMENT = Comment("bad", incorrect=True, irrelevant=True, unaddressed=True)
MODELS = (
    SOURCE,
    User("ann", email="a@example.com", fingerprint_id="f", slack_id="s", discord_id="d", metadata={"k": [1]}),
    COMMENT,
    THREAD,
    Answer(
        text="Yes.",
        id="a1",
        thread=THREAD,
        sources=(SOURCE,),
        uncertain=True,
        maybe_duplicated=True,
        call=RECORD,
        raw={"x": [1]},
    ),
    Feedback(rating=Rating.DOWN, comment=COMMENT, created_at=datetime(2026, 1, 1, tzinfo=UTC), raw={"x": 1}),
    Exchange(
        question="Q",
        answer="A",
        id="a1",
        thread=THREAD,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        sources=(SOURCE,),
        feedback=(Feedback(rating=Rating.UP),),
        uncertain=False,
        cleared=True,
        raw={"x": 1},
    ),
    FeedbackReceipt(answer_id="a1", rating=Rating.UP, id="f1", comment=COMMENT, call=RECORD, raw={"x": 1}),
    ClearResult(outcome=ClearOutcome.CLEARED, user="ann", message="gone", call=RECORD, raw={"x": 1}),
    StreamEvent(type="text", text="Ye", sources=(SOURCE,), raw={"x": 1}),
    RECORD,
    RECORD.attempts[0],
)
COPIES = (copy.copy, copy.deepcopy, *(lambda it, n=n: pickle.loads(pickle.dumps(it, n)) for n in (2, 5)))


def refusal(text):
    with pytest.raises(InvalidInput) as caught:
        ThreadRef.parse(text)
    return caught.value


def all_fields(model):
    return {item.name: getattr(model, item.name) for item in attrs.fields(type(model))}


def test_every_model_is_tried_below():
    defined = {kind for kind in vars(models).values() if attrs.has(kind) and kind.__module__ == models.__name__}
    assert defined <= {type(model) for model in MODELS}


@pytest.mark.parametrize("keep", COPIES)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_model_copies_and_pickles_with_all_its_fields(model, keep):
    kept = keep(model)
    assert kept == model
    assert type(kept) is type(model)
    assert all_fields(kept) == all_fields(model)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_model_is_frozen_slotted_and_can_be_put_in_a_set(model):
    first = next(iter(all_fields(model)))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(model, first, None)
    with pytest.raises(AttributeError):
        model.brand_new = 1
    assert not hasattr(model, "__dict__")
    assert len({model, copy.copy(model)}) == 1


def test_the_vendors_json_does_not_take_part_in_comparison():
    assert Answer(text="a", raw={"x": 1}) == Answer(text="a", raw={"x": 2})
    assert "vendor" not in repr(Answer(text="a", raw={"vendor": 1}))


def test_the_ids_of_a_user_are_told_by_name_except_the_first():
    assert User("ann") == User(id="ann")
    with pytest.raises(TypeError):
        User("ann", "a@example.com")


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


# Users


def test_user_ids_are_those_that_are_set_in_the_order_of_the_attributes():
    everything = User("ann", email="a@example.com", fingerprint_id="f", slack_id="s", discord_id="d", metadata={"k": 1})
    assert list(everything.ids.items()) == [
        ("id", "ann"),
        ("email", "a@example.com"),
        ("fingerprint_id", "f"),
        ("slack_id", "s"),
        ("discord_id", "d"),
    ]
    assert User(slack_id="s", metadata={"k": 1}).ids == {"slack_id": "s"}
    assert User(metadata={"k": 1}).ids == {}
