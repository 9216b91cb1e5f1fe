"""The failure table in action: calls over scripted outcomes, and a clock on which nobody waits."""

import random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.canned import CannedStream, bench, operation, records, reply, stream_operation, try_call
from tests.policy.test_failures import PROMISED, STATUSES
from unichat.adapter import ErrorResponse, Operation, PolicySettings, Replay, Request, Secret
from unichat.errors import (
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    InsufficientTokens,
    InvalidResponse,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    UnichatError,
)
from unichat.policy.backoff import longest_wait
from unichat.policy.failures import RULES, Retry, rule_for_status
from unichat.transport.base import TransportFailure

ASK, INSERT, UPSERT, READ, CLEAR = ORDER = (Replay.ASK, Replay.INSERT, Replay.UPSERT, Replay.READ, Replay.CLEAR)
OUTCOMES = [
    *(
        (TransportFailure(kind), promised)
        for kind, promised in PROMISED.items()
        if kind not in ("unreadable", "stream_error")
    ),
    *((reply(status, {}), promised) for status, promised in STATUSES.items() if status >= 300),
]


def name(outcome):
    return outcome.kind if isinstance(outcome, TransportFailure) else str(getattr(outcome, "status", ""))


@pytest.fixture
def longest(monkeypatch):
    """Draw the longest wait each time."""
    monkeypatch.setattr(random, "uniform", lambda least, most: most)


def check_attempts(made, error, row):
    """Every attempt is on the record, with a wait on the promised backoff between each and the next."""
    *earlier, last = error.attempts
    assert [attempt.number for attempt in error.attempts] == [*range(1, len(made.sent) + 1)]
    assert last.waited == 0
    assert [attempt.waited for attempt in earlier] == made.clock.slept
    for attempt in earlier:
        assert 0 <= attempt.waited <= longest_wait(PolicySettings(), row.backoff, attempt.number)
    began = 0.0
    for attempt in error.attempts:
        assert attempt.started == pytest.approx(began)
        began += attempt.elapsed + attempt.waited


@pytest.mark.parametrize("replay", ORDER, ids=lambda replay: replay.value)
@pytest.mark.parametrize(("outcome", "promised"), OUTCOMES, ids=[name(outcome) for outcome, _ in OUTCOMES])
def test_a_persistent_failure_is_retried_and_raised_as_the_table_says(outcome, promised, replay):
    letter = promised.again[ORDER.index(replay)]
    made = bench(*[outcome] * 3)
    error = made.error(operation(replay))
    assert len(made.sent) == (3 if letter == "Y" else 1)
    assert len({(sent.target, sent.body) for sent in made.sent}) == 1
    assert type(error) is promised.error
    assert (error.backend, error.operation) == ("echo", "look")
    assert error.maybe_delivered is promised.delivered
    assert error.call.maybe_delivered is promised.delivered
    assert (error.call.retryable, error.call.retry_after) == (error.retryable, error.retry_after)
    assert error.phase == getattr(outcome, "phase", "body")
    assert error.status == getattr(outcome, "status", None)
    assert error.call.status == error.status
    if type(error) is DeadlineExceeded:
        assert error.call.stopped_by == "deadline"
    else:
        assert error.call.stopped_by == {"Y": "attempts", "C": "maybe_delivered", "N": "not_retryable"}[letter]
    check_attempts(made, error, promised)
    assert error.__cause__ is None
    assert error.__context__ is None


# A transport gives no answer with a status outside 200 to 599, but a failure.
PASSING = [
    (outcome, promised)
    for outcome, promised in OUTCOMES
    if "Y" in promised.again and getattr(outcome, "status", 200) < 600
]


