"""What an adapter can ask for: methods, queries, headers, `Accept`, unsigned requests, a `base_url` with a query."""

import attrs
import pytest

from tests.behaviour.own_vendor import KEY, OwnSettings, detect_error, operation, reply
from tests.loopback import answer_in_turn, http
from unichat.adapter import (
    Credential,
    Endpoints,
    Replay,
    Request,
    Secret,
    StreamOperation,
    ask,
    http_url_with_query,
    setting,
)
from unichat.errors import AdapterError, ConfigError, InvalidInput
from unichat.models import Answer, StreamEvent

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH")


class WholeDecoder:
    """Takes all that comes as one text."""

    complete = False

    def __init__(self, limit):
        self.text, self.records = "", []

    def feed(self, data):
        self.text += data.decode()
        yield StreamEvent(type="text", text=data.decode())

    def end(self):
        return None

    def result(self):
        return Answer(text=self.text)


def endpoint_table(method="POST", **request):
    """Endpoints of both kinds, whose requests have these parts."""
    table = Endpoints("own", detect_error)

    @table.add(method, "/things/{thing}", Replay.UPSERT, reference="Thing")
    def thing(endpoint, *, thing: str = "t"):
        return endpoint.operation(lambda answer: answer, path={"thing": thing}, **request)

    @table.add(method, "/things/{thing}/stream", Replay.ASK, reference="Stream", streamed=True)
    def thing_streamed(endpoint, *, thing: str = "t"):
        return endpoint.stream(WholeDecoder, path={"thing": thing}, **request)

    return table


def both(own, method="POST", policy=None, settings=OwnSettings, url="", outcomes=None, **request):
    """Send a request of each kind, and return both as they went out."""
    made = own(
        *(outcomes or [reply({}), reply({})]),
        endpoints=endpoint_table(method, **request),
        policy=policy,
        settings=settings,
        url=url,
    )
    made.client.run(made.client.operations.thing())
    with made.client.run(made.client.operations.thing_streamed()) as pieces:
        list(pieces)
    return made.sent


# Methods


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("body", [None, {"a": 1}], ids=["no body", "body"])
def test_every_method_is_sent_as_it_is(own, serve, method, body):
    answer = b"" if method == "HEAD" else b'{"ok": 1}'
    server = serve(answer_in_turn(http(200, answer)))
    made = own(endpoints=endpoint_table(method, body=body), url=server.url)
    result = made.client.run(made.client.operations.thing())
    assert (result.status, result.body) == (200, answer)
    again = made.client.run(made.client.operations.thing())
    assert again.status == 200
    assert [(received.method, received.target) for received in server.log] == [(method, "/things/t")] * 2
    assert server.log[0].body == (b"" if body is None else b'{"a":1}')
    assert server.accepted == 1


@pytest.mark.parametrize("method", ["get", "", "CONNECT", "GET /x", "GET\r\nX: y", "GÉT", "-"])
def test_what_is_not_a_method_that_can_be_sent_is_a_mistake(own, method):
    with pytest.raises(ValueError, match="not an HTTP method"):
        Request(method, "/x")
    made = own(chat=lambda call: ask(operation(request=Request(method, "/x"))))
    with pytest.raises(AdapterError, match="own's adapter"):
        made.client.chat("Hi?")


# Query, form, headers, Accept


def test_both_kinds_of_operation_take_a_query_and_a_form_and_headers(own):
    whole, streamed = both(
        own,
        query={"a": "1 2", "b": [True, "é", 3], "c": None},
        headers={"X-Version": "2024-06-01", "X-Left-Out": None, "x-empty": ""},
        form={"text": "a&b"},
    )
    for sent in (whole, streamed):
        assert sent.target.partition("?")[2] == "a=1+2&b=true&b=%C3%A9&b=3"
        assert (sent.headers["X-Version"], sent.headers["x-empty"]) == ("2024-06-01", "")
        assert "X-Left-Out" not in sent.headers
        assert (sent.headers["Content-Type"], sent.body) == ("application/x-www-form-urlencoded", b"text=a%26b")


def test_headers_go_over_the_wire(own, serve):
    server = serve(answer_in_turn(http(200, b"{}")))
    both(own, headers={"X-Version": "2024-06-01"}, accept="application/vnd.own+json", url=server.url)
    for received in server.log:
        assert received.headers["x-version"] == "2024-06-01"
        assert received.headers["accept"] == "application/vnd.own+json"
        assert received.headers["x-token"] == KEY


def test_json_is_asked_for_and_of_a_stream_anything_unless_the_adapter_says_which(own):
    assert [sent.headers["Accept"] for sent in both(own)] == ["application/json", "*/*"]
    asked = both(own, accept="text/event-stream")
    assert [sent.headers["Accept"] for sent in asked] == ["text/event-stream"] * 2


@pytest.mark.parametrize("signed", [True, False])
def test_both_kinds_can_be_sent_without_the_credential(own, signed):
    for sent in both(own, signed=signed):
        assert ("X-Token" in sent.headers) is signed


CREDENTIALS = ["Authorization", "authorization", "PROXY-AUTHORIZATION", "Cookie", "X-API-Key", "api-key"]
OF_OTHERS = ["Host", "content-length", "Transfer-Encoding", "Connection", "User-Agent", "Accept", "Content-Type"]


@pytest.mark.parametrize("name", [*CREDENTIALS, *OF_OTHERS, "", "a b", "a:b", "x\r\ny", "ü"])
def test_a_header_that_is_not_the_requests_is_a_mistake(own, name):
    table = endpoint_table(headers={name: "value-of-it"})
    for function in (table["thing"].function, table["thing_streamed"].function):
        with pytest.raises(ValueError, match="header"):
            function()
    made = own(chat=lambda call: ask(table["thing"].function()))
    with pytest.raises(AdapterError) as caught:
        made.client.chat("Hi?")
    assert "value-of-it" not in str(caught.value)
    assert made.sent == []


