"""`unichat conversations`: a store is looked at, and removed from."""

import json

import pytest

import unichat
from unichat.cli.failures import FAILED, NOT_STARTED


@pytest.fixture
def store(box, elsewhere):
    """A bot's store, with two conversations."""
    address = f"sqlite:///{elsewhere / 'bot.db'}"
    with (
        unichat.connect("kadal", **box.settings("kadal")) as client,
        unichat.Conversations(client, store=address, keep_texts=True) as conversations,
    ):
        answer = conversations.get("web:1").ask("How often should I descale the kettle?", user="ada", event="e1")
        conversations.posted(answer, "m1")
        conversations.rate("m1", "👍")
        conversations.get("web:2").ask("What about crumbs?", user="ben")
    return address


def test_list_shows_the_conversations(run, store):
    listed = run("conversations", "list", "--store", store)
    assert listed.code == 0
    assert listed.out.splitlines()[0].split() == ["key", "answers", "used", "thread"]
    assert "web:1" in listed.out
    assert [each["key"] for each in run("conversations", "list", "--store", store, "--json").json] == ["web:2", "web:1"]


def test_show_shows_one_conversation(run, store):
    shown = run("conversations", "show", "web:1", "--store", store)
    assert "How often should I descale the kettle?" in shown.out
    assert "rated" in shown.out
    found = run("conversations", "show", "web:1", "--store", store, "--json").json
    assert [each["user"] for each in found["answers"]] == ["ada"]
    assert found["answers"][0]["messages"] == ["m1"]


def test_show_of_a_conversation_that_does_not_exist_is_an_error(run, store):
    shown = run("conversations", "show", "web:9", "--store", store)
    assert shown.code == NOT_STARTED
    assert "web:9" in shown.err


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_export_prints_everything_about_a_person(run, store, more):
    exported = run("conversations", "export", "--user", "ada", "--store", store, *more).json
    assert [each["key"] for each in exported["conversations"]] == ["web:1"]
    assert "ben" not in str(exported)


def test_erase_removes_a_person_and_leaves_the_vendor_alone_without_a_profile(run, store):
    erased = run("conversations", "erase", "--user", "ada", "--yes", "--store", store)
    assert erased.code == 0
    assert erased.out.startswith("Removed: ")
    assert "no client was given" in erased.out
    assert run("conversations", "export", "--user", "ada", "--store", store).json["conversations"] == []
    assert run("conversations", "export", "--user", "ben", "--store", store).json["conversations"] != []


def test_erase_clears_at_the_vendor_of_a_profile(run, store, profiles):
    erased = run("conversations", "erase", "--user", "ada", "--yes", "--profile", "kadal", "--store", store, "--json")
    assert erased.json["cleared"] == ["web:1"]
    assert erased.json["not_cleared"] == {}
    assert erased.json["removed"] >= 4


def test_erase_asks_first_and_needs_a_terminal_for_that(run, store):
    erased = run("conversations", "erase", "--user", "ada", "--store", store)
    assert erased.code == NOT_STARTED
    assert "--yes" in erased.err
    assert run("conversations", "export", "--user", "ada", "--store", store).json["conversations"] != []


def test_erase_can_be_declined_on_a_terminal(terminal, run, store):
    on_screen = terminal("conversations", "erase", "--user", "ada", "--store", store)
    on_screen.wait_for("?")
    on_screen.type("n\r")
    assert on_screen.end() == FAILED
    assert run("conversations", "export", "--user", "ada", "--store", store).json["conversations"] != []


@pytest.mark.parametrize("age", ["30d", "12h", "15m", "90s"])
def test_expire_keeps_what_was_used_since(run, store, age):
    assert run("conversations", "expire", "--older-than", age, "--store", store).out == "Removed: 0 rows.\n"
    assert run("conversations", "expire", "--older-than", age, "--store", store, "--json").json == {"removed": 0}


@pytest.mark.parametrize("age", ["", "30", "d", "-1d", "1w", "0d", "1.5h", "³d"])
def test_an_age_that_is_none_is_an_error(run, store, age):
    expired = run("conversations", "expire", "--older-than", age, "--store", store)
    assert expired.code == NOT_STARTED
    assert "bug" not in expired.err


def test_questions_are_listed(run, store):
    listed = run("conversations", "questions", "--store", store)
    assert listed.out.index("descale") < listed.out.index("crumbs")
    rows = run("conversations", "questions", "--store", store, "--since", "2020-01-01", "--json").json
    assert [(row["user"], row["ratings"]) for row in rows] == [("ada", ["up"]), ("ben", [])]
    assert run("conversations", "questions", "--store", store, "--since", "2999-01-01T00:00:00Z", "--json").json == []


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", ""])
def test_a_time_that_is_none_is_an_error(run, store, since):
    assert run("conversations", "questions", "--store", store, "--since", since).code == NOT_STARTED


@pytest.mark.parametrize("address", ["bot.db", "redis://h", "sqlite:///missing.db", "sqlite:///", ""])
@pytest.mark.parametrize("command", [("list",), ("show", "k"), ("export", "--user", "ada"), ("questions",)])
def test_a_store_that_is_none_is_an_error_and_is_not_made(run, elsewhere, command, address):
    before = list(elsewhere.iterdir())
    ended = run("conversations", *command, "--store", address)
    assert ended.code == NOT_STARTED
    assert "store" in ended.err
    assert "bug" not in ended.err
    assert list(elsewhere.iterdir()) == before


def test_a_store_has_to_be_named(run):
    assert run("conversations", "list").code == NOT_STARTED


def test_what_others_wrote_reaches_the_terminal_escaped(run, box, elsewhere):
    address = f"sqlite:///{elsewhere / 'bot.db'}"
    with (
        unichat.connect("kapa", **box.settings("kapa")) as client,
        unichat.Conversations(client, store=address, keep_texts=True) as conversations,
    ):
        conversations.get("key\x1b[31m").ask("a\x1b[2Jquestion", user="ada\x07")
    for command in (("list",), ("show", "key\x1b[31m"), ("questions",), ("export", "--user", "ada\x07")):
        shown = run("conversations", *command, "--store", address)
        assert shown.code == 0
        assert not {"\x1b", "\x07"} & set(shown.out)
        json.dumps(shown.out)
