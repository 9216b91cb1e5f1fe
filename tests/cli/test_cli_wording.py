"""Hints in the words of the command line: none speaks of what only somebody who writes Python has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import unichat
from unichat.cli.wording import reworded, worded
from unichat.errors import ConfigError, InvalidInput, Unsupported
from unichat.policy.failures import ROWS

ROOT = Path(unichat.__file__).parents[1]
OPTIONS = frozenset(
    {"thread", "user", "profile", "config", "backend", "deadline", "limit", "comment", "rating_id", "as_json"}
)
PYTHON = re.compile(
    r"\w\(|\.text\b|\banswer\.|\w=(?![^\s.,:;)])|with block|(?<!\[)\basync\b"
    r"|\b(?:str|dict|None|User|Answer|Comment|Exchange|Rating)\b"
)
NO_COMMAND = {
    "Build it with client.operations.": "`call` builds from the client's own",
    "Make a new one with unichat.connect.": "a command closes its client last",
    "Give User an id, an e-mail or the like.": "--user gives a user with an id",
    "Pass the person's id as text, or a User.": "--user is text",
    "Pass a User with id or email.": "--user gives a user with an id",
    "Pass User(id=...) alone.": "--user gives a user with an id alone",
    "Pass answer.thread, or use chat().": "`ask` calls continue_thread only with a thread",
    "Pass text or a Comment.": "--comment is text",
    "Use Rating.UP or Rating.DOWN.": "a rating is up or down",
    "Read it before its block is left, or ask again.": "a command reads its stream in one",
    "Let one read it, and hand on what others need.": "a command reads its stream once",
    "Pass a function of one item, such as bot.chat; for an async one: map_concurrent_async.": "no command has many",
    "Pass an async function of one item, such as bot.chat of an AsyncClient; for another: map_concurrent.": "none",
    "Its author can use str, int, float, bool, Literal, Mapping[str, …], Secret and TokenProvider.": "for an author",
}
"""Hints that no command can come to show, and why."""


def texts(node: ast.expr, constants: dict[str, str]) -> Iterator[str]:
    """What an expression may be as text, an ellipsis for each value in it."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in values)
        case ast.Name(id=name):
            yield constants.get(name, "")
        case ast.IfExp(body=body, orelse=other):
            yield from texts(body, constants)
            yield from texts(other, constants)
        case ast.BinOp(left=left, right=right):
            yield from texts(left, constants)
            yield from texts(right, constants)


def hints() -> Iterator[str]:
    """All hints and alternatives of the library and its adapters."""
    yield from (row.hint for row in ROWS)
    for path in sorted([*ROOT.glob("unichat/**/*.py"), *ROOT.glob("adapters/**/*.py")]):
        if {"cli", "sandbox", "simulator"} & set(path.relative_to(ROOT).parts):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any(
                isinstance(each, ast.Name) and each.id == "hint" for each in node.targets
            ):
                yield from texts(node.value, constants)
            if isinstance(node, ast.Call):
                found = [each.value for each in node.keywords if each.arg == "hint"]
                if isinstance(node.func, ast.Attribute) and node.func.attr == "reject_or_drop":
                    found += node.args[2:3]
                for each in found:
                    yield from texts(each, constants)


HINTS = sorted(set(hints()) - {""})


def test_the_hints_are_found():
    assert {"Ask something.", "Allow more with deadline=.", "Start a new one with chat().", "Try again later."} <= {
        *HINTS
    }
    assert set(NO_COMMAND) <= {*HINTS}


@pytest.mark.parametrize("hint", [hint for hint in HINTS if hint not in NO_COMMAND])
@pytest.mark.parametrize("options", [OPTIONS, frozenset()], ids=["all options", "none"])
def test_no_hint_speaks_python_on_the_command_line(hint, options):
    shown = reworded(hint, options)
    assert not PYTHON.search(shown)


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("Allow more with deadline=.", "Allow more with --deadline."),
        ("Allow more with first_event_timeout=.", "Allow more with first_event_timeout in the profile."),
        ("Pass user=: with a service token", "Pass --user: with a service token"),
        ("Set rating_ids = {up = ..., down = ...}, or pass rating_id=.", "Set rating_ids = {up = ..., down = ...}."),
        ("Such as kapa://PROJECT_ID?integration_id=…", "Such as kapa://PROJECT_ID?integration_id=…"),
        ("Set threads = 'isolated' for it.", "Set threads = 'isolated' for it."),
    ],
)
def test_an_argument_becomes_an_option_or_a_setting(hint, shown):
    assert reworded(hint, frozenset({"deadline", "user"})) == shown


