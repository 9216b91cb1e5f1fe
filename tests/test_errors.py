import copy
import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat import errors
from unichat._text.printable import escape_controls
from unichat.errors import (
    AccessDenied,
    AdapterError,
    AuthenticationError,
    CircuitOpen,
    ConfigError,
    ConnectionFailed,
    ConversationBusy,
    DeadlineExceeded,
    InsufficientTokens,
    InvalidInput,
    InvalidResponse,
    NoConfig,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestRejected,
    ServerError,
    StaleThread,
    StoreError,
    StreamInterrupted,
    ThreadMismatch,
    UnichatError,
    Unsupported,
)
from unichat.models import Source, ThreadRef
from unichat.record import Attempt, CallRecord

CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, UnichatError)]
RECORD = CallRecord(
    backend="echo",
    operation="chat",
    call_id="0",
    elapsed=2.04,
    attempts=(Attempt(1, 0, 1, "ok"), Attempt(2, 1, 1, "ok")),
)
# A value for each field, so that a field that is forgotten on the way shows.
GIVEN = {
    "message": "it broke\n",
    "hint": "Fix it.",
    "backend": "echo",
    "operation": "chat",
    "status": 503,
    "retry_after": 7.5,
    "retryable": None,
    "maybe_delivered": True,
    "call": RECORD,
    "path": "/etc/unichat.toml",
    "key": "token",
    "accepted": ("a", "b"),
    "nearest": "a",
    "problems": ("one", "two"),
    "argument": "question",
    "value": "'x'",
    "limit": 5,
    "source": "vendor",
    "alternative": "chat",
    "expected": "echo",
    "found": "kapa",
    "thread": ThreadRef("echo", "t", position="3"),
    "newer": ThreadRef("echo", "u"),
    "what": "thread",
    "kind": "reset",
    "deadline": 30.0,
    "pointer": "/rows/0",
    "excerpt": "<html>",
    "text": "so far",
    "sources": (Source("https://x.org", raw={"a": 1}),),
    "answer_id": "a1",
    "events": 3,
    "phase": "waiting",
    "reopens_in": 12.5,
    "conversation": "c",
    "store": "memory:",
}


def fill(kind):
    return kind(**{item.name: GIVEN[item.name] for item in attrs.fields(kind)})


@pytest.mark.parametrize(
    "keep", [copy.copy, copy.deepcopy, *(lambda it, n=n: pickle.loads(pickle.dumps(it, n)) for n in (0, 2, 5))]
)
@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_copies_and_pickles_with_all_its_fields(kind, keep):
    error = fill(kind)
    kept = keep(error)
    assert type(kept) is kind
    assert kept is not error
    for item in attrs.fields(kind):
        assert getattr(kept, item.name) == GIVEN[item.name], item.name
    assert str(kept) == str(error)
    assert kept.attempts == RECORD.attempts


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_is_caught_by_the_one_class_and_holds_no_request(kind):
    error = kind("it broke")
    assert isinstance(error, UnichatError)
    assert not hasattr(error, "request")
    assert not hasattr(error, "response")
    assert error.attempts == ()
    assert repr(error) == f"{kind.__name__}('it broke')"
    assert {error: 1}[error] == 1


def test_the_tree_stands_as_documented():
    parents = {kind: kind.__bases__[0] for kind in CLASSES}
    del parents[UnichatError]
    assert parents == {
        **dict.fromkeys(
            (
                ConfigError,
                InvalidInput,
                Unsupported,
                ThreadMismatch,
                ConversationBusy,
                StoreError,
                AccessDenied,
                NotFound,
                RequestRejected,
                RateLimited,
                ServerError,
                ConnectionFailed,
                DeadlineExceeded,
                InvalidResponse,
                AdapterError,
                StreamInterrupted,
            ),
            UnichatError,
        ),
        NoConfig: ConfigError,
        StaleThread: ThreadMismatch,
        AuthenticationError: AccessDenied,
        PermissionDenied: AccessDenied,
        InsufficientTokens: ServerError,
        CircuitOpen: ConnectionFailed,
    }


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_says_by_itself_whether_trying_again_may_help(kind):
    helps = {
        ConversationBusy, RateLimited, ServerError, InsufficientTokens, ConnectionFailed, CircuitOpen, DeadlineExceeded
    }  # fmt: skip
    assert kind("x").retryable is (kind in helps)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_says_by_itself_whether_the_vendor_may_have_acted(kind):
    unknown = {UnichatError, ServerError, ConnectionFailed, DeadlineExceeded, InvalidResponse}
    expected = None if kind in unknown else kind is StreamInterrupted
    assert kind("x").maybe_delivered is expected


@given(*[st.text(st.characters())] * 4)
def test_an_error_shows_as_one_printable_line(message, hint, backend, operation):
    error = UnichatError(message, hint=hint, backend=backend, operation=operation, call=RECORD)
    assert escape_controls(str(error)) == str(error)
    assert escape_controls(repr(error)) == repr(error)


def test_the_line_says_where_what_how_often_and_what_to_do():
    error = ServerError("HTTP 503", hint="Try again later.", backend="echo", operation="chat", call=RECORD)
    assert str(error) == "echo chat: HTTP 503 (2 attempts in 2.0 s). Try again later."
    assert str(ServerError("HTTP 503.", hint="Later.", backend="echo")) == "echo: HTTP 503. Later."
    assert str(ServerError("HTTP 503")) == "HTTP 503"


def test_one_attempt_is_not_worth_a_word():
    once = CallRecord(backend="echo", operation="chat", call_id="0", attempts=RECORD.attempts[:1])
    assert str(ServerError("HTTP 503", call=once)) == "HTTP 503"


def test_a_vendors_words_cannot_forge_a_log_line():
    error = NotFound("gone\nERROR all is lost\x1b[2J\u202e")
    assert str(error) == "gone\\nERROR all is lost\\x1b[2J\\u202e"


def test_fields_other_than_the_message_are_told_by_name():
    with pytest.raises(TypeError):
        UnichatError("message", "hint")


def test_a_raised_error_can_be_pickled_with_its_traceback_behind_it():
    with pytest.raises(InvalidInput) as caught:
        raise InvalidInput("no", argument="question")
    assert pickle.loads(pickle.dumps(caught.value)).argument == "question"


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize("kind", CLASSES)
def test_notes_and_attributes_of_the_callers_own_survive(way, kind):
    error = kind("broken")
    error.add_note("while asking about kettles")
    error.customer = {"id": 7}
    again = way(error)
    assert again.__notes__ == ["while asking about kettles"]
    assert again.customer == {"id": 7}
    assert str(again) == str(error)
    again.add_note("and again")
    assert error.__notes__ == ["while asking about kettles"]
    again = way(again)
    assert again.__notes__ == ["while asking about kettles", "and again"]


def test_an_error_without_any_has_none_in_its_copy():
    assert vars(copy.copy(errors.NotFound("x"))).keys() == vars(errors.NotFound("x")).keys()
