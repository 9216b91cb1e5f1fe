"""Checks of a stream: its records, where it ends, and what stands where records should be."""

import copy
import json

import pytest

from tests.behaviour.doubles import check_settings
from unichat.connecting import client_for
from unichat.contract import check
from unichat.testing import CannedStream, CannedTransport
from unichat.transport.base import TransportFailure

UUID = "497f6eca-6276-4993-bfeb-53cbbbba6f08"
SOURCE = {"source_url": "https://docs.example/a", "title": "A", "contains_internal_data": False}


def record(kind, **content):
    return {"chunk": {"type": kind, "content": content, "stream_end": kind == "identifiers"}}


GOOD = (
    record("relevant_sources", relevant_sources=[SOURCE]),
    record("partial_answer", text="Monthly"),
    record("partial_answer", text="."),
    record("identifiers", thread_id=UUID, question_answer_id=UUID),
)


def encode(*records):
    return b"".join(json.dumps(each).encode() + "\u241e".encode() for each in records)


def check_stream(*chunks, status=200, kind="text/plain", delimited=True):
    """The verdict on a stream that comes in these pieces, its findings, and the HTTP status of its report."""
    found = check_settings("kapa", attempts=1)
    answer = CannedStream(chunks, status=status, headers={"content-type": kind}, delimited=delimited)
    with client_for(found.backend, found.settings, transport=CannedTransport(answer)) as client:
        (report,) = check(client, only=("chat_streamed",), write=True).operations
    return report.verdict.value, [(each.kind, each.pointer) for each in report.findings], report.status


def test_a_stream_that_follows_the_contract_is_ok():
    assert check_stream(encode(*GOOD)) == ("ok", [], 200)


CHANGES = {
    "a record without its chunk": (1, lambda row: row.pop("chunk"), "missing", "/1/chunk"),
    "a first record without its chunk": (0, lambda row: row.pop("chunk"), "missing", "/0/chunk"),
    "a chunk that is a list": (2, lambda row: row.update(chunk=[]), "type", "/2/chunk"),
    "a chunk that is null": (2, lambda row: row.update(chunk=None), "null", "/2/chunk"),
    "a content that is null": (1, lambda row: row["chunk"].update(content=None), "null", "/1/chunk/content"),
    "a text that is a number": (1, lambda row: row["chunk"]["content"].update(text=5), "type", "/1/chunk/content/text"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_record_that_the_adapter_cannot_read_is_found_where_it_differs(name):
    number, change, kind, pointer = CHANGES[name]
    records = copy.deepcopy(GOOD)
    change(records[number])
    verdict, found, _ = check_stream(encode(*records))
    assert (verdict, found[0]) == ("broken", (kind, pointer))


def test_a_record_that_is_a_list_is_of_another_type():
    assert check_stream(encode(GOOD[0], [], *GOOD[1:]))[:2] == ("broken", [("type", "/1")])


def test_a_record_that_is_not_json_is_named_by_its_number():
    data = encode(GOOD[0]) + "no JSON\u241e".encode() + encode(*GOOD[1:])
    assert check_stream(data)[:2] == ("broken", [("not_json", "/1")])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in</html>",
        b'{"answer": "Monthly."}',
        b"data: {}\n\n",
        encode(*GOOD).replace(b"\xe2\x90\x9e", b"\x1e"),
    ],
    ids=["a page", "a whole answer", "server-sent events", "another delimiter"],
)
def test_what_has_no_records_is_not_a_stream(body):
    assert check_stream(body)[:2] == ("broken", [("not_json", "")])


@pytest.mark.parametrize("data", [b"", encode(*GOOD[:3])], ids=["nothing", "no ids"])
def test_a_body_that_ends_properly_before_the_answer_is_whole_is_broken(data):
    assert check_stream(data)[:2] == ("broken", [("missing", "")])


def test_a_stream_that_is_cut_says_nothing():
    cut = TransportFailure("truncated", delivered=True, phase="body")
    for chunks in ([cut], [encode(*GOOD[:2]), cut], [encode(*GOOD)[:-10], cut]):
        assert check_stream(*chunks)[:2] == ("unknown", [("not_exercised", "")])


@pytest.mark.parametrize("delimited", [True, False])
@pytest.mark.parametrize("length", [20, len(encode(*GOOD)) - 10, len(encode(*GOOD)) - 1])
def test_a_stream_that_ends_in_the_middle_of_a_record_may_be_cut_as_well(length, delimited):
    """Without a length and without chunks, a body ends with its connection, however that ends."""
    found = check_stream(encode(*GOOD)[:length], delimited=delimited)
    assert found[:2] == ("unknown", [("not_exercised", "")])


def test_a_failure_that_the_vendor_reports_in_the_stream_says_nothing():
    assert check_stream(encode(*GOOD[:2], record("error", reason="No.")))[:2] == ("unknown", [("not_exercised", "")])


def test_an_undocumented_success_is_drift_if_the_stream_follows_the_contract():
    assert check_stream(encode(*GOOD), status=201) == ("drift", [("new_status", "")], 201)
    assert check_stream(b"", status=204)[:2] == ("broken", [("status", "")])
    assert check_stream(encode(*GOOD[:3]), status=201)[0] == "broken"
