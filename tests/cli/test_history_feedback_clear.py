"""`unichat history`, `feedback` and `clear`."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from types import SimpleNamespace

import pytest

from unichat.cli.output import print_exchange
from unichat.models import Exchange

TERMINAL = SimpleNamespace(isatty=lambda: True)
_numbers = itertools.count()


@pytest.fixture
def user():
    """Somebody who has asked nothing yet."""
    return f"user-{next(_numbers)}"


@pytest.fixture
def ask_twice(run, profiles, user):
    """Ask two questions in one thread, and return both answers as JSON."""

    def call(profile):
        options = ("--json", "--profile", profile, "--user", user)
        first = run("ask", *options, "When to descale the kettle?").json
        second = run("ask", *options, "--thread", first["thread"], "And its warranty?").json
        return first, second

    return call


@pytest.mark.parametrize("profile", ["kapa", "kadal"])
def test_a_thread_is_listed_oldest_first(run, ask_twice, profile):
    first, second = ask_twice(profile)
    rows = run("history", "--thread", second["thread"], "--profile", profile, "--json").json
    assert [list(row) for row in rows] == [["question", "answer", "id", "ref", "thread", "created_at"]] * 2
    assert [row["question"] for row in rows] == ["When to descale the kettle?", "And its warranty?"]
    assert [row["id"] for row in rows] == [first["id"], second["id"]]
    assert rows[0]["answer"] == first["text"]


def test_times_are_iso_8601_with_their_zone_and_null_where_the_vendor_has_none(run, ask_twice):
    first, _ = ask_twice("kapa")
    (row, _) = run("history", "--thread", first["thread"], "--json").json
    assert datetime.fromisoformat(row["created_at"]).utcoffset() is not None
    first, _ = ask_twice("kadal")
    (row, _) = run("history", "--thread", first["thread"], "--profile", "kadal", "--json").json
    assert row["created_at"] is None


@pytest.mark.parametrize("profile", ["kapa", "kadal"])
def test_one_users_questions_can_be_listed_newest_first_with_a_limit(run, ask_twice, user, profile):
    ask_twice(profile)
    options = ("history", "--user", user, "--profile", profile, "--json")
    assert [row["question"] for row in run(*options, "--newest-first").json] == [
        "And its warranty?",
        "When to descale the kettle?",
    ]
    assert len(run(*options, "--limit", "1").json) == 1
    assert run(*options, "--limit", "0").json == []


def test_a_negative_limit_is_refused_and_its_option_named(run, profiles):
    result = run("history", "--limit", "-1")
    assert result.code == 2
    assert result.err.endswith("(here: --limit)\n")


def test_the_history_shows_question_answer_id_and_rating(run, ask_twice, user):
    first, second = ask_twice("kapa")
    run("feedback", first["id"], "down", "--user", user)
    result = run("history", "--thread", first["thread"])
    assert (result.code, result.err) == (0, "")
    head, *rest = result.out.splitlines()
    assert head.endswith(f" UTC  answer {first['ref']}  rated down")
    assert rest[0] == "> When to descale the kettle?"
    assert f"answer {second['ref']}\n> And its warranty?\n" in result.out


def test_the_history_of_several_threads_prints_what_the_option_takes(run, ask_twice, user):
    first, second = ask_twice("kapa")
    shown = [line for line in run("history", "--user", user).out.splitlines() if line.startswith("thread ")]
    assert shown == [f"thread {each['thread']}" for each in (first, second)]
    assert run("history", shown[0].replace("thread ", "--thread=")).code == 0
    assert "\nthread " not in run("history", "--thread", first["thread"]).out


def test_the_history_says_what_the_vendor_leaves_out(run, vendor):
    row = {"id": "1", "question": "a\nb", "answer": "c\x07", "created_at": None}
    vendor(json.dumps({"id": "x", "question_answers": [row]}).encode())
    thread = "kapa:1:9fddad30-9b5e-4c6a-8e30-b9085e931c71~693511ba"
    assert run("history", "--thread", thread).out.endswith("\n> a\n> b\nc\\x07\n\n")


def test_the_history_marks_exchanges_without_an_id_and_cleared_ones(capsys):
    print_exchange(Exchange(question="a", answer="b"))
    print_exchange(Exchange(question="a", answer="b", id="1", cleared=True))
    assert capsys.readouterr().out == "answer without an id\n> a\nb\n\nanswer 1  cleared\n> a\nb\n\n"


def test_an_empty_history_says_so(run, profiles):
    result = run("history", "--profile", "kadal", "--user", "nobody-at-all")
    assert (result.code, result.out) == (0, "")
    assert result.err == "note: nothing was asked there\n"
    assert run("history", "--profile", "kadal", "--user", "nobody-at-all", "--json").out == "[]\n"


def test_a_closed_pipe_ends_the_fetching_of_pages_without_an_error(process, profiles, box):
    quirks = box.simulator("kapa").quirks
    import unichat

    with unichat.connect("kapa", **box.settings("kapa")) as client:
        for number in range(5):
            client.chat(f"Question {number}?")
    child = process("history")
    assert child.stdout.readline()
    child.stdout.close()
    child.stdin.close()
    assert child.wait(30) == 0
    assert child.stderr.read() == ""
    assert quirks is box.simulator("kapa").quirks


@pytest.mark.parametrize("profile", ["kapa", "kadal"])
def test_an_answer_is_rated_by_its_reference_whichever_command_printed_it(
    run, ask_twice, user, profile, terminal_output
):
    first, second = ask_twice(profile)
    options = ("--user", user, "--profile", profile)
    listed = run("history", "--json", *options).json[0]["ref"]
    for reference in (first["ref"], second["ref"], listed):
        assert run("feedback", reference, "up", *options).code == 0


@pytest.mark.parametrize(("profile", "other"), [("kapa", "kadal"), ("kadal", "kapa")])
def test_an_answers_reference_of_another_vendor_is_refused(run, ask_twice, box, user, profile, other):
    first, _ = ask_twice(profile)
    before = len(box.simulator(other).requests)
    result = run("feedback", first["ref"], "up", "--user", user, "--profile", other)
    assert (result.code, result.out) == (2, "")
    assert f"belongs to {profile}" in result.err
    assert len(box.simulator(other).requests) == before


def test_a_reference_that_was_cut_is_refused_and_no_id(run, ask_twice, box, user):
    first, _ = ask_twice("kapa")
    before = len(box.simulator("kapa").requests)
    result = run("feedback", first["ref"][:-1], "up", "--user", user)
    assert (result.code, result.out) == (2, "")
    assert len(box.simulator("kapa").requests) == before


@pytest.mark.parametrize("rating", ["up", "down"])
@pytest.mark.parametrize("profile", ["kapa", "kadal"])
def test_an_answer_is_rated(run, ask_twice, user, profile, rating):
    first, _ = ask_twice(profile)
    result = run("feedback", first["id"], rating, "--user", user, "--profile", profile)
    assert result == (0, f"Rated {first['id']} {rating}.\n", "")


def test_a_comment_and_a_rating_id_reach_the_vendor(run, ask_twice, box, user):
    first, _ = ask_twice("kadal")
    run("feedback", first["id"], "down", "--comment", "Too long", "--rating-id", "7", "--profile", "kadal")
    sent = json.loads(box.simulator("kadal").requests[-1].body)
    assert (sent["comment"], sent["rating_id"], sent["is_positive"]) == ("Too long", 7, False)


def test_an_argument_that_the_vendor_cannot_carry_is_refused_before_it_is_sent(run, ask_twice, box, user):
    first, _ = ask_twice("kapa")
    before = len(box.simulator("kapa").requests)
    comment = run("feedback", first["id"], "up", "--user", user, "--comment", "Good")
    rating_id = run("feedback", first["id"], "up", "--user", user, "--rating-id", "1")
    nobody = run("feedback", first["id"], "up")
    assert [each.code for each in (comment, rating_id, nobody)] == [2, 2, 2]
    assert comment.err.endswith("(here: --comment)\n")
    assert rating_id.err.endswith("(here: --rating-id)\n")
    assert nobody.err.endswith("(here: --user)\n")
    assert len(box.simulator("kapa").requests) == before


def test_an_unknown_rating_is_refused(run, profiles):
    result = run("feedback", "1", "great")
    assert (result.code, result.out) == (2, "")
    assert "'great' is not one of 'up', 'down'" in result.err


def test_an_answer_that_the_vendor_does_not_know_is_a_failure(run, profiles):
    result = run("feedback", "999999", "up", "--profile", "kadal")
    assert (result.code, result.out) == (1, "")
    assert "HTTP 404" in result.err


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
