"""Saved checks: what is in the file, who can read it, and how two of them differ."""

import json
import os
import stat

import pytest
from attrs import evolve

import unichat
from tests.contract.conftest import QUESTION, answer, edit
from unichat.contract import Report, Verdict, check
from unichat.contract.saved import diff, read, save
from unichat.errors import ConfigError

NAME = "list_chats"


@pytest.fixture(autouse=True)
def ask_kadal(box):
    with unichat.connect("kadal", **box.settings("kadal")) as client:
        client.chat(QUESTION)


@pytest.fixture
def save_check(connect, tmp_path):
    """Check one operation of Kadal's with its answers changed, and read the check back from its file."""

    def run_check(change=lambda url, reply: reply):
        path = tmp_path / "check.json"
        save(check(connect("kadal", change), only=(NAME,)), path)
        return read(path)

    return run_check


def rows(change):
    return edit("/v1/?", lambda body: {**body, "data": [change(dict(row)) for row in body["data"]]})


def compare(old, new):
    (operation,) = diff(old, new).operations
    return operation.verdict, [(each.kind, each.pointer) for each in operation.findings]


def test_two_checks_of_the_same_answers_do_not_differ(save_check):
    assert compare(save_check(), save_check()) == (Verdict.OK, [])


@pytest.mark.parametrize(
    ("change", "verdict", "kind", "pointer"),
    [
        (lambda row: {key: row[key] for key in row if key != "user_query"}, "broken", "missing", "/data/0/user_query"),
        (lambda row: {**row, "user_query": None}, "broken", "null", "/data/0/user_query"),
        (lambda row: {**row, "user_query": 1}, "broken", "type", "/data/0/user_query"),
        (lambda row: {key: row[key] for key in row if key != "created_by"}, "drift", "missing", "/data/0/created_by"),
        (lambda row: {**row, "extra": 1}, "drift", "new_field", "/data/0/extra"),
        (lambda row: {**row, "bot_response_id": "7"}, "drift", "type", "/data/0/bot_response_id"),
    ],
)
def test_a_difference_has_the_verdict_of_a_check(save_check, change, verdict, kind, pointer):
    found, findings = compare(save_check(), save_check(rows(change)))
    assert found.value == verdict
    assert (kind, pointer) in findings


def test_drift_that_was_so_before_is_no_difference(save_check):
    drift = rows(lambda row: {**row, "extra": 2, "bot_response_id": "7"})
    assert compare(save_check(drift), save_check(drift)) == (Verdict.OK, [])


def test_drift_that_changed_is_a_difference(save_check):
    before, after = ({"created_by": value} for value in (7, True))
    old, new = (save_check(rows(lambda row, change=change: {**row, **change})) for change in (before, after))
    assert compare(old, new) == (Verdict.DRIFT, [("type", "/data/0/created_by")])


UNANSWERED = answer("/v1/?", 503)
BROKEN = {
    "a page": answer("/v1/?", 200, b"<html>", "text/html"),
    "a status": answer("/v1/?", 418),
    "a field": rows(lambda row: {**row, "user_query": 1}),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("before", ["well", "unanswered", "left out", "broken"])
def test_what_is_broken_in_the_newer_check_is_broken_whatever_the_older_one_found(save_check, name, before):
    new = save_check(BROKEN[name])
    old = {
        "well": save_check,
        "unanswered": lambda: save_check(UNANSWERED),
        "left out": lambda: evolve(new, operations=()),
        "broken": lambda: new,
    }[before]()
    assert compare(old, new)[0] is Verdict.BROKEN


@pytest.mark.parametrize("leave_out", [True, False])
def test_drift_in_the_newer_check_is_drift_if_the_older_one_says_nothing(save_check, leave_out):
    new = save_check(rows(lambda row: {**row, "extra": 2}))
    old = evolve(new, operations=()) if leave_out else save_check(UNANSWERED)
    assert compare(old, new) == (Verdict.DRIFT, [("new_field", "/data/0/extra"), ("not_exercised", "")])


def test_a_status_that_became_an_error_is_a_difference(save_check):
    assert compare(save_check(), save_check(answer("/v1/?", 418))) == (Verdict.BROKEN, [("status", "")])


def test_what_only_one_of_them_exercised_is_unknown(save_check):
    refused = save_check(answer("/v1/?", 401))
    assert compare(save_check(), refused)[0] is Verdict.UNKNOWN
    assert compare(refused, save_check())[0] is Verdict.UNKNOWN
    report = save_check()
    empty = Report(backend="kadal", version="1.0.7", operations=())
    assert compare(empty, report) == (Verdict.UNKNOWN, [("not_exercised", "")])
    assert compare(report, empty) == (Verdict.UNKNOWN, [("not_exercised", "")])


def test_checks_of_two_backends_are_not_compared(save_check):
    with pytest.raises(ConfigError, match="one check is of kadal, and the other of kapa"):
        diff(save_check(), evolve(save_check(), backend="kapa"))


def test_a_file_holds_no_values(connect, tmp_path, box):
    free = {"metadata": {"who asked": QUESTION}}
    change = rows(lambda row: {**row, **free, QUESTION: 1})
    save(check(connect("kadal", change), write=True), tmp_path / "check.json")
    text = (tmp_path / "check.json").read_text()
    assert "user_query" in text
    for value in (QUESTION, "who asked", "Descale", box.settings("kadal")["token"], "unichat contract check"):
        assert value not in text


@pytest.mark.skipif(os.name != "posix", reason="other systems have no mode")
def test_only_the_owner_can_read_the_file(save_check, tmp_path):
    before = os.umask(0)
    try:
        (tmp_path / "check.json").touch(0o666)
        save_check()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "check.json").stat().st_mode) == 0o600


def test_a_file_is_written_whole_or_not_at_all(save_check, tmp_path, monkeypatch):
    report = save_check()
    before = (tmp_path / "check.json").read_text()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(ConfigError, match=r"cannot be written \(No space left"):
        save(report, tmp_path / "check.json")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["check.json"]
    assert (tmp_path / "check.json").read_text() == before


@pytest.mark.parametrize("path", ["no/such/folder/check.json", "nul\0.json"])
def test_a_path_that_cannot_be_written_is_said(save_check, tmp_path, path):
    with pytest.raises(ConfigError, match="cannot be written"):
        save(save_check(), tmp_path / path)


OPERATION = {"name": "a", "method": "GET", "path": "/", "verdict": "ok", "findings": [], "status": 200, "shape": None}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not a saved check"),
        ("[]", "is not a saved check"),
        ("{}", "is not a saved check"),
        ("[" * 100_000, "is not a saved check"),
        ('{"format": 2}', "of format 2, and this unichat reads 1"),
        ('{"format": 1}', "is not a saved check"),
        ('{"format": 1, "backend": 1, "version": "1", "operations": []}', "is not a saved check"),
    ],
)
def test_a_file_that_is_no_saved_check_is_refused(tmp_path, text, problem):
    path = tmp_path / "check.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        read(path)


@pytest.mark.parametrize(
    "bad", [{"verdict": "nice"}, {"shape": 1}, {"shape": {"types": [1]}}, {"findings": [1]}, {"name": None}]
)
def test_a_file_with_a_bad_row_is_refused(tmp_path, bad):
    content = {"format": 1, "backend": "a", "version": "1", "operations": [{**OPERATION, **bad}]}
    (tmp_path / "check.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="is not a saved check"):
        read(tmp_path / "check.json")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        read(tmp_path / "check.json")