def test_what_the_caller_gave_is_left_as_it_is():
    error = InvalidInput("the question is 'chat() with deadline=.'", hint="Start a new one with chat().")
    assert worded(error, OPTIONS) == "the question is 'chat() with deadline=.'. Start a new one with `unichat ask`."


def test_of_what_is_not_supported_only_the_alternative_is_shown():
    error = Unsupported("no", hint="Give up. Or pass on_unsupported='drop'.", alternative="Pass the thread.")
    assert worded(error, OPTIONS) == "no. Give --thread."


def test_hints_that_stand_in_the_message_of_many_mistakes_are_reworded():
    error = ConfigError("2 mistakes: (1) no file. Write unichat.toml, or name the file with config or UNICHAT_CONFIG")
    assert "with --config or UNICHAT_CONFIG" in worded(error, OPTIONS)


def test_a_part_of_an_argument_names_its_option():
    assert worded(InvalidInput("user.id is empty", argument="user.id"), OPTIONS) == "user.id is empty (here: --user)"


# In the commands themselves.


def test_a_cut_reference_is_told_how_to_give_a_whole_one(run, profiles):
    assert "Give the reference whole, as `unichat ask` prints it. (here: --thread)" in (
        run("ask", "--thread", "kapa:1:abc", "What?").err
    )


def test_another_vendors_thread_is_told_the_command_that_begins_a_new_one(run, profiles, question):
    thread = run("ask", "--json", "--profile", "kadal", question).json["thread"]
    assert "start a new one with `unichat ask`" in run("ask", "--thread", thread, question).err


def test_a_deadline_that_passed_names_the_option(run, vendor):
    vendor(b"", silent=True)
    assert "Allow more with --deadline." in run("ask", "--deadline", "0.2", "What?").err


def test_a_user_that_is_missing_for_feedback_names_the_option(run, profiles, question):
    answer = run("ask", "--json", question).json["id"]
    result = run("feedback", answer, "up")
    assert result.code == 2
    assert "Pass --user, something stable and unique for the person." in result.err


def test_what_came_of_a_broken_stream_is_said_to_be_shown(run, vendor, record):
    vendor(record("First."), cut=True)
    for result in (run("call", "chat_streamed", "query=What?"), run("chat", piped="What?\n")):
        assert "after 1 event: the answer broke off. What had come is shown; look at the history" in result.err


def test_in_a_chat_a_refusal_is_worded_as_well(run, profiles, question):
    thread = run("ask", "--json", "--profile", "kadal", question).json["thread"]
    result = run("chat", "--thread", thread, piped="What?\n")
    assert "start a new one with `unichat ask`" in result.err
    assert "/reset starts a new one" in result.err


def test_a_backend_and_a_deadline_that_are_none_are_told_as_options(run):
    assert "error: --backend should be a backend's name or URL." in run("ask", "--backend", "a b", "What?").err
    result = run("ask", "--backend", "kadal://bot?token=x", "--deadline", "0", "What?")
    assert "--deadline is 0.0, but should be a positive number of seconds." in result.err


def test_the_demo_says_what_to_do_instead_of_clearing(run):
    reason = run("demo", "--json").json["kapa"]["clear_history"]["reason"]
    assert (
        reason == "kapa clear_history: kapa has no call that clears a conversation. Start a new one with `unichat ask`."
    )


def test_the_doctor_says_without_any_config_what_to_do(run):
    result = run("doctor", "--json")
    assert result.code == 1
    (detail,) = (each["detail"] for each in result.json if each["outcome"] == "failed")
    assert detail.endswith("Write the file (`unichat sandbox` prints one to try).")
    assert "connect" not in detail


def test_the_doctor_names_the_option_for_a_profile_that_was_not_chosen(run, write, box):
    write(re.sub(r"(?m)^default = .*\n", "", box.config_toml("kapa")))
    assert "Name one (--profile or UNICHAT_PROFILE)" in run("doctor").out


def test_the_doctor_names_the_option_for_a_deadline_that_passed(run, vendor):
    vendor(b"", silent=True)
    assert "Allow more with --deadline." in run("doctor", "--deadline", "0.2").out
