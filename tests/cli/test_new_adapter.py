"""`unichat new-adapter`: what it prints, and how mistakes end it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def test_it_writes_a_package_and_says_what_to_do_next(run, elsewhere):
    result = run("new-adapter", "acme", "my folder/acme", "--streams", "--api", "openai")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    written = [path for path in (elsewhere / "my folder" / "acme").rglob("*") if path.is_file()]
    assert lines[0] == f"Wrote unichat-acme, {len(written)} files:"
    assert {elsewhere / line.strip() for line in lines[1 : len(written) + 1]} == set(written)
    assert "  pip install -e 'my folder/acme[dev]'" in lines
    assert "  pytest 'my folder/acme'" in lines
    assert (elsewhere / "my folder" / "acme" / "unichat_acme" / "stream.py").is_file()


@pytest.mark.skipif(shutil.which("grep") is None, reason="no grep")
def test_the_command_that_lists_what_to_decide_does_so(run):
    result = run("new-adapter", "acme", "acme")
    command = next(line for line in result.out.splitlines() if "grep" in line)
    found = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert "acme/unichat_acme/adapter.py" in found
    assert "DECIDE(credential): how is a request signed?" in found


@pytest.mark.parametrize("columns", [80])
def test_it_fits_a_terminal(terminal, columns, elsewhere):
    command = terminal("new-adapter", "acme", "acme", columns=columns)
    assert command.end() == 0
    assert max(map(len, command.text.splitlines())) <= columns
    assert (elsewhere / "acme").is_dir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("acme-bot", "new"), "an adapter cannot be named 'acme-bot': it is not a valid name. "),
        (("kapa", "new"), "an adapter cannot be named 'kapa': the adapter unichat_kapa:backend has it already."),
        (("class", "new"), "an adapter cannot be named 'class': it is a keyword of Python."),
        (("acme", "file"), "the folder 'file' is a file, or below one."),
        (("acme", "full"), "the folder 'full' is not empty: it has 'x'."),
        (("acme", "new", "--api", "soap"), "'soap' is not one of 'plain', 'openai'."),
        (("acme",), "Missing argument 'FOLDER'."),
        ((), "Missing argument 'NAME'."),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(run, elsewhere: Path, arguments, message):
    (elsewhere / "full").mkdir()
    (elsewhere / "full" / "x").touch()
    (elsewhere / "file").touch()
    result = run("new-adapter", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert len(result.err.splitlines()) == 1
    assert not (elsewhere / "new").exists()
