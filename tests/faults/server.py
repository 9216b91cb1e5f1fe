"""The fault server of `unichat.testing`, which here also counts how often each question has arrived."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote_plus

from attrs import frozen

from unichat.testing import Connection, Gone
from unichat.testing import FaultServer as _FaultServer
from unichat.transport.base import HttpRequest

__all__ = ["NONCE", "Connection", "Fault", "FaultServer", "Gone", "HttpMessage", "Vendor"]

NONCE = re.compile(r"5eed[0-9a-f]{4}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}")
"""Every question carries one of these: a UUID, so that it can also be the id of a thread."""


@frozen
class HttpMessage(HttpRequest):
    """One request, as it arrived on the wire."""

    @property
    def nonce(self) -> str:
        found = NONCE.search(unquote_plus(self.target) + (self.body or b"").decode("utf-8", "replace"))
        return found[0] if found else ""


Fault = Callable[[Connection], bool]
Vendor = Callable[[HttpMessage], bytes]


class FaultServer(_FaultServer):
    """Serves one script: a fault for each attempt in turn, and the last one for all that follow.

    An attempt begins with a new connection, or with the next request on one that was kept.

    Attributes:
        seen: how often each nonce arrived.
        elsewhere: the port of another server, for redirects.
    """

    def __init__(self, vendor: Vendor, script: Sequence[Fault], **options: Any) -> None:
        self.seen: Counter[str] = Counter()
        self.elsewhere = 0
        super().__init__(vendor, script, **options)

    def record(self, request: HttpRequest, connection: Connection) -> HttpMessage:
        # A plain proxy is sent the whole address.
        target = re.sub(r"^http://[^/]*", "", request.target)
        received = HttpMessage(request.method, request.base_url, target, request.headers, request.body)
        super().record(received, connection)
        if received.nonce:
            with self._guard:
                self.seen[received.nonce] += 1
        return received
