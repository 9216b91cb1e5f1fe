"""No request whatsoever may make a simulator fail: whatever comes, the answer is below 500 and in the vendor's form."""

import contextlib
import http.client
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unichat_kapa.simulator.service import ENDPOINTS

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=12)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from([10**30, 2**63, "true", "0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        *("query", "user", "metadata", "integration_id", "messages", "user_identifier", "reaction", "question_answer"),
        *("comment", "num_results", "top_k", "max_chars", "include_source_names", "persist_answer", "message", "text"),
        *("bot_response_id", "is_positive", "rating_id", "created_by"),
    ]
)
BODY = st.one_of(
    st.dictionaries(FIELDS, VALUE, max_size=6).map(lambda body: json.dumps(body).encode()),
    VALUE.map(lambda body: json.dumps(body).encode()),
    st.binary(max_size=40),
)
PARAMETERS = st.dictionaries(
    st.sampled_from(
        [
            *(
                "page",
                "page_size",
                "ordering",
                "search",
                "has_email",
                "aggregation_period",
                "start_date_time",
                "cursor",
            ),
            *("updated_since", "include", "sort", "integration_type", "integration_filter", "chat_bot_id", "page_no"),
            *("order", "ext_user_id_ref", "continue_last_chat", "query", "exclude_tool_verbose"),
        ]
    ),
    st.text(max_size=12) | st.sampled_from(["1", "DAY", "asc", "9" * 30, "2020-01-01T00:00:00Z"]),
    max_size=5,
)
SEGMENT = st.text(max_size=8).map(lambda text: "".join(f"%{byte:02X}" for byte in text.encode()) or "x")
KINDS = st.sampled_from(
    ["application/json", "application/json", "text/plain", "application/x-www-form-urlencoded", "?"]
)
METHODS = st.sampled_from(["GET", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])


def send(client, method, path, parameters, body, kind):
    response = client.send(method, path, params=parameters, data=body, headers={"content-type": kind})
    assert response.status_code < 500, response.text
    if response.headers.get("content-type") == "application/json" and method != "HEAD":
        response.json()
    return response


@SLOW
@given(
    endpoint=st.sampled_from(ENDPOINTS),
    parameters=PARAMETERS,
    body=BODY,
    kind=KINDS,
    thread=st.booleans(),
    any_method=METHODS,
)
def test_any_request_to_kapa_is_answered(kapa, endpoint, parameters, body, kind, thread, any_method):
    thread_id = kapa.chat("retries")["thread_id"] if thread else "%00"
    path = endpoint.path.format(project_id=kapa.project.id, thread_id=thread_id, period_id=thread_id)
    assert send(kapa, endpoint.method, path, parameters, body, kind).status_code != 405
    send(kapa, any_method, path, parameters, body, kind)


@SLOW
@given(segments=st.lists(SEGMENT, max_size=4), method=METHODS, parameters=PARAMETERS)
@pytest.mark.parametrize("vendor", ["kapa", "kadal"])
def test_any_path_is_answered(vendor, request, segments, method, parameters):
    client = request.getfixturevalue(vendor)
    prefixes = ["/", "/query/v1/projects/", "/query/v1/threads/", "/aiwb/chat/api/v1/", "/aiwb/chat/api/v2/", "/docs/"]
    for prefix in prefixes:
        send(client, method, prefix + "/".join(segments), parameters, b"{}", "application/json")


@SLOW
@given(
    path=st.sampled_from(["v1/", "v7/", "v1/feedbacks/", "v2/{}", "v1/clearhistory/{}", "v1/{}", "token"]),
    method=METHODS,
    parameters=PARAMETERS,
    body=BODY,
    kind=KINDS,
    known=st.booleans(),
)
def test_any_request_to_kadal_is_answered(kadal, path, method, parameters, body, kind, known):
    if known:
        parameters["chat_bot_id"] = kadal.bot
    path = "/auth/api/v1/oauth/connect/token" if path == "token" else path.format(kadal.bot)
    send(kadal, method, path, parameters, body, kind)
    send(kadal, "GET" if path == "v1/" else "POST", path, parameters, body, kind)


@pytest.mark.parametrize("host", ["[::1", "[", "a b", "x:99999999", "\u00e9".encode("latin-1"), "", "@/?#"])
def test_any_host_header_is_answered(kadal, kapa, host):
    # Not with requests: it fails itself where a redirect leads to an odd host.
    for client, path in ((kadal, "/aiwb/chat/api/v1"), (kadal, "/aiwb/chat/api/v1/healthz"), (kapa, "/org/v1/")):
        connection = http.client.HTTPConnection(client.simulator.base_url.removeprefix("http://"), timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Host": host})
            assert connection.getresponse().status < 500
