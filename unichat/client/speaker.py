"""Who asks in a conversation, whose vendor may keep one conversation per user."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from unichat.adapter import Capabilities
from unichat.models import User


@frozen
class Speaker:
    """Who asks in a conversation in which many people may speak.

    Which of the two a vendor is told depends on the vendor, and on a route on the member that answers.

    Attributes:
        user: the person; None where nobody was named.
        make_reference: returns what stands for the conversation where a vendor keeps one conversation per user.
    """

    user: User | None
    make_reference: Callable[[], str]

    def resolve(self, capabilities: Capabilities) -> User | None:
        """Return the user that a vendor with these capabilities is told."""
        return self.user if capabilities.parallel_threads else User(self.make_reference())
