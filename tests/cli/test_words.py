"""What an error says on the command line: no hint uses words that only Python programmers know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from attrs import frozen

import unichat
from unichat._text.templates import Argument, Method, PythonOnly, Setting, Template, Term
from unichat.adapter import HistoryCall
from unichat.cli import app
from unichat.cli.words import METHODS, TERMS, command_words, describe_error
from unichat.errors import ConfigError, InvalidInput, Unsupported

ROOT = Path(unichat.__file__).parents[1]
REFERENCES = {kind.__name__: kind for kind in (Argument, Method, PythonOnly, Setting, Term)}
CODE = re.compile(r"\w\(|\w\.\w+\(|(?<![=?&])\b[a-z_]+=(?![^\s.,:;)])")
"""A call, or an argument, as it is written in Python."""
PYTHON_NAMES = {
    *(name for name in unichat.__all__ if name[0].isupper() or "_" in name),
    *(
        "str",
        "dict",
        "tuple",
        "bool",
        "int",
        "float",
        "None",
        "True",
        "False",
        "async",
        "await",
        "iterable",
        "unichat.connect",
    ),
}


def all_options() -> frozenset[str]:
    """The options of all commands together."""
    context = app.application.make_context("unichat", ["demo"])
    commands = [app.application.get_command(context, name) for name in app.COMMANDS]
    return frozenset(item.name for each in commands for item in each.params if isinstance(item, click.Option))


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """The library and its adapters, but for what speaks on the command line itself."""
    for path in sorted([*ROOT.glob("unichat/**/*.py"), *ROOT.glob("adapters/**/*.py")]):
        if not {"cli", "sandbox", "simulator"} & set(path.relative_to(ROOT).parts):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def hint_expressions(tree: ast.Module) -> Iterator[ast.expr]:
    """What becomes a hint: arguments and variables of that name, what functions of it return, and alternatives."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id="hint")], value=value):
                yield value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                yield from (v for n, v in zip(names, values, strict=True) if isinstance(n, ast.Name) and n.id == "hint")
            case ast.FunctionDef(name=name) if name.endswith("hint"):
                yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)
            case ast.Call(func=function, args=arguments, keywords=keywords):
                yield from (each.value for each in keywords if each.arg == "hint")
                name = getattr(function, "attr", getattr(function, "id", ""))
                if name in ("reject_or_drop", "check_items", "check_function"):
                    yield from arguments[2:3]


