"""Where the lines of `unichat chat` come from: a prompt with line editing, or a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from unichat.cli.conversation import COMMANDS

PROMPT = "> "


def is_interactive() -> bool:
    """Whether somebody types, and sees what comes."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def typed() -> Iterator[str]:
    """Yield the lines that somebody types, until Ctrl-D; Ctrl-C at the prompt is a `KeyboardInterrupt`."""
    ask = _prompt()
    while True:
        try:
            line = ask(PROMPT)
        except EOFError:
            return
        yield line


def _prompt() -> Callable[[str], str]:
    try:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.shortcuts import CompleteStyle
    except ImportError:
        # Its import alone gives input() line editing, where Python has it.
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401
        return input
    session: PromptSession[str] = PromptSession(
        completer=WordCompleter(list(COMMANDS), sentence=True),
        # On Tab alone and without a drawn menu, which is no plain text.
        complete_style=CompleteStyle.READLINE_LIKE,
        complete_while_typing=False,
    )
    return session.prompt


def piped() -> Iterator[str]:
    """Yield the lines of standard input, without their ends."""
    if sys.stdin is None:
        return
    if hasattr(sys.stdin, "reconfigure"):
        # A line that cannot be decoded is then refused as a question, and the next one is read.
        sys.stdin.reconfigure(errors="surrogateescape")
    for line in sys.stdin:
        yield line.rstrip("\r\n")
