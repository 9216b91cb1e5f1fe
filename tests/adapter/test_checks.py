"""The checks that adapters share: unsupported arguments, users, scopes, and whose conversation it is."""

from __future__ import annotations

import logging

import pytest
from attrs import evolve, fields

from unichat.adapter import (
    ChatCall,
    ClearCall,
    FeedbackCall,
    HistoryCall,
    check_scope,
    drop_comment_flags,
    drop_unsupported,
    require_owner,
    require_thread,
    require_user_id,
    resolve_owner,
    resolve_user_id,
)
from unichat.errors import InvalidInput, ThreadMismatch, Unsupported
from unichat.models import Comment, Rating, ThreadRef, User

CALLS = (
    ChatCall(backend="acme", operation="continue_thread", question="Hello"),
    FeedbackCall(backend="acme", operation="feedback", answer_id="7", rating=Rating.UP),
    HistoryCall(backend="acme", operation="history"),
    ClearCall(backend="acme", operation="clear_history"),
)
THREAD = ThreadRef("acme", "t-1", user="ada", scope="support")
# Every one that there is, so that none is ever lost in silence.
DETAILS = [{each.name: {"company_name": "ACME"}} for each in fields(User) if each.name != "id"]
FLAGS = [each.name for each in fields(Comment) if each.name != "text"]

every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.operation)


def test_drop_unsupported_without_the_arguments_returns_an_equal_call():
    assert drop_unsupported(CALLS[0], "user", "metadata", reason="no field") == CALLS[0]


def test_drop_unsupported_with_an_argument_raises_by_default_with_its_name_and_alternative():
    call = evolve(CALLS[1], comment=Comment("Good"))
    with pytest.raises(Unsupported, match="comment: Acme takes verdicts only") as caught:
        drop_unsupported(call, "user", "comment", reason="Acme takes verdicts only", alternative="Say it elsewhere.")
    assert (caught.value.argument, caught.value.backend, caught.value.operation) == ("comment", "acme", "feedback")
    assert caught.value.alternative == "Say it elsewhere."


def test_drop_unsupported_where_the_caller_drops_returns_the_call_without_all_of_them(caplog):
    call = evolve(CALLS[0], user=User("ada"), metadata={"page": "x"}, thread=THREAD, on_unsupported="drop")
    with caplog.at_level(logging.WARNING, "unichat"):
        kept = drop_unsupported(call, "user", "metadata", reason="no field")
    assert kept == evolve(call, user=None, metadata=None)
    assert [record.getMessage() for record in caplog.records] == [
        "acme continue_thread: dropped user: no field",
        "acme continue_thread: dropped metadata: no field",
    ]


@every_call
def test_resolve_user_id_returns_the_id_or_none(call):
    assert resolve_user_id(call) is None
    assert resolve_user_id(evolve(call, user=User("ada"))) == "ada"


@every_call
@pytest.mark.parametrize("details", DETAILS, ids=lambda details: next(iter(details)))
@pytest.mark.parametrize("resolve", [resolve_user_id, lambda call: require_user_id(call, "why", "")])
def test_a_user_with_details_is_unsupported_or_reduced_to_its_id(call, details, resolve):
    call = evolve(call, user=User("ada", **details))
    with pytest.raises(Unsupported, match="acme takes only an id here") as caught:
        resolve(call)
    assert caught.value.argument == f"user.{next(iter(details))}"
    assert resolve(evolve(call, on_unsupported="drop")) == "ada"


@every_call
@pytest.mark.parametrize("user", [None, User(email="ada@example.com")], ids=["no user", "no id"])
def test_require_user_id_without_an_id_is_invalid_and_says_why_and_what_to_pass(call, user):
    with pytest.raises(InvalidInput, match="no user was given, and ratings are kept per user") as caught:
        require_user_id(evolve(call, user=user), "ratings are kept per user", ", an id that stays the same")
    assert str(caught.value).endswith("Pass user=, an id that stays the same.")
    assert (caught.value.argument, caught.value.backend, caught.value.operation) == ("user", "acme", call.operation)


