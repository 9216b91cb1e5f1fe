"""The commands on a profile that is a route."""

from __future__ import annotations

import socket

import pytest

from unichat.cli.vendor_checks import STAGES
from unichat.models import ThreadRef

ROUTES = """
[profiles.safe]
fallback = ["kapa", "kadal"]

[profiles.trial]
shadow = {primary = "kapa", other = "kadal"}

[profiles.top]
split = {safe = 1, trial = 1}
"""


@pytest.fixture
def routes(box, write):
    """Profiles `kadal` and `kapa` of the sandbox, and the routes over them; `safe` is the default."""
    return write(box.config_toml("safe") + ROUTES)


@pytest.fixture
def broken_member(box, write):
    """The same, with nobody at Kadal's address."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    return write((box.config_toml("safe") + ROUTES).replace(box.settings("kadal")["base_url"], address))


def outcomes(result, profile):
    return {check["name"]: check["outcome"] for check in result.json if check["profile"] == profile}


# profiles


def test_routes_are_listed_with_their_members(run, routes):
    shown = run("profiles").out.splitlines()
    assert [line.split()[:5] for line in shown if line.startswith("safe")] == [["safe", "*", "fallback", "of", "kapa,"]]
    assert any("shadow of kapa, kadal" in line for line in shown)
    rows = {row["name"]: row for row in run("profiles", "--json").json["profiles"]}
    assert rows["safe"] == {
        "name": "safe",
        "default": True,
        "backend": None,
        "route": "fallback",
        "members": ["kapa", "kadal"],
        "base_url": None,
        "settings": ["fallback"],
    }
    assert "route" not in rows["kapa"]


@pytest.mark.parametrize("line", ["fallback = 3", "fallback = [3]", "split = []", "shadow = {}"])
def test_a_route_whose_members_cannot_be_read_is_listed(run, write, line):
    write(f"[profiles.a]\n{line}\n")
    kind = line.partition(" ")[0]
    assert f"{kind} of ?" in run("profiles").out
    assert run("profiles", "--json").json["profiles"][0]["members"] == []


# doctor


def test_the_doctor_checks_a_route_and_each_of_its_members(run, routes):
    result = run("doctor", "--json")
    assert result.code == 0
    assert outcomes(result, "safe") == {"config": "ok", "settings": "ok"}
    for member in ("kapa", "kadal"):
        assert outcomes(result, member) == dict.fromkeys(("config", "settings", *STAGES), "ok")
    assert f"{routes}, profile safe, fallback of kapa, kadal" in [check["detail"] for check in result.json]


def test_the_doctor_checks_a_member_of_several_routes_once(run, routes):
    result = run("doctor", "--profile", "top", "--json")
    assert result.code == 0
    assert [each["profile"] for each in result.json if each["name"] == "config"] == [
        "top",
        "safe",
        "kapa",
        "kadal",
        "trial",
    ]


def test_the_doctor_shows_the_profiles_of_a_route_as_a_column(run, routes):
    assert run("doctor").out.startswith("profile")


def test_a_member_that_does_not_answer_is_a_failure(run, broken_member):
    result = run("doctor", "--json", "--deadline", "5")
    assert result.code == 1
    assert outcomes(result, "kadal")["reachability"] == "failed"
    assert outcomes(result, "kapa")["reachability"] == "ok"


def test_a_deadline_that_is_not_acceptable_is_a_mistake_of_the_route_alone(run, routes):
    result = run("doctor", "--deadline", "-1", "--json")
    assert result.code == 1
    assert outcomes(result, "safe")["settings"] == "failed"
    assert outcomes(result, "kapa")["reachability"] == "ok"


def test_the_doctor_warns_of_a_shadow_whose_other_side_does_not_answer(run, broken_member):
    result = run("doctor", "--profile", "trial", "--json", "--deadline", "5")
    assert result.code == 0
    assert outcomes(result, "trial") == {"config": "ok", "settings": "ok", "shadow": "warning"}
    assert outcomes(result, "kadal")["reachability"] == "warning"
    (detail,) = [each["detail"] for each in result.json if each["name"] == "shadow"]
    assert detail.startswith("the other side, kadal, does not answer: http://127.0.0.1:")


def test_the_doctor_says_that_a_shadow_s_other_side_answers(run, routes):
    result = run("doctor", "--profile", "trial", "--json")
    assert outcomes(result, "trial")["shadow"] == "ok"


def test_the_doctor_of_all_profiles_checks_each_once(run, broken_member):
    result = run("doctor", "--all", "--json", "--deadline", "5")
    assert result.code == 1
    assert outcomes(result, "trial")["shadow"] == "warning"
    assert outcomes(result, "kadal")["reachability"] == "failed"
    assert [each["profile"] for each in result.json if each["name"] == "reachability"] == ["kadal", "kapa"]


def test_the_doctor_tells_the_mistakes_of_a_route_apart_from_those_of_its_members(run, write, box):
    text = (box.config_toml("safe") + ROUTES).replace(
        'fallback = ["kapa", "kadal"]', 'fallback = ["kapa", "kadal"]\nshare = 1'
    )
    write(text.replace("rating_ids", "ratingids"))
    result = run("doctor", "--json")
    assert result.code == 1
    failed = [(each["profile"], each["name"]) for each in result.json if each["outcome"] == "failed"]
    assert failed == [("safe", "settings"), ("kadal", "settings")]
    assert set(outcomes(result, "kadal").values()) == {"ok", "failed", "skipped"}


# What is about one backend


@pytest.mark.parametrize(
    "arguments",
    [("call", "health"), ("call", "health", "--dry-run"), ("contract", "check")],
)
def test_a_command_about_one_backend_names_the_members_of_a_route(run, routes, arguments):
    result = run(*arguments)
    assert result.code == 2
    assert "the profile safe is a route, and this command is about one backend" in result.err
    assert "Name a member: --profile kapa, --profile kadal." in result.err


def test_the_completion_of_operations_offers_none_on_a_route(run, routes):
    from click.shell_completion import ShellComplete

    from unichat.cli.app import application

    complete = ShellComplete(application, {}, "unichat", "_UNICHAT_COMPLETE")
    assert complete.get_completions(["call"], "") == []
    offered = [each.value for each in complete.get_completions(["ask", "--profile"], "")]
    assert offered == ["kadal", "kapa", "safe", "trial", "top"]


# Calls


@pytest.fixture
def kapa_is_down(box, write):
    """The routes, with nobody at Kapa's address."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    text = box.config_toml("safe").replace(box.settings("kapa")["base_url"], address)
    return write(text.replace("[profiles.kapa]", "[profiles.kapa]\nattempts = 1") + ROUTES)


