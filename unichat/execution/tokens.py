"""Where the token of a call comes from: fixed, from the caller's function, or fetched and cached until it expires."""

from __future__ import annotations

import threading
from collections.abc import Callable

from unichat.adapter import Credential, Flow, Operation, Secret, Token, TokenProvider, ask, exclusive
from unichat.adapter.secrets import Signature

_MARGIN = 30.0
"""Seconds before its expiry that a token is replaced, so that none expires in flight; at most a tenth of its life."""


class Tokens:
    """The secret for each request of one client.

    Attributes:
        fixed: how to sign a request where that never changes; None where it may differ for each request.
    """

    def __init__(self, credential: Credential, clock: Callable[[], float]) -> None:
        self._credential = credential
        self._clock = clock
        self._lock = threading.RLock()
        self._fetched: tuple[Secret, float] | None = None
        source = credential.source
        self.fixed = self.signature(source) if isinstance(source, Secret) else None

    @property
    def source(self) -> Secret | TokenProvider | Operation[Token]:
        """Where the secret comes from."""
        return self._credential.source

    def forget(self, refused: Signature | None) -> None:
        """Drop the fetched token that the vendor refused, unless it has been replaced already."""
        with self._lock:
            if self._fetched is not None and self.signature(self._fetched[0]) == refused:
                self._fetched = None

    def signature(self, secret: Secret) -> Signature:
        """Return how to sign a request with `secret`."""
        return Signature(self._credential.header, secret.reveal(), self._credential.scheme)

    def fetch(self, source: Operation[Token]) -> Flow[Secret]:
        """Return a fetched token that is still good, after fetching one if there is none."""
        # Exclusive, so that threads which find the token expired do not all fetch one.
        yield from exclusive(("token", self._credential.header), "another call's token request")
        cached = self.cached_secret()
        if cached is None:
            token = yield from ask(source)
            lifetime = float("inf") if token.lifetime is None else token.lifetime
            cached = token.secret
            with self._lock:
                self._fetched = (cached, self._clock() + lifetime - min(_MARGIN, lifetime / 10))
        return cached

    def cached_secret(self) -> Secret | None:
        """Return the fetched token, if there is one that has not expired."""
        with self._lock:
            return self._fetched[0] if self._fetched and self._clock() < self._fetched[1] else None
