"""`unichat sandbox`."""

from __future__ import annotations

import json
import random
import signal
import socket
import sqlite3
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import unichat
from unichat.cli import main
from unichat.cli.commands.sandbox import _stop_on_signals


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
