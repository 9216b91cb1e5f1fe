"""Asks before something is done that cannot be undone."""

from __future__ import annotations

import sys

import click

from unichat.cli import output
from unichat.cli.failures import FAILED


def confirm(question: str, declined: str, code: int = FAILED) -> None:
    """Ask on the terminal, and end the command with `declined` and this exit code unless the answer is yes.

    Raises:
        UsageError: there is no terminal to ask on.
    """
    # The question is asked on standard error.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("there is no terminal to ask for confirmation: pass --yes.")
    if not click.confirm(output.printable(question), err=True):
        output.print_note(declined)
        raise click.exceptions.Exit(code)
