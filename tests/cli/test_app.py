"""The command itself: help, what is imported when, completion, and how errors end it."""

from __future__ import annotations

import importlib.abc
import os
import subprocess
import sys

import pytest

from tests.cli.conftest import SECONDS
from unichat.cli import app, main
from unichat.cli.failures import EXIT_CODES, handle_exception


@pytest.mark.parametrize("name", app.COMMANDS)
def test_each_command_has_the_name_of_its_module_and_the_description_of_the_list(name):
    command = app.application.get_command(app.application.make_context("unichat", [name]), name)
    assert command.name == name
    assert command.help.splitlines()[0] == app.COMMANDS[name]


@pytest.mark.parametrize("name", app.COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_each_command_has_help(run, name, option):
    result = run(name, option)
    assert result.code == 0
    assert result.out.startswith(f"Usage: unichat {name}")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_help_lists_all_commands_all_exit_codes_and_how_to_complete(run, arguments):
    result = run(*arguments)
    assert result.code == 0
    for word in (*app.COMMANDS, *map(str, EXIT_CODES), "bash", "zsh", "fish"):
        assert f"\n  {word} " in result.out
    assert result.err == ""


def test_the_help_fits_sixty_columns(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, run("--help").out.splitlines())) <= 60


def test_the_version_is_printed(run):
    import unichat

    assert run("--version").out == f"unichat {unichat.__version__}\n"


def test_python_m_unichat_does_what_the_console_script_does(process):
    """`process` runs every command that way; this shows its name, its exit code and its output."""
    import unichat

    version = process("--version")
    assert version.communicate(timeout=SECONDS) == (f"unichat {unichat.__version__}\n", "")
    assert version.returncode == 0
    mistake = process("aks")
    assert mistake.communicate(timeout=SECONDS)[1].endswith("(did you mean ask?). Try `unichat --help`\n")
    assert mistake.returncode == 2


def test_the_help_imports_neither_a_command_nor_a_library_but_click():
    code = "import sys; from unichat.cli import main; main(['--help']); print('\\n'.join(sys.modules), file=sys.stderr)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(child.stderr.split())
    assert "Show both vendors" in child.stdout
    assert "click" in loaded
    assert loaded.isdisjoint(
        {
            "requests",
            "urllib3",
            "markdown_it",
            "attr",
            "attrs",
            "cattrs",
            "tenacity",
            "prompt_toolkit",
            "starlette",
            "uvicorn",
        }
    )
    assert {name for name in loaded if name.startswith("unichat")} == {
        "unichat",
        "unichat._text",
        "unichat._text.printable",
        "unichat.cli",
        "unichat.cli.app",
        "unichat.cli.failures",
    }


def test_a_mistyped_command_gets_a_suggestion(run):
    assert run("hsitory") == (
        2,
        "",
        "unichat: error: there is no command 'hsitory' (did you mean history?). Try `unichat --help`\n",
    )


def test_an_unknown_command_is_not_imported():
    assert app.application.get_command(app.application.make_context("unichat", ["failures"]), "failures") is None


def test_a_command_without_a_similar_name_is_told_where_the_list_is(run):
    assert run("xyzzy").err == "unichat: error: there is no command 'xyzzy'. Try `unichat --help`\n"


def test_an_unknown_option_is_one_line_that_names_the_help_of_the_command(run):
    result = run("ask", "--thred", "x")
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert "--thred" in result.err
    assert "Try `unichat ask --help`" in result.err


def test_an_unknown_option_before_the_command_is_one_line_too(run):
    result = run("--colour", "ask")
    assert (result.code, result.out) == (2, "")
    assert "Try `unichat --help`" in result.err


def test_control_characters_in_an_argument_are_escaped_in_the_error(run):
    assert "\\x1b[31m" in run("ask\x1b[31m").err


def test_the_config_after_the_command_wins_over_the_one_before_it(run, profiles):
    assert run("--config", "missing.toml", "profiles").code == 2
    assert run("--config", "missing.toml", "profiles", "--config", str(profiles)).code == 0
    assert run("--config", str(profiles), "profiles", "--json").json["path"] == str(profiles)


def test_without_click_one_line_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "click", None)
    monkeypatch.delitem(sys.modules, "unichat.cli.app")
    assert main(["--help"]) == 2
    assert capsys.readouterr().err == (
        'unichat: error: the command line needs click: pip install "unichat-bridge[cli]"\n'
    )


def test_another_missing_module_is_a_bug_and_not_hidden(monkeypatch):
    monkeypatch.setitem(sys.modules, "unichat._text.printable", None)
    monkeypatch.delitem(sys.modules, "unichat.cli.app")
    with pytest.raises(ModuleNotFoundError):
        main(["--help"])


def test_ctrl_c_while_the_command_line_loads_ends_it_without_a_traceback(capsys, monkeypatch):
    class InterruptingFinder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name == "unichat.cli.app":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "unichat.cli.app")
    monkeypatch.setattr(sys, "meta_path", [InterruptingFinder(), *sys.meta_path])
    assert main(["--help"]) == 130
    assert capsys.readouterr() == ("", "")


