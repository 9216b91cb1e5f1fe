"""Programs that have something to do when another one fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from unichat.execution.effects import Program

T = TypeVar("T")


def run_with_cleanup(program: Program[T], clean_up: Callable[[BaseException], Program[object]]) -> Program[T]:
    """Run a program, and if it fails, another one before its error goes on: also after Ctrl-C or a cancelled task.

    Not if it is closed, as by the garbage collector: then nothing may be yielded any more.

    Args:
        program: the program.
        clean_up: makes the other one; takes the error.
    """
    handled_before = sys.exception()
    failure: BaseException
    try:
        return (yield from program)
    except BaseException as error:
        if _closes(error, handled_before):
            raise
        failure = error
    # Outside the handler: what happens now is not to be its context.
    yield from clean_up(failure)
    raise failure


def _closes(error: BaseException, handled_before: BaseException | None) -> bool:
    """Whether an error comes of the program's being closed: what was raised on the way out takes the place of that.

    Args:
        error: the error.
        handled_before: what the caller is handling, which may be the end of a generator of its own.
    """
    context: BaseException | None = error
    while context is not None and context is not handled_before:
        if isinstance(context, GeneratorExit):
            return True
        context = context.__context__
    return False
