"""The neutral calls do the same on all vendors, and where they cannot, the capabilities say so truly."""

import json

import attrs
import pytest

from tests.vendors import VENDORS
from unichat import Answer, Exchange, Rating, ThreadRef, User, errors
from unichat.adapter import Capabilities
from unichat.config import resolve
from unichat.models import ClearOutcome

from .conftest import KNOWN, UNKNOWN
from .doubles import where


def test_a_question_is_answered_with_a_thread_to_continue(client, vendor, user):
    answer = client.chat(KNOWN, user=user)
    assert "attempts" in answer.text
    assert answer.id
    assert answer.thread.backend == vendor
    assert answer.call.status == 200
    assert [attempt.outcome for attempt in answer.call.attempts] == ["ok"]
    assert answer.maybe_duplicated is False
    assert json.dumps(answer.text) in json.dumps(answer.raw)


def test_a_thread_is_continued_from_its_text_form(client, user):
    first = client.chat(KNOWN, user=user)
    stored = str(first.thread)
    second = client.continue_thread(stored, "And the backoff?")
    assert second.thread == first.thread == ThreadRef.parse(stored)
    assert second.id != first.id


def test_a_follow_up_is_understood_from_what_was_asked_before(client, user):
    first = client.chat("What does the warranty cover?", user=user)
    follow_up = client.continue_thread(first, "How long does it last?")
    alone = client.chat("How long does it last?", user=f"{user}-alone")
    assert "two years" in follow_up.text
    assert follow_up.text != alone.text or "two years" in alone.text


def test_a_stream_yields_parts_that_make_up_the_answer(client, user):
    with client.stream(KNOWN, user=user) as stream:
        pieces = [event.text for event in stream]
        answer = stream.answer
    assert "".join(pieces) == answer.text
    assert "attempts" in answer.text
    assert answer.id
    assert client.continue_thread(answer, "And the backoff?").thread == answer.thread


def test_a_stream_continues_a_thread(client, user):
    first = client.chat(KNOWN, user=user)
    with client.stream("And the backoff?", thread=str(first.thread)) as stream:
        assert stream.answer.thread == first.thread


@where("history")
def test_past_questions_are_in_the_history_oldest_first(client, user):
    asked = [client.chat(KNOWN, user=user)]
    asked += [client.continue_thread(asked[0], question) for question in ("Descaling?", UNKNOWN)]
    found = list(client.history(asked[0].thread))
    assert [(each.question, each.answer, each.id) for each in found] == [
        (question, answer.text, answer.id)
        for question, answer in zip((KNOWN, "Descaling?", UNKNOWN), asked, strict=True)
    ]
    assert all(isinstance(each, Exchange) and each.raw for each in found)
    newest = list(client.history(asked[0].thread, newest_first=True, limit=2))
    assert [each.id for each in newest] == [asked[2].id, asked[1].id]


@where("history")
def test_a_users_history_has_only_that_users_questions_whatever_the_page_size(client, user):
    mine = [client.chat(KNOWN, user=user) for _ in range(5)]
    client.chat(KNOWN, user=f"{user}-other")
    for page_size in (1, 2, 5, None):
        assert [each.id for each in client.history(user=user, page_size=page_size)] == [answer.id for answer in mine]


@where("history")
def test_the_history_of_a_new_user_is_empty(client, user):
    assert list(client.history(user=user)) == []


@pytest.mark.parametrize("rating", [Rating.UP, Rating.DOWN])
@where("feedback")
def test_an_answer_and_an_exchange_of_the_history_are_rated(client, vendor, user, rating):
    answer = client.chat(KNOWN, user=user)
    receipt = client.feedback(answer, rating, user=user)
    assert (receipt.answer_id, receipt.rating, receipt.sent) == (answer.id, rating, True)
    assert bool(receipt.id) is VENDORS[vendor].keeps_ratings
    (exchange,) = client.history(answer.thread)
    assert client.feedback(exchange, rating, user=user).answer_id == answer.id


