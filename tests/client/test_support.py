"""What a backend's capabilities rule out, and what takes its place."""

from __future__ import annotations

import pytest

from unichat.adapter import Capabilities, ChatCall, ClearCall, FeedbackCall, HistoryCall
from unichat.client.support import replace_clearing, replace_feedback, replace_history, require_user
from unichat.errors import InvalidInput, Unsupported
from unichat.models import ClearOutcome, Comment, Rating, ThreadRef, User

NAMES = {"backend": "echo", "operation": "call"}
MAKE = {
    "chat": lambda **more: ChatCall(**NAMES, question="Hi?", **more),
    "feedback": lambda **more: FeedbackCall(**NAMES, answer_id="a1", rating=Rating.UP, **more),
    "history": lambda **more: HistoryCall(**NAMES, **more),
    "clear_history": lambda **more: ClearCall(**NAMES, **more),
}
OTHERS = ("chat", "history", "clear_history")
NOBODY = [{}, {"user": User(email="ann@x.org")}, {"thread": ThreadRef("echo", "t")}]
SOMEBODY = [{"user": User("ann")}, {"thread": ThreadRef("echo", "t", user="ann")}]


@pytest.mark.parametrize(
    ("capabilities", "needing"),
    [
        (Capabilities(), ()),
        (Capabilities(needs_user=True), ("feedback", *OTHERS)),
        (Capabilities(needs_user=True, feedback_needs_user=False), ("feedback", *OTHERS)),
        (Capabilities(feedback_needs_user=True), ("feedback",)),
    ],
    ids=["none", "all", "all_explicitly", "feedback"],
)
@pytest.mark.parametrize("name", MAKE)
def test_require_user_refuses_a_call_that_names_nobody_where_the_backend_needs_somebody(capabilities, needing, name):
    for named in SOMEBODY:
        require_user(capabilities, MAKE[name](**named))
    for named in NOBODY:
        if name not in needing:
            require_user(capabilities, MAKE[name](**named))
            continue
        with pytest.raises(InvalidInput) as caught:
            require_user(capabilities, MAKE[name](**named))
        assert (caught.value.backend, caught.value.operation, caught.value.argument) == ("echo", "call", "user")


REPLACE = {"feedback": replace_feedback, "history": replace_history, "clear_history": replace_clearing}


def finish(flow):
    """The result of a flow that sends nothing."""
    with pytest.raises(StopIteration) as ended:
        next(flow)
    return ended.value.value


@pytest.mark.parametrize("name", REPLACE)
def test_a_call_that_the_backend_has_is_not_replaced(name):
    assert REPLACE[name](Capabilities(**{name: True}), MAKE[name]()) is None


@pytest.mark.parametrize("name", REPLACE)
def test_a_call_that_the_backend_lacks_raises_unless_it_may_be_dropped(name):
    with pytest.raises(Unsupported) as caught:
        REPLACE[name](Capabilities(**{name: False}), MAKE[name]())
    assert caught.value.argument == name


def test_a_rating_that_is_dropped_gives_a_receipt_that_was_not_sent():
    call = MAKE["feedback"](on_unsupported="drop", comment=Comment("bad"))
    receipt = finish(replace_feedback(Capabilities(feedback=False), call))
    assert (receipt.answer_id, receipt.rating, receipt.comment, receipt.sent) == (
        "a1",
        Rating.UP,
        Comment("bad"),
        False,
    )


def test_a_history_that_is_dropped_is_empty():
    paged = finish(replace_history(Capabilities(history=False), MAKE["history"](on_unsupported="drop")))
    assert (paged.first.items, paged.first.next) == ((), None)


def test_a_clearing_that_is_dropped_leaves_the_conversation():
    call = MAKE["clear_history"](on_unsupported="drop", user=User("ann"))
    result = finish(replace_clearing(Capabilities(clear_history=False), call))
    assert (result.outcome, result.user) == (ClearOutcome.DETACHED, "ann")
