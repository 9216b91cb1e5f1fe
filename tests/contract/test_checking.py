"""Checks of a vendor: verdicts, arguments, and what is never sent."""

import json

import pytest

import unichat
from tests.contract.conftest import QUESTION, answer, edit
from unichat.contract import Verdict, check
from unichat.errors import ConfigError, InvalidInput

READS = {
    "kapa": {
        "retrieve_project", "list_sources", "list_integrations", "search", "activity", "list_end_users",
        "retrieve_thread", "list_question_answers", "retrieval", "list_threads", "list_source_groups",
        "list_top_question_periods", "retrieve_top_questions_period", "list_coverage_gap_periods",
        "retrieve_coverage_gaps_period",
    },
    "kadal": {"health", "list_chats", "list_chats_v7"},
}  # fmt: skip
BACKENDS = pytest.mark.parametrize("backend", READS)


def rows(report):
    return {operation.name: operation for operation in report.operations}


def row(client, name, **options):
    """The report on one operation, checked alone."""
    (found,) = check(client, only=(name,), **options).operations
    return found


def findings(operation):
    """Its findings as the reports show them, without those that settle a point as the adapter does."""
    shown = [each for each in operation.findings if each.kind != "settled" or each.verdict is not Verdict.OK]
    return [(each.kind, each.pointer) for each in shown]


@pytest.fixture(autouse=True)
def ask_both(box):
    """Each vendor has a row."""
    for backend in box.backends:
        with unichat.connect(backend, **box.settings(backend)) as client:
            client.chat(QUESTION)
            client.chat("Quantum chromodynamics?")


@BACKENDS
def test_a_vendor_that_follows_its_contract_is_ok_and_only_read(connect, backend):
    client = connect(backend)
    report = check(client)
    verdicts = {name: each.verdict for name, each in rows(report).items()}
    assert {name for name, verdict in verdicts.items() if verdict is Verdict.OK} == READS[backend]
    assert set(verdicts.values()) == {Verdict.OK, Verdict.UNKNOWN}
    assert report.made == ()
    assert report.exercised


@BACKENDS
def test_a_check_that_writes_asks_as_a_user_of_its_own_and_names_what_it_made(connect, backend):
    client = connect(backend)
    report = check(client, write=True)
    unknown = {name for name, each in rows(report).items() if each.verdict is Verdict.UNKNOWN}
    assert unknown == {"kapa": {"custom_chat", "custom_chat_streamed"}, "kadal": {"clear_chat_history"}}[backend]
    assert len({line.split(" as the user ")[1][:36] for line in report.made}) == 1
    assert len(report.made) == {"kapa": 5, "kadal": 3}[backend]
    user = report.made[0].split(" as the user ")[1][:36]
    assert {exchange.question for exchange in client.history(user=user)}
    assert all("unichat contract check" in exchange.question for exchange in client.history(user=user))


def test_custom_chat_is_exercised_when_it_is_named(connect):
    assert row(connect("kapa"), "custom_chat", write=True).verdict is Verdict.OK


def test_only_names_the_operations_that_are_reported_and_ids_come_from_what_was_read(connect):
    client = connect("kapa")
    assert row(client, "retrieve_thread").verdict is Verdict.OK
    assert not [target for target in client._transport.targets if "/search/" in target]


def test_a_list_is_read_by_its_first_page_of_ten(connect):
    client = connect("kadal")
    row(client, "list_chats")
    (target,) = client._transport.targets
    assert "page_no=1&page_size=10" in target


def test_an_empty_list_is_said_not_to_show_its_rows(connect):
    found = row(connect("kapa", edit("/end-users/", lambda body: {**body, "results": []})), "list_end_users")
    assert found.verdict is Verdict.OK
    assert ("not_exercised", "/results/0") in findings(found)


