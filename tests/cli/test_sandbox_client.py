"""The sandbox that answers with --sandbox, and on a terminal where there is no config."""

from __future__ import annotations

import importlib.metadata
import os
from importlib.metadata import EntryPoint

import pytest

from unichat.models import ThreadRef

QUESTION = "How do I switch vendors by config?"
COMMANDS = {
    "ask": ("ask", QUESTION),
    "chat": ("chat",),
    "history": ("history",),
    "feedback": ("feedback", "1", "up", "--user", "ada"),
    "clear": ("clear", "--yes"),
}


@pytest.fixture
def terminal_output(monkeypatch):
    """Somebody sees all that is printed."""
    monkeypatch.setattr("unichat.cli.output.is_watched", lambda: True)


@pytest.mark.parametrize("command", COMMANDS)
def test_where_nobody_watches_no_config_is_an_error_that_names_the_sandbox(run, command):
    result = run(*COMMANDS[command], piped=QUESTION)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert "no config file was found" in result.err
    assert "`unichat sandbox --toml` prints one to try" in result.err
    assert "--backend" in result.err
    assert result.err.endswith("or pass --sandbox for a simulated vendor.\n")


@pytest.mark.parametrize("command", ["call", "doctor"])
def test_a_command_that_takes_no_sandbox_does_not_name_it(run, command):
    result = run(command, *(["health"] if command == "call" else []))
    assert result.code
    assert "no config file was found" in result.err + result.out
    assert "--sandbox" not in result.err + result.out


@pytest.mark.parametrize("command", ["ask", "history"])
@pytest.mark.usefixtures("terminal_output")
def test_json_is_for_a_program_so_no_config_is_an_error(run, command):
    result = run(*COMMANDS[command], "--json")
    assert (result.code, result.out) == (2, "")
    assert "--sandbox" in result.err


@pytest.mark.parametrize("name", ["Unichat.toml", "unichat.tml", "unichat.toml.txt", "unichat.yaml"])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("terminal_output")
def test_beside_a_file_that_is_nearly_called_right_no_config_is_an_error(run, elsewhere, command, name):
    (elsewhere / name).touch()
    result = run(*COMMANDS[command])
    assert (result.code, result.out) == (2, "")
    assert str(elsewhere / name) in result.err
    assert "--sandbox" in result.err


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege")
@pytest.mark.usefixtures("terminal_output")
def test_a_link_that_leads_nowhere_is_an_error(run, elsewhere):
    (elsewhere / "unichat.toml").symlink_to("nowhere.toml")
    result = run("ask", QUESTION)
    assert (result.code, result.out) == (2, "")
    assert "is a link that leads nowhere" in result.err


def test_on_a_terminal_the_sandbox_answers_and_says_that_it_is_one(terminal):
    asked = terminal("ask", QUESTION)
    assert asked.end() == 0
    assert "this is the sandbox: a simulated Kapa" in " ".join(asked.text.split())
    assert "Switching vendors" in asked.text


def test_on_a_terminal_a_chat_is_with_the_sandbox(terminal):
    chat = terminal("chat")
    chat.wait_for("this is the sandbox")
    chat.wait_for_prompt()
    chat.type(f"{QUESTION}\r")
    chat.wait_for("Sources")
    chat.wait_for_prompt()
    chat.type("\x04")
    assert chat.end() == 0


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_terminal_of_which_one_stream_is_elsewhere_is_not_watched(monkeypatch, stream):
    from types import SimpleNamespace

    from unichat.cli import output

    terminals = {name: SimpleNamespace(isatty=lambda: True) for name in ("stdin", "stdout", "stderr")}
    monkeypatch.setattr("unichat.cli.output.sys", SimpleNamespace(**terminals))
    assert output.is_watched()
    monkeypatch.setattr(terminals[stream], "isatty", lambda: False)
    assert not output.is_watched()


def test_what_was_asked_can_be_listed_continued_rated_and_cleared_by_later_commands(run, elsewhere):
    for backend in ("kapa", "kadal"):
        options = ("--sandbox", "--backend", backend, "--user", "ada")
        asked = run("ask", "--json", *options, QUESTION).json
        assert run("ask", *options, "--thread", asked["thread"], "And then?").code == 0
        assert len(run("history", "--json", *options).json) == 2
        assert run("feedback", asked["id"], "down", *options).code == 0
        assert run("feedback", asked["ref"], "up", "--sandbox", "--user", "ada").code == 0
        assert "And then?" in run("chat", *options, "--thread", asked["thread"], piped="/history\n").out
        assert run("clear", "--yes", *options).code == (2 if backend == "kapa" else 0)
    state = elsewhere.parent / "XDG_STATE_HOME" / "unichat"
    assert (state / "sandbox.sqlite3").exists()
    if os.name == "posix":
        assert state.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("terminal_output")
