"""`unichat contract`: what it prints, in each form, and its exit codes."""

import io
import json
import re
import sys
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from unichat.cli.commands.contract import _progress
from unichat.contract import load
from unichat.contract.operations import read_operations

pytestmark = pytest.mark.usefixtures("profiles")
CHECK = ("contract", "check", "--profile", "kadal", "--only", "health")
ID = b"6adaddba-85ba-4c12-a457-3eac70e9506e"


@pytest.fixture
def project(vendor):
    """The command for a vendor whose project has no name."""
    vendor(b'{"id": "%s", "team": "%s"}' % (ID, ID))
    return ("contract", "check", "--only", "retrieve_project")


def test_check_prints_a_verdict_for_each_operation(run):
    found = run("contract", "check", "--profile", "kadal", "--format", "json")
    assert found.code == 0
    assert (found.json["backend"], found.json["version"]) == ("kadal", "1.0.7")
    rows = {row["name"]: row for row in found.json["operations"]}
    assert rows["health"] == {
        "name": "health",
        "method": "GET",
        "path": "/aiwb/chat/api/v1/healthz",
        "verdict": "ok",
        "findings": rows["health"]["findings"],
    }
    assert {kind for row in rows.values() for kind in row} == {"name", "method", "path", "verdict", "findings"}
    assert [set(finding) for finding in rows["health"]["findings"]] == [{"kind", "pointer", "message"}]


def test_check_prints_a_table_and_markdown(run):
    assert run(*CHECK).out.splitlines()[1].split()[:2] == ["ok", "health"]
    assert "| ok | `GET /aiwb/chat/api/v1/healthz`<br>health |" in run(*CHECK, "--format", "markdown").out


def test_broken_is_exit_1_with_its_row_and_pointer(run, project):
    found = run(*project, "--format", "json")
    assert found.code == 1
    (row,) = found.json["operations"]
    assert ("missing", "/project_name") in [(each["kind"], each["pointer"]) for each in row["findings"]]


def test_drift_is_exit_1_only_if_strict(run, vendor):
    vendor(b'{"id": "%s", "team": "%s", "project_name": "n", "x": 1}' % (ID, ID))
    command = ("contract", "check", "--only", "retrieve_project")
    assert run(*command).code == 0
    assert run(*command, "--strict").code == 1
    assert ElementTree.fromstring(run(*command, "--format", "junit").out).get("failures") == "0"
    assert ElementTree.fromstring(run(*command, "--format", "junit", "--strict").out).get("failures") == "1"


def test_junit_shows_where_something_is_broken(run, project):
    suite = ElementTree.fromstring(run(*project, "--format", "junit").out)
    (case,) = suite.findall("testcase")
    assert case.get("name") == "retrieve_project"
    assert "/project_name" in case.find("failure").get("message")


def test_junit_has_a_case_for_each_operation_and_skips_what_was_not_exercised(run):
    suite = ElementTree.fromstring(run("contract", "check", "--profile", "kadal", "--format", "junit").out)
    assert suite.get("tests") == "7"
    assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped")) == 4


def test_nothing_exercised_is_exit_2(run, vendor):
    vendor(b"{}", status="401 Unauthorized")
    found = run("contract", "check")
    assert found.code == 2
    assert "nothing could be checked" in found.err


@pytest.mark.parametrize("status", ["302 Found", "200 OK"])
def test_a_page_or_a_redirect_is_broken_and_the_check_goes_on(run, vendor, status):
    vendor(b"<html>Sign in</html>", status=status, kind="text/html")
    found = run("contract", "check", "--format", "json")
    assert found.code == 1
    assert {row["verdict"] for row in found.json["operations"]} == {"broken", "unknown"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--only", "post_chat"), "Allow that with --write"),
        (("--only", "clear_chat_history", "--write"), "Allow that with --destructive"),
        (("--only", "healt"), "Did you mean health?"),
        (("--version", "9"), "Use one of 1.0.7"),
        (("--destructive",), "pass --yes"),
        (("--force",), "--force goes with --destructive"),
        (("--format", "yaml"), "'yaml' is not one of"),
        (("--backend", "kappa"), "kappa"),
    ],
)
def test_a_check_that_cannot_be_made_is_exit_2(run, box, arguments, problem):
    box.simulator("kadal").requests.clear()
    found = run("contract", "check", *(() if "--backend" in arguments else ("--profile", "kadal")), *arguments)
    assert (found.code, found.out) == (2, "")
    assert problem in found.err
    assert not box.simulator("kadal").requests