@pytest.mark.parametrize("replay", ORDER, ids=lambda replay: replay.value)
@pytest.mark.parametrize(("outcome", "promised"), PASSING, ids=[name(outcome) for outcome, _ in PASSING])
def test_a_failure_that_passes(outcome, promised, replay):
    made = bench(outcome, outcome, reply(200, {"ok": 1}))
    if promised.again[ORDER.index(replay)] == "C":
        assert isinstance(made.error(operation(replay)), promised.error)
        return
    call = made.context.call(None, kind="question" if replay is ASK else "other")
    assert made.perform_run(operation(replay), call) == {"ok": 1}
    assert len(made.sent) == 3
    outcomes = [attempt.outcome for attempt in call.record.attempts]
    assert outcomes == [outcomes[0], outcomes[0], "ok"]
    assert outcomes[0] in (f"HTTP {name(outcome)}", name(outcome).replace("stalled", "truncated"))
    assert (call.record.status, call.record.stopped_by) == (200, None)
    # Only a question can be a duplicate, and only where an attempt that failed may have asked it.
    assert call.maybe_duplicated is (replay is ASK and promised.delivered is True)


@pytest.mark.parametrize(
    "row", [row for row in RULES if row.kind.isdigit() and row.kind != "204"], ids=lambda row: row.kind
)
def test_a_status_in_the_body_means_the_same_as_one_of_http(row):
    status = int(row.kind)
    made = bench(*[reply(200, {"status": status, "message": "sorry"})] * 3)
    error = made.error(operation(ASK))
    assert type(error) is row.error
    assert len(made.sent) == (3 if row.retry[ASK] is Retry.YES else 1)
    assert (error.status, error.call.status, error.call.envelope_status) == (status, 200, status)
    assert error.call.vendor_message == "sorry"


def test_a_misleading_status_is_treated_as_another():
    def detect_error(_):
        return ErrorResponse(status=403, means=429, message="rate limit")

    made = bench(*[reply(403, {})] * 3)
    limited = Operation(
        backend="echo",
        name="x",
        replay=READ,
        request=Request("GET", "/x"),
        detect_error=detect_error,
        parse=lambda _: 1,
    )
    error = made.error(limited)
    assert type(error) is RateLimited
    assert error.status == 403
    assert len(made.sent) == 3


def test_a_status_in_the_body_that_is_not_one_is_an_invalid_response():
    made = bench(*[reply(200, {"status": 0})] * 3)
    error = made.error(operation(READ))
    assert type(error) is InvalidResponse
    assert error.status == 0


# Answers that cannot be read


@pytest.mark.parametrize("replay", ORDER, ids=lambda replay: replay.value)
@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (reply(200, {"a": 1}, content_type="text/html"), "content_type"),
        (reply(200, None), "json"),
    ],
)
def test_an_answer_that_cannot_be_read_is_not_asked_for_again(outcome, kind, replay):
    made = bench(outcome)
    plain = Operation(
        backend="echo", name="x", replay=replay, request=Request("GET", "/x"), detect_error=lambda _: None,
        parse=lambda answer: answer.json(),
    )  # fmt: skip
    error = made.error(plain)
    assert type(error) is InvalidResponse
    assert (error.kind, error.status, error.maybe_delivered, error.retryable) == (kind, 200, True, False)
    assert (error.backend, error.operation) == ("echo", "x")
    assert error.call.stopped_by == "not_retryable"
    assert error.hint


def test_another_error_of_the_reader_is_raised_as_it_is():
    def parse(_):
        raise NotFound("no answer in it", what="answer")

    made = bench(reply(200, {}))
    error = made.error(operation(ASK).map(parse))
    assert (error.what, error.maybe_delivered, error.backend, error.status) == ("answer", False, "echo", 200)


@pytest.mark.parametrize("part", ["detect_error", "parse"])
def test_a_mistake_of_the_adapters_is_an_invalid_response(part):
    def clumsy(_):
        raise KeyError("secret words of the answer")

    made = bench(reply(200, {}))
    error = made.error(evolve(operation(ASK), **{part: clumsy}))
    assert type(error) is InvalidResponse
    assert "could not read the answer (KeyError)" in str(error)
    assert "secret words" not in str(error)
    assert (error.maybe_delivered, error.status, error.backend) == (True, 200, "echo")
    assert error.__context__ is None


# Waits


@pytest.mark.usefixtures("longest")
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (reply(503, {}), [0.5, 1, 2, 4, 8, 8]),
        (TransportFailure("refused"), [0.5, 1, 2, 4, 8, 8]),
        (reply(429, {}), [1, 2, 4, 8, 16, 20]),
        (reply(507, {}), [5, 10, 20, 30, 30, 30]),
    ],
    ids=["503", "refused", "429", "507"],
)
def test_the_longest_waits_follow_the_curve(outcome, expected):
    made = bench(*[outcome] * 7, policy={"attempts": 7, "deadline": 1000.0})
    made.error(operation())
    assert made.clock.slept == expected


