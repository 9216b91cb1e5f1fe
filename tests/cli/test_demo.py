"""`unichat demo`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

import unichat
from tests.cli.conftest import SECONDS
from unichat.cli.commands.demo import QUESTION, steps

STEPS = ["chat", "continue_thread", "stream", "feedback", "history", "clear_history"]


# So that not every worker runs it.
one_process = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """What `unichat demo --json` prints: as a process, once. A proxy that does not answer is not asked."""
    from_nothing = {name: value for name, value in os.environ.items() if not name.startswith(("UNICHAT_", "KA"))}
    from_nothing |= {"http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    command = "import sys; from unichat.cli import main; sys.exit(main())"
    child = subprocess.run(
        [sys.executable, "-c", command, "demo", "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path_factory.mktemp("demo"),
        env=from_nothing,
        timeout=SECONDS,
        check=False,
    )
    assert (child.returncode, child.stderr) == (0, "")
    return json.loads(child.stdout)


@one_process
def test_eleven_steps_are_ok_and_kapas_clearing_is_unsupported(demo):
    outcomes = {(vendor, step): demo[vendor][step]["outcome"] for vendor in demo for step in demo[vendor]}
    assert {vendor: list(demo[vendor]) for vendor in demo} == {"kadal": STEPS, "kapa": STEPS}
    assert outcomes.pop(("kapa", "clear_history")) == "unsupported"
    assert set(outcomes.values()) == {"ok"}


@one_process
@pytest.mark.parametrize("vendor", ["kapa", "kadal"])
def test_each_step_shows_what_came_back(demo, vendor):
    shown = demo[vendor]
    assert shown["chat"]["question"] == QUESTION
    for step in ("chat", "continue_thread", "stream"):
        assert shown[step]["text"]
        assert shown[step]["id"]
        assert shown[step]["thread"].startswith(f"{vendor}:1:")
    assert shown["feedback"]["answer_id"] == shown["stream"]["id"]
    assert shown["feedback"]["rating"] == "down"
    assert [each["id"] for each in shown["history"]["exchanges"]] == [
        shown[step]["id"] for step in ("chat", "continue_thread", "stream")
    ]


@one_process
def test_only_the_vendor_that_streams_gives_several_pieces(demo):
    assert demo["kapa"]["stream"]["pieces"] > 1
    assert demo["kadal"]["stream"]["pieces"] == 1


@one_process
def test_the_clearing_step_says_what_it_did_or_why_not(demo):
    assert demo["kadal"]["clear_history"]["result"] == "cleared"
    assert "no call that clears" in demo["kapa"]["clear_history"]["reason"]


@one_process
def test_the_questions_of_the_demo_have_answers_in_unichats_own_docs(demo):
    for step in ("chat", "continue_thread", "stream"):
        assert demo["kapa"][step]["sources"], step
        assert not demo["kapa"][step]["text"].startswith("I do not know")


def test_the_demo_prints_a_line_for_each_step_and_vendor_to_a_pipe(run, manual, question):
    result = run("demo", "--docs", str(manual), "--question", question)
    assert (result.code, result.err) == (0, "")
    heads, *lines, summary = result.out.splitlines()
    assert heads.split("  ")[0] == "step"
    assert [line.split()[:3] for line in lines[:2]] == [["chat", "kadal", "ok"], ["chat", "kapa", "ok"]]
    assert len(lines) == 12
    assert "vinegar" in lines[0]
    assert summary == "11 ok, 1 unsupported, 0 failed."


def test_the_demo_prints_the_vendors_side_by_side_on_a_terminal(run, manual, terminal_output, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    result = run("demo", "--docs", str(manual))
    assert result.code == 0
    assert re.search(r"step +kadal +kapa", result.out)
    assert re.search(r"clear_history +ok +unsupported", result.out)
    assert max(map(len, result.out.splitlines())) <= 60


def test_a_step_that_failed_makes_the_exit_code_1(run, manual, box, monkeypatch):
    class Wrong:
        backends = ("kapa",)

        def settings(self, backend):
            return {**box.settings(backend), "api_key": "wrong", "attempts": 1}

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda self, *args: None  # noqa: E731

    monkeypatch.setattr("unichat.sandbox.start", lambda docs: Wrong())
    result = run("demo", "--json")
    assert result.code == 1
    shown = result.json["kapa"]
    assert shown["chat"]["error"] == "AuthenticationError"
    assert shown["continue_thread"] == {"outcome": "failed", "reason": "needs the answer of chat, which failed"}
    assert shown["feedback"] == {"outcome": "failed", "reason": "needs the answer of stream, which failed"}
    assert {step["outcome"] for step in shown.values()} == {"failed"}


def test_the_steps_know_no_vendor(box):
    with unichat.connect("kadal", **box.settings("kadal")) as client:
        assert [(name, call().outcome) for name, call in steps(client)] == [(name, "ok") for name in STEPS]


def test_docs_that_cannot_be_read_are_a_usage_error(run):
    result = run("demo", "--docs", "missing")
    assert (result.code, result.out) == (2, "")
    assert "missing is not a folder" in result.err
