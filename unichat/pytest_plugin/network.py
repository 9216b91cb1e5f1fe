"""Keeps tests from leaving the machine: before a name is resolved, in every thread, and for both clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from attrs import define, field

from unichat._text.printable import format_value
from unichat.adapter.setting_checks import is_loopback
from unichat.transport import guard


class NetworkBlocked(AssertionError):
    """A test's client would have left the machine. Not a `UnichatError`: no bot takes it for a vendor's failure."""


@define
class NetworkBlock:
    """Lets unichat's clients connect to this machine only, as long as one test runs.

    Attributes:
        test: the test's id.
        hosts: those that would have been connected to.
    """

    test: str
    hosts: list[str] = field(factory=list)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Check each connection in the meantime."""
        with guard.check_hosts(self._check):
            yield

    def _check(self, host: str) -> None:
        if not is_loopback(host):
            self.hosts.append(host)
            raise self._error(host)

    def verify(self) -> None:
        """Check that nothing would have left the machine.

        Raises:
            NetworkBlocked: something would have, even if the test went on.
        """
        if self.hosts:
            raise self._error(", ".join(dict.fromkeys(self.hosts)))

    def _error(self, host: str) -> NetworkBlocked:
        return NetworkBlocked(
            f"{self.test} would have connected to {format_value(host)}. Use unichat_client or fake_backend, give "
            'the client the base_url of a server on this machine, or allow it: @pytest.mark.unichat_network("allow")'
        )


_BLOCK = pytest.StashKey[ExitStack]()


def block(item: pytest.Item) -> Callable[[], None]:
    """Block the network for a test until `unblock`, and return what raises if something would have left the machine."""
    # A test that is run again begins with a block of its own.
    unblock(item)
    network = NetworkBlock(item.nodeid)
    item.stash[_BLOCK] = ExitStack()
    item.stash[_BLOCK].enter_context(network.active())
    return network.verify


def unblock(item: pytest.Item) -> None:
    """Let the test's clients leave the machine again, if they were kept from it."""
    if _BLOCK in item.stash:
        item.stash[_BLOCK].close()