@every_call
@pytest.mark.parametrize("thread", [None, ThreadRef("acme", "t-1"), THREAD], ids=["none", "unscoped", "ours"])
def test_check_scope_accepts_no_thread_an_unscoped_one_and_this_clients(call, thread):
    check_scope(evolve(call, thread=thread), "support", kind="bot", setting="bot")


@every_call
def test_check_scope_rejects_a_thread_of_another_scope_and_names_both(call):
    subject = "answer" if isinstance(call, FeedbackCall) else "thread"
    with pytest.raises(ThreadMismatch, match=f"the {subject} belongs to the bot 'support'") as caught:
        check_scope(evolve(call, thread=THREAD), "sales", kind="bot", setting="bot")
    assert (caught.value.expected, caught.value.found) == ("sales", "support")
    advice = "." if isinstance(call, FeedbackCall) else ", or start a new thread with chat()."
    assert str(caught.value).endswith(f"Use a client with bot = 'support'{advice}")


def test_check_scope_rejects_an_answer_of_another_scope_without_a_thread():
    call = evolve(CALLS[1], answer_scope="support")
    check_scope(call, "support", kind="bot", setting="bot")
    with pytest.raises(ThreadMismatch, match="the answer belongs to the bot 'support'"):
        check_scope(call, "sales", kind="bot", setting="bot")


@every_call
def test_resolve_owner_without_a_thread_is_the_calls_user(call):
    assert resolve_owner(call) is None
    assert resolve_owner(evolve(call, user=User("grace"))) == "grace"


@every_call
@pytest.mark.parametrize("user", [None, User("ada")], ids=["none", "the same"])
def test_resolve_owner_with_a_thread_is_the_threads_user(call, user):
    assert resolve_owner(evolve(call, thread=THREAD, user=user)) == "ada"


@every_call
@pytest.mark.parametrize(("owner", "shown"), [("ada", "'ada'"), (None, "no named user")])
def test_resolve_owner_rejects_another_user_than_the_threads(call, owner, shown):
    call = evolve(call, thread=evolve(THREAD, user=owner), user=User("grace"))
    with pytest.raises(ThreadMismatch, match=f"the thread belongs to {shown}, not to 'grace'") as caught:
        resolve_owner(call)
    assert (caught.value.expected, caught.value.found) == (owner, "grace")


def test_require_owner_is_the_threads_user_or_the_calls():
    assert require_owner(evolve(CALLS[0], thread=THREAD)) == "ada"
    assert require_owner(evolve(CALLS[0], user=User("grace"))) == "grace"


@every_call
def test_require_owner_without_a_user_raises_with_the_argument(call):
    with pytest.raises(InvalidInput, match="acme needs one") as caught:
        require_owner(evolve(call, thread=ThreadRef("acme", "t-1"), on_unsupported="drop"))
    assert (caught.value.argument, caught.value.operation) == ("user", call.operation)


def test_require_thread_without_one_raises_even_where_the_caller_drops():
    assert require_thread(evolve(CALLS[3], thread=THREAD)) == THREAD
    with pytest.raises(InvalidInput, match="one thread at a time") as caught:
        require_thread(evolve(CALLS[3], user=User("ada"), on_unsupported="drop"))
    assert caught.value.argument == "thread"


@pytest.mark.parametrize("flag", FLAGS)
def test_drop_comment_flags_raises_or_keeps_the_text(flag):
    call = evolve(CALLS[1], comment=Comment("No.", **{flag: True}))
    with pytest.raises(Unsupported) as caught:
        drop_comment_flags(call, "Acme takes text")
    assert caught.value.argument == f"comment.{flag}"
    assert drop_comment_flags(evolve(call, on_unsupported="drop"), "Acme takes text").comment == Comment("No.")
    only_flags = evolve(call, comment=Comment(**{flag: True}), on_unsupported="drop")
    assert drop_comment_flags(only_flags, "Acme takes text").comment is None


def test_drop_comment_flags_without_a_comment_returns_the_call():
    assert drop_comment_flags(CALLS[1], "Acme takes text") is CALLS[1]