@pytest.mark.parametrize(("agreed", "code", "asked"), [(False, 2, 0), (True, 0, 1)])
def test_clearing_is_confirmed_on_a_terminal(run, box, monkeypatch, agreed, code, asked):
    terminal = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr("unichat.cli.confirming.sys", SimpleNamespace(stdin=terminal, stderr=terminal))
    monkeypatch.setattr("click.confirm", lambda text, err: agreed)
    box.simulator("kadal").requests.clear()
    clear = ("--only", "clear_chat_history", "--destructive", "--force")
    found = run("contract", "check", "--profile", "kadal", *clear)
    assert (found.code, len(box.simulator("kadal").requests)) == (code, asked)
    assert ("Nothing was checked." in found.err) is not agreed


def test_destructive_with_yes_clears_for_a_user_of_its_own(run):
    clear = ("--only", "clear_chat_history", "--destructive", "--yes", "--force")
    found = run("contract", "check", "--profile", "kadal", *clear, "--format", "json")
    assert (found.code, found.json["operations"][0]["verdict"]) == (0, "ok")
    assert [line.split(" as the user ")[0] for line in found.json["made"]] == ["clear_chat_history"]
    found = run("contract", "check", "--profile", "kadal", *clear)
    assert "\nchanged at the vendor: clear_chat_history as the user " in found.out


def test_save_also_saves_what_is_broken_and_diff_finds_it(run, project, profiles, box, elsewhere):
    assert run(*project, "--save", "new.json").code == 1
    profiles.write_text(box.config_toml("kapa"))
    assert run(*project, "--save", "old.json").code == 0
    found = run("contract", "diff", "old.json", "new.json", "--format", "json")
    assert found.code == 1
    assert ("missing", "/project_name") in [
        (each["kind"], each["pointer"]) for each in found.json["operations"][0]["findings"]
    ]
    assert run("contract", "diff", "old.json", "old.json").code == 0


@pytest.mark.parametrize("path", ["no/such/folder/check.json", "."])
def test_where_nothing_can_be_saved_nothing_is_sent(run, box, elsewhere, path):
    before = len(box.simulator("kapa").requests)
    found = run("contract", "check", "--profile", "kapa", "--save", path)
    assert (found.code, found.out) == (2, "")
    assert "cannot be written" in found.err
    assert len(box.simulator("kapa").requests) == before


def test_diff_refuses_what_is_no_saved_check(run, elsewhere):
    (elsewhere / "x.json").write_text("{}")
    found = run("contract", "diff", "x.json", "x.json")
    assert (found.code, found.out) == (2, "")
    assert "is not a saved check" in found.err
    assert run("contract", "diff", "x.json", "no.json").code == 2


def test_show_prints_the_contract_and_nothing_else(run):
    assert run("contract", "show", "kapa").json["info"]["version"] == "2026"
    assert run("contract", "show", "kapa", "--version", "reference").json["info"]["version"] == "reference"
    assert run("contract", "show", "kappa").code == 2


def test_list_says_what_there_is(run):
    assert {"backend": "kadal", "version": "1.0.7"} in run("contract", "list", "--json").json
    assert run("contract", "list").out.splitlines()[1].split() == ["kadal", "1.0.7"]


def test_no_form_shows_a_question_or_a_key(run, box):
    key = box.settings("kadal")["token"]
    for form in ("table", "json", "junit", "markdown"):
        text = json.dumps(run("contract", "check", "--profile", "kadal", "--write", "--format", form))
        assert key not in text
        assert "what is this about?" not in text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_check_shows_a_bar_in_80_columns_on_a_terminal(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "80")
    names = [operation.name for operation in read_operations(load("kapa"))]
    with _progress() as progress:
        for done, name in enumerate(names):
            progress(name, done, len(names))
    lines = re.sub(r"\x1b\[[0-9?]*[A-Za-z]", "", screen.getvalue()).replace("\r", "\n").split("\n")
    assert all(any(name in line for line in lines) for name in names)
    assert f"  {len(names)}/{len(names)}" in lines[-2]
    assert max(len(line.rstrip()) for line in lines) < 80


def test_a_check_shows_no_bar_where_there_is_no_terminal(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    with _progress() as progress:
        progress("health", 0, 1)
    assert screen.getvalue() == ""