def test_the_waits_are_drawn_from_the_whole_range():
    waits = []
    for _ in range(300):
        made = bench(*[reply(503, {})] * 2, policy={"attempts": 2})
        made.error(operation())
        waits += made.clock.slept
    assert min(waits) < 0.05
    assert max(waits) > 0.45
    assert 0.2 < sum(waits) / len(waits) < 0.3


@given(st.integers(0, 60), st.sampled_from([429, 503, 500, 507, 408]))
def test_a_wait_is_at_least_retry_after(seconds, status):
    made = bench(reply(status, {}, retry_after=str(seconds)), reply(200, 1), policy={"deadline": 1000.0})
    assert made.run(operation()) == 1
    (waited,) = made.clock.slept
    assert seconds <= waited <= max(seconds, longest_wait(PolicySettings(), rule_for_status(status).backoff, 1))


@pytest.mark.parametrize("seconds", ["61", "3600", "9" * 30])
@pytest.mark.parametrize("status", [429, 503, 507])
def test_a_retry_after_of_more_than_a_minute_is_reported_instead_of_honoured(status, seconds):
    made = bench(reply(status, {}, retry_after=seconds), policy={"deadline": 1e9})
    error = made.error(operation())
    assert error.retry_after == min(float(seconds), 1e16)
    assert error.call.stopped_by == "retry_after"
    assert made.clock.slept == []
    assert error.retryable


@pytest.mark.parametrize("value", ["soon", "-1", "5.5", "nan", "\uff15"])
def test_a_malformed_retry_after_is_ignored(value):
    made = bench(reply(503, {}, retry_after=value), reply(200, 1))
    made.run(operation())
    assert made.clock.slept[0] <= 0.5


def test_retry_after_is_reported_after_the_last_attempt_as_well():
    made = bench(reply(429, {}, retry_after="7"), policy={"attempts": 1})
    error = made.error(operation())
    assert (error.retry_after, error.call.stopped_by) == (7.0, "attempts")


def test_retry_after_is_none_if_the_vendor_sent_none():
    assert bench(reply(429, {}), policy={"attempts": 1}).error(operation()).retry_after is None


# Deadlines


@pytest.mark.usefixtures("longest")
def test_a_wait_that_would_pass_the_deadline_is_not_started():
    made = bench(reply(507, {}), reply(507, {}))
    error = made.error(operation(), deadline=12)
    assert type(error) is InsufficientTokens
    assert error.call.stopped_by == "deadline"
    assert made.clock.slept == [5]
    assert error.call.elapsed == 5


def test_a_retry_after_beyond_the_deadline_is_not_honoured():
    made = bench(reply(429, {}, retry_after="30"))
    error = made.error(operation(), deadline=20)
    assert type(error) is RateLimited
    assert (error.retry_after, error.call.stopped_by, made.clock.slept) == (30.0, "deadline", [])


def pass_time_before(made_ticks, seconds, outcome):
    def pass_time(_):
        made_ticks.now += seconds
        return outcome

    return pass_time


@pytest.mark.parametrize(
    ("kind", "delivered"),
    [("refused", False), ("connect_timeout", False), ("read_timeout", True), ("truncated", True), ("reset", True)],
)
@pytest.mark.parametrize("replay", [ASK, READ])
def test_a_failure_at_the_deadline_is_the_deadlines(kind, delivered, replay):
    made = bench(lambda _: pass_time_before(made.clock, 10, TransportFailure(kind))(_))
    error = made.error(operation(replay), deadline=10)
    assert type(error) is DeadlineExceeded
    assert (error.deadline, error.maybe_delivered, error.retryable) == (10, delivered, True)
    assert error.call.stopped_by == "deadline"
    assert [attempt.outcome for attempt in error.attempts] == ["DeadlineExceeded"]
    assert "10 s" in str(error)


