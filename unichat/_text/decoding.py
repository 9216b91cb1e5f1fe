"""Strict JSON: bytes in, the value or a `InvalidResponse` out; nothing is guessed."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from unichat._text.printable import trimmed
from unichat.errors import InvalidResponse

try:
    import orjson as _orjson
except ImportError:
    _orjson = None  # type: ignore[assignment]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads with options makes a decoder each time.
_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


_DEPTH = 100
"""Levels of nesting at most: Python reads some hundreds, and then cannot pickle or copy what it has read."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _is_deep(body: bytes) -> bool:
    """Whether lists and objects are nested too deeply. Brackets within texts may count as well: those are balanced."""
    if body.count(b"[") + body.count(b"{") <= _DEPTH:
        return False
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(_DEPTH):
        # Takes the innermost pairs away, at the speed of C.
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    return _depth(body) > _DEPTH if brackets else False


def _depth(body: bytes) -> int:
    """Return how deeply lists and objects are nested, brackets within texts left out."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(body):
        depth += bracket in (b"[", b"{")
        depth -= bracket in (b"]", b"}")
        deepest = max(deepest, depth)
    return deepest


_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]')


_UNREAD = object()
_DIGITS = bytes(ord("0") if character in b"0123456789" else character for character in range(256))


def _quickly(body: bytes) -> Any:
    """Return the value by orjson, if it is installed and reads it as the standard library does."""
    # It makes a float of an integer of more than 64 bits: such numbers, ids perhaps, are not left to it.
    if _orjson is None or body.translate(_DIGITS).find(b"0" * 19) >= 0:
        return _UNREAD
    try:
        return _orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        # What it refuses, the standard library may read; and if not, the words are always the same.
        return _UNREAD


def decode_json(body: bytes) -> Any:
    """Return the value that `body` holds: UTF-8, with or without a byte order mark.

    Raises:
        InvalidResponse: `kind="encoding"` (not UTF-8, or a lone surrogate) or `kind="json"` (not JSON, NaN, nested more
            than 100 deep, or a number of more digits than Python converts).
    """
    problem = kind = ""
    value = None
    try:
        if _is_deep(body):
            raise RecursionError
        value = _quickly(body)
        if value is not _UNREAD:
            return value
        text = body.decode().removeprefix("\ufeff")
        value = _decoder.decode(text)
        # A lone surrogate parses but cannot be encoded again: whoever stores the answer would crash far from here.
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        problem, kind = f"not valid UTF-8 ({error.reason})", "encoding"  # type: ignore[attr-defined]
    except RecursionError:
        problem, kind = "nested too deeply", "json"
    except ValueError as error:
        problem, kind = f"not valid JSON ({trimmed(str(error), 100)})", "json"
    if problem:
        # Raised here, after the handler: an error raised inside it would keep the original, and the whole body with it.
        raise InvalidResponse(f"the answer is {problem}", kind=kind, excerpt=excerpt(body))
    return value


def excerpt(body: bytes) -> str:
    """Return the beginning of `body` as one printable line."""
    return trimmed(body[:600].decode("utf-8", "replace"), 200)