@where("feedback")
def test_a_downvote_accepts_a_comment(client, vendor, user, box):
    answer = client.chat(KNOWN, user=user)
    receipt = client.feedback(answer, "down", user=user, comment="Not what I asked.")
    assert receipt.comment.text == "Not what I asked."
    assert b"Not what I asked." in box.simulator(vendor).requests[-1].body
    assert ("Not what I asked." in str(receipt.raw)) is VENDORS[vendor].keeps_ratings


@where("feedback")
def test_an_answer_that_does_not_exist_cannot_be_rated(client, vendor, user):
    with pytest.raises(errors.NotFound) as caught:
        client.feedback(VENDORS[vendor].unknown_answer, Rating.UP, user=user)
    assert caught.value.what == "answer"


def test_clearing_clears_or_says_that_it_cannot(client, user):
    answer, other = client.chat(KNOWN, user=user), client.chat(KNOWN, user=f"{user}-other")
    if client.capabilities.clear_history:
        result = client.clear_history(answer.thread)
        assert (result.outcome, result.user) == (ClearOutcome.CLEARED, user)
    else:
        with pytest.raises(errors.Unsupported):
            client.clear_history(answer.thread)
        assert client.clear_history(answer.thread, on_unsupported="drop").outcome is ClearOutcome.DETACHED
    if client.capabilities.history:
        assert len(list(client.history(user=user))) == (0 if client.capabilities.clear_history else 1)
        assert len(list(client.history(user=f"{user}-other"))) == 1
    assert client.continue_thread(other, KNOWN).thread == other.thread


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_wrong_key_is_an_authentication_error_that_does_not_show_it(connect, vendor, user):
    client = connect(vendor, **{VENDORS[vendor].key: "wrong-key"})
    with pytest.raises(errors.AuthenticationError) as caught:
        client.chat(KNOWN, user=user)
    assert caught.value.status in (401, 403)
    assert caught.value.hint
    assert "wrong-key" not in str(caught.value)


def test_the_probes_of_a_good_client_all_succeed(client):
    for probe in client.probes():
        assert client.run(probe).raw


# Capabilities: for each, what shows that it is true or not of these settings.

VARIANTS = {
    f"{name}, {label}" if label else name: (name, settings)
    for name, vendor in VENDORS.items()
    for label, settings in {"": {}, **vendor.variants}.items()
}
SUPPORTED = pytest.mark.parametrize(("backend", "settings"), VARIANTS.values(), ids=VARIANTS)


def works(call):
    """Whether the call is carried out; False where it is refused as unsupported."""
    try:
        call()
    except errors.Unsupported:
        return False
    return True


def streaming(client, user):
    with client.stream(KNOWN, user=user) as stream:
        return len(list(stream)) > 1


def clear_history(client, user):
    answer = client.chat(KNOWN, user=user)
    return works(lambda: client.clear_history(answer))


def parallel_threads(client, user):
    first, second = client.chat(KNOWN, user=user), client.chat(KNOWN, user=user)
    try:
        client.continue_thread(first, KNOWN)
        client.continue_thread(second, KNOWN)
    except errors.StaleThread:
        return False
    return True


def history_by_thread(client, user):
    first, second = client.chat(KNOWN, user=user), client.chat(UNKNOWN, user=user)
    try:
        found = [[each.id for each in client.history(answer)] for answer in (first, second)]
    except errors.Unsupported:
        return False
    return found == [[first.id], [second.id]]


def history_by_user(client, user):
    asked = [client.chat(question, user=user).id for question in (KNOWN, UNKNOWN)]
    client.chat(KNOWN, user=f"{user}-other")
    try:
        return [each.id for each in client.history(user=user)] == asked
    except errors.Unsupported:
        return False


def sources(client, user):
    return bool(client.chat(KNOWN, user=user).sources)


def uncertainty(client, user):
    doubts = [client.chat(question, user=user).uncertain for question in (KNOWN, UNKNOWN)]
    assert doubts in ([False, True], [None, None])
    return doubts == [False, True]


def timestamps(client, user):
    answer = client.chat(KNOWN, user=user)
    if not works(lambda: past(client, answer)):
        return False
    exchange = past(client, answer)
    return exchange.created_at is not None and exchange.created_at.tzinfo is not None


