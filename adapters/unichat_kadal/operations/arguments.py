"""The table of Kadal's endpoints, and checks of what Kadal would reject."""

from __future__ import annotations

from typing import Literal

from unichat.adapter import Endpoints
from unichat_kadal.operations.errors import error_detector
from unichat_kadal.settings import bot_id_problem

Encoding = Literal["json", "query", "both"]
_MAX_INTEGER = 2**63 - 1
BOT_SETTING = {"chat_bot_id": "chat_bot_id"}
endpoints = Endpoints("kadal", error_detector("bot"))


def check_bot_id(value: object) -> str:
    """Return a bot's id, which must fit in a path."""
    problem = bot_id_problem(value)
    if problem:
        return endpoints.refuse("chat_bot_id", value, f"which {problem}", hint="Pass the bot's id.")
    return str(value)


def check_reference(value: object) -> str | None:
    """Return a user's reference, or None."""
    # An empty one could be taken for the token's owner, and a number for another user.
    return None if value is None else check_text("ext_user_id_ref", value)


def check_encoding(name: str, value: object, accepted: tuple[str, ...]) -> None:
    """Check that `value` is one of the `accepted` encodings, which are unichat's own: no vendor could judge it."""
    if value not in accepted:
        raise endpoints.invalid_argument(name, value, hint=f"Use one of {', '.join(accepted)}.")


def check_integer(name: str, value: object, minimum: int = 0) -> int:
    """Return a whole number from `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= _MAX_INTEGER:
        return endpoints.refuse(name, value, f"but Kadal takes a whole number from {minimum}", hint="Fix it.")
    return value


def check_boolean(name: str, value: object) -> bool:
    """Return True or False."""
    # Not bool(value): "false" would become true, and a downvote an upvote.
    if not isinstance(value, bool):
        return endpoints.refuse(name, value, "not True or False", hint="Fix it.")
    return value


def check_text(name: str, value: object) -> str:
    """Return text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        return endpoints.refuse(name, value, "but Kadal takes text that is not empty", hint="Fix it.")
    return value


def check_order(value: str | None) -> str | None:
    """Return "asc", "desc" or None."""
    if value not in (None, "asc", "desc"):
        return endpoints.refuse("order", value, hint='Use "asc" or "desc".')
    return value


def check_answer_id(name: str, value: object) -> str | int:
    """Return an answer's id: a whole number, which may be given as text, or other text, as Kadal's newer ids are."""
    if isinstance(value, str) and not _is_number(value):
        if problem := bot_id_problem(value):
            return endpoints.refuse(name, value, f"which {problem}", hint="Pass the id as Kadal gave it.")
        return value
    # Our models have numbers as text, and so may the vendor's envelope.
    return check_integer(name, int(value) if isinstance(value, str) else value)


def _is_number(text: str) -> bool:
    """Whether `text` is a whole number that Kadal would write as one."""
    return text.isascii() and text.isdigit() and len(text) < 19 and str(int(text)) == text
