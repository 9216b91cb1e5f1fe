"""`python -m unichat`: the command line, where the console script `unichat` is not on the path."""

from __future__ import annotations

import sys

from unichat.cli import main

if __name__ == "__main__":
    sys.exit(main())
