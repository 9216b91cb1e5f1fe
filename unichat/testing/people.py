"""Takes people out of what is kept of a vendor's JSON: who they are becomes a number, in order of appearance."""

from __future__ import annotations

import re
import threading
from typing import Any

from attrs import define, field

_PERSON = frozenset(
    ("user", "user_id", "user_name", "username", "user_identifier", "unique_client_id", "ext_user_id_ref", "created_by",
     "end_user", "email", "e_mail", "email_address", "fingerprint_id", "slack_id", "discord_id", "phone",
     "phone_number", "first_name", "last_name", "full_name", "company_name", "address", "ip", "ip_address")
)  # fmt: skip
"""Members whose values say who somebody is, and those within them."""
_VENDORS_OWN = frozenset(("id", "created_at", "updated_at"))
"""Within what a vendor says of somebody: its own, by which it may refer to them elsewhere."""
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_NUMBERED = re.compile(r"(?:person|someone)-[1-9][0-9]*")
_SECRETS = frozenset(
    ("access_token", "refresh_token", "id_token", "token", "api_key", "apikey", "client_secret", "password", "secret")
)
REDACTED = "***"


@define
class People:
    """The people of one recording. Safe to share between threads.

    Those whom the client names are `person-1`, `person-2` and so on: a replay counts them in the same order. Those whom
    only the vendor names are `someone-1`, `someone-2` and so on, and stay so.

    Attributes:
        keep: whether they are left as they are.
    """

    keep: bool = False
    _names: dict[str, str] = field(factory=dict)
    """What stands for each."""
    _persons: list[str] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def hide_request(self, value: Any) -> Any:
        """Return a request's JSON with names such as `person-1` in the place of people, and without secrets."""
        return self._hide(value, "person")

    def hide_answer(self, value: Any) -> Any:
        """Do the same for an answer's JSON. A question or an answer that names somebody stays as it is."""
        return self._hide(value, "someone")

    def hide_in_text(self, text: str) -> str:
        """Return a text that may hold JSON, with names in the place of the people who are known by now."""
        if not self.keep:
            for known, name in tuple(self._names.items()):
                text = text.replace(f'"{known}"', f'"{name}"')
        return text

    def show(self, value: Any) -> Any:
        """Return an answer's JSON with the people whom the client has named in the place of their numbers."""
        if isinstance(value, dict):
            return {key: self.show(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.show(item) for item in value]
        if isinstance(value, str) and value.startswith("person-"):
            for number, known in enumerate(self._persons, 1):
                if value == f"person-{number}":
                    return known
        return value

    def show_in_text(self, text: str) -> str:
        """Do the same for a text that may hold JSON."""
        for number, known in enumerate(self._persons, 1):
            text = text.replace(f'"person-{number}"', f'"{known}"')
        return text

    def _hide(self, value: Any, kind: str) -> Any:
        if not self.keep:
            with self._lock:
                self._meet(value, kind, "", is_person=False)
        return self._replace(value, "", is_person=False)

    def _meet(self, value: Any, kind: str, key: str, *, is_person: bool) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                self._meet(item, kind, name, is_person=is_person or name.lower() in _PERSON)
        elif isinstance(value, list):
            for item in value:
                self._meet(item, kind, key, is_person=is_person)
        elif _can_name(value):
            is_vendors_own = kind == "someone" and key.lower() in _VENDORS_OWN
            if (is_person and not is_vendors_own) or (isinstance(value, str) and _EMAIL.fullmatch(value)):
                self._give_name(str(value), kind)

    def _give_name(self, value: str, kind: str) -> None:
        if value in self._names or _NUMBERED.fullmatch(value):
            return
        if kind == "person":
            self._persons.append(value)
            self._names[value] = f"person-{len(self._persons)}"
        else:
            self._names[value] = f"someone-{len(self._names) - len(self._persons) + 1}"

    def _replace(self, value: Any, key: str, *, is_person: bool) -> Any:
        if key.lower() in _SECRETS and value:
            return REDACTED
        if isinstance(value, dict):
            return {
                name: self._replace(item, name, is_person=is_person or name.lower() in _PERSON)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._replace(item, key, is_person=is_person) for item in value]
        # A number is somebody's only where it says so: a page is not.
        if self.keep or not _can_name(value) or not (isinstance(value, str) or is_person):
            return value
        name = self._names.get(str(value))
        if name is None:
            return value
        return name if isinstance(value, str) else int(name.rpartition("-")[2])


def _can_name(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
