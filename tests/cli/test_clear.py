"""`unichat clear`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

TERMINAL = SimpleNamespace(isatty=lambda: True)


def test_clearing_removes_a_users_conversation(run, ask_twice, user):
    ask_twice("kadal")
    result = run("clear", "--user", user, "--yes", "--profile", "kadal")
    assert result == (0, f"Cleared: the conversation of {user} at kadal.\n", "")
    assert run("history", "--user", user, "--profile", "kadal", "--json").json == []


def test_clearing_names_the_thread_or_the_owner_of_the_key(run, ask_twice):
    first, _ = ask_twice("kadal")
    result = run("clear", "--thread", first["thread"], "--yes", "--profile", "kadal")
    assert result.out == f"Cleared: the conversation of the thread {first['thread']} at kadal.\n"
    result = run("clear", "--yes", "--profile", "kadal")
    assert result.out == "Cleared: the conversation of the key's owner at kadal.\n"


def test_clearing_without_a_terminal_needs_yes(run, ask_twice, user):
    ask_twice("kadal")
    result = run("clear", "--user", user, "--profile", "kadal")
    assert (result.code, result.out) == (2, "")
    assert "pass --yes" in result.err
    assert len(run("history", "--user", user, "--profile", "kadal", "--json").json) == 2


@pytest.mark.parametrize(("said", "code", "left"), [("y", 0, 0), ("n", 1, 2), ("", 1, 2)])
def test_clearing_at_a_terminal_asks_first(run, terminal, ask_twice, user, said, code, left):
    ask_twice("kadal")
    clearing = terminal("clear", "--user", user, "--profile", "kadal")
    clearing.wait_for(f"Clear the conversation of {user} at kadal? [y/N]")
    clearing.type(f"{said}\n")
    assert clearing.end() == code
    assert ("Nothing was cleared." in clearing.text) == (code == 1)
    assert len(run("history", "--user", user, "--profile", "kadal", "--json").json) == left


def test_clearing_without_a_terminal_to_ask_on_needs_yes_although_there_is_one_to_read_from(
    run, ask_twice, monkeypatch
):
    ask_twice("kadal")
    nowhere = SimpleNamespace(isatty=lambda: False)
    monkeypatch.setattr("unichat.cli.confirming.sys", SimpleNamespace(stdin=TERMINAL, stderr=nowhere))
    assert "pass --yes" in run("clear", "--profile", "kadal").err


@pytest.mark.parametrize("agreed", [True, False])
def test_clearing_happens_only_if_it_is_confirmed(run, ask_twice, user, monkeypatch, agreed):
    ask_twice("kadal")
    monkeypatch.setattr("unichat.cli.confirming.sys", SimpleNamespace(stdin=TERMINAL, stderr=TERMINAL))
    monkeypatch.setattr("click.confirm", lambda text, err: agreed)
    result = run("clear", "--user", user, "--profile", "kadal")
    assert result.code == (0 if agreed else 1)
    assert result.err == ("" if agreed else "Nothing was cleared.\n")
    assert result.out == (f"Cleared: the conversation of {user} at kadal.\n" if agreed else "")


def test_ctrl_c_at_the_question_clears_nothing(run, terminal, ask_twice, user):
    ask_twice("kadal")
    clearing = terminal("clear", "--user", user, "--profile", "kadal")
    clearing.wait_for("[y/N]")
    clearing.interrupt()
    assert clearing.end() == 130
    assert len(run("history", "--user", user, "--profile", "kadal", "--json").json) == 2


def test_a_vendor_that_cannot_clear_says_so_without_asking_first(run, profiles):
    result = run("clear", "--user", "ada")
    assert (result.code, result.out) == (2, "")
    assert "kapa has no call that clears a conversation" in result.err
