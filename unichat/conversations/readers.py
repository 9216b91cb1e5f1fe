"""Who reads the open streams of conversations: a reader that asked in the same conversation would wait for itself."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakValueDictionary

from unichat._text.printable import format_value
from unichat._text.templates import PythonOnly, Template
from unichat.conversations.entries import Message
from unichat.errors import InvalidInput
from unichat.transport.forks import reset_after_fork

_readers: WeakValueDictionary[str, Reader] = WeakValueDictionary()
"""By the tokens of the messages whose answers they read: of all conversations of the process."""


class Reader:
    """Who reads the stream of a message's answer; forgotten with the stream.

    Attributes:
        caller: the thread or task; None once the stream was left.
    """

    __slots__ = ("__weakref__", "caller")

    def __init__(self, message: Message, caller: object) -> None:
        self.caller: object = caller
        _readers[message.token] = self


def check_reader(message: Message, behind: Iterable[str], caller: object) -> None:
    """Reject a message that waits for a stream which its own caller reads.

    Args:
        message: the message.
        behind: the tokens of the messages that it waits for.
        caller: the thread or task that sends it; None where that is not known.

    Raises:
        InvalidInput: it does.
    """
    if caller is None:
        return
    readers = [_readers.get(token) for token in behind]
    if any(reader is not None and reader.caller is caller for reader in readers):
        raise InvalidInput(
            f"the conversation {format_value(message.conversation)} has an open stream, and this thread or task is its"
            " reader",
            hint=Template(PythonOnly("Read the stream to its end, or leave its block, before asking again.")),
        )


reset_after_fork(_readers.clear)
