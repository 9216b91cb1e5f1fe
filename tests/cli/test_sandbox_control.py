"""`unichat sandbox fail`, `quirk` and `requests`, and the options that do the same at the start."""

from __future__ import annotations

import json
import sys

import click
import pytest

import unichat
import unichat.sandbox
from unichat.cli.sandbox_control import split_fault, split_quirk


@pytest.fixture
def control(tmp_path):
    path = tmp_path / "control.json"
    with unichat.sandbox.start(control=path) as box:
        yield box, ("--control", str(path))


def test_a_fault_is_planned_listed_and_cleared(run, control):
    box, control = control
    assert run("sandbox", "fail", "kapa", "503", "--times", "2", *control).out == "503  2\n"
    assert run("sandbox", "fail", "kapa", "cut_stream", "--always", *control).out == "503  2\ncut_stream  always\n"
    assert box.simulator("kapa").faults.describe()[0] == {"fault": "503", "times": 2}
    result = run("sandbox", "fail", "kapa", "--clear", *control)
    assert (result.code, result.out, result.err) == (0, "", "")
    assert box.simulator("kapa").faults.describe() == []


def test_quirks_are_set(run, control):
    box, control = control
    assert run("sandbox", "quirk", "kadal.message_in=query", "kapa.page_size=5", *control).code == 0
    assert box.simulator("kadal").quirks.message_in == "query"
    assert box.simulator("kapa").quirks.page_size == 5


def test_what_is_set_can_be_read(run, control):
    _, options = control
    run("sandbox", "fail", "kapa", "503", "--times", "2", *options)
    run("sandbox", "quirk", "kadal.message_in=query", "kapa.requests_per_minute=60", *options)
    assert run("sandbox", "fail", "kapa", *options).out == "503  2\n"
    assert run("sandbox", "fail", "kadal", *options).out == ""
    lines = run("sandbox", "quirk", *options).out.splitlines()
    assert {"kadal.message_in=query", "kapa.requests_per_minute=60", "kadal.page_size_cap=none"} <= set(lines)
    assert run("sandbox", "quirk", "--json", *options).json["kadal"]["message_in"] == "query"


def test_requests_are_listed_without_secrets(run, control):
    box, control = control
    for backend in ("kapa", "kadal"):
        with unichat.connect(backend, **box.settings(backend)) as client:
            client.chat("What is a thread?")
    shown = run("sandbox", "requests", *control).out.splitlines()
    assert shown[0].split() == ["backend", "method", "path", "query", "body"]
    assert [line.split()[:2] for line in shown[1:]] == [["kadal", "POST"], ["kapa", "POST"]]
    (seen,) = run("sandbox", "requests", "kapa", "--json", *control).json
    assert json.loads(seen["body"])["query"] == "What is a thread?"
    assert box.settings("kapa")["api_key"] not in json.dumps(seen)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("fail", "kapa", "resett_after_send"), "did you mean reset_after_send?"),
        (("fail", "kapa", "dns"), "needs another connection"),
        (("fail", "kappa", "503"), "no simulator of 'kappa' (did you mean kapa?); there are: kadal, kapa"),
        (("fail", "kapa", "503", "--times", "2", "--always"), "--times and --always say how often"),
        (("fail", "kapa", "503", "--clear"), "--clear takes no fault"),
        (("fail", "kapa", "503", "--times", "0"), "--times is 0: give a whole number from 1, or --always."),
        (("fail", "kapa", "503", "--times", "-1"), "--times is -1"),
        (("--fault", "kapa=503:0"), "where TIMES is from 1, or `always`"),
        (("quirk", "kadal.mesage_in=query"), "did you mean message_in?"),
        (("quirk", "kadal.message_in=form"), "should be one of 'body', 'query'"),
        (("quirk", "message_in"), "write BACKEND.NAME=VALUE"),
        (("requests", "kappa"), "no simulator of 'kappa'"),
    ],
)
def test_a_mistake_is_one_line(run, control, arguments, problem):
    _, control = control
    result = run("sandbox", *arguments, *control)
    assert (result.code, result.out) == (2, "")
    assert problem in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("text", [None, "{", "[]", '{"url": 5}', '{"url": "http://127.0.0.1:9", "secret": "x"}'])
def test_without_a_sandbox_a_command_says_so(run, tmp_path, text):
    path = tmp_path / "other.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    result = run("sandbox", "requests", "--control", str(path))
    assert (result.code, result.out) == (2, "")
    assert str(path) in result.err
    assert result.err.count("\n") == 1


def test_without_a_control_file_the_last_sandbox_is_found(run, process):
    none = run("sandbox", "requests")
    assert (none.code, "start one with `unichat sandbox`" in none.err) == (2, True)
    child = process("sandbox", "--json", "--fault", "kapa=503:2", "--quirk", "kadal.message_in=query")
    settings = json.loads(child.stdout.readline())
    assert run("sandbox", "requests", "--json").json == []
    with unichat.connect("kapa", **settings["kapa"], backoff=0.001) as client:
        assert [each.outcome for each in client.chat("What is a thread?").call.attempts] == [
            "HTTP 503",
            "HTTP 503",
            "ok",
        ]
    with unichat.connect("kadal", **settings["kadal"], message_encoding="query") as client:
        assert client.chat("What is a thread?").text
    assert {each["backend"] for each in run("sandbox", "requests", "--json").json} == {"kapa", "kadal"}
    if sys.platform != "win32":
        child.terminate()
        assert child.wait(30) == 0
        assert run("sandbox", "requests").code == 2


@pytest.mark.parametrize(
    "option", [("--fault", "kapa"), ("--fault", "kapa=503:x"), ("--quirk", "kapa.page_size"), ("--fault", "kapa=x")]
)
def test_a_wrong_option_at_the_start_ends_the_command(run, option):
    result = run("sandbox", *option)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1


def test_a_fault_and_a_quirk_as_an_option_has_them():
    assert split_fault("kapa=503") == ("kapa", "503", 1)
    assert split_fault("kapa=503:always") == ("kapa", "503", None)
    assert split_fault("kapa=cut_stream:12") == ("kapa", "cut_stream", 12)
    assert split_quirk("kadal.count_field=a=b") == ("kadal", "count_field", "a=b")
    with pytest.raises(click.UsageError):
        split_quirk("kadal.=x")
