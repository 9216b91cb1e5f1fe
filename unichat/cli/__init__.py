"""The command line, `unichat`; needs the extra `cli`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`unichat.cli.failures.EXIT_CODES`).

    Args:
        arguments: those after `unichat`; None for those of the process.
    """
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
    return run(sys.argv[1:] if arguments is None else arguments)
