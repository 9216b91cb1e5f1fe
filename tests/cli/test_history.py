"""`unichat history`."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from unichat.cli.output import print_exchange
from unichat.models import Exchange


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
