"""How an adapter's requests are signed: without a key, with several headers, or by a function; and none of it shows."""

import base64
import hmac
import itertools
import traceback

import pytest

from tests.behaviour.own_vendor import KEY, detect_error, operation, reply
from tests.loopback import answer_in_turn, http
from unichat.adapter import Credential, ErrorResponse, Replay, Secret, ask
from unichat.errors import AdapterError, AuthenticationError, ConfigError, UnichatError

GOOD = reply({"text": "Yes."})
OTHER = "other-secret-9876543210"


def failure(made):
    with pytest.raises(UnichatError) as caught:
        made.client.chat("Hi?")
    return caught.value


def show(error):
    """All that a log or a crash report could show of an error."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True, lookup_lines=False)
    lines = [str(error), repr(error), repr(vars(error)), repr(error.__cause__)]
    part = whole
    while part is not None:
        for frame in part.stack:
            if "/tests/" not in frame.filename:
                lines += [f"{name}={value}" for name, value in (frame.locals or {}).items()]
        lines += part.format_exception_only()
        part = part.__cause__ or part.__context__
    return "\n".join(lines)


# Without a key


def test_a_server_without_a_key_is_asked_without_one(own, serve):
    server = serve(answer_in_turn(http(200, b'{"text": "Yes."}')))
    made = own(credential=None, url=server.url, policy={"rate": "1000/s"})
    assert made.client.chat("Hi?").text == "Yes."
    names = set(server.log[0].headers)
    assert not names & {"authorization", "x-token", "cookie"}


def test_without_a_key_a_refusal_is_not_tried_again(own):
    made = own(reply({}, status=401), credential=None)
    assert isinstance(failure(made), AuthenticationError)
    assert len(made.sent) == 1


def test_no_key_means_no_key_and_not_an_empty_tuple_only(own):
    made = own(GOOD, credential=())
    made.client.chat("Hi?")
    assert set(made.sent[0].headers) == {"Accept", "Content-Type"}


# Several headers


def several():
    return (Credential("Authorization", "Bearer", Secret(KEY)), Credential("X-Account", "", Secret(OTHER)))


def test_several_headers_sign_a_request(own):
    made = own(GOOD, credential=several())
    made.client.chat("Hi?")
    assert made.sent[0].headers["Authorization"] == f"Bearer {KEY}"
    assert made.sent[0].headers["X-Account"] == OTHER


def test_each_of_them_may_be_fixed_given_by_a_function_or_fetched(own):
    from unichat.adapter import Token

    def parse(answer):
        return Token(Secret(answer.json()["token"]), 1000.0)

    fetching = operation(Replay.READ, path="/token", parse=parse, signed=False)
    numbers = itertools.count(1)
    credential = (
        Credential("X-Fixed", "", Secret(KEY)),
        Credential("X-Given", "", lambda: f"given-{next(numbers)}"),
        Credential("X-Fetched", "", fetching),
        lambda request: {"X-Made": f"made-for-{request.path}"},
    )
    made = own(reply({"token": "fetched"}), GOOD, GOOD, credential=credential)
    made.client.chat("Hi?")
    made.client.chat("Hi?")
    token, *questions = made.sent
    assert "X-Fixed" not in token.headers
    assert [sent.headers["X-Given"] for sent in questions] == ["given-1", "given-2"]
    for sent in questions:
        assert (sent.headers["X-Fixed"], sent.headers["X-Fetched"]) == (KEY, "fetched")
        assert sent.headers["X-Made"] == "made-for-/ask"


def test_a_token_among_several_that_is_refused_is_fetched_anew_once(own):
    from unichat.adapter import Token

    fetching = operation(
        Replay.READ, path="/token", parse=lambda answer: Token(Secret(answer.json()["token"])), signed=False
    )
    made = own(
        reply({"token": "old-token"}), reply({}, status=401), reply({"token": "new-token"}), GOOD,
        credential=(Credential("X-Fixed", "", Secret(KEY)), Credential("X-Fetched", "", fetching)),
    )  # fmt: skip
    assert made.client.chat("Hi?").text == "Yes."
    assert [sent.headers.get("X-Fetched") for sent in made.sent] == [None, "old-token", None, "new-token"]


def test_two_credentials_with_one_header_are_a_mistake(own):
    with pytest.raises(AdapterError, match="own's adapter has a credential that cannot be used") as caught:
        own(credential=(Credential("X-A", "", Secret(KEY)), Credential("x-a", "", Secret(OTHER))))
    assert "same header" in str(caught.value.__cause__)


# A function


def test_a_function_signs_each_attempt_anew_and_sees_the_request(own):
    times = itertools.count(1)

    def sign(request):
        time = str(next(times))
        text = "\n".join([request.method, request.target, time]).encode() + (request.body or b"")
        return {"X-Time": time, "X-Signature": hmac.digest(KEY.encode(), text, "sha256").hex()}

    made = own(reply({}, status=503), GOOD, credential=sign)
    made.client.chat("Hi?")
    first, second = made.sent
    assert (first.headers["X-Time"], second.headers["X-Time"]) == ("1", "2")
    assert first.headers["X-Signature"] != second.headers["X-Signature"]


def test_a_function_may_return_secrets_and_texts_or_nothing(own):
    made = own(GOOD, GOOD, credential=lambda request: {"X-A": Secret(KEY), "X-B": "text"})
    made.client.chat("Hi?")
    assert (made.sent[0].headers["X-A"], made.sent[0].headers["X-B"]) == (KEY, "text")
    made = own(GOOD, credential=lambda request: {})
    made.client.chat("Hi?")
    assert set(made.sent[0].headers) == {"Accept", "Content-Type"}


@pytest.mark.parametrize(
    "sign",
    [
        lambda request: {}[KEY],
        lambda request: None,
        lambda request: [("X-A", KEY)],
        lambda request: {"X-A": None},
        lambda request: {"X-A": KEY.encode()},
        lambda request: {"X-A": f"{KEY}\r\nX-Evil: 1"},
        lambda request: {"X-A": f" {KEY}"},
        lambda request: {"X-A": f"{KEY}é"},
        lambda request: {"X-A": ""},
        lambda request: {"Host": KEY},
        lambda request: {"Content-Length": KEY},
        lambda request: {"a b": KEY},
        lambda request: int(KEY),
        lambda: {"X-A": KEY},
    ],
)
def test_a_function_that_gives_no_headers_is_a_mistake_that_names_the_adapter_and_shows_no_secret(own, sign):
    made = own(credential=sign)
    error = failure(made)
    assert isinstance(error, AdapterError)
    assert "own's adapter could not sign the request" in str(error)
    assert (error.backend, error.maybe_delivered, error.attempts) == ("own", False, ())
    assert KEY not in show(error)
    assert made.sent == []


@pytest.mark.parametrize("wrong", ["text", 5, [], Secret(KEY)])
def test_what_is_no_credential_is_a_mistake(own, wrong):
    with pytest.raises(AdapterError, match="own's adapter"):
        own(credential=wrong)


@pytest.mark.parametrize("header", ["", "a b", "Host", "X\r\nY"])
def test_a_credential_stands_in_a_header_that_can_be_sent(header):
    with pytest.raises(ValueError, match="header"):
        Credential(header, "", Secret(KEY))


# Redaction


def echo_secrets(*secrets):
    """Refuse, with all secrets in the message."""

    def detect_error(answer):
        return ErrorResponse(status=401, message=f"refused: {' | '.join(secrets)}", code=secrets[0])

    return lambda call: ask(operation(detect_error=detect_error))


BASIC = base64.b64encode(f"user:{OTHER}".encode()).decode()


@pytest.mark.parametrize(
    "credential",
    [
        several(),
        lambda request: {"Authorization": f"Bearer {KEY}", "X-B": Secret(OTHER)},
        lambda request: {"Authorization": f"Bearer {KEY}", "X-B": OTHER},
        (lambda request: {"X-A": KEY}, Credential("X-B", "", lambda: OTHER)),
    ],
)
def test_a_vendor_that_echoes_any_of_the_headers_shows_none(own, credential, caplog):
    made = own(
        *[reply({}, status=401)] * 2, credential=credential, chat=echo_secrets(KEY, OTHER), policy={"log_content": True}
    )
    error = failure(made)
    for text in (show(error), caplog.text, error.vendor_message, error.vendor_code):
        assert KEY not in text
        assert OTHER not in text
    assert "refused: *** | ***" in str(error)


def test_a_secret_of_the_settings_is_redacted_also_where_the_function_sends_it_in_another_form(own):
    def sign(request):
        return {"Authorization": "Basic " + base64.b64encode(f"user:{KEY}".encode()).decode()}

    encoded = base64.b64encode(f"user:{KEY}".encode()).decode()
    made = own(reply({}, status=401), credential=sign, chat=echo_secrets(KEY, encoded, f"Basic {encoded}"))
    error = failure(made)
    assert KEY not in str(error)
    assert encoded not in str(error)


def test_an_excerpt_of_an_unsigned_answer_shows_nothing_and_of_a_signed_one_no_secret(own):
    body = f"<html>{KEY} {OTHER}".encode()
    made = own(reply(body=body, kind="text/html"), credential=several())
    error = failure(made)
    assert KEY not in show(error)
    assert OTHER not in show(error)


def test_a_request_id_that_repeats_a_secret_is_redacted(own):
    from unichat.adapter import Reply

    answer = Reply(200, {"content-type": "application/json", "x-request-id": f"id-{OTHER}"}, b'{"text": "Yes."}')
    made = own(answer, credential=several())
    assert made.client.chat("Hi?").call.request_id == "id-***"


# The pace


def test_clients_without_a_key_share_the_pace_of_their_address(own):
    one, other = (own(credential=None, policy={"rate": "1/h"}) for _ in range(2))
    assert one.client._context.pacer is other.client._context.pacer
    third = own(credential=None, policy={"rate": "1/h", "base_url": "https://other.example"})
    assert third.client._context.pacer is not one.client._context.pacer


def test_clients_that_sign_by_a_function_share_the_pace_if_they_have_the_same_secrets(own):
    def client_for(key):
        return own(credential=lambda request: {}, policy={"rate": "2/h", "api_key": Secret(key)}).client._context.pacer

    one, same, other = client_for(KEY), client_for(KEY), client_for(OTHER)
    assert one is same
    assert one is not other


def test_clients_with_several_headers_share_the_pace_if_all_are_the_same(own):
    one, same = (own(credential=several(), policy={"rate": "3/h"}).client._context.pacer for _ in range(2))
    other = own(credential=several()[:1], policy={"rate": "3/h"}).client._context.pacer
    assert one is same
    assert one is not other


def test_a_token_provider_among_several_that_fails_is_a_mistake_in_the_settings(own):
    made = own(credential=(Credential("X-A", "", lambda: None), Credential("X-B", "", Secret(KEY))))
    assert isinstance(failure(made), ConfigError)
    assert detect_error(reply({}, status=400)).status == 400