CHANGES = {
    "a missing field": (lambda body: [body[0].pop("user_query"), body][1], "missing", "/data/0/user_query", "broken"),
    "a null": (lambda body: [body[0].update(user_query=None), body][1], "null", "/data/0/user_query", "broken"),
    "another type": (
        lambda body: [body[-1].update(user_query=1), body][1],
        "type",
        "/data/{last}/user_query",
        "broken",
    ),
    "an unread field": (lambda body: [body[0].pop("created_by"), body][1], "missing", "/data/0/created_by", "drift"),
    "a new field": (lambda body: [body[0].update(new=1), body][1], "new_field", "/data/0/new", "drift"),
    "another reading": (
        lambda body: [body[0].update(bot_response_id="7"), body][1],
        "settled",
        "/data/0/bot_response_id",
        "drift",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_a_row_is_found_where_it_stands(connect, change):
    function, kind, pointer, verdict = CHANGES[change]
    last = []

    def change(body):
        last.append(len(body["data"]) - 1)
        return {**body, "data": function(body["data"])}

    found = row(connect("kadal", edit("/v1/?", change)), "list_chats")
    assert findings(found) == [(kind, pointer.format(last=last[0]))]
    assert found.verdict.value == verdict


def test_a_new_value_of_an_enum_is_drift(connect):
    def change(body):
        return [{**each, "integration_type": "CARRIER_PIGEON"} for each in body]

    found = row(connect("kapa", edit("/integrations/", change)), "list_integrations")
    assert (findings(found), found.verdict) == ([("new_enum_value", "/0/integration_type")], Verdict.DRIFT)


STATUSES = {
    401: ("unknown", "not_exercised"),
    403: ("unknown", "not_exercised"),
    429: ("unknown", "not_exercised"),
    500: ("unknown", "not_exercised"),
    503: ("unknown", "not_exercised"),
    507: ("unknown", "not_exercised"),
    302: ("broken", "status"),
    400: ("broken", "status"),
    405: ("broken", "status"),
    418: ("broken", "status"),
    422: ("broken", "status"),
}


@BACKENDS
@pytest.mark.parametrize("status", STATUSES)
def test_a_status_has_its_verdict(connect, backend, status):
    name, part = {"kapa": ("list_sources", "/sources/"), "kadal": ("list_chats", "/v1/?")}[backend]
    body = json.dumps({"detail": "No.", "message": "No.", "status_code": status}).encode()
    found = row(connect(backend, answer(part, status, body, location="https://elsewhere.example/")), name)
    verdict, kind = STATUSES[status]
    assert (found.verdict.value, findings(found)) == (verdict, [(kind, "")])
    assert str(status) in found.findings[0].message


@pytest.mark.parametrize(
    ("backend", "name", "part", "body", "verdict"),
    [
        # An id of the settings' may be wrong, and newer operations may not be there yet.
        ("kapa", "retrieve_project", "/projects/", {"detail": "Not found."}, "unknown"),
        ("kadal", "list_chats", "/v1/?", {"status_code": 404, "message": "Chat bot not found"}, "unknown"),
        ("kapa", "retrieval", "/retrieval/", {"detail": "Not found."}, "unknown"),
        ("kadal", "list_chats_v7", "/v7/", {"detail": "Not Found"}, "unknown"),
        ("kadal", "health", "/healthz", {"detail": "Not Found"}, "broken"),
        ("kapa", "retrieve_thread", "/threads/", {"detail": "Not found."}, "broken"),
        # The route itself is gone.
        ("kadal", "list_chats", "/v1/?", {"detail": "Not Found"}, "broken"),
    ],
)
def test_a_404_depends_on_whose_id_it_is_about(connect, backend, name, part, body, verdict):
    found = row(
        connect(backend, answer(part, 404, json.dumps(body).encode())), name, version={"kapa": "2026"}.get(backend)
    )
    assert found.verdict.value == verdict


def test_204_where_the_contract_has_none_is_broken(connect):
    found = row(connect("kadal", answer("/v1/?", 204, b"")), "list_chats")
    assert (found.verdict, findings(found)) == (Verdict.BROKEN, [("status", "")])


def test_a_status_that_means_another_one_is_shown_with_its_meaning(connect):
    body = json.dumps({"message": "You exceeded the rate limit."}).encode()
    found = row(connect("kapa", answer("/sources/", 403, body)), "list_sources")
    assert (found.verdict, found.findings[0].message) == (Verdict.UNKNOWN, "refused with 403, which means 429 here")


def test_an_operation_of_newer_versions_that_finds_nothing_is_not_said_to_be_missing(connect):
    found = row(connect("kadal", answer("/v7/", 204, b"")), "list_chats_v7")
    assert (found.verdict, found.findings[0].message) == (Verdict.UNKNOWN, "answered with 204: nothing was found")


@BACKENDS
def test_a_page_instead_of_json_is_broken(connect, backend):
    name, part = {"kapa": ("list_sources", "/sources/"), "kadal": ("list_chats", "/v1/?")}[backend]
    for content_type, message in (
        ("text/html; charset=utf-8", "the content type is 'text/html', not JSON"),
        ("", "the answer has no content type"),
    ):
        found = row(connect(backend, answer(part, 200, b"<html>Sign in</html>", content_type)), name)
        assert (found.verdict, findings(found)) == (Verdict.BROKEN, [("not_json", "")])
        assert found.findings[0].message == message
    found = row(connect(backend, answer(part, 200, b'{"cut": ')), name)
    assert (found.verdict, findings(found)) == (Verdict.BROKEN, [("not_json", "")])


def test_an_undocumented_success_whose_answer_validates_is_drift(connect):
    def change(url, reply):
        reply.status = 203
        return reply

    found = row(connect("kapa", change), "retrieve_project")
    assert (found.verdict, findings(found)) == (Verdict.DRIFT, [("new_status", "")])
    found = row(connect("kapa", answer("/projects/", 203)), "retrieve_project")
    assert found.verdict is Verdict.BROKEN
    assert ("status", "") in findings(found)
    found = row(connect("kapa", answer("/projects/", 204, b"")), "retrieve_project")
    assert (found.verdict, findings(found)) == (Verdict.BROKEN, [("status", "")])


@pytest.mark.parametrize(
    ("backend", "name", "part"),
    [("kadal", "list_chats", "/v1/?"), ("kadal", "list_chats_v7", "/v7/"), ("kadal", "health", "/healthz"),
     ("kapa", "retrieve_project", "/projects/"), ("kapa", "list_end_users", "/end-users/")],
)  # fmt: skip
@pytest.mark.parametrize("body", [{"status_code": 500, "message": "No."}, {"detail": "No."}, {"message": "No."}])
def test_an_error_in_the_place_of_a_success_does_not_pass(connect, backend, name, part, body):
    found = row(connect(backend, answer(part, 200, json.dumps(body).encode())), name)
    assert found.verdict in (Verdict.BROKEN, Verdict.UNKNOWN) or (
        backend == "kadal" and name == "health" and found.verdict is Verdict.DRIFT
    )


def test_a_field_is_missing_from_a_streams_record(connect, monkeypatch):
    from unichat_kapa.simulator import streaming

    encode = streaming.encode_records

    def without_text(records, quirks):
        changed = [(kind, {} if kind == "partial_answer" else content) for kind, content in records]
        return encode(changed, quirks)

    monkeypatch.setattr(streaming, "encode_records", without_text)
    found = row(connect("kapa"), "chat_streamed", write=True)
    assert found.verdict is Verdict.BROKEN
    # The sources come first.
    assert ("missing", "/1/chunk/content/text") in findings(found)


def test_a_stream_without_a_type_of_record_that_it_needs_is_broken(connect, monkeypatch):
    from unichat_kapa.simulator import streaming

    encode = streaming.encode_records
    monkeypatch.setattr(
        streaming,
        "encode_records",
        lambda records, quirks: encode([r for r in records if r[0] != "identifiers"], quirks),
    )
    found = row(connect("kapa"), "chat_streamed", write=True)
    assert (found.verdict, findings(found)) == (Verdict.BROKEN, [("missing", "")])


def test_a_new_type_of_record_is_drift(connect, monkeypatch):
    from unichat_kapa.simulator import streaming

    encode = streaming.encode_records
    monkeypatch.setattr(
        streaming, "encode_records", lambda records, quirks: encode([("poem", {"text": "Oh"}), *records], quirks)
    )
    found = row(connect("kapa"), "chat_streamed", write=True)
    assert (found.verdict, findings(found)) == (Verdict.DRIFT, [("new_enum_value", "/0/chunk/type")])


@pytest.fixture
def new_kadal(manual):
    """A vendor whose token's owner has no history."""
    with unichat.sandbox.start(docs=manual) as box:
        yield box.simulator("kadal")


def test_clearing_needs_no_writing_and_is_for_a_user_of_its_own(new_kadal):
    with unichat.connect("kadal", **new_kadal.settings()) as client:
        client.chat(QUESTION, user="ada")
        found = row(client, "clear_chat_history", destructive=True)
        assert found.verdict is Verdict.OK
        assert [exchange.question for exchange in client.history(user="ada")] == [QUESTION]


def test_nothing_is_cleared_if_the_tokens_owner_has_a_history(new_kadal):
    with unichat.connect("kadal", **new_kadal.settings()) as client:
        client.chat(QUESTION)
        found = row(client, "clear_chat_history", destructive=True)
        assert found.verdict is Verdict.UNKNOWN
        assert "has a history" in found.findings[0].message
        assert not [seen for seen in new_kadal.requests if "clearhistory" in seen.path]
        assert row(client, "clear_chat_history", destructive=True, force=True).verdict is Verdict.OK


def test_nothing_is_cleared_if_the_owners_history_cannot_be_read(new_kadal, box):
    client = unichat.connect("kadal", **{**new_kadal.settings(), "chat_bot_id": "no-such-bot", "attempts": 1})
    with client:
        found = row(client, "clear_chat_history", destructive=True)
    assert found.verdict is Verdict.UNKNOWN
    assert not [seen for seen in new_kadal.requests if "clearhistory" in seen.path]


@pytest.mark.parametrize(
    ("only", "problem"),
    [
        (("chat",), "chat changes something"),
        (("retrieve_projekt",), "Did you mean retrieve_project?"),
        (("retrieve_project", "nonsense"), "no operation"),
    ],
)
def test_a_name_that_cannot_be_checked_is_refused_before_anything_is_sent(connect, only, problem):
    client = connect("kapa")
    with pytest.raises(InvalidInput, match=problem):
        check(client, only=only)
    assert client._transport.targets == []


def test_a_missing_setting_leaves_an_operation_unexercised(connect):
    found = row(connect("kadal", rating_ids=None), "add_feedback", write=True)
    assert found.verdict is Verdict.UNKNOWN
    assert "rating_ids.up" in found.findings[0].message


def test_an_id_that_the_adapter_refuses_leaves_an_operation_unexercised(connect):
    change = edit("/chat/", lambda body: {**body, "thread_id": "string"})
    found = row(connect("kapa", change), "chat_in_thread", write=True)
    assert found.verdict is Verdict.UNKNOWN
    assert "the adapter refuses thread_id" in found.findings[0].message


def test_an_unreachable_vendor_says_nothing(connect):
    report = check(connect("kapa", base_url="http://127.0.0.1:9"))
    assert not report.exercised
    assert {each.verdict for each in report.operations} == {Verdict.UNKNOWN}


def test_a_report_holds_no_secret_and_no_text_of_questions_and_answers(connect, box):
    client = connect(
        "kadal",
        edit(
            "/v1/?",
            lambda body: {**body, "data": [{**each, "user_query": [each["user_query"]]} for each in body["data"]]},
        ),
    )
    report = check(client, write=True)
    text = str(report) + json.dumps([each.shape for each in report.operations])
    assert QUESTION not in text
    assert box.settings("kadal")["token"] not in text


def test_a_vendor_that_repeats_the_key_as_a_name_does_not_get_it_into_the_report(connect, box):
    key = box.settings("kapa")["api_key"]
    changes = {
        "list_integrations": edit("/integrations/", lambda rows: [{**row, "integration_type": key} for row in rows]),
        "retrieve_project": edit("/projects/", lambda project: {**project, f"x-{key}": 1}),
        "list_sources": answer("/sources/", 200, b"?", f"text/{key}"),
    }
    for name, change in changes.items():
        found = row(connect("kapa", change), name)
        assert found.verdict is not Verdict.OK
        assert key not in json.dumps([found.to_json(), found.shape])
    report = check(connect("kapa", edit("/chat/", lambda body: {**body, "thread_id": key})), only=("chat",), write=True)
    assert "thread_id ***" in report.made[0]


def test_the_client_must_be_a_synchronous_one():
    with pytest.raises(InvalidInput, match="client is 'kapa', and a check needs a synchronous client"):
        check("kapa")


def test_an_asyncio_client_is_refused_with_what_to_do(box):
    client = unichat.connect_async("kapa", **box.settings("kapa"))
    with pytest.raises(InvalidInput, match="an asyncio client, and a check needs a synchronous client") as caught:
        check(client)
    assert "asyncio.to_thread" in str(caught.value)


def test_progress_is_told_of_each_operation_and_how_many_are_done(connect):
    told = []
    check(connect("kadal"), only=("list_chats", "health"), progress=lambda *args: told.append(args))
    assert told == [("health", 0, 2), ("list_chats", 1, 2)]


@pytest.mark.parametrize("kind", ["int", "str", "object_id"])
def test_a_rating_is_exercised_whatever_the_type_of_the_vendors_ids(connect, box, kind):
    box.simulator("kadal").quirks.id_type = kind
    try:
        found = row(connect("kadal"), "add_feedback", write=True)
    finally:
        box.simulator("kadal").quirks.id_type = "int"
    assert found.verdict is (Verdict.OK if kind == "int" else Verdict.DRIFT)


def test_an_unknown_version_is_refused(connect):
    with pytest.raises(ConfigError, match="Use one of reference, 2026"):
        check(connect("kapa"), version="1999")
