"""An adapter's mistakes: which exceptions count as one, and how each is kept for the adapter's author without a secret.

Callers are promised a `UnichatError`. Only what Python raises for a mistake in the code counts: anything else, such as
what a signal's handler raises or a failed assertion, is somebody else's, and passes through.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath
from typing import TypeVar

from unichat._interruptions import is_interruption
from unichat._text.printable import shorten
from unichat.errors import AdapterError, UnichatError

T = TypeVar("T")

MISTAKES = (
    ArithmeticError, AttributeError, LookupError, NameError, NotImplementedError, RecursionError, StopIteration,
    TypeError, ValueError,
)  # fmt: skip


def is_mistake(error: BaseException) -> bool:
    """Return whether an exception that came out of an adapter's code is a mistake in it."""
    # What a generator makes of a StopIteration within it, such as that of next() at the end of something.
    ended = isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration)
    return (ended or isinstance(error, MISTAKES)) and not is_interruption(error)


def describe_mistake(mistake: BaseException) -> str:
    """Return the exception's type, and where it was raised. Not its message, which may hold what somebody asked."""
    frames = traceback.extract_tb(mistake.__traceback__)
    where = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"({shorten(type(mistake).__name__)}){where}"


def clean_mistake(mistake: BaseException, redact: Callable[[str], str]) -> BaseException:
    """Return `mistake` itself without what could show a secret: its frames with their variables, and its message.

    Its notes have the frames' locations instead, as text.
    """
    seen: set[int] = set()
    link: BaseException | None = mistake
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if link.__traceback__ is not None:
            locations = "".join(traceback.format_tb(link.__traceback__)).rstrip()
            link.add_note(f"Raised in:\n{locations}")
        link.__traceback__ = None
        link.args = tuple(redact(value) if isinstance(value, str) else _safe(value, redact) for value in link.args)
        for name, empty in (("obj", None), ("object", b"")):
            # An AttributeError keeps whose attribute it was, and a UnicodeError the whole text.
            if hasattr(link, name):
                with suppress(AttributeError, TypeError):
                    setattr(link, name, empty)
        link = link.__cause__ or link.__context__
    return mistake


def _safe(value: object, redact: Callable[[str], str]) -> object:
    text = repr(value)
    return value if redact(text) == text else redact(text)


def adapter_error(
    doing: str, mistake: BaseException | None, redact: Callable[[str], str], *, backend: str, operation: str | None
) -> AdapterError:
    """Return the error for a mistake in an adapter, which the caller should raise outside of the exception's handler.

    Args:
        doing: what the adapter was doing wrong, in words.
        mistake: the exception that resulted, if any.
    """
    detail = f" {describe_mistake(mistake)}" if mistake is not None else ""
    error = AdapterError(
        f"{backend}'s adapter {doing}{detail}",
        hint="This is a mistake in the adapter: report it to its author, with the cause of this error.",
        backend=backend,
        operation=operation,
    )
    if mistake is not None and not isinstance(mistake, UnichatError):
        error.__cause__ = clean_mistake(mistake, redact)
    return error


def call_adapter(
    doing: str, function: Callable[[], T], redact: Callable[[str], str], *, backend: str, operation: str | None
) -> T:
    """Return what `function`, which runs an adapter's code, returns.

    Raises:
        AdapterError: it made a mistake; the other arguments are those of `adapter_error`.
    """
    mistake: Exception
    try:
        return function()
    except MISTAKES as error:
        if is_interruption(error):
            raise
        mistake = error
    # Not within the handler: the error would keep the exception a second time, as its context.
    raise adapter_error(doing, mistake, redact, backend=backend, operation=operation)
