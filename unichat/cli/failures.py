"""How a command ends: its exit code, and the one line on standard error for what went wrong."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterable

import click

from unichat._text.printable import escape_controls, shorten

EXIT_CODES = {
    0: "done; also if the reader of the output stops early, and when `sandbox` is stopped",
    1: "failed, at the vendor or while reaching it; or `demo`, `doctor` or `contract` found a failure, or `clear` was "
    "declined",
    2: "not started: the usage, the config or an argument is wrong, or the backend cannot do it",
    70: "a bug in unichat",
    130: "interrupted by Ctrl-C",
}
"""What each exit code means."""

DONE, FAILED, NOT_STARTED, BUG, INTERRUPTED = EXIT_CODES


def handle_exception(error: BaseException, context: click.Context | None) -> int:
    """Print what there is to say about the exception that ended a command, and return the exit code.

    Args:
        error: the exception.
        context: the one of `unichat` itself; None if its own options were wrong.
    """
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        return DONE
    if isinstance(error, KeyboardInterrupt | click.Abort):
        if sys.stderr.isatty():
            # It shows ^C, and the shell's prompt should not follow on the same line.
            print_line("")
        return INTERRUPTED
    if not isinstance(error, Exception):
        raise error
    if bool(os.environ.get("UNICHAT_DEBUG")) if context is None else context.params["debug"]:
        with contextlib.suppress(OSError):
            traceback.print_exception(error)
    code, text = _classify(error, option_names(context))
    print_error(text)
    return code


def print_error(problem: str) -> None:
    """Print on standard error what went wrong, in one printable line."""
    print_line(f"unichat: error: {escape_controls(problem)}")


def print_line(text: str) -> None:
    """Print a line on standard error; one that cannot be written, such as to a full disk, changes nothing else."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the part of an error that suggests the `known` name that was probably meant; empty if none is similar."""
    from difflib import get_close_matches

    matches = get_close_matches(name, list(known), n=1)
    return f" (did you mean {matches[0]}?)" if matches else ""


def _classify(error: Exception, options: frozenset[str]) -> tuple[int, str]:
    if isinstance(error, click.ClickException):
        return NOT_STARTED, _usage_message(error)
    # Imported here: a mistyped command need not wait for the models.
    from unichat.cli.words import describe_error
    from unichat.errors import ConfigError, InvalidInput, ThreadMismatch, UnichatError, Unsupported

    if isinstance(error, UnichatError):
        from_vendor = isinstance(error, InvalidInput) and error.source == "vendor"
        started = from_vendor or not isinstance(error, ConfigError | InvalidInput | Unsupported | ThreadMismatch)
        return FAILED if started else NOT_STARTED, describe_error(error, options)
    if isinstance(error, ModuleNotFoundError) and "unichat-bridge[" in str(error):
        return NOT_STARTED, str(error)
    if _is_sandbox_error(error):
        return NOT_STARTED, str(error)
    if isinstance(error, OSError):
        return FAILED, shorten(str(error))
    return BUG, (
        f"{type(error).__name__}: {shorten(str(error))}. This is a bug in unichat: please report it to its "
        "maintainers, with what the same command shows after `unichat --debug`"
    )


def _usage_message(error: click.ClickException) -> str:
    text = " ".join(line.strip() for line in error.format_message().splitlines())
    if not text.endswith((".", "?")):
        text += "."
    context = getattr(error, "ctx", None)
    return f"{text} Try `{context.command_path if context is not None else 'unichat'} --help`"


def option_names(context: click.Context | None) -> frozenset[str]:
    """Return the names of the options of the command that was called; `context` is the one of `unichat` itself."""
    if context is None or context.invoked_subcommand is None:
        return frozenset()
    assert isinstance(context.command, click.Group)
    command = context.command.get_command(context, context.invoked_subcommand)
    # Of a group, those of any of its commands: which of them was called is not known here.
    called = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    parameters = [item for each in called if each is not None for item in each.params]
    return frozenset(item.name or "" for item in parameters if isinstance(item, click.Option))


def _is_sandbox_error(error: Exception) -> bool:
    # If this is one of its errors, the module has been imported.
    module = sys.modules.get("unichat.sandbox.errors")
    return module is not None and isinstance(error, module.SandboxError)


def discard_output() -> None:
    """Discard what cannot be written, or Python would complain about it when it exits, and change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
