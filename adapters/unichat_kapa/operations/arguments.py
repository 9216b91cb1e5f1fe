"""Checks of arguments that Kapa would reject, before anything is sent; and the bodies of chats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unichat.adapter import drop_none
from unichat_kapa.operations.table import endpoints
from unichat_kapa.settings import UUID

QUERY_LIMIT = 5000
"""Characters (Unicode code points) of a question."""
USER_IDENTIFIER_LIMIT = 200
_MAX_INTEGER = 2**31 - 1


def check_id(name: str, value: object) -> str:
    """Return a UUID."""
    if not isinstance(value, str) or not UUID.fullmatch(value):
        return endpoints.refuse(name, value, "but Kapa's ids are UUIDs", hint="Pass the id as Kapa gave it.")
    return value


def check_optional_id(name: str, value: object) -> str | None:
    """Return a UUID, or None."""
    return None if value is None else check_id(name, value)


def check_ids(name: str, values: object) -> list[str]:
    """Return a list of UUIDs."""
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        return endpoints.refuse(name, values, hint="Pass a list of ids.")
    return [check_id(name, value) for value in values]


def check_names(name: str, values: object) -> list[str] | None:
    """Return one text, or several, as a list."""
    if values is None:
        return None
    names = [values] if isinstance(values, str) else values
    if isinstance(names, bytes) or not isinstance(names, Sequence) or not all(isinstance(each, str) for each in names):
        return endpoints.refuse(name, values, hint="Pass text, or a list of texts.")
    return list(names)


def join_names(name: str, values: object) -> str | None:
    """Return one text, or several, as one with commas."""
    names = check_names(name, values)
    return ",".join(names) if isinstance(names, list) else names


def check_page(name: str, value: object) -> int | None:
    """Return a whole number from 1, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_INTEGER:
        return endpoints.refuse(name, value, "but Kapa takes whole numbers from 1", hint="Pages count from 1.")
    return value


def check_text(name: str, value: object, limit: int | None) -> str:
    """Return text that is not empty, of at most `limit` characters."""
    if not isinstance(value, str) or not value.strip() or (limit is not None and len(value) > limit):
        size = f"of 1 to {limit:,} characters" if limit else "that is not empty"
        return endpoints.refuse(name, value, f"but Kapa takes text {size}", hint="Fix it.", limit=limit)
    return value


def check_choice(name: str, value: object, accepted: Sequence[str]) -> str:
    """Return one of the `accepted` texts."""
    if value not in accepted:
        return endpoints.refuse(name, value, hint=f"Use one of {', '.join(accepted)}.")
    return str(value)


def build_chat_body(
    query: str, user: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None, integration_id: str | None
) -> dict[str, object]:
    """Return the body of a chat."""
    return drop_none(
        query=check_text("query", query, QUERY_LIMIT),
        integration_id=check_optional_id("integration_id", integration_id),
        user=user,
        metadata=metadata,
    )


def build_custom_body(messages: Sequence[Mapping[str, Any]], **options: object) -> dict[str, object]:
    """Return the body of a custom chat."""
    messages = _check_messages(messages)
    check_optional_id("integration_id", options.get("integration_id"))
    sources = options.get("source_ids_include")
    if sources is not None:
        options["source_ids_include"] = check_ids("source_ids_include", sources)
    return drop_none(messages=messages, **options)


def _check_messages(messages: object) -> Any:
    if isinstance(messages, str | bytes) or not isinstance(messages, Sequence) or not messages:
        return endpoints.refuse("messages", messages, hint='Pass a list such as [{"role": "user", "content": "…"}].')
    return list(messages)
