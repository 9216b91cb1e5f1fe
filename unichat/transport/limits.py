"""What both HTTP libraries are held to."""

from __future__ import annotations

IDLE_LIFE = 4.0
"""Seconds that an idle connection is trusted with a question: common servers close theirs after 5, perhaps under it."""

LARGE_REQUEST = 65_536
"""Bytes of a request whose connection is not used again: the server may answer before the end, and never read it."""

# The head of an answer. The first two are those of the standard library.
LONGEST_LINE = 65_536
MOST_HEADERS = 100
LARGEST_HEAD = 4 * LONGEST_LINE
"""Bytes of all its lines together, over asyncio: h11 keeps what has come until it is whole."""
MOST_INTERIM = 100
"""Interim answers (1xx) before the final one."""

ERROR_BODY_SECONDS = 5.0
"""Seconds of waiting for the body of an error status, which has said what matters: a retry should not wait longer."""
