"""Renews the leases of the tickets that this process has, for as long as it lives."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial

from unichat._text.log import log
from unichat.conversations import tickets
from unichat.conversations.entries import Message
from unichat.conversations.events import remove_expired_events
from unichat.conversations.stores.base import Store, scrub, transact
from unichat.errors import StoreError
from unichat.execution.effects import Program
from unichat.transport.timers import Timer, timers

_RENEWALS = 3
"""How often a lease is renewed before it would run out: one renewal may be late, or fail."""

_CLEANING_SECONDS = 3600.0
"""How often events that have expired are removed."""


class Leases:
    """The tickets of messages that wait or are answered in this process.

    Nothing runs while there are none: a timer is set with the first, and goes off for as long as there are any.

    Args:
        store: where the tickets are.
        lease: seconds for which a ticket is renewed.
        start: runs a program in the background, from any thread.
    """

    def __init__(self, store: Store, lease: float, start: Callable[[Program[object]], None]) -> None:
        self.seconds = lease
        self._store = store
        self._start = start
        self._held: dict[str, str] = {}
        self._process = os.getpid()
        self._timer: Timer | None = None
        self._closed = False
        self._cleans_at = 0.0

    def hold(self, message: Message) -> None:
        """Renew the message's lease from now on."""
        if self._process != os.getpid():
            # What the parent held when it forked is the parent's.
            self._held, self._timer, self._process = {}, None, os.getpid()
        self._held[message.token] = message.conversation
        if self._timer is None and not self._closed:
            self._set_timer()

    def drop(self, message: Message) -> None:
        """Renew it no longer."""
        self._held.pop(message.token, None)

    def _set_timer(self) -> None:
        self._timer = timers.call_at(time.monotonic() + self.seconds / _RENEWALS, self._go_off)

    def _go_off(self) -> None:
        self._timer = None
        if self._closed:
            return
        if self._held:
            self._set_timer()
            self._start(self.renew())
        if time.monotonic() >= self._cleans_at:
            self._cleans_at = time.monotonic() + _CLEANING_SECONDS
            self._start(self._clean())

    def _clean(self) -> Program[None]:
        """Remove the answers to events that are kept no longer."""
        try:
            if (yield from transact(self._store, remove_expired_events)):
                # Their texts are to be gone from the files as well; if somebody reads, the next time will do.
                yield from scrub(self._store, may_wait=lambda: False)
        except StoreError as error:
            self._warn("events that have expired could not be removed: %s", error)

    def renew(self) -> Program[None]:
        """Renew all of them once."""
        held = [(conversation, token) for token, conversation in tuple(self._held.items())]
        if not held:
            return
        until = time.monotonic() + self.seconds / _RENEWALS
        try:
            yield from transact(
                self._store,
                partial(tickets.renew, held=held, lease=self.seconds),
                may_wait=lambda: time.monotonic() < until,
            )
        except StoreError as error:
            self._warn("the leases of %d conversations could not be renewed: %s", len(held), error)

    def _warn(self, text: str, *arguments: object) -> None:
        # The store may have been closed since the timer went off, and then nothing is amiss.
        if not self._closed:
            log.warning(text, *arguments)

    def close(self) -> None:
        """Renew nothing any more."""
        self._closed = True
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
