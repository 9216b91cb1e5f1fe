"""Every setting of every backend changes what is sent or done: none is accepted and ignored."""

import itertools
import json
import logging
import re
from urllib.parse import parse_qsl

import attrs
import pytest
import responses

from tests.loopback import CERTIFICATE
from tests.vendors import VENDORS
from unichat import User, errors
from unichat.adapter import MemoryTurns, Reply
from unichat.models import ClearOutcome
from unichat.transport.base import TransportFailure

from .doubles import (
    BOT,
    INTEGRATION,
    KEY,
    PROJECT,
    FakeClock,
    StubTransport,
    client_on,
    connect_client,
    read_body,
    read_query,
    reply,
    stub_replies,
)

SETTINGS = {name: vendor.backend.settings for name, vendor in VENDORS.items()}
OTHER = "b64d73a3-c7f4-498d-9c2d-685530cd059e"
CASES = {name: {} for name in VENDORS}


def shows(name, *backends):
    """Enter a test as the one that shows the setting `name` at work."""

    def enter(function):
        for backend in backends or VENDORS:
            CASES[backend][name] = function
        return function

    return enter


@pytest.mark.parametrize("backend", SETTINGS)
def test_every_setting_has_a_case_here(backend):
    assert set(CASES[backend]) == {each.name for each in attrs.fields(SETTINGS[backend])}


# What a vendor is sent, and what it answers

ANSWER = {
    "answer": "a",
    "message": "a",
    "message_id": 1,
    "conversation_id": "c",
    "choices": [{"message": {"content": "a"}}],
}


def answer(request):
    if request.path.endswith("/oauth/connect/token"):
        return reply({"access_token": "fetched", "expires_in": 300})
    if request.path.endswith("/chat/completions"):
        return reply({"id": "c", "choices": [{"message": {"content": "a"}}]})
    if "/feedback" in request.path:
        return reply({"id": 1})
    if "clearhistory" in request.path:
        return reply({"message": "Deleted previous conversations."})
    if request.path.endswith(("/v1/", "/v7/", "/question-answers/")):
        return reply({"status_code": 200, "data": [], "results": [], "next": None})
    return reply(ANSWER)


def send(backend, call=lambda client: client.chat("q", user="anna"), **settings):
    """The requests that `call` makes with these settings."""
    transport = StubTransport(answer)
    call(client_on(transport, backend, **settings))
    return transport.sent


def over_http(backend, **settings):
    """The one request that a question makes with these settings, as requests was told to send it."""
    with responses.RequestsMock() as mock:
        for host in (*URLS.values(), "https://other.example/prefix"):
            mock.add(responses.POST, _under(host), json=ANSWER)
        mock.assert_all_requests_are_fired = False
        with connect_client(backend, **settings) as client:
            client.chat("q", user="anna")
        (call,) = mock.calls
        return call.request


def _under(host):
    return re.compile(re.escape(host) + "/.*")


def down(backend, clock=None, **settings):
    """The error that a question ends in while the vendor is down."""
    transport = StubTransport(lambda request: reply({"detail": "down", "status_code": 503, "message": "down"}, 503))
    with pytest.raises(errors.UnichatError) as caught:
        client_on(transport, backend, clock, **settings).chat("q", user="anna")
    return caught.value


# Of every backend

URLS = {name: attrs.fields_dict(kind)["base_url"].default for name, kind in SETTINGS.items()}
STREAMING = tuple(name for name in VENDORS if name != "kadal")


@shows("base_url")
def base_url(backend):
    assert over_http(backend).url.startswith(f"{URLS[backend]}/")
    assert over_http(backend, base_url="https://other.example/prefix/").url.startswith("https://other.example/prefix/")


@shows("deadline")
def deadline(backend):
    def slow(clock):
        def respond(request):
            clock.now += 20
            return reply({"detail": "down", "status_code": 503, "message": "down"}, 503)

        return respond

    def attempts(**settings):
        clock = FakeClock()
        transport = StubTransport(slow(clock))
        with pytest.raises(errors.UnichatError) as caught:
            client_on(transport, backend, clock, **settings).chat("q", user="anna")
        return caught.value.call.stopped_by, len(transport.sent)

    assert attempts() == ("attempts", 3)
    assert attempts(deadline=15) == ("deadline", 1)


