import threading
import traceback

import pytest

from tests.canned import bench, detect_error, operation, reply
from unichat.adapter import Credential, Fields, Operation, Replay, Request, Secret, Token
from unichat.errors import AuthenticationError, ConfigError, InsufficientTokens, UnichatError
from unichat.execution.tokens import Tokens


def token_operation(name="access_token"):
    def parse(answer):
        fields = Fields(answer.json())
        lifetime = fields.integer("expires_in")
        return Token(Secret(fields.require_text("token")), None if lifetime is None else float(lifetime))

    return Operation(
        backend="echo",
        name=name,
        replay=Replay.READ,
        request=Request("POST", "/token", body=b"{}"),
        detect_error=detect_error,
        parse=parse,
        signed=False,
    )


def token(text, lifetime=None):
    return reply(200, {"token": text, "expires_in": lifetime})


def values(made):
    return [request.headers.get("X-Token") for request in made.sent]


def header(scheme, source):
    tokens = Tokens(Credential("Authorization", scheme, source), lambda: 0.0)
    return tokens.signature(source).value


def test_a_fixed_secret_follows_the_scheme_in_its_header():
    assert header("Bearer", Secret("sesame")) == "Bearer sesame"
    assert header("", Secret("sesame")) == "sesame"
    made = bench(reply(200, 1), source=Secret("sesame"))
    made.run(operation())
    assert values(made) == ["sesame"]


def test_a_provider_is_asked_before_each_request_and_may_give_text_or_a_secret():
    given = iter(["one", Secret("two"), "three"])
    made = bench(reply(200, 1), reply(503, {}), reply(200, 1), source=lambda: next(given))
    made.run(operation())
    made.run(operation())
    assert values(made) == ["one", "two", "three"]


async def asynchronous():
    return "sesame"


def raise_secret():
    raise RuntimeError("the words hold sesame")


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        (raise_secret, "the token provider raised RuntimeError"),
        (lambda: None, "returned NoneType instead of text"),
        (lambda: 5, "returned int instead of text"),
        (lambda: b"sesame", "returned bytes instead of text"),
        (lambda: "", "token is empty"),
        (lambda: "sesame\n", "leading or trailing whitespace"),
        (lambda: "sésame", "cannot be used in an HTTP header"),
        (asynchronous, "is asynchronous, and this client is not"),
        (lambda: asynchronous(), "is asynchronous, and this client is not"),
    ],
)
def test_a_provider_that_does_not_return_a_token_raises_config_error(provider, words):
    made = bench(source=provider)
    error = made.error(operation())
    assert type(error) is ConfigError
    assert words in str(error)
    assert "same" not in str(error) + repr(vars(error))
    assert error.__context__ is None
    assert made.sent == []


def test_a_token_that_cannot_be_sent_is_in_none_of_our_tracebacks():
    made = bench(source=lambda: "sesame-with-line-end\n")
    error = made.error(operation())
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    ours = [frame for frame in shown.split("  File ") if "/unichat/" in frame.partition("\n")[0]]
    assert ours
    assert not any("sesame-with" in frame for frame in ours)


def test_a_token_is_fetched_once_and_kept():
    made = bench(token("t1", 3600), reply(200, 1), reply(200, 2), source=token_operation())
    assert (made.run(operation()), made.run(operation())) == (1, 2)
    assert [request.path for request in made.sent] == ["/token", "/look", "/look"]
    assert values(made) == [None, "t1", "t1"]


@pytest.mark.parametrize(("lifetime", "kept"), [(3600, 3569.5), (100, 89.5), (10, 8.5)])
def test_a_token_is_replaced_shortly_before_it_expires(lifetime, kept):
    made = bench(
        token("t1", lifetime), reply(200, 1), reply(200, 2), token("t2", 1), reply(200, 3), source=token_operation()
    )
    made.run(operation())
    made.clock.now += kept
    made.run(operation())
    made.clock.now += 0.75
    made.run(operation())
    assert values(made) == [None, "t1", "t1", None, "t2"]