def leaves(node: ast.AST, constants: dict[str, ast.expr]) -> Iterator[str | ast.Call]:
    """The texts and the references in an expression; a value in a text is an ellipsis."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in values)
        case ast.Name(id=name) if name in constants:
            yield from leaves(constants[name], constants)
        case ast.Call(func=ast.Name(id=name)) if name in REFERENCES:
            yield node
        case ast.Call(func=ast.Name(id="Template"), args=parts):
            for part in parts:
                yield from leaves(part, constants)
        case ast.IfExp(body=body, orelse=other):
            yield from (*leaves(body, constants), *leaves(other, constants))
        case ast.BinOp(left=left, right=right):
            yield from (*leaves(left, constants), *leaves(right, constants))


@frozen
class Hints:
    """The texts in all hints of the library, and all references of its templates."""

    texts: set[str]
    references: set[Any]

    def select(self, *kinds: type) -> list[Any]:
        return [each for each in self.references if isinstance(each, kinds)]


@pytest.fixture(scope="module")
def hints() -> Hints:
    texts: set[str] = set()
    references: set[Any] = set()
    for _, tree in sources():
        constants = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for expression in hint_expressions(tree):
            texts |= {each for each in leaves(expression, constants) if isinstance(each, str)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFERENCES:
                texts_of = [each.value if isinstance(each, ast.Constant) else "…" for each in node.args]
                references.add(REFERENCES[node.func.id](*texts_of))
    return Hints(texts - {""}, references)


def test_the_hints_and_their_references_are_found(hints):
    assert {"Ask something.", "Allow more with ", "Try again later.", "Did you mean …?"} <= hints.texts
    assert {Argument("deadline"), Method("chat"), Setting("threads", "…"), Term("in .text")} <= hints.references


def test_a_hint_has_no_python_outside_its_references(hints):
    assert [text for text in hints.texts if CODE.search(text)] == []
    assert [text for text in hints.texts if PYTHON_NAMES & set(re.findall(r"(?<!\[)\b[\w.]*\w", text))] == []


def test_the_command_line_has_words_for_each_method_setting_and_term(hints):
    words_for = command_words(all_options())
    words = {reference: words_for(reference) for reference in hints.select(Method, Setting, Term)}
    assert [reference for reference, found in words.items() if not found or CODE.search(found)] == []


def test_the_command_line_has_no_words_that_no_template_needs(hints):
    assert set(TERMS) == {each.text for each in hints.select(Term)}
    assert {each.name for each in hints.select(Method)} <= set(METHODS)


@pytest.mark.parametrize("command", METHODS.values())
def test_the_words_for_a_method_are_a_command(command):
    assert command.strip("`").removeprefix("unichat ") in app.COMMANDS


def test_an_argument_is_an_option_or_in_the_profile_or_left_out(hints):
    for argument in hints.select(Argument):
        template = Template("Do it", Template(", or pass ", argument), ".")
        for options in (all_options(), frozenset()):
            shown = describe_error(InvalidInput("no", hint=template), options)
            option, setting = r"--[a-z-]+( [\w…]+)?", "[a-z_]+ in the profile"
            assert re.fullmatch(rf"no\. Do it(, or pass ({option}|{setting}))?\.", shown), argument


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        (Template("Allow more with ", Argument("deadline"), "."), "Allow more with --deadline."),
        (
            Template("Allow more with ", Argument("first_event_timeout"), "."),
            "Allow more with first_event_timeout in the profile.",
        ),
        (Template("Set ", Setting("threads", "'isolated'"), " for it."), "Set threads = 'isolated' for it."),
        (Template("Set it", Template(", or pass ", Argument("rating_id")), "."), "Set it."),
        (Template("Pass ", Template(PythonOnly("a User, or ")), "the id."), "Pass the id."),
        (Template(PythonOnly("Use client.operations.")), ""),
        ("Such as kapa://PROJECT_ID?integration_id=…", "Such as kapa://PROJECT_ID?integration_id=…"),
    ],
)
def test_a_hint_is_worded_by_what_the_command_has(hint, shown):
    line = describe_error(InvalidInput("no", hint=hint), frozenset({"deadline", "user"}))
    assert line == (f"no. {shown}" if shown else "no")


def test_a_value_of_the_caller_is_left_as_it_is():
    error = InvalidInput(
        "the question is 'chat() with deadline=.'", hint=Template("Start a new one with ", Method("chat"), ".")
    )
    assert (
        describe_error(error, frozenset())
        == "the question is 'chat() with deadline=.'. Start a new one with `unichat ask`."
    )


def test_an_unsupported_argument_is_told_the_alternative_but_not_on_unsupported():
    call = HistoryCall(backend="echo", operation="history")
    with pytest.raises(Unsupported) as caught:
        call.reject_or_drop("user", "there is none", Template("Pass ", Argument("thread"), "."))
    assert str(caught.value).endswith("Pass thread=. Or pass on_unsupported='drop' to continue without it.")
    assert describe_error(caught.value, frozenset({"thread", "user"})) == (
        "echo history: user: there is none. Pass --thread. (here: --user)"
    )


def test_the_hints_of_many_mistakes_are_worded_as_well(run, write):
    write("[profiles.a]\nbackend = 'kapa'\napi_key = 'x'\nverify = 1\n[profiles.b]\n")
    result = run("ask", "--deadline", "-1", "--profile", "a", "What?")
    assert result.code == 2
    assert "3 mistakes: (1) option: deadline is -1.0, but should be a positive number of seconds" in result.err
    assert "keyword" not in result.err


def test_a_part_of_an_argument_names_its_option():
    error = InvalidInput("user.id is empty", argument="user.id")
    assert describe_error(error, frozenset({"user"})) == "user.id is empty (here: --user)"


def test_a_template_in_a_message_is_worded_for_the_command_line():
    error = ConfigError(Template(Term("keyword argument"), ": deadline is 0"))
    assert (str(error), describe_error(error, frozenset())) == (
        "keyword argument: deadline is 0",
        "option: deadline is 0",
    )


# In the commands themselves.


def test_a_truncated_reference_is_told_how_to_give_a_whole_one(run, profiles):
    assert "Pass the whole reference, as `unichat ask` prints it. (here: --thread)" in (
        run("ask", "--thread", "kapa:1:abc", "What?").err
    )


def test_another_vendors_thread_names_the_command_that_starts_a_new_one(run, profiles, question):
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


def test_a_broken_stream_says_that_the_text_so_far_is_shown(run, vendor, record):
    vendor(record("First."), cut=True)
    for result in (run("call", "chat_streamed", "query=What?"), run("chat", piped="What?\n")):
        assert "after 1 event: response truncated. The text so far is shown; check the history" in result.err


def test_a_hint_inside_a_chat_is_worded_for_the_command_line(run, profiles, question):
    thread = run("ask", "--json", "--profile", "kadal", question).json["thread"]
    result = run("chat", "--thread", thread, piped="What?\n")
    assert "start a new one with `unichat ask`" in result.err
    assert "/reset starts a new one" in result.err


def test_an_invalid_backend_or_deadline_is_reported_as_an_option(run):
    assert "error: the backend should be a name or a URL." in run("ask", "--backend", "a b", "What?").err
    result = run("ask", "--backend", "kadal://bot?token=x", "--deadline", "0", "What?")
    assert "option: deadline is 0.0, but should be a positive number of seconds." in result.err


def test_the_demo_says_what_to_do_instead_of_clearing(run):
    reason = run("demo", "--json").json["kapa"]["clear_history"]["reason"]
    assert (
        reason == "kapa clear_history: kapa has no call that clears a conversation. Start a new one with `unichat ask`."
    )


def test_the_doctor_without_any_config_says_what_to_do(run):
    result = run("doctor", "--json")
    assert result.code == 1
    (detail,) = (each["detail"] for each in result.json if each["outcome"] == "failed")
    assert detail.endswith("Write the file (`unichat sandbox --toml` prints one to try).")
    assert "connect" not in detail


def test_the_doctor_names_the_option_for_a_profile_that_was_not_chosen(run, write, box):
    write(re.sub(r"(?m)^default = .*\n", "", box.config_toml("kapa")))
    assert "Name one with --profile or UNICHAT_PROFILE," in run("doctor").out


def test_the_doctor_names_the_option_for_a_deadline_that_passed(run, vendor):
    vendor(b"", silent=True)
    assert "Allow more with --deadline." in run("doctor", "--deadline", "0.2").out
