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
_TEXTS = frozenset(
    ("question", "answer", "query", "user_query", "message", "text", "content", "response", "initial_question",
     "initial_answer", "question_answer", "latest_thread_first_question", "bot_response", "retrieval_query", "prompt")
)  # fmt: skip
"""Members that hold the text of a question or an answer, which is kept."""
_FREE = frozenset(("metadata", "comment", "comments", "feedback", "custom_data"))
"""Members within which a text is nobody's question or answer, whatever its name."""
_ERROR = "error"
_ERRORS = frozenset((_ERROR, "errors", "detail", "details", "failure"))
"""Members that say that something failed: within them, the same, and people known by now are hidden within texts."""
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_EMAIL_WITHIN = re.compile(r"(?<![\w.+%'-])[\w.+%'-]+@(?:[\w-]+\.)+[^\W\d_]{2,}")
_PERSON_WITHIN = re.compile(r"\bperson-([1-9][0-9]*)\b")
_NUMBERED = re.compile(r"(?:person|someone)-[1-9][0-9]*")
_SECRETS = frozenset(
    ("access_token", "refresh_token", "id_token", "token", "api_key", "apikey", "client_secret", "password", "secret")
)
_MEMBER = re.compile(rf'("(?:{"|".join(sorted(_PERSON))})"\s*:\s*")((?:[^"\\]|\\.)+)')
"""A member that says who somebody is, in JSON that is not whole."""
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
        return self._hide(value, "person", "")

    def hide_answer(self, value: Any, *, is_error: bool = False) -> Any:
        """Do the same for an answer's JSON. A question or an answer that names somebody stays as it is.

        Args:
            is_error: whether it says that something failed, so that it has neither.
        """
        return self._hide(value, "someone", _ERROR if is_error else "")

    def hide_in_text(self, text: str) -> str:
        """Return a text that is no JSON, with names in the place of e-mail addresses and of the people known by now."""
        if self.keep:
            return text
        with self._lock:
            text = _MEMBER.sub(lambda found: found[1] + self._pseudonymize(found[2], "someone"), text)
            text = self._hide_emails(text, "someone")
        for known, name in tuple(self._names.items()):
            text = text.replace(f'"{known}"', f'"{name}"')
        return text

    def show_answer(self, value: Any, *, is_error: bool = False) -> Any:
        """Return an answer's JSON with the people whom the client has named in the place of their numbers."""
        return self._show(value, _ERROR if is_error else "")

    def _show(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            key = _outer_key(key, value)
            return {name: self._show(item, _inner_key(key, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self._show(item, key) for item in value]
        if isinstance(value, str) and key not in _TEXTS:
            return self.show_in_text(value)
        return value

    def show_in_text(self, text: str) -> str:
        """Do the same for a text that is no JSON."""

        def find(found: re.Match[str]) -> str:
            number = int(found[1])
            return self._persons[number - 1] if number <= len(self._persons) else found[0]

        return _PERSON_WITHIN.sub(find, text)

    def _hide(self, value: Any, kind: str, key: str) -> Any:
        if not self.keep:
            with self._lock:
                self._meet(value, kind, key, is_person=False)
        return self._replace(value, key, is_person=False)

    def _meet(self, value: Any, kind: str, key: str, *, is_person: bool) -> None:
        if isinstance(value, dict):
            key = _outer_key(key, value)
            for name, item in value.items():
                self._meet(item, kind, _inner_key(key, name), is_person=is_person or name.lower() in _PERSON)
        elif isinstance(value, list):
            for item in value:
                self._meet(item, kind, key, is_person=is_person and not _is_message(item, key))
        elif _can_name(value):
            is_vendors_own = kind == "someone" and key.lower() in _VENDORS_OWN
            if is_person and not is_vendors_own:
                self._give_name(str(value), kind)
            elif isinstance(value, str) and key not in _TEXTS:
                if _EMAIL.fullmatch(value):
                    self._give_name(value, kind)
                else:
                    self._hide_emails(value, kind)

    def _pseudonymize(self, value: str, kind: str) -> str:
        self._give_name(value, kind)
        return self._names.get(value, value)

    def _hide_emails(self, text: str, kind: str) -> str:
        return _EMAIL_WITHIN.sub(lambda found: self._pseudonymize(found[0], kind), text)

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
            key = _outer_key(key, value)
            return {
                name: self._replace(item, _inner_key(key, name), is_person=is_person or name.lower() in _PERSON)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._replace(item, key, is_person=is_person and not _is_message(item, key)) for item in value]
        # A number is somebody's only where it says so: a page is not.
        if self.keep or not _can_name(value) or not (isinstance(value, str) or is_person):
            return value
        return self._replace_name(value, key, is_person=is_person)

    def _replace_name(self, value: str | int, key: str, *, is_person: bool) -> str | int:
        name = None if key in _TEXTS and not is_person else self._names.get(str(value))
        if name is not None:
            return name if isinstance(value, str) else int(name.rpartition("-")[2])
        if not isinstance(value, str) or key in _TEXTS:
            return value
        text = self._hide_emails(value, "someone")
        return self._hide_words(text) if key == _ERROR else text

    def _hide_words(self, text: str) -> str:
        """Hide the people known by now where they are words of a text, the longest first."""
        words = "|".join(re.escape(each) for each in sorted(self._names, key=len, reverse=True))
        return re.sub(rf"(?<!\w)(?:{words})(?!\w)", lambda found: self._names[found[0]], text) if words else text


def _outer_key(key: str, value: dict[str, Any]) -> str:
    """Return what an object is within: an error, if it says that it is one."""
    return _ERROR if _ERROR in (value.get("type"), value.get("kind"), value.get("event")) else key


def _inner_key(outer: str, name: str) -> str:
    """Return what a member is called, or what it is within, if that is where everything may name somebody."""
    name = name.lower()
    if name in _SECRETS:
        return name
    return _ERROR if outer == _ERROR or name in _ERRORS else outer if outer in _FREE else name


def _is_message(item: Any, key: str) -> bool:
    """Return whether an item of a list says what is wrong with a field, as in `{"user": ["This is no id."]}`."""
    return key == _ERROR and isinstance(item, str)


def _can_name(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
