"""How a command ends: the exit codes, and the one line on standard error for whatever went wrong."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterable

import click

from unichat._text.printable import escaped, trimmed

EXIT_CODES = {
    0: "done; also if whoever reads the output stops early, and when `sandbox` is stopped",
    1: "failed, at the vendor or on the way there; or `demo` or `doctor` found a failure, or `clear` was declined",
    2: "not begun: the usage, the config or an argument is wrong, or the backend cannot do it",
    70: "a bug in unichat",
    130: "ended by Ctrl-C",
}
"""What each exit code means."""

DONE, FAILED, NOT_BEGUN, BUG, INTERRUPTED = EXIT_CODES


def ended(error: BaseException, context: click.Context | None) -> int:
    """Say what is to be said about the exception that ended a command, and return the exit code.

    Args:
        error: the exception.
        context: that of `unichat` itself; None if its own options were wrong.
    """
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        _give_up_output()
        return DONE
    if isinstance(error, KeyboardInterrupt | click.Abort):
        if sys.stderr.isatty():
            # It shows ^C, and the shell's prompt should not stand behind that.
            click.echo(err=True)
        return INTERRUPTED
    if not isinstance(error, Exception):
        raise error
    if bool(os.environ.get("UNICHAT_DEBUG")) if context is None else context.params["debug"]:
        traceback.print_exception(error)
    code, text = _judged(error, options_of(context))
    report(text)
    return code


def report(problem: str) -> None:
    """Say on standard error what went wrong, in one printable line."""
    click.echo(f"unichat: error: {escaped(problem)}", err=True)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return what an error adds in parentheses: the one of the `known` names that was probably meant, if there is."""
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), n=1)
    return f" (did you mean {found[0]}?)" if found else ""


def _judged(error: Exception, options: frozenset[str]) -> tuple[int, str]:
    if isinstance(error, click.ClickException):
        return NOT_BEGUN, _usage(error)
    # Late: whoever only mistypes a command need not wait for the models.
    from unichat.cli.words import describe_error
    from unichat.errors import ConfigError, InvalidInput, ThreadMismatch, UnichatError, Unsupported

    if isinstance(error, UnichatError):
        vendors = isinstance(error, InvalidInput) and error.source == "vendor"
        begun = vendors or not isinstance(error, ConfigError | InvalidInput | Unsupported | ThreadMismatch)
        return FAILED if begun else NOT_BEGUN, describe_error(error, options)
    if isinstance(error, ModuleNotFoundError) and "unichat-bridge[" in str(error):
        return NOT_BEGUN, str(error)
    if _is_of_sandbox(error):
        return NOT_BEGUN, str(error)
    if isinstance(error, OSError):
        return FAILED, trimmed(str(error))
    return BUG, (
        f"{type(error).__name__}: {trimmed(str(error))}. This is a bug in unichat: please report it to its "
        "maintainers, with what the same command shows after `unichat --debug`"
    )


def _usage(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    if not text.endswith((".", "?")):
        text += "."
    context = getattr(error, "ctx", None)
    return f"{text} Try `{context.command_path if context is not None else 'unichat'} --help`"


def options_of(context: click.Context | None) -> frozenset[str]:
    """Return the names of the options of the command that was called; `context` is that of `unichat` itself."""
    if context is None or context.invoked_subcommand is None:
        return frozenset()
    assert isinstance(context.command, click.Group)
    command = context.command.get_command(context, context.invoked_subcommand)
    parameters = command.params if command is not None else []
    return frozenset(item.name or "" for item in parameters if isinstance(item, click.Option))


def _is_of_sandbox(error: Exception) -> bool:
    # Only if it was imported, which it was if one of its errors is here.
    module = sys.modules.get("unichat.sandbox.errors")
    return module is not None and isinstance(error, module.SandboxError)


def _give_up_output() -> None:
    """Send what still waits in the buffers nowhere, or Python would complain about it at its very end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            with contextlib.suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
