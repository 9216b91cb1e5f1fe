"""`unichat demo` and `unichat sandbox`."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import unichat
from tests.cli.conftest import SECONDS
from unichat.cli import main
from unichat.cli.commands.demo import QUESTION, steps
from unichat.cli.commands.sandbox import _stop_on_signals

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


@pytest.fixture
def start_sandbox(process):
    """Start `unichat sandbox --json`, and return it with what it printed."""

    def call(*arguments):
        child = process("sandbox", "--json", *arguments)
        return child, json.loads(child.stdout.readline())

    return call


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_serves_until_a_signal_and_then_ends_with_0(start_sandbox, number):
    child, settings = start_sandbox()
    assert sorted(settings) == ["kadal", "kapa"]
    for backend, keywords in settings.items():
        with unichat.connect(backend, **keywords) as client:
            assert client.chat("What is a thread?").text
    child.send_signal(number)
    assert child.wait(30) == 0
    assert child.communicate() == ("", "")


def two_free_ports():
    """The first of two ports in a row below those that systems give out by themselves, so that nobody takes them."""
    while True:
        port = random.randrange(20_000, 30_000)
        try:
            with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.1", port + 1)):
                return port
        except OSError:
            continue


def test_docs_ports_and_state_are_those_of_the_options(start_sandbox, manual, elsewhere):
    port = two_free_ports()
    child, settings = start_sandbox("--docs", str(manual), "--state", "state.sqlite3", "--port", str(port))
    assert settings["kadal"]["base_url"] == f"http://127.0.0.1:{port}"
    assert settings["kapa"]["base_url"] == f"http://127.0.0.1:{port + 1}"
    with unichat.connect("kapa", **settings["kapa"]) as client:
        assert "vinegar" in client.chat("How to descale the kettle?").text
    child.terminate()
    assert child.wait(30) == 0
    with sqlite3.connect(elsewhere / "state.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] > 0
    database.close()


def test_a_port_that_is_taken_is_a_usage_error(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("sandbox", "--port", str(port))
    assert (result.code, result.out) == (2, "")
    assert f"port {port} for kadal is taken" in result.err


@pytest.fixture
def stop_at_once(monkeypatch):
    """The first look for a signal finds one; those that this process has are left alone."""
    handlers = []

    class Event(threading.Event):
        looks = 0

        def wait(self, timeout=None):
            self.looks += 1
            if self.looks == 2:
                handlers[0][1](handlers[0][0], None)
            return self.is_set()

    signals = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIG_DFL": signal.SIG_DFL}
    install = lambda number, handler: handlers.append((number, handler))  # noqa: E731
    monkeypatch.setattr("unichat.cli.commands.sandbox.signal", SimpleNamespace(signal=install, **signals))
    monkeypatch.setattr(
        "unichat.cli.commands.sandbox.threading", SimpleNamespace(**{**vars(threading), "Event": Event})
    )
    return handlers


def test_the_sandbox_prints_addresses_keys_and_a_config_to_paste(run, stop_at_once, manual):
    result = run("sandbox", "--docs", str(manual))
    assert result.code == 0
    assert result.err == "Running. Ctrl-C stops it.\n"
    shown, _, config = result.out.partition("unichat.toml\n")
    profiles = tomllib.loads(config)["profiles"]
    assert sorted(profiles) == ["kadal", "kapa"]
    for profile in profiles.values():
        assert f"  base_url = {profile['base_url']}\n" in shown
    assert f"  api_key = {profiles['kapa']['api_key']}\n" in shown


def test_the_sandbox_prints_a_config_that_can_be_saved_as_it_is(process, elsewhere, run):
    with (elsewhere / "unichat.toml").open("w") as file:
        child = process("sandbox", "--toml", stdout=file)
        assert child.stderr.readline() == "Running. Ctrl-C stops it.\n"
    (elsewhere / "unichat.toml").chmod(0o600)
    config = tomllib.loads((elsewhere / "unichat.toml").read_text(encoding="utf-8"))
    assert config["default"] == "kapa"
    for profile in ("kapa", "kadal"):
        assert run("ask", "--profile", profile, "What is a thread?").code == 0
    assert run("doctor", "--all").code == 0


def test_the_sandbox_prints_one_form(run):
    result = run("sandbox", "--toml", "--json")
    assert (result.code, result.out) == (2, "")


def test_a_plug_in_does_not_become_the_default_of_the_printed_config(run, stop_at_once, manual, monkeypatch):
    from unichat.sandbox.sandbox import installed_simulators
    from unichat_kapa.simulator import KapaSimulator

    class Plugin(KapaSimulator):
        name = "aaa"

    monkeypatch.setattr("unichat.sandbox.sandbox.installed_simulators", lambda: [*installed_simulators(), Plugin])
    result = run("sandbox", "--docs", str(manual), "--toml")
    config = tomllib.loads(result.out)
    assert (list(config["profiles"]), config["default"]) == (["aaa", "kadal", "kapa"], "kapa")


def test_the_sandbox_prints_json_in_one_line(run, stop_at_once, manual):
    result = run("sandbox", "--docs", str(manual), "--json")
    assert (result.code, result.err) == (0, "")
    assert result.out.count("\n") == 1
    assert set(result.json["kadal"]) >= {"token", "chat_bot_id", "rating_ids", "base_url"}


def test_the_signal_handlers_are_restored(run, stop_at_once, manual):
    run("sandbox", "--docs", str(manual))
    assert [number for number, _ in stop_at_once] == [signal.SIGINT, signal.SIGTERM] * 2
    assert [handler for _, handler in stop_at_once[2:]] == [signal.SIG_DFL] * 2


def test_a_sandbox_outside_the_main_thread_leaves_the_signals_alone(stop_at_once):
    def enter():
        with _stop_on_signals() as stopped:
            return stopped.is_set()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(enter).result() is False
    assert stop_at_once == []


def test_the_real_signal_handlers_are_restored_in_the_main_thread(run, manual, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("unichat.cli.commands.sandbox._print_settings", lambda box: signal.raise_signal(signal.SIGTERM))
    assert main(["sandbox", "--docs", str(manual)]) == 0
    assert signal.getsignal(signal.SIGTERM) is before
