"""Judging an answer and deciding on a retry, as pure functions: no transport, no clock, no waiting."""

import pytest
from attrs import evolve

from tests.canned import detect_error, operation, reply, stream_operation
from unichat import errors
from unichat.adapter import ErrorResponse, PolicySettings, Replay, StreamFailure
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


def fail_to_read(problem):
    """An operation whose adapter cannot read its answers."""

    def parse(_):
        raise problem

    return evolve(operation(READ), parse=parse, detect_error=lambda _: None)


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (200, "shape", "could not read"),
        (399, "shape", "could not read"),
        (400, None, "HTTP 400"),
        (503, None, "HTTP 503"),
    ],
)
def test_a_status_from_400_on_matters_more_than_that_the_adapter_cannot_read_the_rest(status, kind, message):
    failed = judge(wanted=fail_to_read(ValueError("x"))).reply(reply(status, {}))
    assert getattr(failed.error, "kind", None) == kind
    assert message in failed.error.message


def test_an_answer_that_does_not_fit_a_model_is_the_vendors_mistake_and_no_exception_of_the_adapters():
    failed = judge(wanted=fail_to_read(errors.InvalidInput("the id is too long"))).reply(reply(200, {}))
    assert type(failed.error) is errors.InvalidResponse
    assert "(the id is too long)" in failed.error.message
    assert failed.error.__cause__ is None


def test_a_mistake_of_the_adapter_is_kept_as_the_cause():
    failed = judge(wanted=fail_to_read(KeyError("sesame"))).reply(reply(200, {}))
    assert isinstance(failed.error.__cause__, KeyError)
    assert failed.error.__cause__.args == ("***",)


@pytest.mark.parametrize(
    ("hint", "expected"), [("", rule_for_kind("unreadable").hint), ("Look there.", "Look there.")], ids=["none", "own"]
)
def test_an_unreadable_answer_is_the_adapters_own_error_completed(hint, expected):
    found = errors.InvalidResponse("no id in sesame", kind="json", excerpt="key=sesame", hint=hint)
    failed = judge(wanted=fail_to_read(found)).reply(reply(200, {}))
    assert failed.error is found
    assert (found.message, found.excerpt, found.kind, found.status) == ("no id in ***", "key=***", "json", 200)
    assert (found.maybe_delivered, found.hint) == (True, expected)


def test_an_unreadable_answer_to_a_login_is_not_quoted():
    wanted = evolve(fail_to_read(errors.InvalidResponse("x", excerpt='{"token": "t-1"}')), signed=False)
    assert judge(wanted=wanted).reply(reply(200, {})).error.excerpt == ""


def test_another_error_that_an_adapter_raises_is_the_outcome():
    found = errors.NotFound("no such answer")
    failed = judge(wanted=fail_to_read(found)).reply(reply(200, {}))
    assert failed.error is found
    assert (found.maybe_delivered, found.operation, found.status) == (False, "look", 200)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://sso.example/login?q=secret", "(redirect to sso.example)"),
        ("http://[bad", "(redirect)"),
        ("", "(redirect)"),
    ],
)
def test_a_redirect_names_the_host_alone(location, shown):
    message = judge().reply(reply(302, {}, location=location)).error.message
    assert message == f"HTTP 302: {shown}"


@pytest.mark.parametrize(("own", "expected"), [(None, 7.0), (0.5, 0.5)])
def test_a_wait_that_the_adapter_reads_counts_more_than_the_header(own, expected):
    wanted = evolve(operation(READ), detect_error=lambda got: ErrorResponse(status=got.status, retry_after=own))
    assert judge(wanted=wanted).reply(reply(429, {}, retry_after="7")).error.retry_after == expected


@pytest.mark.parametrize(
    ("status", "replay", "policy", "retry"),
    [
        (409, ASK, {}, Retry.YES),
        (404, READ, {}, Retry.YES),
        (503, ASK, {}, Retry.YES),
        (600, ASK, {}, Retry.AMBIGUOUS),
        (507, READ, {"retry_insufficient_tokens": False}, Retry.NO),
    ],
)
def test_a_refusal_that_says_when_to_come_back_is_temporary_unless_a_setting_forbids_it(status, replay, policy, retry):
    wanted = evolve(operation(replay), detect_error=lambda _: ErrorResponse(status=status, retry_after=2))
    failed = judge(wanted=wanted, **policy).reply(reply(200, {}))
    assert failed.retry is retry
    assert failed.error.retryable


