"""The library's logger: silent unless the program configures logging."""

from __future__ import annotations

import logging

log = logging.getLogger("unichat")
# Without a handler, Python would print each warning to standard error, besides the error that is raised.
log.addHandler(logging.NullHandler())