def test_an_answer_that_comes_just_then_is_still_an_answer():
    made = bench(lambda _: pass_time_before(made.clock, 10, reply(200, "late"))(_))
    assert made.run(operation(), deadline=10) == "late"


def test_nothing_is_sent_after_the_deadline():
    made = bench()
    call = made.context.call(5, kind="question")
    made.clock.now += 5
    with pytest.raises(DeadlineExceeded) as caught:
        made.perform_run(operation(ASK), call)
    assert made.sent == []
    assert caught.value.maybe_delivered is False


def test_a_streamed_question_is_not_sent_after_the_deadline_either():
    made = bench()
    call = made.context.call(5, kind="question")
    made.clock.now += 5
    with pytest.raises(DeadlineExceeded) as caught:
        made.perform_run(stream_operation(), call)
    assert made.sent == []
    assert caught.value.maybe_delivered is False


def test_the_transport_gets_the_rest_of_the_deadline():
    made = bench(reply(503, {}, retry_after="4"), reply(200, 1))
    made.run(operation(), deadline=10)
    assert made.transport.timeouts == [10, pytest.approx(6, abs=0.1)]


@pytest.mark.parametrize(
    ("own", "policys", "replay", "expected"),
    [(None, None, ASK, 120), (None, None, READ, 30), (None, 7.0, ASK, 7), (3.0, 7.0, READ, 3)],
)
def test_the_deadline_is_the_calls_or_the_clients_or_the_usual_one(own, policys, replay, expected):
    made = bench(reply(200, 1), policy={"deadline": policys})
    made.run(operation(replay), own)
    assert made.transport.timeouts == [expected]


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_no_more_attempts_are_made_than_the_policy_allows(attempts):
    made = bench(*[reply(500, {})] * attempts, policy={"attempts": attempts})
    made.error(operation())
    assert len(made.sent) == attempts


# What a failed attempt may have done


@pytest.mark.parametrize(
    "last", [TransportFailure("refused"), reply(503, {}), reply(401, {}), reply(507, {})], ids=name
)
def test_an_earlier_attempt_that_may_have_asked_is_not_forgotten_when_the_last_did_not(last):
    made = bench(reply(500, {}), last, last)
    assert made.error(operation(ASK)).maybe_delivered is True


def test_attempts_that_were_not_delivered_are_not_maybe_delivered():
    made = bench(reply(503, {}), TransportFailure("refused"), reply(429, {}))
    assert made.error(operation(ASK)).maybe_delivered is False


def test_a_lost_answer_is_not_asked_for_again_after_a_harmless_failure_either():
    made = bench(reply(503, {}), TransportFailure("closed"))
    error = made.error(operation(ASK))
    assert (error.maybe_delivered, error.call.stopped_by, len(error.attempts)) == (True, "maybe_delivered", 2)


# Tokens that are refused


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("replay", ORDER, ids=lambda replay: replay.value)
def test_a_rejected_token_of_a_provider_is_refreshed_once(replay, status):
    given = []

    def provider():
        given.append(f"token-{len(given) + 1}")
        return given[-1]

    made = bench(reply(status, {}), reply(200, "fine"), source=provider)
    assert made.run(operation(replay)) == "fine"
    assert [request.headers["X-Token"] for request in made.sent] == ["token-1", "token-2"]
    assert made.clock.slept == [0]


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (403, PermissionDenied)])
def test_a_second_refusal_is_about_the_account(status, kind):
    calls = []
    made = bench(*[reply(status, {"message": "no"})] * 2, source=lambda: calls.append(1) or "token")
    error = made.error(operation(ASK))
    assert type(error) is kind
    assert (len(made.sent), len(calls)) == (2, 2)
    assert (error.call.stopped_by, error.maybe_delivered, error.retryable) == ("not_retryable", False, False)


def test_a_fixed_token_that_is_refused_is_not_sent_again():
    made = bench(reply(401, {}), source=Secret("fixed"))
    assert type(made.error(operation())) is AuthenticationError


def test_an_unsigned_operation_is_not_sent_again_for_want_of_a_token():
    made = bench(reply(401, {}), source=lambda: "token")
    assert type(made.error(operation(signed=False))) is AuthenticationError
    assert "X-Token" not in made.sent[0].headers