def metadata(client, user):
    return works(lambda: client.chat(KNOWN, user=user, metadata={"page": "https://example.com"}))


def user_details(client, user):
    return works(lambda: client.chat(KNOWN, user=User(user, email="anna@example.com")))


def feedback(client, user):
    return works(lambda: client.feedback(client.chat(KNOWN, user=user), Rating.UP, user=user))


def history(client, user):
    answer = client.chat(KNOWN, user=user)
    return works(lambda: past(client, answer))


def past(client, answer):
    """The answer as the history has it, whichever way it can be read."""
    try:
        found = list(client.history(answer))
    except errors.Unsupported:
        found = list(client.history(newest_first=True, limit=50))
    (exchange,) = [each for each in found if each.id == answer.id]
    return exchange


def needs_user(client, user):
    try:
        client.chat(KNOWN)
    except errors.InvalidInput as error:
        return error.argument == "user"
    return False


def feedback_needs_user(client, user):
    answer = client.chat(KNOWN, user=user)
    try:
        client.feedback(Answer(text=answer.text, id=answer.id), Rating.UP)
    except errors.InvalidInput as error:
        return error.argument == "user"
    except errors.Unsupported:
        pass
    return False


def feedback_comment_on_up(client, user):
    answer = client.chat(KNOWN, user=user)
    return works(lambda: client.feedback(answer, Rating.UP, user=user, comment="Great."))


def question_limit(client, user):
    limit = client.capabilities.question_limit
    client.chat("x" * (limit or 6000), user=user)
    try:
        client.chat("x" * 6001, user=user)
    except errors.InvalidInput as error:
        return error.limit
    return None


OPTIONS = {
    "integration_id": None,
    "rating_id": 2,
    "missing_ok": True,
    "text": "retries",
    "created_by": "1",
}


def options(client, user):
    """The options of each call that are carried out, of all that any backend has."""
    answer = client.chat(KNOWN, user=user)
    calls = {
        "chat": lambda **given: client.chat(KNOWN, user=user, **given),
        "feedback": lambda **given: client.feedback(answer, Rating.DOWN, user=user, **given),
        "clear_history": lambda **given: client.clear_history(answer, **given),
        "history": lambda **given: list(client.history(**given)),
    }
    known = {name: value for name, value in OPTIONS.items() if name != "integration_id"}
    known["integration_id"] = "00000000-0000-4000-8000-000000000000"
    return {
        call: {name for name, value in known.items() if works(lambda: function(**{name: value}))}  # noqa: B023
        for call, function in calls.items()
    }


SHOWN_BY = {
    function.__name__: function
    for function in (
        streaming,
        feedback,
        history,
        clear_history,
        parallel_threads,
        history_by_thread,
        history_by_user,
        sources,
        uncertainty,
        timestamps,
        metadata,
        user_details,
        needs_user,
        feedback_needs_user,
        feedback_comment_on_up,
        question_limit,
        options,
    )
}


def test_every_capability_is_shown_by_something():
    assert set(SHOWN_BY) == {each.name for each in attrs.fields(Capabilities)}


@SUPPORTED
@pytest.mark.parametrize("name", [name for name in SHOWN_BY if name != "options"])
def test_a_capability_is_true_of_what_the_client_does(backend, settings, name, connect, user):
    client = connect(backend, **settings)
    assert SHOWN_BY[name](client, user) == getattr(client.capabilities, name)


@SUPPORTED
def test_the_options_of_each_call_are_those_that_it_takes(backend, settings, connect, user):
    client = connect(backend, **settings)
    found = {call: names for call, names in options(client, user).items() if names}
    assert found == {call: set(names) for call, names in client.capabilities.options.items() if names}


def test_capabilities_are_known_before_anything_is_sent(connect, box):
    for backend, settings in VARIANTS.values():
        before = len(box.simulator(backend).requests)
        assert (
            connect(backend, **settings).capabilities
            == VENDORS[backend]
            .backend.build(resolve(backend, settings={**box.settings(backend), **settings}, environ={}).settings)
            .capabilities
        )
        assert len(box.simulator(backend).requests) == before
