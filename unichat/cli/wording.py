"""Hints of the library in the words of the command line: options and commands in place of arguments and methods."""

from __future__ import annotations

import re

from unichat.errors import ConfigError, UnichatError, Unsupported

_WORDS: tuple[tuple[str, str], ...] = (
    (r"the first argument should be the text of", "--backend should be"),
    # Of the keyword arguments of `connect`, commands give the one that is an option.
    (r"keyword argument: deadline\b", "--deadline"),
    (r"\(profile or UNICHAT_PROFILE\)", "(--profile or UNICHAT_PROFILE)"),
    (r"with config or UNICHAT_CONFIG", "with --config or UNICHAT_CONFIG"),
    (r"Pass answer\.thread, or the .*?\)\.", "Give the reference whole, as `unichat ask` prints it."),
    (r"Pass the thread\.", "Give --thread."),
    (r"\bchat\(\)", "`unichat ask`"),
    (r"The text so far is in \.text;", "What had come is shown;"),
    (r"Leave user out:", "Leave --user out:"),
    (r"Pass the Answer, not its id\.", "Rate it in `unichat chat`, with /up or /down."),
    (r"Pass (?:the|an) Answer,.*?\.", "Give the answer's id."),
    (r"Pass limit=, or a larger page_size\.", "Give --limit."),
    (r"Pass created_by= with that id, or use", "Use"),
    (r"Pass a str\.", "Give text."),
    (r"Pass a dict\.", "Give a JSON object."),
    (r"None, lists, and dicts with text keys", "null, lists, and objects"),
)
"""What is said to somebody who writes Python, as a pattern, and what is said here instead; applied in this order."""

_NO_CONFIG = 'Name a backend, as in connect("kapa", …), or write the file.'
_ARGUMENT = re.compile(r"(?P<or>, or pass )?\b(?P<name>[a-z][a-z_]*)=(?![^\s.,:;)])")


def worded(error: UnichatError, options: frozenset[str]) -> str:
    """Return the line that a command shows for an error.

    Args:
        error: its hint is changed.
        options: the names of the options that the command has, as its function takes them.
    """
    if isinstance(error, Unsupported):
        # The rest of its hint is about a Python argument that no command has.
        error.hint = error.alternative
    error.hint = reworded(error.hint, options)
    if isinstance(error, ConfigError):
        # Where there are several mistakes, their hints stand in the message.
        error.message = reworded(error.message, options)
    return str(error) + _option(error, options)


def reworded(text: str, options: frozenset[str]) -> str:
    """Return a hint, or a line that ends with one, with options and commands in place of arguments and methods."""

    def argument(found: re.Match[str]) -> str:
        name = found["name"]
        if name in options:
            return f"{found['or'] or ''}--{name.replace('_', '-')}"
        return "" if found["or"] else f"{name} in the profile"

    named = ", or name a backend with --backend" if "backend" in options else ""
    text = text.replace(_NO_CONFIG, f"Write the file (`unichat sandbox` prints one to try){named}.")
    for pattern, words in _WORDS:
        text = re.sub(pattern, words, text)
    return _ARGUMENT.sub(argument, text)


def _option(error: UnichatError, options: frozenset[str]) -> str:
    """Return which option an error is about: its message names the Python argument."""
    argument = str(getattr(error, "argument", None) or "").partition(".")[0]
    return f" (here: --{argument.replace('_', '-')})" if argument in options else ""