@shows("connect_timeout")
def connect_timeout(backend):
    assert over_http(backend).req_kwargs["timeout"][0] == 5
    assert over_http(backend, connect_timeout=2.5).req_kwargs["timeout"][0] == 2.5


@shows("connections")
def connections(backend):
    def at_most(number, **settings):
        with connect_client(backend, **settings) as client:
            slots = client._transport._slots
            held = [slots.acquire(1.0) for _ in range(number)]
            return None not in held and slots.acquire(0.0) is None

    assert at_most(64)
    assert at_most(3, connections=3)


@shows("attempts")
def attempts(backend):
    assert [len(down(backend, attempts=number).attempts) for number in (1, 2, 5)] == [1, 2, 5]


@shows("on_unsupported")
def on_unsupported(backend):
    def call(client):
        if client.capabilities.user_details:
            return client.clear_history()
        return client.chat("q", user=User("anna", slack_id="s"))

    with pytest.raises(errors.Unsupported):
        send(backend, call)
    requests = send(backend, call, on_unsupported="drop")
    assert len(requests) == (0 if backend == "kapa" else 1)


@shows("ca_bundle")
def ca_bundle(backend):
    def count_authorities(**settings):
        with connect_client(backend, **settings) as client:
            return len(client._transport._context.get_ca_certs())

    assert count_authorities(ca_bundle=str(CERTIFICATE)) == 1
    assert count_authorities() > 1
    with pytest.raises(errors.ConfigError, match="ca_bundle"):
        connect_client(backend, ca_bundle="/no/such/file.pem")


@shows("allow_insecure")
def allow_insecure(backend):
    with pytest.raises(errors.ConfigError, match="base_url"):
        connect_client(backend, base_url="http://vendor.example")
    connect_client(backend, base_url="http://vendor.example", allow_insecure=True).close()
    connect_client(backend, base_url="http://127.0.0.1:8101").close()


def failing_transport(status, headers=None):
    """A transport of a vendor that refuses everything so."""
    body = {"detail": "no", "status_code": status, "message": "no"}
    return StubTransport(
        lambda request: Reply(
            status, {"content-type": "application/json", **(headers or {})}, json.dumps(body).encode()
        )
    )


def refusal(backend, transport, clock=None, **settings):
    with pytest.raises(errors.UnichatError) as caught:
        client_on(transport, backend, clock, **settings).chat("q", user="anna")
    return caught.value


@shows("first_event_timeout", *STREAMING)
def first_event_timeout(backend):
    for given, silence in (({}, 60.0), ({"first_event_timeout": 7.0}, 7.0)):
        transport = failing_transport(404)
        with pytest.raises(errors.NotFound), client_on(transport, backend, **given).stream("q", user="anna"):
            pass
        assert transport.idle_timeouts == [silence]


def encode_stream(backend, text):
    """A stream of one event, as the vendor sends it."""
    match backend:
        case "kapa":
            record = {"chunk": {"type": "partial_answer", "content": {"text": text}, "stream_end": True}}
            return json.dumps(record).encode() + b"\xe2\x90\x9e"
        case "dify":
            records = [{"event": "message", "answer": text}, {"event": "message_end"}]
        case "openai":
            records = [{"choices": [{"delta": {"content": text}}]}]
    return b"".join(b"data: %s\n\n" % json.dumps(record).encode() for record in records) + b"data: [DONE]\n\n"


@shows("idle_timeout", *STREAMING)
def idle_timeout(backend):
    for given, silence in (({}, 30.0), ({"idle_timeout": 7.0}, 7.0)):
        transport = StubTransport(lambda request: Reply(200, {}, encode_stream(backend, "a")))
        assert client_on(transport, backend, **given).stream("q", user="anna").answer.text == "a"
        # Where the end is marked, nothing is read after it.
        assert transport.idle_timeouts in ([60.0, silence], [60.0])
        assert transport.idle_timeouts == [60.0, silence] or backend != "kapa"