def test_ask_as_json_has_the_profile_that_answered(run, routes, question):
    assert run("ask", "--json", question).json["profile"] == "kapa"
    assert run("ask", "--profile", "kadal", "--json", question).json["profile"] is None


def test_ask_falls_back(run, kapa_is_down, question):
    result = run("ask", "--json", question)
    assert (result.code, result.json["profile"]) == (0, "kadal")


def test_the_option_deadline_is_that_of_the_route(run, routes, question):
    assert run("ask", "--deadline", "20", question).code == 0
    result = run("ask", "--deadline", "-1", question)
    assert result.code == 2
    assert "deadline is -1.0, but should be a positive number of seconds" in result.err


def test_what_belongs_to_a_thread_goes_to_its_owner(run, routes, question):
    first = run("ask", "--user", "ada", "--json", question).json
    more = run("ask", "--user", "ada", "--thread", first["thread"], "--json", "And the crumb tray?").json
    assert more["profile"] == "kapa"
    assert run("feedback", more["ref"], "up", "--user", "ada").code == 0
    shown = run("history", "--thread", first["thread"], "--json").json
    assert [each["question"] for each in shown] == [question, "And the crumb tray?"]
    refused = run("feedback", more["id"], "up", "--user", "ada")
    assert refused.code == 2
    assert "Pass the answer's reference, as `unichat ask` prints it" in refused.err


def test_clear_says_what_each_member_did(run, routes, question):
    run("ask", "--profile", "kadal", "--user", "eve", question)
    result = run("clear", "--user", "eve", "--yes")
    assert result.code == 0
    assert result.out.splitlines()[0] == "Cleared: the conversation of eve at kadal."
    assert any(line.startswith("kadal: cleared") for line in result.out.splitlines())
    assert any(line.startswith("kapa: not cleared: ") for line in result.out.splitlines())


def test_chat_on_a_route_goes_on_in_its_thread(run, routes, question):
    result = run("chat", "--user", "dan", piped=f"{question}\n/up\n/history\n")
    assert (result.code, result.err) == (0, "")
    assert "vinegar" in result.out
    assert f"> {question}" in result.out


def test_a_thread_of_no_member_is_refused_with_the_members_named(run, routes):
    result = run("ask", "--thread", str(ThreadRef("other", "thread-1")), "And then?")
    assert result.code != 0
    assert "kapa" in result.err
    assert "kadal" in result.err


def test_clear_names_every_member_that_did_the_same(run, write, box, question):
    """Two members at one vendor, both of which clear."""
    again = box.config_toml("kadal").partition("[profiles.kadal]")[2].partition("[profiles.")[0]
    write(box.config_toml("both") + f"\n[profiles.again]{again}" + '\n[profiles.both]\nfallback = ["kadal", "again"]\n')
    run("ask", "--profile", "kadal", "--user", "eve", question)
    result = run("clear", "--user", "eve", "--yes")
    first, *others = result.out.splitlines()
    cleared = [line.partition(":")[0] for line in others if line.endswith(": cleared")]
    assert cleared
    assert first == f"Cleared: the conversation of eve at {', '.join(cleared)}."


def test_clear_on_a_route_asks_first_if_any_member_can_clear(run, routes):
    result = run("clear", "--user", "eve")
    assert result.code != 0
    assert "--yes" in result.err
