"""Standard streams that are closed, full, or not to be written: no command fails for it, or asks in vain."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys

import pytest

from tests.cli.conftest import COMMAND, SECONDS
from tests.thorough import rows
from unichat.cli import app, main

STREAMS = ("stdin", "stdout", "stderr")
MISSING = [each for count in (1, 2, 3) for each in itertools.combinations(STREAMS, count)]
ARGUMENTS = {
    "demo": [],
    "ask": ["How often should I descale the kettle?"],
    "chat": [],
    "history": ["--limit", "1"],
    "feedback": ["00000000-0000-4000-8000-000000000000", "up", "--user", "ada"],
    "clear": ["--profile", "kadal", "--user", "nobody", "--yes"],
    "profiles": [],
    "doctor": [],
    "operations": ["kapa"],
    "call": ["retrieve_project"],
    "contract": ["list"],
    "conversations": ["list", "--store", "memory:"],
    "new-adapter": ["acme", "acme"],
}
CODES = {"feedback": 1}
"""That of a command about something that is not there."""


def test_every_command_is_tried_but_the_sandbox_which_does_not_end():
    assert set(ARGUMENTS) == set(app.COMMANDS) - {"sandbox"}


@pytest.mark.parametrize("missing", MISSING, ids="+".join)
@pytest.mark.parametrize("command", [each for each in ARGUMENTS if each != "demo"])
def test_a_missing_stream_changes_no_exit_code(profiles, capsys, monkeypatch, command, missing):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for name in missing:
        # What Python does where the shell has closed it.
        monkeypatch.setattr(sys, name, None)
    assert main([command, *ARGUMENTS[command]]) == CODES.get(command, 0)
    assert [getattr(sys, name) for name in missing] == [None] * len(missing)
    out, err = capsys.readouterr()
    assert "bug" not in out + err
    if "stdout" not in missing and command not in ("chat", "history", *CODES):
        assert out


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], [], ["nonsense"], ["ask", "--nonsense"], ["--debug", "ask", ""]]
)
@pytest.mark.parametrize("missing", MISSING, ids="+".join)
def test_help_and_mistakes_need_no_stream_either(monkeypatch, arguments, missing):
    for name in STREAMS:
        monkeypatch.setattr(sys, name, None if name in missing else io.StringIO())
    assert main(arguments) == (0 if arguments in (["--help"], ["--version"], []) else 2)


CLOSE = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-"}
needs_sh = pytest.mark.skipif(os.name != "posix", reason="no sh")


def in_shell(redirections: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@needs_sh
@pytest.mark.parametrize("missing", rows(["stdin+stdout+stderr"], thorough=map("+".join, MISSING)))
def test_a_question_whose_streams_the_shell_has_closed_is_asked_once_and_well(profiles, box, missing):
    before = len(box.simulator("kapa").requests)
    done = in_shell(" ".join(CLOSE[name] for name in missing.split("+")), "ask", *ARGUMENTS["ask"])
    assert (done.returncode, done.stderr) == (0, "")
    assert ("vinegar" in done.stdout) is ("stdout" not in missing)
    assert len(box.simulator("kapa").requests) == before + 1


@needs_sh
@pytest.mark.parametrize("command", rows(["doctor"], thorough=["demo", "profiles", "operations"]))
def test_another_command_without_a_standard_output_ends_well(profiles, command):
    done = in_shell(">&-", command, *ARGUMENTS[command])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_sh
def test_a_sandbox_without_streams_serves_until_it_is_stopped(process, elsewhere):
    state = elsewhere / "state.sqlite3"
    child = process("sandbox", "--state", str(state), preexec_fn=lambda: os.closerange(0, 3))
    while not state.exists() and child.poll() is None:
        pass
    child.terminate()
    # Stopped before it was ready or after, by the handler that comes first.
    assert child.wait(SECONDS) == 0


needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")  # noqa: PTH110


@needs_full
def test_an_output_that_cannot_be_written_is_a_failure_in_one_line(profiles):
    done = in_shell("> /dev/full", "ask", *ARGUMENTS["ask"])
    assert (done.returncode, done.stderr) == (1, "unichat: error: [Errno 28] No space left on device\n")


@needs_full
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["ask", "nothing that it knows"], 0), (["ask", ""], 2), (["nonsense"], 2), (["--debug", "ask", ""], 2)],
)
def test_a_standard_error_that_cannot_be_written_changes_no_exit_code(profiles, arguments, code):
    assert in_shell("2> /dev/full", *arguments).returncode == code


@needs_sh
def test_an_output_that_is_only_readable_is_a_failure_in_one_line(profiles):
    done = in_shell("1< /dev/null", "ask", *ARGUMENTS["ask"])
    assert done.returncode == 1
    assert done.stderr.startswith("unichat: error: ")
    assert done.stderr.count("\n") == 1
