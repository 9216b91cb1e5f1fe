"""The request of one attempt as it goes out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from attrs import evolve

from tests.canned import operation
from unichat.adapter import Replay, Request
from unichat.adapter.secrets import Signature
from unichat.execution.http_request import build_request

CONTEXT = SimpleNamespace(base_url="https://vendor.example/api", base_query="")


def build(request, *signatures, context=CONTEXT, replay=Replay.READ):
    return build_request(evolve(operation(replay), request=request), signatures, context)


def test_build_request_without_a_body_declares_no_content_type():
    sent = build(Request("GET", "/x", (("a", "1"),)))
    assert (sent.method, sent.base_url, sent.target) == ("GET", "https://vendor.example/api", "/x?a=1")
    assert (sent.headers, sent.body) == ({"Accept": "application/json"}, None)


def test_build_request_with_a_body_declares_what_it_is():
    sent = build(Request("POST", "/x", body=b"{}"))
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.body == b"{}"


def test_build_request_accepts_what_the_operation_asks_for():
    assert build(Request("GET", "/x", accept="text/csv")).headers["Accept"] == "text/csv"


def test_build_request_adds_the_operations_headers_and_the_signatures():
    request = Request("GET", "/x", headers=(("X-Trace", "1"),))
    sent = build(request, Signature("X-Key", "sesame"), Signature("Authorization", "token", "Bearer"))
    assert sent.headers == {
        "Accept": "application/json",
        "X-Trace": "1",
        "X-Key": "sesame",
        "Authorization": "Bearer token",
    }


def test_build_request_keeps_the_query_of_the_base_url_that_is_not_its_own():
    context = SimpleNamespace(base_url="https://vendor.example", base_query="tenant=7&a=2")
    assert build(Request("GET", "/x", (("a", "1"),)), context=context).target == "/x?a=1&tenant=7"


@pytest.mark.parametrize("replay", Replay)
def test_build_request_calls_idempotent_what_may_be_sent_twice(replay):
    sent = build(Request("POST", "/x", body=b"{}"), replay=replay)
    assert sent.idempotent is (replay not in (Replay.ASK, Replay.INSERT))