def test_without_a_config_the_same_sandbox_answers_as_with_the_option(run):
    thread = run("ask", "--json", "--sandbox", QUESTION).json["thread"]
    assert f"> {QUESTION}" in run("history", "--thread", thread).out


def test_the_sandbox_answers_although_there_is_a_config(run, profiles, box):
    before = len(box.simulator("kapa").requests)
    assert "Switching vendors" in run("ask", "--sandbox", QUESTION).out
    assert len(box.simulator("kapa").requests) == before


@pytest.mark.parametrize("option", [("--profile", "kapa"), ("--config", "unichat.toml")])
def test_the_sandbox_and_a_profile_cannot_be_asked_for_at_once(run, profiles, option):
    result = run("ask", "--sandbox", *option, QUESTION)
    assert result.code == 2
    assert f"leave out {option[0]}" in result.err


def test_a_simulated_vendor_is_chosen_by_name(run):
    assert run("ask", "--sandbox", "--backend", "kadal", "--json", QUESTION).json["thread"].startswith("kadal:")
    assert "no simulator of 'other'; there are: kadal, kapa" in run("ask", "--sandbox", "--backend", "other", "?").err
    assert run("ask", "--sandbox", "--backend", "kadal://bot?token=x", "?").code == 2


def test_sources_of_a_temporary_sandbox_are_not_links(run):
    result = run("ask", "--sandbox", QUESTION)
    sources = result.out.rpartition("\nSources\n")[2]
    assert "Switching vendors › " in sources
    assert "://" not in sources
    assert result.err == ""


def test_a_thread_decides_which_vendor_is_simulated(run):
    # Not one that this sandbox made: another bot's.
    thread = str(ThreadRef("kadal", "x", scope="another bot"))
    for arguments in (("ask", QUESTION), ("history",), ("chat",), ("clear", "--yes")):
        result = run(*arguments, "--sandbox", "--thread", thread, piped="Hello?\n")
        assert "the thread belongs to the bot 'another bot'" in result.err


def test_a_thread_of_no_simulated_vendor_is_refused(run):
    result = run("ask", "--sandbox", "--thread", str(ThreadRef("other", "x")), QUESTION)
    assert result.code == 2
    assert "the thread belongs to other" in result.err


def test_a_state_that_cannot_be_saved_is_a_note_and_not_an_error(run, elsewhere, monkeypatch):
    (elsewhere / "file").write_text("no folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(elsewhere / "file"))
    result = run("ask", "--sandbox", QUESTION)
    assert result.code == 0
    assert result.err.startswith("note: the sandbox forgets its threads when this command ends (")


def test_without_a_home_the_state_is_in_memory(run, monkeypatch):
    def homeless(*args, **kwargs):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("platformdirs.user_state_path", homeless)
    result = run("ask", "--sandbox", QUESTION)
    assert result.code == 0
    assert result.err.startswith("note: the sandbox forgets its threads")


@pytest.mark.usefixtures("terminal_output")
def test_a_broken_config_does_not_count_as_missing(run, write):
    write("[profiles.support]\nbackend = 'kapaa'\n")
    result = run("ask", "What is a thread?")
    assert result.code == 2
    assert "sandbox" not in result.err
    assert "'kapa'" in result.err


@pytest.fixture
def plug_ins(monkeypatch):
    """Plug-ins are installed: one whose vendor does all that Kapa does and comes first by name, and a broken one."""
    before = importlib.metadata.entry_points

    def entry_points(*, group):
        added = []
        if group in ("unichat.adapters", "unichat.simulators"):
            kind = "backend:backend" if group.endswith("adapters") else "simulator:KapaSimulator"
            added = [EntryPoint("aaa", f"unichat_kapa.{kind}", group), EntryPoint("zzz", "nowhere:nothing", group)]
        return [*added, *before(group=group)]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


@pytest.mark.parametrize("command", ["ask", "chat", "history"])
def test_installing_a_plug_in_does_not_change_who_answers(run, plug_ins, command):
    result = run(*COMMANDS[command], "--sandbox", piped=f"{QUESTION}\n")
    assert result.code == 0
    if command == "ask":
        assert run("ask", "--json", "--sandbox", QUESTION).json["thread"].startswith("kapa:")