def test_without_arguments_those_of_the_process_are_used(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["unichat", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("unichat ")


def test_a_missing_extra_is_named_in_one_line(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "starlette", None)
    for name in [name for name in sys.modules if name.startswith(("unichat.sandbox", "starlette."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("unichat.sandbox")
    result = run("demo")
    assert (result.code, result.out) == (2, "")
    assert "pip install 'unichat-bridge[sandbox]'" in result.err
    assert result.err.count("\n") == 1


@pytest.fixture
def broken_registry(monkeypatch):
    """A bug: looking for an adapter divides by zero."""

    def find(name):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("unichat.config.registry.find", find)


@pytest.mark.usefixtures("broken_registry")
def test_a_bug_is_one_line_that_asks_for_a_report(run):
    result = run("operations", "kapa")
    assert (result.code, result.out) == (70, "")
    assert result.err.startswith("unichat: error: ZeroDivisionError: division by zero. This is a bug in unichat")
    assert "--debug" in result.err
    assert result.err.count("\n") == 1


@pytest.mark.usefixtures("broken_registry")
@pytest.mark.parametrize("how", ["option", "environment"])
def test_debug_shows_the_traceback_of_an_error(run, monkeypatch, how):
    if how == "environment":
        monkeypatch.setenv("UNICHAT_DEBUG", "1")
    result = run(*(["--debug"] if how == "option" else []), "operations", "kapa")
    assert result.code == 70
    assert "Traceback (most recent call last)" in result.err
    assert result.err.splitlines()[-1].startswith("unichat: error: ")


def test_debug_shows_the_log(run, profiles):
    failing = ("feedback", "00000000-0000-4000-8000-000000000000", "down", "--user", "ada")
    plain, told, plain_again = run(*failing), run("--debug", *failing), run(*failing)
    assert plain == plain_again
    assert plain.err.count("\n") == 1
    assert "warning: kapa upsert_feedback: HTTP 404" in told.err
    assert told.err.endswith(plain.err)


def test_an_os_error_is_not_a_bug(run, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unichat.cli.output.print_json", full)
    assert run("operations", "kapa", "--json") == (
        1,
        "",
        "unichat: error: [Errno 28] No space left on device\n",
    )


def test_an_exception_that_is_not_an_error_is_raised_again():
    with pytest.raises(SystemExit):
        handle_exception(SystemExit(3), None)


def test_ctrl_c_moves_a_terminal_to_its_next_line(capsys, monkeypatch):
    assert handle_exception(KeyboardInterrupt(), None) == 130
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert handle_exception(KeyboardInterrupt(), None) == 130
    assert capsys.readouterr() == ("", "\n")


def test_a_closed_pipe_is_not_an_error(capsys, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["operations", "kapa"]) == 0
    assert capsys.readouterr().err == ""


def test_a_terminal_that_cannot_show_a_character_gets_an_escape(process, elsewhere):
    (elsewhere / "docs").mkdir()
    (elsewhere / "docs" / "page.md").write_text(
        "# Ünïcode\n\n## Signs\n\nA sign separates headings.\n", encoding="utf-8"
    )
    # Not ASCII, for which click takes UTF-8 instead.
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    child = process("demo", "--docs", "docs", "--question", "sign", env=environment, encoding="latin-1")
    out, err = child.communicate(timeout=SECONDS)
    assert (child.returncode, err) == (0, "")
    assert "Ünïcode \\u203a Signs" in out


def test_output_is_coloured_only_on_a_terminal_without_no_color(terminal, run, monkeypatch, profiles):
    coloured = terminal("doctor")
    assert coloured.end() == 0
    assert "\x1b[" in coloured.text
    monkeypatch.setenv("NO_COLOR", "1")
    plain = terminal("doctor", columns=60)
    assert plain.end() == 0
    assert "\x1b" not in plain.text
    assert all(len(line) <= 60 or " " not in line.strip(" ,") for line in plain.text.splitlines())
    assert "reachability" in plain.text
    assert "\x1b" not in run("doctor").out


class TestCompletion:
    @pytest.fixture
    def complete(self, monkeypatch, capsys):
        def call(line):
            """Return what bash would offer at the end of `line`."""
            words = line.split(" ")
            monkeypatch.setenv("_UNICHAT_COMPLETE", "bash_complete")
            monkeypatch.setenv("COMP_WORDS", line)
            monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
            with pytest.raises(SystemExit):
                main([])
            return {each.partition(",")[2] for each in capsys.readouterr().out.split()}

        return call

    def test_offers_commands_and_options(self, complete):
        assert complete("unichat cl") == {"clear"}
        assert "--newest-first" in complete("unichat history --")

    def test_offers_the_profiles_of_the_config_file(self, complete, profiles):
        assert complete("unichat ask --profile ka") == {"kapa", "kadal"}

    def test_offers_those_of_the_file_that_an_option_names(self, complete, elsewhere, profiles):
        profiles.rename(elsewhere / "other.toml")
        assert complete("unichat ask --profile ka") == set()
        assert complete("unichat --config other.toml ask --profile ka") == {"kapa", "kadal"}
        assert complete("unichat ask --config other.toml --profile kap") == {"kapa"}

    def test_offers_nothing_where_the_config_is_broken(self, complete, write):
        write("[profiles")
        assert complete("unichat ask --profile ka") == set()
        assert complete("unichat call ch") == set()

    def test_offers_backends(self, complete):
        assert complete("unichat operations ") >= {"kapa", "kadal"}
        assert complete("unichat ask --backend kad") == {"kadal"}

    def test_offers_the_operations_of_the_profile_or_backend(self, complete, profiles):
        assert complete("unichat call chat_") == {"chat_in_thread", "chat_in_thread_streamed", "chat_streamed"}
        assert complete("unichat call --profile kadal list_") == {"list_chats", "list_chats_v7"}
        assert complete("unichat call --backend kadal get_") == {"get_chat"}
        assert complete("unichat call --backend kdal get_") == set()

    def test_offers_the_parameters_of_an_operation(self, complete, profiles):
        assert complete("unichat call list_sources pa") == {"page=", "page_size="}
        assert complete("unichat call no_such_operation pa") == set()