@shows("record_limit", *STREAMING)
def record_limit(backend):
    transport = StubTransport(lambda request: Reply(200, {}, encode_stream(backend, "a" * 500)))
    assert len(client_on(transport, backend).stream("q", user="anna").answer.text) == 500
    with pytest.raises(errors.InvalidResponse, match="more than 300 bytes"):
        _ = client_on(transport, backend, record_limit=300).stream("q", user="anna").answer


@shows("first_event_timeout", "kadal")
@shows("idle_timeout", "kadal")
@shows("record_limit", "kadal")
def stream_settings(backend):
    """Kadal has no streams: these are for the day that it has, and for profiles that switch between vendors."""
    assert not client_on(StubTransport(answer), backend).capabilities.streaming


@shows("body_limit")
def body_limit(backend):
    for given, limit in (({}, 16 * 1024 * 1024), ({"body_limit": 1000}, 1000)):
        transport = StubTransport(answer)
        client_on(transport, backend, **given).chat("q", user="anna")
        assert transport.limits == [limit]


@shows("page_limit")
def page_limit(backend):
    numbers = itertools.count()

    def endless(request):
        number = next(numbers)
        row = {"id": str(number), "bot_response_id": number, "query": "q", "answer": "a", "conversation_id": "c"}
        return reply({"status_code": 200, "data": [row], "results": [row], "next": "more", "has_more": True})

    transport = StubTransport(endless)
    client = client_on(transport, backend, page_limit=3)
    if not client.capabilities.history:
        return
    with pytest.raises(errors.InvalidResponse, match="did not end after 3 pages"):
        list(client.history(user="anna" if client.capabilities.needs_user else None, page_size=1))
    assert len(transport.sent) == 3