# Records and logs


@pytest.mark.parametrize("header", ["x_request_id", "request_id", "x_amzn_requestid", "cf_ray"])
def test_the_vendors_id_of_the_request_is_kept(header):
    made = bench(reply(404, {}, **{header: "r-17"}))
    assert made.error(operation()).call.request_id == "r-17"
    assert bench(reply(404, {})).error(operation()).call.request_id is None


def test_the_vendors_words_are_kept_trimmed_and_escaped():
    made = bench(reply(404, {"message": "no\n\x1b[2J" + "x" * 500}))
    error = made.error(operation())
    assert error.call.vendor_message.startswith("no \\x1b[2Jxxx")
    assert len(error.call.vendor_message) <= 300


def test_the_line_of_an_error_tells_the_attempts():
    made = bench(*[reply(503, {})] * 3)
    error = made.error(operation())
    assert f"(3 attempts in {error.call.elapsed:.1f} s)" in str(error)


@given(st.lists(st.sampled_from([*(outcome for outcome, _ in OUTCOMES), reply(200, 1)]), min_size=5, max_size=5))
def test_whatever_happens_ends_in_a_result_or_in_one_of_our_errors(outcomes):
    for replay in ORDER:
        made = bench(*outcomes, policy={"attempts": 5})
        result, error = try_call(lambda made=made, replay=replay: made.run(operation(replay)))
        assert result == 1 or (len(error.attempts) == len(made.sent) and error.call.stopped_by)
        # A question that may have been received is sent again only after a 5xx, as the owner wants it.
        for earlier in outcomes[: len(made.sent) - 1]:
            row = PROMISED.get(getattr(earlier, "kind", ""))
            assert replay not in (ASK, INSERT) or row is None or row.delivered is False


# Streams: as above until the first event


@pytest.mark.parametrize(("outcome", "promised"), OUTCOMES, ids=[name(outcome) for outcome, _ in OUTCOMES])
def test_a_stream_that_fails_before_its_first_event_is_treated_as_any_question(outcome, promised):
    opening = outcome if isinstance(outcome, TransportFailure) else CannedStream((outcome.body,), outcome.status)
    if getattr(outcome, "kind", "") == "stalled":
        pytest.skip("silence before the first event has a limit of its own: see the next test")
    made = bench(opening, opening, opening)
    with pytest.raises(promised.error) as caught:
        made.open(stream_operation())
    assert len(made.sent) == (3 if promised.again[0] == "Y" else 1)
    assert caught.value.status == getattr(outcome, "status", None)
    assert caught.value.maybe_delivered is promised.delivered
    if isinstance(opening, CannedStream):
        assert opening.closed == len(made.sent)
    check_attempts(made, caught.value, promised)


def test_a_stream_that_does_not_begin_in_time_is_a_deadline_of_its_own_and_not_tried_again():
    made = bench(TransportFailure("stalled"))
    with pytest.raises(DeadlineExceeded, match="did not begin in time") as caught:
        made.open(stream_operation())
    assert caught.value.deadline == PolicySettings().first_event_timeout
    assert caught.value.maybe_delivered is True


def test_a_stream_that_starts_with_an_error_is_a_failing_server_and_tried_again():
    made = bench(*[CannedStream(tuple(records({"error": "overloaded\n"})))] * 3)
    with pytest.raises(ServerError) as caught:
        made.open(stream_operation())
    error = caught.value
    assert len(made.sent) == 3
    assert (error.maybe_delivered, error.retryable, error.call.stopped_by) == (True, True, "attempts")
    assert "overloaded" in str(error)


def test_a_stream_that_works_the_second_time_may_have_asked_twice():
    made = bench(
        CannedStream(tuple(records({"error": "busy"}))), CannedStream(tuple(records({"text": "Hi"}, {"end": True})))
    )
    call = made.context.call(None, kind="question")
    stream = made.open(stream_operation(), call=call)
    assert [event.text for event in stream] == ["Hi", ""]
    assert call.maybe_duplicated is True


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [([b"no json\n"], "shape"), ([b"x" * 2000], "too_large"), ([], "truncated"), ([b"half"], "truncated")],
)
def test_a_stream_that_cannot_be_read_from_the_start_is_not_asked_for_again(pieces, kind):
    opening = CannedStream(tuple(pieces))
    made = bench(opening)
    with pytest.raises(InvalidResponse) as caught:
        made.open(stream_operation())
    error = caught.value
    assert (error.kind, error.maybe_delivered, len(made.sent), opening.closed) == (kind, True, 1, 1)


