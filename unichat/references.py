"""References that a bot can store as text: where a conversation can be continued, and which answer is rated.

The text form of a thread's is `backend:1:id[,key=value...]~checksum`, and `backend:answer:1:...` of an answer's, with
every part percent-encoded, so that it survives a shell, a URL, a CSV file and a log line. The checksum detects a text
that was truncated or altered.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, unquote

from attrs import field, frozen

from unichat._text.printable import format_value, has_lone_surrogate
from unichat._text.templates import Template, Term
from unichat.errors import InvalidInput

_TEXT_FORM = re.compile(
    r"(?P<backend>[a-z][a-z0-9_-]*):(?P<answer>answer:)?(?P<version>[0-9]{1,9}):(?P<body>[!-~]+)~(?P<check>[0-9a-f]{8})"
)
_BEGINNING = re.compile(r"[a-z][a-z0-9_-]*:(answer:)?[0-9]{1,9}:")
_BACKEND = re.compile(r"[a-z][a-z0-9_-]*")
_TEXT_LIMIT = 16_384
_STATE = re.compile(r"state=[^,~]*")


@lru_cache(maxsize=64)
def _is_name(backend: str) -> bool:
    # There are only a few, but a history makes a reference for each row.
    return _BACKEND.fullmatch(backend) is not None


@frozen
class ThreadRef:
    """Where a conversation can be continued. `str(ref)` can be stored anywhere; `ThreadRef.parse` reads it back.

    Attributes:
        backend: the adapter that it belongs to; another one rejects it (`ThreadMismatch`).
        id: the thread's id.
        user: the bot's id for the person whose thread it is, where the backend needs it again.
        scope: the bot or project that the thread belongs to, where the backend's threads belong to one.
        position: the newest answer known when the reference was made; it does not take part in comparison.
        state: the conversation itself, where the vendor keeps none and the client was told to keep it here. It takes no
            part in comparison, and `repr` and errors do not show it; the text form holds it.
    """

    backend: str
    id: str
    user: str | None = field(default=None, kw_only=True)
    scope: str | None = field(default=None, kw_only=True)
    position: str | None = field(default=None, kw_only=True, eq=False)
    state: str | None = field(
        default=None, kw_only=True, eq=False, repr=lambda state: "None" if state is None else "***"
    )

    def __attrs_post_init__(self) -> None:
        _check_parts("thread", self.backend, self.id, self._parts())

    def _parts(self) -> dict[str, str | None]:
        return {"user": self.user, "scope": self.scope, "position": self.position, "state": self.state}

    def __str__(self) -> str:
        return _format(self.backend, "", self.id, self._parts())

    @classmethod
    def parse(cls, text: str) -> ThreadRef:
        """Return the reference whose text form, `str(ref)`, is `text`.

        Raises:
            InvalidInput: not text, empty, over 16,384 characters, cut short, altered, or of an unknown version.
        """
        backend, identity, parts = _parse("thread", text, ("user", "scope", "position", "state"))
        return cls(backend, identity, **parts)


@frozen
class AnswerRef:
    """Which answer is rated. `str(ref)` can be stored anywhere, `AnswerRef.parse` reads it back, `feedback` takes both.

    Attributes:
        backend: the adapter that it belongs to; another one rejects it (`ThreadMismatch`).
        id: the answer's id.
        thread: the id of its thread, where that is known.
        user: the bot's id for the person whose conversation it is, where the backend needs it again.
        scope: the bot or project that the answer belongs to; a client of another one rejects it (`ThreadMismatch`).
    """

    backend: str
    id: str
    thread: str | None = field(default=None, kw_only=True)
    user: str | None = field(default=None, kw_only=True)
    scope: str | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _check_parts("answer", self.backend, self.id, {"thread": self.thread, "user": self.user, "scope": self.scope})

    def __str__(self) -> str:
        parts = {"thread": self.thread, "user": self.user, "scope": self.scope}
        return _format(self.backend, "answer:", self.id, parts)

    @classmethod
    def parse(cls, text: str) -> AnswerRef:
        """Return the reference whose text form, `str(ref)`, is `text`.

        Raises:
            InvalidInput: not text, empty, over 16,384 characters, cut short, altered, or of an unknown version.
        """
        backend, identity, parts = _parse("answer", text, ("thread", "user", "scope"))
        return cls(backend, identity, **parts)

    @property
    def thread_ref(self) -> ThreadRef | None:
        """The reference of its thread; None where the thread is not known."""
        if self.thread is None:
            return None
        return ThreadRef(self.backend, self.thread, user=self.user, scope=self.scope, position=self.id)


def looks_like_reference(text: str) -> bool:
    """Return whether `text` begins as the text form of a reference does, so that no vendor's own id is meant."""
    return _BEGINNING.match(text.lstrip()) is not None


