"""The library's log: silent unless the program that uses it wants to hear."""

from __future__ import annotations

import logging

log = logging.getLogger("unichat")
# Without a handler of its own, Python would print each warning to standard error beside the error that is raised.
log.addHandler(logging.NullHandler())