def test_a_token_without_a_known_end_is_kept_until_it_is_refused():
    made = bench(token("t1"), reply(200, 1), reply(401, {}), token("t2"), reply(200, 2), source=token_operation())
    made.run(operation())
    made.clock.now += 10**9
    assert made.run(operation()) == 2
    assert values(made) == [None, "t1", "t1", None, "t2"]


def test_a_rejected_fetched_token_is_refreshed_once():
    made = bench(token("t1"), reply(401, {}), token("t2"), reply(401, {}), source=token_operation())
    error = made.error(operation(Replay.ASK))
    assert type(error) is AuthenticationError
    assert error.operation == "look"
    assert len(error.attempts) == 2
    assert values(made) == [None, "t1", None, "t2"]


def test_a_token_whose_life_is_over_already_serves_its_one_request():
    made = bench(token("t1", 0), reply(200, 1), token("t2", 0), reply(200, 2), source=token_operation())
    assert (made.run(operation()), made.run(operation())) == (1, 2)


def test_a_failed_fetch_is_an_error_of_that_operation_and_sends_no_question():
    made = bench(reply(401, {}), source=token_operation())
    error = made.error(operation(Replay.ASK))
    assert type(error) is AuthenticationError
    assert error.operation == "access_token"
    assert error.maybe_delivered is False


def test_a_fetch_is_retried_like_any_reading():
    made = bench(reply(503, {}), token("t1"), reply(200, 1), source=token_operation())
    assert made.run(operation()) == 1


def test_the_record_of_a_call_is_not_that_of_its_token():
    made = bench(token("t1"), reply(200, 1), source=token_operation())
    call = made.context.call(None, kind="question")
    made.perform_run(operation(Replay.ASK), call)
    assert call.record.operation == "look"
    assert len(call.record.attempts) == 1


def test_a_fetched_token_that_cannot_be_sent_is_not_shown():
    made = bench(token("sesame\n"), source=token_operation())
    error = made.error(operation())
    assert isinstance(error, UnichatError)
    assert "sesame" not in str(error) + repr(vars(error))


def test_an_unsigned_operation_needs_no_token():
    made = bench(reply(200, 1), source=token_operation())
    made.run(operation(signed=False))
    assert values(made) == [None]


def test_threads_that_need_a_token_at_once_fetch_one():
    together = threading.Barrier(8)
    made = bench(token("t1"), *[reply(200, 1)] * 8, source=token_operation(), real_clock=True)

    def run():
        together.wait(20)
        results.append(made.run(operation()))

    results = []
    threads = [threading.Thread(target=run, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [1] * 8
    assert values(made) == [None, *["t1"] * 8]


def test_a_token_of_nothing_left_counts_as_the_servers_failure():
    made = bench(*[reply(507, {})] * 3, source=token_operation())
    assert type(made.error(operation())) is InsufficientTokens


def test_a_late_refusal_of_an_old_token_does_not_drop_the_new_one():
    made = bench(token("t1"), reply(200, 1), token("t2"), *[reply(200, 1)] * 2, source=token_operation())
    (tokens,) = made.context.signing.parts
    made.run(operation())
    old = tokens.signature(Secret(made.sent[-1].headers["X-Token"]))
    for _ in range(2):
        tokens.forget(old)
        made.run(operation())
    assert values(made) == [None, "t1", None, "t2", "t2"]


def test_a_fetch_has_no_more_time_than_the_call_that_needs_it():
    made = bench(token("t1"), reply(200, 1), source=token_operation())
    made.run(operation(), deadline=2.5)
    assert made.transport.timeouts == [2.5, 2.5]


def test_a_fetch_that_fails_tells_its_attempts():
    made = bench(*[reply(503, {})] * 3, source=token_operation())
    error = made.error(operation())
    assert error.operation == "access_token"
    assert [attempt.outcome for attempt in error.attempts] == ["HTTP 503"] * 3
    assert error.stopped_by == "attempts"


def test_a_reservation_is_released_if_no_token_can_be_obtained():
    given = iter([None, "sesame"])
    made = bench(reply(200, 1), source=lambda: next(given), policy={"rate": "1/h"})
    assert type(made.error(operation())) is ConfigError
    made.run(operation())
    assert made.clock.slept == []
