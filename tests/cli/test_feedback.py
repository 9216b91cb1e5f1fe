"""`unichat feedback`."""

from __future__ import annotations

import json

import pytest


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