@pytest.mark.parametrize(("kind", "cancelled"), [("cancelled", True), ("deadline", False), ("reset", False)])
def test_only_a_client_that_was_closed_cancels(kind, cancelled):
    assert judge().failure(TransportFailure(kind)).cancelled is cancelled
    assert Failed(errors.NotFound("x")).cancelled is False


@pytest.mark.parametrize(
    ("detail", "phase", "where"),
    [("", "", ""), ("", "waiting", " (waiting)"), ("waiting for a token", "waiting", " (waiting for a token)")],
)
def test_a_deadline_that_passed_says_where(detail, phase, where):
    failed = judge(deadline=Deadline(5.0, lambda: 0.0)).failure(TransportFailure("deadline", detail, None, phase))
    assert failed.error.message == f"the deadline of 5 s passed{where}"
    assert failed.error.deadline == 5.0


def test_a_stream_that_did_not_begin_in_time_names_the_time_that_it_had():
    failed = judge(first_event_timeout=3.0).failure(TransportFailure("first_event"))
    assert failed.error.message == "the stream did not begin in time"
    assert failed.error.deadline == 3.0


@pytest.mark.parametrize(("elapsed", "passed"), [(4.5, False), (5.0, True)])
def test_a_failure_counts_as_the_deadline_from_the_moment_it_has_passed(elapsed, passed):
    times = iter([0.0, *[elapsed] * 5])
    failed = judge(deadline=Deadline(5.0, lambda: next(times))).failure(TransportFailure("refused"))
    assert isinstance(failed.error, errors.DeadlineExceeded) is passed


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("odd\n", "the transport reported a failure that is not one: 'odd\\n'"),
        ("refused", "connection refused: by the host"),
    ],
)
def test_a_failure_that_is_none_is_named_with_its_kind(kind, message):
    assert judge().failure(TransportFailure(kind, "by the host")).error.message == message


def report(status, **more):
    """What a stream amounts to that begins with the vendor's report of a failure."""
    head = more.pop("head", None)
    return judge(wanted=stream_operation()).stream_failure(StreamFailure(ErrorResponse(status=status, **more)), head)


@pytest.mark.parametrize(
    ("status", "means", "expected"),
    [
        (399, None, errors.ServerError),
        (400, None, errors.InvalidInput),
        (429, None, errors.RateLimited),
        (499, None, errors.RequestRejected),
        (503, None, errors.ServerError),
        (599, None, errors.ServerError),
        (600, None, errors.ServerError),
        (200, None, errors.ServerError),
        (0, None, errors.ServerError),
        (7, 429, errors.RateLimited),
        (503, 404, errors.NotFound),
    ],
)
def test_a_report_within_a_stream_is_a_failure_whatever_number_it_has(status, means, expected):
    assert type(report(status, means=means).error) is expected


@pytest.mark.parametrize(
    ("head", "http_status", "shown"),
    [
        (None, None, "status 503 in the body (HTTP 200)"),
        (reply(202), None, "status 503 in the body (HTTP 202)"),
        (reply(202), 207, "status 503 in the body (HTTP 207)"),
        (reply(503), None, "HTTP 503"),
    ],
)
def test_a_report_within_a_stream_names_the_status_of_the_body_and_of_http(head, http_status, shown):
    assert report(503, head=head, http_status=http_status).error.message == shown


@pytest.mark.parametrize(("own", "expected"), [(None, 503), (77, 77)])
def test_a_report_within_a_stream_keeps_the_status_of_its_envelope(own, expected):
    assert report(503, envelope_status=own).vendor.envelope_status == expected


PAGE = {"content_type": "text/html"}


@pytest.mark.parametrize(
    ("answer", "expected", "kind"),
    [
        (reply(200, "<p>Sign in</p>", **PAGE), errors.InvalidResponse, "content_type"),
        (reply(503, "<p>Down</p>", **PAGE), errors.ServerError, None),
        (reply(404, {}), errors.NotFound, None),
        (reply(204), errors.NotFound, None),
    ],
)
def test_an_answer_without_a_stream_is_a_refusal_unless_it_is_a_page(answer, expected, kind):
    failed = judge(wanted=stream_operation()).reply(answer)
    assert type(failed.error) is expected
    assert (getattr(failed.error, "kind", None), failed.error.status) == (kind, answer.status)


def test_a_judge_does_not_show_how_it_removes_secrets():
    assert "redact" not in repr(judge())


def test_without_word_of_another_token_a_refused_one_is_not_refreshed():
    plain = Judge(operation(READ), PolicySettings(), Deadline(30.0, lambda: 0.0), "call-1", str)
    assert not plain.reply(reply(401, {})).refresh_token