@shows("log_content")
def log_content(backend):
    class Lines(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    lines = []
    refusal = reply(
        dict.fromkeys(("detail", "message"), "no such words") | {"error": {"message": "no such words"}}, 400
    )
    handler = Lines()
    logging.getLogger("unichat").addHandler(handler)
    try:
        for settings in ({}, {"log_content": True}):
            with pytest.raises(errors.InvalidInput):
                client_on(stub_replies(refusal), backend, **settings).chat("q", user="anna")
    finally:
        logging.getLogger("unichat").removeHandler(handler)
    assert ["no such words" in line for line in lines] == [False, True]


@shows("replay")
def replay(backend):
    def lose_answer():
        outcomes = [TransportFailure("closed"), reply(ANSWER)]
        reads = []

        def respond(request):
            if request.method == "GET":
                reads.append(request)
                return reply([] if backend == "kapa" else {"status_code": 200, "data": []})
            return outcomes.pop(0)

        return StubTransport(respond), reads

    transport, _ = lose_answer()
    assert refusal(backend, transport).call.stopped_by == "maybe_delivered"
    transport, reads = lose_answer()
    assert client_on(transport, backend, replay="always").chat("q", user="anna").text == "a"
    assert (len(transport.sent), reads) == (2, [])
    transport, reads = lose_answer()
    if not client_on(transport, backend).capabilities.history:
        # There is nowhere to look for the answer: the question is not asked again.
        assert refusal(backend, transport, replay="reconcile").call.stopped_by == "maybe_delivered"
        return
    assert client_on(transport, backend, replay="reconcile").chat("q", user="anna").text == "a"
    assert (len(transport.sent), len(reads)) == (3, 1)


@shows("retry_insufficient_tokens")
def retry_insufficient_tokens(backend):
    assert len(refusal(backend, failing_transport(507)).attempts) == 3
    assert len(refusal(backend, failing_transport(507), retry_insufficient_tokens=False).attempts) == 1


def longest(backend, status, monkeypatch, **settings):
    """The upper ends of the waits after four attempts that ended so."""
    drawn = []
    monkeypatch.setattr("random.uniform", lambda low, high: drawn.append(high) or 0.0)
    refusal(backend, failing_transport(status), attempts=5, **settings)
    return drawn


def backoff(first, cap, status, usual):
    @shows(first)
    def first_wait(backend):
        with pytest.MonkeyPatch.context() as patch:
            assert longest(backend, status, patch)[0] == usual
            assert longest(backend, status, patch, **{first: 0.25})[:3] == [0.25, 0.5, 1.0]

    @shows(cap)
    def longest_wait(backend):
        with pytest.MonkeyPatch.context() as patch:
            assert max(longest(backend, status, patch, **{cap: 2.0})) == 2.0


backoff("backoff", "backoff_cap", 503, 0.5)
backoff("throttle_backoff", "throttle_backoff_cap", 429, 1.0)
backoff("token_backoff", "token_backoff_cap", 507, 5.0)


@shows("retry_after_limit")
def retry_after_limit(backend):
    assert len(refusal(backend, failing_transport(429, {"retry-after": "50"})).attempts) == 3
    error = refusal(backend, failing_transport(429, {"retry-after": "50"}), retry_after_limit=40.0)
    assert (error.call.stopped_by, error.retry_after, len(error.attempts)) == ("retry_after", 50.0, 1)


@shows("retry_budget")
def retry_budget(backend):
    error = refusal(backend, failing_transport(503), retry_budget=10)
    assert (error.call.stopped_by, len(error.attempts)) == ("budget", 2)
    assert len(refusal(backend, failing_transport(503), retry_budget=0).attempts) == 1


@shows("breaker_failures")
@shows("breaker_reset")
def breaker(backend):
    clock, transport = FakeClock(), failing_transport(503)
    client = client_on(transport, backend, clock, attempts=1, breaker_failures=2, breaker_reset=9.0)
    for _ in range(2):
        with pytest.raises(errors.ServerError):
            client.chat("q", user="anna")
    with pytest.raises(errors.CircuitOpen) as caught:
        client.chat("q", user="anna")
    assert (len(transport.sent), caught.value.reopens_in) == (2, 9.0)
    clock.now += 9
    with pytest.raises(errors.ServerError):
        client.chat("q", user="anna")
    assert len(transport.sent) == 3


@shows("rate")
def rate(backend):
    clock = FakeClock()
    with responses.RequestsMock() as mock:
        mock.add(responses.POST, re.compile(".*"), json=ANSWER)
        with connect_client(backend, clock, rate="20/min", **{VENDORS[backend].key: "paced"}) as client:
            for _ in range(3):
                client.chat("q", user="anna")
    assert clock.slept == pytest.approx([3.0, 3.0])


# Of the examples


@shows("api_key", "dify", "openai")
def bearer_key(backend):
    assert over_http(backend).headers["Authorization"] == f"Bearer {KEY}"
    assert over_http(backend, api_key="another").headers["Authorization"] == "Bearer another"


@shows("inputs", "dify")
def inputs(backend):
    assert read_body(send(backend)[0])["inputs"] == {}
    assert read_body(send(backend, inputs={"product": "Gizmo"})[0])["inputs"] == {"product": "Gizmo"}


@shows("model", "openai")
def model(backend):
    assert [read_body(send(backend, model=name)[0])["model"] for name in ("gpt", "other")] == ["gpt", "other"]


@shows("instructions", "openai")
def instructions(backend):
    (system, question) = read_body(send(backend, instructions="Be brief.")[0])["messages"]
    assert (system, question["role"]) == ({"role": "system", "content": "Be brief."}, "user")
    assert len(read_body(send(backend)[0])["messages"]) == 1


@shows("turns", "openai")
def turns(backend):
    def use_other_thread(**settings):
        thread = client_on(StubTransport(answer), backend, **settings).chat("q", user="anna").thread
        return send(backend, lambda client: client.continue_thread(thread, "r"), **settings)

    with pytest.raises(errors.NotFound):
        use_other_thread()
    store = MemoryTurns()
    for settings in ({"turns": "reference"}, {"turns": store}):
        (request,) = use_other_thread(**settings)
        assert [each["content"] for each in read_body(request)["messages"]] == ["q", "a", "r"]


@shows("turn_limit", "openai")
def turn_limit(backend):
    assert len(read_body(send(backend, twice)[1])["messages"]) == 3
    assert len(read_body(send(backend, twice, turn_limit=1)[1])["messages"]) == 1


# Of Kapa


@shows("api_key", "kapa")
def api_key(backend):
    assert over_http(backend).headers["X-API-KEY"] == KEY
    assert over_http(backend, api_key="another").headers["X-API-KEY"] == "another"


@shows("project_id", "kapa")
def project_id(backend):
    for project in (PROJECT, OTHER):
        (request,) = send(backend, project_id=project)
        assert request.path == f"/query/v1/projects/{project}/chat/"
        (request,) = send(backend, lambda client: list(client.history()), project_id=project)
        assert request.path == f"/query/v1/projects/{project}/question-answers/"
        assert (
            client_on(StubTransport(answer), backend, project_id=project).probes()[0].request.path.split("/")[4]
            == project
        )


@shows("integration_id", "kapa")
def integration_id(backend):
    assert "integration_id" not in read_body(send(backend)[0])
    assert read_body(send(backend, integration_id=INTEGRATION)[0])["integration_id"] == INTEGRATION


# Of Kadal


@shows("chat_bot_id", "kadal")
def chat_bot_id(backend):
    for bot in (BOT, "another-bot"):
        (request,) = send(backend, chat_bot_id=bot)
        assert request.path == f"/aiwb/chat/api/v2/{bot}"
        (request,) = send(backend, lambda client: list(client.history()), chat_bot_id=bot)
        assert read_query(request)["chat_bot_id"] == bot


@shows("token", "kadal")
def token(backend):
    assert over_http(backend).headers["Authorization"] == f"Bearer {KEY}"
    assert over_http(backend, token="another").headers["Authorization"] == "Bearer another"
    assert over_http(backend, token=lambda: "provided").headers["Authorization"] == "Bearer provided"


ACCOUNT = {"token": None, "client_id": "account", "client_secret": "s3cret"}


def fetch(**settings):
    """The request for a token, its fields, and what came of it."""
    request = send("kadal", **{**ACCOUNT, **settings})[0]
    if request.headers["Content-Type"] == "application/json":
        return request, json.loads(request.body)
    return request, dict(parse_qsl(request.body.decode()))


@shows("client_id", "kadal")
def client_id(backend):
    assert all("oauth" not in request.path for request in send(backend))
    assert fetch(client_id="another")[1]["client_id"] == "another"


@shows("client_secret", "kadal")
def client_secret(backend):
    assert fetch(client_secret="another")[1]["client_secret"] == "another"


@shows("realm", "kadal")
def realm(backend):
    assert "realm" not in fetch()[1]
    assert fetch(realm="ours")[1]["realm"] == "ours"


@shows("token_encoding", "kadal")
def token_encoding(backend):
    (as_form, fields), (as_json, again) = fetch(), fetch(token_encoding="json")
    assert fields == again
    assert (as_form.headers["Content-Type"], as_json.headers["Content-Type"]) == (
        "application/x-www-form-urlencoded",
        "application/json",
    )


@shows("rating_ids", "kadal")
def rating_ids(backend):
    def rate(rating):
        (request,) = send(backend, lambda client: client.feedback(1, rating), rating_ids={"up": 7, "down": 9})
        return read_body(request)["rating_id"]

    assert (rate("up"), rate("down")) == (7, 9)
    with pytest.raises(errors.ConfigError):
        send(backend, lambda client: client.feedback(1, "up"), rating_ids=None)


def twice(client):
    client.continue_thread(client.chat("q", user="anna"), "q")


@shows("threads", "kadal")
def threads(backend):
    assert {read_query(request)["ext_user_id_ref"] for request in send(backend, twice)} == {"anna"}
    (reference,) = {read_query(request)["ext_user_id_ref"] for request in send(backend, twice, threads="isolated")}
    assert reference != "anna"


@shows("check_thread", "kadal")
def check_thread(backend):
    assert ["/v2/" in request.path for request in send(backend, twice)] == [True, True]
    assert ["/v2/" in request.path for request in send(backend, twice, check_thread=True)] == [True, False, True]


@shows("user_ids", "kadal")
def user_ids(backend):
    references = [read_query(send(backend, user_ids=form)[0])["ext_user_id_ref"] for form in ("verbatim", "uuid5")]
    assert references[0] == "anna" != references[1]


@shows("require_user", "kadal")
def require_user(backend):
    assert len(send(backend, lambda client: client.chat("q"))) == 1
    with pytest.raises(errors.InvalidInput):
        send(backend, lambda client: client.chat("q"), require_user=True)


@shows("send_version", "kadal")
def send_version(backend):
    found = [send(backend, send_version=version)[0] for version in ("v1", "v2")]
    assert [(request.method, request.path) for request in found] == [
        ("GET", f"/aiwb/chat/api/v1/{BOT}"),
        ("POST", f"/aiwb/chat/api/v2/{BOT}"),
    ]


@shows("message_encoding", "kadal")
def message_encoding(backend):
    found = {encoding: send(backend, message_encoding=encoding)[0] for encoding in ("json", "query", "auto")}
    assert {encoding: "message" in read_query(request) for encoding, request in found.items()} == {
        "json": False,
        "query": True,
        "auto": False,
    }
    assert [request.body is None for request in found.values()] == [False, True, False]
    wants_query = reply({"detail": [{"loc": ["query", "message"], "msg": "m", "type": "missing"}]}, 422)
    transport = StubTransport(lambda request: answer(request) if request.body is None else wants_query)
    assert client_on(transport, backend, message_encoding="auto").chat("q").text == "a"


@shows("feedback_encoding", "kadal")
def feedback_encoding(backend):
    def places(encoding):
        (request,) = send(backend, lambda client: client.feedback(1, "up"), feedback_encoding=encoding)
        return ("rating_id" in read_query(request), request.body is not None)

    assert [places(encoding) for encoding in ("json", "query", "both", "auto")] == [
        (False, True),
        (True, False),
        (True, True),
        (False, True),
    ]
    wants_query = reply({"detail": [{"loc": ["query", "rating_id"], "msg": "m", "type": "missing"}]}, 422)
    transport = StubTransport(lambda request: answer(request) if request.body is None else wants_query)
    assert client_on(transport, backend, feedback_encoding="auto").feedback(1, "up").id == "1"


def read(client):
    return list(client.history())


@shows("history_version", "kadal")
def history_version(backend):
    found = [send(backend, read, history_version=version)[0] for version in ("v1", "v7")]
    assert [(request.method, request.path) for request in found] == [
        ("GET", "/aiwb/chat/api/v1/"),
        ("POST", "/aiwb/chat/api/v7/"),
    ]


@shows("exclude_tool_verbose", "kadal")
def exclude_tool_verbose(backend):
    def flag(**settings):
        return read_query(send(backend, read, history_version="v7", **settings)[0]).get("exclude_tool_verbose")

    assert [flag(), flag(exclude_tool_verbose=True), flag(exclude_tool_verbose=False)] == [None, "true", "false"]


@shows("include_events", "kadal")
def include_events(backend):
    rows = [{"_id": str(number), "metadata": {"category": kind}} for number, kind in enumerate(("chat", "event"))]
    page = reply({"total_count": 2, "data": {"chat_hist": rows}})

    def count(**settings):
        return len(read(client_on(StubTransport(lambda request: page), backend, history_version="v7", **settings)))

    assert [count(), count(include_events=True), count(include_events=False)] == [2, 2, 1]


@shows("missing_ok", "kadal")
def missing_ok(backend):
    missing = StubTransport(lambda request: reply({"status_code": 404, "message": "none"}, 404))
    with pytest.raises(errors.NotFound):
        client_on(missing, backend).clear_history(user="anna")
    result = client_on(missing, backend, missing_ok=True).clear_history(user="anna")
    assert result.outcome is ClearOutcome.NOTHING_TO_CLEAR


@pytest.mark.parametrize(
    ("backend", "name"), [(backend, name) for backend in SETTINGS for name in CASES[backend]], ids=lambda value: value
)
def test_a_setting_changes_what_is_sent_or_done(backend, name):
    CASES[backend][name](backend)