def _check_parts(kind: str, backend: object, identity: object, parts: Mapping[str, object]) -> None:
    if not isinstance(backend, str) or not _is_name(backend):
        raise _error(kind, backend, "its backend is not a valid adapter name", "backend")
    length = len(backend)
    for name, value in (("id", identity), *parts.items()):
        if value is None and name != "id":
            continue
        if not isinstance(value, str) or not value:
            raise _error(kind, value, f"its {name} must be text that is not empty", name)
        if has_lone_surrogate(value):
            raise _error(kind, value, f"its {name} holds a lone surrogate", name)
        length += len(value)
    # Percent-encoding makes at most twelve characters of one: shorter references need no check.
    if length > 1_000 and len(_format(backend, "answer:", str(identity), parts)) > _TEXT_LIMIT:
        raise _error(kind, identity, f"its text would be over {_TEXT_LIMIT:,} characters long", limit=_TEXT_LIMIT)


def _format(backend: str, mark: str, identity: str, parts: Mapping[str, object]) -> str:
    encoded = [
        _encode(identity),
        *(f"{name}={_encode(str(value))}" for name, value in parts.items() if value is not None),
    ]
    text = f"{backend}:{mark}1:{','.join(encoded)}"
    return f"{text}~{zlib.crc32(text.encode()):08x}"


def _encode(value: str) -> str:
    # quote() leaves the tilde alone, and an id that ends like a checksum would then survive a cut.
    return quote(value, safe="").replace("~", "%7E")


def _parse(kind: str, text: object, names: tuple[str, ...]) -> tuple[str, str, dict[str, str]]:
    """Return the backend, the id and the named parts of a reference's text form."""
    if not isinstance(text, str):
        raise _error(kind, text, "it is not text")
    if not text:
        raise _error(kind, text, "it is empty")
    if len(text) > _TEXT_LIMIT:
        raise _error(kind, text, f"it is {len(text):,} characters long", limit=_TEXT_LIMIT)
    match = _TEXT_FORM.fullmatch(text)
    if match is None:
        made_by = "str(thread)" if kind == "thread" else "str(answer.ref)"
        raise _error(kind, text, f"it is cut short, or was not made by {made_by}")
    if match["version"] != "1":
        raise _error(kind, text, f"its version is {match['version']}, and this unichat reads version 1")
    if f"{zlib.crc32(text[:-9].encode()):08x}" != match["check"]:
        raise _error(kind, text, "its checksum does not match: it was truncated or altered")
    if (found := "answer" if match["answer"] else "thread") != kind:
        raise _error(kind, text, f"it is the reference of {'an answer' if found == 'answer' else 'a thread'}")
    identity, *pairs = match["body"].split(",")
    known: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if name not in names or not equals or name in known:
            raise _error(kind, text, f"{format_value(pair)} is not part of a reference")
        known[name] = unquote(value)
    return match["backend"], unquote(identity), known


_THREAD, _ANSWER = Term("answer.thread or str(answer.thread)"), Term("answer.ref or str(answer.ref)")


def _error(kind: str, value: object, problem: str, argument: str = "", limit: int | None = None) -> InvalidInput:
    if isinstance(value, str):
        value = _STATE.sub("state=***", value)
    return InvalidInput(
        f"{format_value(value)} is not {'a thread' if kind == 'thread' else 'an answer'} reference: {problem}",
        hint=Template("Pass ", _THREAD if kind == "thread" else _ANSWER, "."),
        argument=argument or kind,
        value=format_value(value),
        limit=limit,
    )