@pytest.mark.parametrize("name", ["X-Token", "x-token", "X-TOKEN"])
@pytest.mark.parametrize("signed", [True, False])
def test_a_header_of_the_adapters_own_credential_is_a_mistake(own, name, signed):
    made = own(chat=lambda call: ask(operation(request=Request("GET", "/x", headers=((name, "abc"),)), signed=signed)))
    with pytest.raises(AdapterError, match="set a header"):
        made.client.chat("Hi?")
    assert made.sent == []


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "\x00", "é", " a", "a ", "\ud800", "a\tb\x7f"])
def test_a_value_that_cannot_stand_in_a_header_is_refused_before_anything_is_sent(own, value):
    for part in ({"headers": {"X-User": value}}, {"accept": value}):
        table = endpoint_table(**part)
        made = own(chat=lambda call, table=table: ask(table["thing"].function()))
        with pytest.raises(InvalidInput, match="cannot be sent") as caught:
            made.client.chat("Hi?")
        assert caught.value.argument in ("X-User", "Accept")
        assert made.sent == []


def test_a_secret_is_not_the_value_of_a_plain_header():
    with pytest.raises(TypeError, match="is Secret, not text"):
        endpoint_table(headers={"X-Key": Secret("hidden-key")})["thing"].function()


def test_headers_do_not_show_in_a_request_that_is_printed():
    assert "hidden" not in repr(operation(request=Request("GET", "/x", headers=(("X-User", "hidden"),))))


# A base_url with a query


@attrs.frozen(kw_only=True)
class AzureSettings(OwnSettings):
    """Settings whose `base_url` may have a query."""

    base_url: str = setting(default="https://own.example", check=http_url_with_query, help="Where it is.")


@pytest.mark.parametrize(
    ("base_url", "query", "expected"),
    [
        ("/openai?api-version=2024-06-01", {}, "/openai/things/t?api-version=2024-06-01"),
        ("/openai/?api-version=2024-06-01", {"a": "1"}, "/openai/things/t?a=1&api-version=2024-06-01"),
        ("?a=%20b&c=d+e", {}, "/things/t?a=%20b&c=d+e"),
        ("?a=1&b=2&a=3", {"a": "own"}, "/things/t?a=own&b=2"),
        ("?a%20b=1", {"a b": "own"}, "/things/t?a+b=own"),
        ("?flag", {}, "/things/t?flag"),
        ("?", {}, "/things/t"),
        ("/x", {"q": "1"}, "/x/things/t?q=1"),
    ],
)
def test_the_query_of_a_base_url_is_added_to_each_request(own, serve, base_url, query, expected):
    server = serve(answer_in_turn(http(200, b"{}")))
    both(
        own, query=query, settings=AzureSettings, policy={"base_url": server.url + base_url}, url=server.url + base_url
    )
    assert [received.target for received in server.log] == [
        expected,
        expected.replace("/things/t", "/things/t/stream"),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://own.example?a=b c",
        "https://own.example?a=%zz",
        "https://own.example?a=é",
        "https://own.example?a=b#c",
        "https://own.example?a=\n",
        'https://own.example?a="b"',
        "https://user:sesame@own.example?a=b",
        "ftp://own.example?a=b",
        "own.example?a=b",
        "https://?a=b",
    ],
)
def test_a_query_that_cannot_be_sent_is_refused_and_not_shown(url):
    with pytest.raises(ConfigError) as caught:
        AzureSettings(base_url=url)
    assert "a=" not in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_a_query_is_not_shown_where_the_address_is_insecure():
    with pytest.raises(ConfigError, match="in the clear") as caught:
        AzureSettings(base_url="http://own.example?sig=sentinel")
    assert "sentinel" not in str(caught.value)


def test_without_leave_a_base_url_has_no_query():
    with pytest.raises(ConfigError, match="has a query"):
        OwnSettings(base_url="https://own.example?a=b")


def test_a_dry_run_shows_what_would_be_sent():
    from unichat.cli.curl import command_line, masked_signatures

    table = endpoint_table("PATCH", headers={"X-Version": "2"}, accept="text/event-stream", body={"a": 1})
    credentials = (Credential("Authorization", "Bearer", Secret("hidden-one")), lambda request: {"X-Sig": "hidden-two"})
    for name in ("thing", "thing_streamed"):
        asked = table[name].function()
        line = command_line(asked, "https://own.example/v1/?api-version=1", masked_signatures(asked, credentials))
        assert line.startswith("curl --globoff --request PATCH 'https://own.example/v1/things/t")
        assert "?api-version=1'" in line
        for header in ("Authorization: Bearer ***", "X-Sig: ***", "Accept: text/event-stream", "X-Version: 2"):
            assert f"'{header}'" in line
        assert "hidden" not in line
    asked = table["thing"].function()
    assert "***" not in command_line(asked, "https://own.example", masked_signatures(asked, None))


def test_a_dry_run_tells_of_a_mistake_in_the_adapters_function():
    from unichat.cli.curl import masked_signatures

    with pytest.raises(AdapterError, match="own's adapter could not sign the request"):
        masked_signatures(operation(), lambda request: {}["nothing"])


def test_operations_stay_values():
    table = endpoint_table(headers={"X-Version": "2"})
    one, other = (table["thing"].function().request for _ in range(2))
    assert one == other
    assert len({one, other}) == 1
    assert isinstance(table["thing_streamed"].function(), StreamOperation)
