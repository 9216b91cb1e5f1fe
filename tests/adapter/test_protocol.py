"""What an adapter states and is given: capabilities, calls, credentials."""

from __future__ import annotations

import logging

import pytest
from attrs import asdict

from unichat import Rating
from unichat.adapter import (
    Adapter,
    Backend,
    Capabilities,
    ChatCall,
    ClearCall,
    ConversationCall,
    Credential,
    FeedbackCall,
    HistoryCall,
    NeutralCall,
    Secret,
)
from unichat.errors import Unsupported

ASKED = ChatCall(backend="acme", operation="chat", question="Hello")


def test_capabilities_that_an_adapter_does_not_state_claim_nothing_and_take_no_call_away():
    can = asdict(Capabilities(), recurse=False)
    assert {name for name, value in can.items() if value is True} == {"feedback", "history"}
    assert (can["question_limit"], can["options"]) == (None, {})


@pytest.mark.parametrize("needs_user", [False, True])
def test_feedback_needs_a_user_where_every_call_does_unless_the_adapter_says_otherwise(needs_user):
    assert Capabilities(needs_user=needs_user).feedback_needs_user is needs_user
    assert Capabilities(needs_user=needs_user, feedback_needs_user=True).feedback_needs_user is True


def test_capabilities_are_hashable_whatever_their_options():
    assert hash(Capabilities(options={"chat": ("mood",)})) == hash(Capabilities())


@pytest.mark.parametrize(
    "kind",
    [Backend, Capabilities, ChatCall, ClearCall, ConversationCall, FeedbackCall, HistoryCall, NeutralCall],
)
def test_what_may_get_further_fields_takes_them_by_name_only(kind):
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        kind("acme")


def test_a_call_asks_for_nothing_that_its_caller_left_out():
    history = HistoryCall(backend="acme", operation="history")
    assert (ASKED.on_unsupported, ASKED.reconcile, history.newest_first) == ("raise", False, False)


@pytest.mark.parametrize(
    ("argument", "problem"),
    [("metadata", "metadata: there is no field for it"), ("chat", "there is no field for it")],
    ids=["an argument", "the call itself"],
)
def test_reject_or_drop_raises_with_the_argument_and_what_else_would_do(argument, problem):
    with pytest.raises(Unsupported) as caught:
        ASKED.reject_or_drop(argument, "there is no field for it", "Say it in the question.")
    assert caught.value.message == problem
    assert caught.value.hint == "Say it in the question. Or pass on_unsupported='drop' to continue without it."
    assert caught.value.argument == argument


def test_reject_or_drop_logs_what_it_drops_if_the_caller_chose_that(caplog):
    call = ChatCall(backend="acme", operation="chat", question="Hello", on_unsupported="drop")
    with caplog.at_level(logging.WARNING, "unichat"):
        call.reject_or_drop("metadata", "there is no field for it", "Say it in the question.")
    assert caplog.messages == ["acme chat: dropped metadata: there is no field for it"]


@pytest.mark.parametrize(("raw", "kept"), [(None, {}), ({}, {}), ({"id": 1}, {"id": 1}), ([1], [1])], ids=repr)
def test_a_receipt_has_what_was_rated_and_the_vendors_json(raw, kept):
    call = FeedbackCall(backend="acme", operation="feedback", answer_id=7, rating=Rating.DOWN)
    receipt = call.receipt(id="r", raw=raw)
    assert (receipt.id, receipt.answer_id, receipt.rating, receipt.raw) == ("r", "7", Rating.DOWN, kept)


@pytest.mark.parametrize("header", ["", "X Key", "Host", "X-Key:", "Content-Type"])
def test_a_credential_in_a_header_that_cannot_carry_it_is_an_error(header):
    with pytest.raises(ValueError, match="header"):
        Credential(header, "", Secret("sesame", name="key"))


class EmptyAdapter(Adapter):
    """An adapter that leaves out all that its capabilities rule out."""


@pytest.mark.parametrize("call", ["stream", "feedback", "history", "clear_history"])
def test_a_call_that_an_adapter_leaves_out_is_not_implemented_and_names_itself(call):
    with pytest.raises(NotImplementedError, match=f"no method {call}, and the capabilities do not say so"):
        getattr(EmptyAdapter(), call)(NeutralCall(backend="acme", operation=call))


def test_an_adapter_without_probes_and_scope_has_none():
    assert (EmptyAdapter().probes(), EmptyAdapter().scope) == ((), None)