@pytest.mark.parametrize(("pieces", "expected"), [([b"no json\n"], False), ([b"x" * 2000], False)])
def test_a_stream_that_cannot_be_read_will_not_be_readable_later(pieces, expected):
    made = bench(CannedStream(tuple(pieces)))
    with pytest.raises(InvalidResponse) as caught:
        made.open(stream_operation())
    assert caught.value.retryable is expected


def test_a_stream_without_a_first_event_before_the_deadline_was_delivered():
    def slowly():
        made.clock.now += 10
        return b" "

    made = bench(CannedStream((slowly,)))
    with pytest.raises(DeadlineExceeded) as caught:
        made.open(stream_operation(), deadline=10)
    # The head of the answer had come, so the vendor has the question.
    assert caught.value.maybe_delivered is True


def test_the_body_of_a_refused_stream_is_read_within_the_deadline():
    def slowly():
        made.clock.now += 1
        return b" "

    opening = CannedStream(tuple([slowly] * 1000), status=500)
    made = bench(opening)
    with pytest.raises(UnichatError):
        made.open(stream_operation(), deadline=10)
    assert opening.reads < 20


def test_a_refusal_whose_body_breaks_off_is_still_a_refusal():
    made = bench(CannedStream((b"", TransportFailure("truncated")), status=404))
    with pytest.raises(NotFound):
        made.open(stream_operation())


def test_the_body_of_a_refusal_is_not_read_without_end():
    def endless(answer):
        return ErrorResponse(status=answer.status)

    opening = CannedStream(tuple([b"x" * 10_000] * 1000), status=404)
    made = bench(opening)
    with pytest.raises(NotFound):
        made.open(evolve(stream_operation(), detect_error=endless))
    assert opening.reads < 20


def test_a_stream_is_refused_for_its_token_once():
    made = bench(
        CannedStream((), 401), CannedStream(tuple(records({"text": "Hi"}, {"end": 1}))), source=lambda: "token"
    )
    assert [event.text for event in made.open(stream_operation())] == ["Hi", ""]


def test_a_stream_may_be_silent_for_a_minute_before_its_first_event():
    made = bench(CannedStream(tuple(records({"end": 1}))))
    made.open(stream_operation())
    assert made.transport.idle_timeouts == [60]


# What each retry costs, and what is charged for


def test_a_success_gives_one_token_back_and_one_after_a_retry_its_cost():
    made = bench(reply(503, {}), reply(200, 1), reply(200, 1), policy={"retry_budget": 100})
    budget = made.context.budget
    budget.take(50)
    made.run(operation())
    assert budget.remaining == 50
    made.run(operation())
    assert budget.remaining == 51


def test_a_retry_without_time_left_costs_nothing(longest):
    made = bench(reply(503, {}), policy={"retry_budget": 100})
    error = made.error(operation(), deadline=0.4)
    assert error.stopped_by == "deadline"
    assert made.context.budget.remaining == 100


@pytest.mark.parametrize("replay", ORDER, ids=lambda replay: replay.value)
def test_what_may_not_be_sent_twice_avoids_stale_connections(replay):
    made = bench(reply(200, 1))
    made.run(operation(replay))
    assert made.sent[0].idempotent is (replay not in (ASK, INSERT))


@pytest.mark.parametrize("kind", ["nonsense", "", 5])
def test_a_transports_failure_of_an_unknown_kind_may_have_been_delivered_and_is_not_repeated(kind):
    made = bench(TransportFailure(kind))
    error = made.error(operation(Replay.ASK))
    assert (type(error), error.kind, error.maybe_delivered, len(made.sent)) == (ConnectionFailed, "closed", True, 1)
    assert "TransportFailure" in error.hint
    assert repr(kind) in error.message
