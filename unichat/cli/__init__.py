"""The command line, `unichat`; needs the extra `cli`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`unichat.cli.failures.EXIT_CODES`).

    Args:
        arguments: those after `unichat`; None for those of the process.
    """
    with _open_missing_streams():
        return _run(sys.argv[1:] if arguments is None else arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        # Imported here: without click, and on Ctrl-C while it loads, there should be one line and no traceback.
        from unichat.cli.app import run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write('unichat: error: the command line needs click: pip install "unichat-bridge[cli]"\n')
        return 2
    except KeyboardInterrupt:
        return 130
    return run(arguments)


@contextmanager
def _open_missing_streams() -> Iterator[None]:
    """Put the null device in the place of each standard stream that is closed, which Python shows as None.

    Their descriptors are taken by that as well: no file or socket gets one, to which something would then be printed.
    """
    with ExitStack() as stack:
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:
                setattr(sys, name, stack.enter_context(Path(os.devnull).open(mode, encoding="utf-8")))
                stack.callback(setattr, sys, name, None)
        yield
