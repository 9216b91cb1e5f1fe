"""A fallback: which member is asked after which failure, within which time, and what the answer or error says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routing.conftest import Vendors, list_questions
from unichat.errors import (
    AccessDenied,
    CircuitOpen,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    ServerError,
    StreamInterrupted,
    UnichatError,
    Unsupported,
)
from unichat.routing.asking import share_deadline
from unichat.transport.base import Deadline

UNAVAILABLE = [
    "500", "502", "503", "504", "507", "429", "dns", "refused", "connect_timeout", "tls", "certificate", "silence",
    "reset_after_send", "close_after_send", "not_http", "html", "half_json", "empty", "cut_body", "redirect",
]  # fmt: skip
NOT_FALLEN_BACK = {"400": InvalidInput, "422": InvalidInput, "401": AccessDenied, "403": AccessDenied, "404": NotFound}


def test_chat_is_answered_by_the_first_member_where_that_can(vendors: Vendors) -> None:
    client = vendors.fallback()
    vendors.kapa.answers("from Kapa")
    answer = client.chat("Hello?")
    assert (answer.text, answer.profile) == ("from Kapa", "kapa")
    assert [(attempt.number, attempt.outcome, attempt.profile) for attempt in answer.call.attempts] == [
        (1, "ok", "kapa")
    ]
    assert list_questions(vendors.kadal) == []


@pytest.mark.parametrize("fault", UNAVAILABLE)
def test_chat_after_a_member_that_is_unavailable_is_answered_by_the_next(vendors: Vendors, fault: str) -> None:
    client = vendors.fallback(deadline=10)
    vendors.kapa.fails(fault)
    vendors.kadal.answers("from Kadal")
    answer = client.chat("Hello?", user="ada")
    assert (answer.text, answer.profile, answer.maybe_duplicated) == ("from Kadal", "kadal", False)
    attempts = answer.call.attempts
    assert [attempt.profile for attempt in attempts] == ["kapa", "kadal"]
    assert [attempt.number for attempt in attempts] == [1, 2]
    assert attempts[0].outcome != "ok"
    assert attempts[0].started <= attempts[1].started
    assert (list_questions(vendors.kapa), list_questions(vendors.kadal)) == (["Hello?"], ["Hello?"])


@pytest.mark.parametrize("fault", [fault for fault in UNAVAILABLE if fault != "cut_body"])
def test_stream_after_a_member_that_is_unavailable_is_the_next_ones(vendors: Vendors, fault: str) -> None:
    client = vendors.fallback(deadline=10)
    vendors.kapa.fails(fault)
    vendors.kadal.streams("from ", "Kadal")
    with client.stream("Hello?") as pieces:
        assert [event.text for event in pieces] == ["from ", "Kadal"]
        answer = pieces.answer
    assert (answer.text, answer.profile) == ("from Kadal", "kadal")
    assert [attempt.profile for attempt in answer.call.attempts] == ["kapa", "kadal"]


@pytest.mark.parametrize("fault", NOT_FALLEN_BACK)
def test_a_failure_that_is_not_to_be_fallen_back_on_is_raised_as_it_is(vendors: Vendors, fault: str) -> None:
    client = vendors.fallback()
    vendors.kapa.fails(fault)
    with pytest.raises(NOT_FALLEN_BACK[fault]) as caught:
        client.chat("Hello?")
    assert [attempt.profile for attempt in caught.value.attempts] == ["kapa"]
    assert list_questions(vendors.kadal) == []


@pytest.mark.parametrize(("fault", "reason"), [("401", "refused"), ("403", "refused"), ("404", "not_found")])
def test_a_reason_that_is_named_is_fallen_back_on_and_the_others_no_longer(
    vendors: Vendors, fault: str, reason: str
) -> None:
    client = vendors.fallback(fall_back_on=[reason])
    vendors.kapa.fails(fault)
    vendors.kadal.answers("from Kadal")
    assert client.chat("Hello?").profile == "kadal"
    vendors.kapa.fails("503")
    with pytest.raises(ServerError):
        client.chat("And now?")


def test_a_member_is_asked_again_by_its_own_retries_only(vendors: Vendors) -> None:
    client = vendors.fallback(vendors.clients(attempts=3))
    vendors.kapa.fails("503")
    vendors.kadal.fails("503")
    with pytest.raises(ServerError) as caught:
        client.chat("Hello?")
    assert [attempt.profile for attempt in caught.value.attempts] == ["kapa"] * 3 + ["kadal"] * 3
    assert [attempt.number for attempt in caught.value.attempts] == [1, 2, 3, 4, 5, 6]
    assert len(vendors.kapa.calls) == len(vendors.kadal.calls) == 1


def test_the_error_after_all_members_failed_is_the_last_one_and_names_each(vendors: Vendors) -> None:
    client = vendors.fallback()
    vendors.kapa.fails("reset_after_send")
    vendors.kadal.fails("503")
    with pytest.raises(ServerError) as caught:
        client.chat("Hello?")
    error = caught.value
    assert error.status == 503
    assert "kapa: connection reset" in str(error)
    assert "kadal: HTTP 503" in str(error)
    assert [(attempt.profile, attempt.maybe_delivered) for attempt in error.attempts] == [
        ("kapa", True), ("kadal", False),
    ]  # fmt: skip
    assert error.maybe_delivered is True


def test_a_circuit_that_is_open_is_passed_over_without_an_attempt(vendors: Vendors) -> None:
    members = {"kapa": vendors.client(vendors.kapa, breaker_failures=1), "kadal": vendors.client(vendors.kadal)}
    client = vendors.fallback(members)
    vendors.kapa.fails("503")
    vendors.kadal.answers("one").answers("two")
    client.chat("Hello?")
    answer = client.chat("Again?")
    assert answer.profile == "kadal"
    assert [attempt.profile for attempt in answer.call.attempts] == ["kadal"]
    vendors.kadal.fails("503")
    with pytest.raises(ServerError, match="kapa: the circuit breaker is open"):
        client.chat("Once more?")


def test_an_open_circuit_of_the_last_member_is_the_error(vendors: Vendors) -> None:
    client = vendors.fallback(vendors.clients(breaker_failures=1))
    vendors.kapa.fails("503")
    vendors.kadal.fails("503")
    with pytest.raises(ServerError):
        client.chat("Hello?")
    with pytest.raises(CircuitOpen) as caught:
        client.chat("Hello?")
    assert caught.value.attempts == ()


@pytest.mark.parametrize(
    ("settings", "deadline", "expected"),
    [
        ({"patience": 2}, 10, 2),
        ({"patience": 2, "deadline": 10}, None, 2),
        ({"deadline": 10}, None, 5),
        ({}, 8, 4),
        ({"patience": 30}, 8, 4),
    ],
)
def test_a_member_that_hangs_leaves_time_for_the_next(
    vendors: Vendors, settings: dict[str, Any], deadline: float | None, expected: float
) -> None:
    client = vendors.fallback(**settings)
    vendors.kapa.fails("silence")
    vendors.kadal.answers("from Kadal")
    before = vendors.kapa.clock.monotonic()
    answer = client.chat("Hello?", deadline=deadline)
    assert answer.profile == "kadal"
    assert vendors.kapa.clock.monotonic() - before == pytest.approx(expected)
    assert answer.call.attempts[1].started == pytest.approx(expected)
    assert answer.call.elapsed == pytest.approx(expected)


def test_members_that_all_hang_end_at_the_deadline(vendors: Vendors) -> None:
    client = vendors.fallback(deadline=9)
    vendors.kapa.fails("silence")
    vendors.kadal.fails("silence")
    before = vendors.kapa.clock.monotonic()
    with pytest.raises((DeadlineExceeded, ConnectionFailed)) as caught:
        client.chat("Hello?")
    assert vendors.kapa.clock.monotonic() - before == pytest.approx(9)
    assert [attempt.profile for attempt in caught.value.attempts] == ["kapa", "kadal"]


def test_a_stream_has_the_whole_deadline_once_it_has_begun(vendors: Vendors) -> None:
    client = vendors.fallback(patience=1, deadline=60)
    vendors.kapa.streams("one", "two", "three")
    with client.stream("Hello?") as pieces:
        assert next(pieces).text == "one"
        vendors.kapa.clock.advance(30)
        assert [event.text for event in pieces] == ["two", "three"]
        assert pieces.answer.profile == "kapa"


def test_a_stream_that_breaks_after_its_first_event_is_not_asked_elsewhere(vendors: Vendors) -> None:
    client = vendors.fallback()
    vendors.kapa.streams("one", "two", cut=True)
    with client.stream("Hello?") as pieces, pytest.raises(StreamInterrupted) as caught:
        list(pieces)
    assert caught.value.text == "onetwo"
    assert [attempt.profile for attempt in caught.value.attempts] == ["kapa"]
    assert list_questions(vendors.kadal) == []


def test_a_stream_of_the_second_member_that_breaks_tells_of_the_first(vendors: Vendors) -> None:
    client = vendors.fallback()
    vendors.kapa.fails("503")
    vendors.kadal.streams("one", cut=True)
    with client.stream("Hello?") as pieces, pytest.raises(StreamInterrupted) as caught:
        list(pieces)
    assert [attempt.profile for attempt in caught.value.attempts] == ["kapa", "kadal"]


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(True, False, "kadal"), (True, None, "kadal"), (True, True, "kapa")]
)
def test_an_uncertain_answer_gives_way_to_one_that_is_certain(
    vendors: Vendors, first: bool, second: bool | None, expected: str
) -> None:
    client = vendors.fallback(fall_back_on=["uncertain"])
    vendors.kapa.answers("from Kapa", uncertain=first)
    vendors.kadal.answers("from Kadal", uncertain=second)
    answer = client.chat("Hello?")
    assert answer.profile == expected
    assert [attempt.profile for attempt in answer.call.attempts] == ["kapa", "kadal"]


@pytest.mark.parametrize("fault", ["503", "401", "400", "silence"])
def test_an_uncertain_answer_is_given_where_no_other_member_answers(vendors: Vendors, fault: str) -> None:
    client = vendors.fallback(fall_back_on=["uncertain"], deadline=10)
    vendors.kapa.answers("from Kapa", uncertain=True)
    vendors.kadal.fails(fault)
    answer = client.chat("Hello?")
    assert (answer.text, answer.uncertain) == ("from Kapa", True)
    assert [attempt.profile for attempt in answer.call.attempts] == ["kapa", "kadal"]


def test_an_uncertain_answer_is_given_at_once_unless_that_is_a_reason(vendors: Vendors) -> None:
    client = vendors.fallback()
    vendors.kapa.answers("from Kapa", uncertain=True)
    assert client.chat("Hello?").profile == "kapa"
    assert list_questions(vendors.kadal) == []


def test_an_uncertain_stream_is_given(vendors: Vendors) -> None:
    client = vendors.fallback(fall_back_on=["uncertain"])
    vendors.kapa.streams("from ", "Kapa", uncertain=True)
    with client.stream("Hello?") as pieces:
        assert pieces.answer.profile == "kapa"


def test_two_clients_of_one_bot_may_have_asked_it_twice(vendors: Vendors) -> None:
    members = {"a": vendors.client(vendors.kapa), "b": vendors.client(vendors.kapa)}
    client = vendors.fallback(members)
    vendors.kapa.fails("reset_after_send").answers("at last")
    assert client.chat("Hello?").maybe_duplicated is True
    vendors.kapa.fails("refused").answers("at last")
    assert client.chat("Hello?").maybe_duplicated is False


def test_what_only_the_first_member_can_take_is_rejected_before_anything_is_sent(vendors: Vendors) -> None:
    vendors.kadal.capabilities(metadata=False, question_limit=10)
    client = vendors.fallback()
    with pytest.raises(Unsupported, match="metadata"):
        client.chat("Hello?", metadata={"page": "/"})
    with pytest.raises(InvalidInput, match="at most 10"):
        client.chat("A question of some length")
    assert list_questions(vendors.kapa) == []
    vendors.kapa.answers("from Kapa")
    assert client.chat("Hello?", metadata={"page": "/"}, on_unsupported="drop").profile == "kapa"


def test_a_call_on_a_closed_route_is_rejected(vendors: Vendors) -> None:
    client = vendors.fallback()
    client.close()
    client.close()
    for call in (
        lambda: client.chat("Hello?"),
        lambda: client.feedback("a", "up"),
        lambda: client.clear_history(user="a"),
    ):
        with pytest.raises(InvalidInput, match="closed"):
            call()


def test_a_route_in_a_route_names_the_plain_profile_that_answered(vendors: Vendors) -> None:
    inner = vendors.fallback()
    inner = getattr(inner, "asynchronous", inner)
    members = {"safe": inner, "other": vendors.client(vendors.kadal)}
    client = vendors.fallback(members)
    vendors.kapa.fails("503")
    vendors.kadal.answers("from Kadal")
    answer = client.chat("Hello?")
    assert (answer.profile, list(client.members)) == ("kadal", ["safe", "other"])
    vendors.kapa.fails("503")
    vendors.kadal.fails("503", times=1).answers("from the other")
    answer = client.chat("Hello?")
    assert answer.profile == "other"
    assert [attempt.profile for attempt in answer.call.attempts] == ["kapa", "kadal", "other"]
    vendors.kapa.fails("503")
    vendors.kadal.fails("503", times=2)
    with pytest.raises(
        UnichatError, match=r"safe: no member answered: kapa: HTTP 503; kadal: HTTP 503; other: HTTP 503"
    ):
        client.chat("Hello?")


@pytest.mark.parametrize(
    ("members", "patience", "expected"), [(1, None, 12), (1, 3, 12), (2, None, 6), (3, None, 4), (2, 3, 3), (2, 12, 6)]
)
def test_share_deadline_is_the_patience_or_an_equal_share(
    members: int, patience: float | None, expected: float
) -> None:
    whole = Deadline(12, lambda: 0.0)
    assert share_deadline(whole, members, patience, streamed=False).seconds == expected
    share = share_deadline(whole, members, patience, streamed=True)
    assert (share is whole) if members == 1 else share.whole is whole
