"""Judging an answer and deciding on a retry, as pure functions: no transport, no clock, no waiting."""

import pytest
from attrs import evolve

from tests.canned import detect_error, operation, reply, stream_operation
from unichat import errors
from unichat.adapter import PolicySettings, Replay, StreamFailure
from unichat.policy.backoff import Backoff
from unichat.policy.failures import RULES, Retry, rule_for_kind, rule_for_status
from unichat.policy.judge import Done, Failed, Judge, decide_retry, name_outcome, name_stop, request_id_in
from unichat.transport.base import Deadline, TransportFailure

ASK, INSERT, UPSERT, READ, CLEAR = (Replay.ASK, Replay.INSERT, Replay.UPSERT, Replay.READ, Replay.CLEAR)


def judge(replay=READ, *, deadline=None, refreshable=False, secret="sesame", wanted=None, **policy):
    return Judge(
        wanted or operation(replay),
        PolicySettings(**policy),
        deadline or Deadline(30.0, lambda: 0.0),
        "call-1",
        lambda text: text.replace(secret, "***"),
        refreshable,
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@pytest.mark.parametrize("replay", list(Replay), ids=lambda replay: replay.value)
@pytest.mark.parametrize("setting", ["never", "reconcile", "always"])
def test_a_retry_is_decided_by_rule_class_and_setting_alone(rule, replay, setting):
    decision = decide_retry(rule, replay, PolicySettings(replay=setting))
    if setting == "always" and replay is ASK and rule.retry[ASK] is Retry.AMBIGUOUS:
        assert decision is Retry.YES
    else:
        assert decision is rule.retry[replay]


@pytest.mark.parametrize("replay", list(Replay), ids=lambda replay: replay.value)
def test_a_507_is_not_retried_where_the_setting_says_so(replay):
    assert decide_retry(rule_for_status(507), replay, PolicySettings(retry_insufficient_tokens=False)) is Retry.NO
    assert decide_retry(rule_for_status(503), replay, PolicySettings(retry_insufficient_tokens=False)) is Retry.YES


def test_a_good_reply_is_done():
    assert judge().reply(reply(200, {"x": 1})) == Done({"x": 1})


@pytest.mark.parametrize(
    ("status", "retry", "backoff"),
    [
        (400, Retry.NO, Backoff.SERVER),
        (401, Retry.NO, Backoff.SERVER),
        (429, Retry.YES, Backoff.THROTTLED),
        (500, Retry.YES, Backoff.SERVER),
        (503, Retry.YES, Backoff.SERVER),
        (507, Retry.YES, Backoff.TOKENS),
    ],
)
def test_an_error_status_is_failed_with_its_retry_and_backoff(status, retry, backoff):
    failed = judge().reply(reply(status, {"message": "sorry"}))
    assert isinstance(failed, Failed)
    assert (failed.retry, failed.backoff, failed.error.status) == (retry, backoff, status)
    assert failed.vendor.message == "sorry"


def test_a_refused_token_that_can_be_refreshed_is_tried_at_once_with_another():
    failed = judge(refreshable=True).reply(reply(401, {}))
    assert (failed.retry, failed.backoff, failed.refresh_token) == (Retry.YES, Backoff.AT_ONCE, True)
    assert not judge().reply(reply(401, {})).refresh_token


def test_a_vendors_words_are_judged_without_the_secrets_that_it_repeats():
    failed = judge().reply(reply(400, {"message": "the key sesame is wrong"}))
    assert "sesame" not in str(failed.error)
    assert failed.vendor.message == "the key *** is wrong"


@pytest.mark.parametrize("replay", [ASK, INSERT])
def test_a_lost_answer_is_ambiguous_for_what_must_not_be_done_twice(replay):
    failed = judge(replay).failure(TransportFailure("read_timeout", phase="waiting"))
    assert (failed.retry, failed.phase) == (Retry.AMBIGUOUS, "waiting")
    assert name_stop(failed) == "maybe_delivered"


def test_a_failure_after_the_deadline_is_a_passed_deadline():
    times = iter([0.0, *[10.0] * 5])
    failed = judge(deadline=Deadline(5.0, lambda: next(times))).failure(TransportFailure("reset", phase="waiting"))
    assert isinstance(failed.error, errors.DeadlineExceeded)
    assert (failed.error.deadline, failed.error.maybe_delivered, failed.retry) == (5.0, True, Retry.NO)


def test_a_stream_that_starts_with_the_vendors_failure_is_a_server_error():
    failed = judge(wanted=stream_operation()).stream_failure(StreamFailure("vendor", "sesame is overloaded"))
    assert isinstance(failed.error, errors.ServerError)
    assert failed.vendor.message == "*** is overloaded"
    assert failed.retry is Retry.YES


@pytest.mark.parametrize("kind", ["record", "too_large"])
def test_an_unreadable_stream_is_not_retried(kind):
    failed = judge(wanted=stream_operation()).stream_failure(StreamFailure(kind, "a reason"))
    assert isinstance(failed.error, errors.InvalidResponse)
    assert failed.retry is Retry.NO
    assert failed.vendor is None


def test_an_adapter_that_raises_is_an_unreadable_answer():
    def parse(_):
        raise KeyError("x")

    failed = judge(wanted=evolve(operation(READ), parse=parse, detect_error=detect_error)).reply(reply(200, {}))
    assert isinstance(failed.error, errors.InvalidResponse)
    assert "KeyError" in str(failed.error)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (None, "ok"),
        (errors.ServerError("x", status=503), "HTTP 503"),
        (errors.ConnectionFailed("x", kind="refused"), "refused"),
        (errors.InvalidResponse("x", kind="shape", status=200), "shape"),
        (errors.DeadlineExceeded("x"), "DeadlineExceeded"),
    ],
)
def test_an_attempt_is_named_by_its_status_or_kind(error, name):
    assert name_outcome(error) == name


@pytest.mark.parametrize(
    ("failed", "reason"),
    [
        (Failed(errors.NotFound("x")), "not_retryable"),
        (Failed(errors.DeadlineExceeded("x")), "deadline"),
        (Failed(errors.CircuitOpen("x")), "circuit"),
        (Failed(errors.ConnectionFailed("x"), Retry.AMBIGUOUS), "maybe_delivered"),
    ],
)
def test_the_reason_why_nothing_follows_is_named(failed, reason):
    assert name_stop(failed) == reason


def test_the_circuit_says_when_it_closes_again():
    failed = judge().circuit_open(7.25)
    assert (failed.error.reopens_in, failed.retry) == (7.25, Retry.NO)
    assert "for 7.2 s more" in str(failed.error)


def test_a_request_id_is_found_in_the_usual_headers_in_order():
    assert request_id_in({"cf-ray": "b", "x-request-id": "a"}) == "a"
    assert request_id_in({"cf-ray": "b"}) == "b"
    assert request_id_in({"content-type": "text/plain"}) is None


def test_every_kind_of_transport_failure_that_the_interface_names_has_a_rule():
    named = TransportFailure.__doc__.split("kind: a key of the failure table: ")[1].split("detail:")[0]
    kinds = named.replace("\n", " ").split("`")[1::2]
    assert len(kinds) > 15
    assert all(rule_for_kind(kind).kind == kind for kind in kinds)


def test_the_message_of_a_deadline_that_passed_rounds_its_seconds():
    failed = judge(deadline=Deadline(0.39999)).failure(TransportFailure("deadline", "", None, "waiting"))
    assert "the deadline of 0.4 s passed" in str(failed.error)
