"""The input of `unichat chat`, line by line: from a prompt with line editing, or from a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from unichat.cli.conversation import COMMANDS

PROMPT = "> "


def is_interactive() -> bool:
    """Return whether both standard input and output are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def read_typed_lines() -> Iterator[str]:
    """Yield the lines typed at a prompt, until Ctrl-D; Ctrl-C raises `KeyboardInterrupt`."""
    ask = _make_prompt()
    while True:
        try:
            line = ask(PROMPT)
        except EOFError:
            return
        yield line


def _make_prompt() -> Callable[[str], str]:
    try:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.shortcuts import CompleteStyle
    except ImportError:
        # Importing it gives input() line editing, where Python has it.
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401
        return input
    session: PromptSession[str] = PromptSession(
        completer=WordCompleter(list(COMMANDS), sentence=True),
        # Only on Tab, and without a drawn menu, which is not plain text.
        complete_style=CompleteStyle.READLINE_LIKE,
        complete_while_typing=False,
    )
    return session.prompt


def read_piped_lines() -> Iterator[str]:
    """Yield the lines of standard input, without their ends."""
    if hasattr(sys.stdin, "reconfigure"):
        # A line that cannot be decoded is later rejected as a question, and the next one is read.
        sys.stdin.reconfigure(errors="surrogateescape")
    for number, line in enumerate(sys.stdin):
        # Windows begins a file with a byte order mark.
        yield (line if number else line.removeprefix("\ufeff")).rstrip("\r\n")
