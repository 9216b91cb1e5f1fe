import copy
import pickle
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import strategies as st

from unichat import models
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
