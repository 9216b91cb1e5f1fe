"""What a bot hands to a conversation, checked before anything else happens."""

from __future__ import annotations

import uuid

from attrs import frozen

from unichat._text.printable import format_value
from unichat.client.values import check_text
from unichat.errors import ConfigError, InvalidInput
from unichat.models import ThreadRef, User

ID_LIMIT = 1_000
"""The longest key, event, message id or user id, in characters."""

_NAMESPACE = uuid.UUID("3f0f9c7e-5a41-5d0e-9b6b-6f5c0f9a7d21")
"""Namespace of the references made from keys. It must never change: vendors keep conversations under them."""

OVERLAPS = ("wait", "join", "refuse")


@frozen
class Part:
    """What one person said: several of them may be asked as one question.

    Attributes:
        speaker: the id of who said it; None where nobody was named.
        event: the platform's id for the message; None where none was given.
    """

    speaker: str | None
    event: str | None
    text: str


def check_id(argument: str, value: object) -> str:
    """Return an id that names something on the bot's platform: text of 1 to 1,000 characters.

    Raises:
        InvalidInput: it is something else.
    """
    text = check_text(argument, value)
    problem = ""
    if not text.strip():
        problem = "is empty"
    elif len(text) > ID_LIMIT:
        problem = f"has {len(text):,} characters, and {ID_LIMIT:,} is the most that is kept"
    elif "\0" in text:
        problem = "holds a NUL character, which databases do not keep"
    if problem:
        raise InvalidInput(
            f"the {argument} {format_value(text)} {problem}",
            hint="Pass what the platform calls it.",
            argument=argument,
            value=format_value(text),
            limit=ID_LIMIT if len(text) > ID_LIMIT else None,
        )
    return text


def speaker_id(user: User | None) -> str | None:
    """Return the id under which a person's data is kept: the bot's own for them, or else the first that there is."""
    if user is None:
        return None
    speaker = next(iter(user.ids.values()), None)
    return None if speaker is None else check_id("user", speaker)


def reference_for(key: str) -> str:
    """Return what stands for a conversation where the vendor keeps one conversation per user: a UUIDv5 of its key."""
    return str(uuid.uuid5(_NAMESPACE, key))


def identify_thread(key: str, thread: ThreadRef) -> tuple[str, str | None, str | None]:
    """Return what is the same for all references to one thread of a conversation.

    A vendor that keeps one conversation per user has only one of it, whatever the references call it.
    """
    return thread.backend, thread.scope, None if thread.user == reference_for(key) else thread.id


def check_seconds(name: str, value: object, minimum: float) -> float:
    """Return a setting in seconds.

    Raises:
        ConfigError: it is not a number, or below the minimum.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value < 1e10:
        raise ConfigError(
            f"{name} is {format_value(value)}", key=name, hint=f"Give a number of seconds, at least {minimum:g}."
        )
    return float(value)


def check_overlap(value: object) -> str:
    """Return what becomes of a message that comes while another is answered.

    Raises:
        ConfigError: it is none of `wait`, `join` and `refuse`.
    """
    if value not in OVERLAPS:
        raise ConfigError(
            f"overlap is {format_value(value)}", key="overlap", accepted=OVERLAPS, hint="Use wait, join or refuse."
        )
    return str(value)
