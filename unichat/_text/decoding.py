"""Strict JSON: from bytes to a value or an `InvalidResponse`, without guessing."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from unichat._text.printable import shorten
from unichat.errors import InvalidResponse

try:
    import orjson as _orjson
except ImportError:
    _orjson = None  # type: ignore[assignment]


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads with options makes a decoder each time.
_decoder = json.JSONDecoder(parse_constant=_reject_constant)


_DEPTH = 100
"""The deepest nesting that is accepted: Python parses some hundreds of levels, but cannot pickle or copy them."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _is_deep(body: bytes) -> bool:
    """Return whether lists and objects are nested too deeply."""
    if body.count(b"[") + body.count(b"{") <= _DEPTH:
        return False
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(_DEPTH):
        # Removes the innermost pairs, at C speed.
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    return _depth(body) > _DEPTH if brackets else False


def _depth(body: bytes) -> int:
    """Return how deeply lists and objects are nested, not counting brackets inside strings."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(body):
        depth += bracket in (b"[", b"{")
        depth -= bracket in (b"]", b"}")
        deepest = max(deepest, depth)
    return deepest


_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]')


_NOT_DECODED = object()
_DIGITS = bytes(ord("0") if character in b"0123456789" else character for character in range(256))


def _decode_with_orjson(body: bytes) -> Any:
    """Return the value as orjson decodes it, if it is installed and would decode it as the standard library does."""
    # It turns integers of more than 64 bits into floats: such numbers may be ids, so they are not left to it.
    if _orjson is None or body.translate(_DIGITS).find(b"0" * 19) >= 0:
        return _NOT_DECODED
    try:
        return _orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        # The standard library may accept it; and if not, the messages are the same with and without orjson.
        return _NOT_DECODED


def decode_json(body: bytes) -> Any:
    """Return the value in `body`: UTF-8, with or without a byte order mark.

    Raises:
        InvalidResponse: `kind="encoding"` (not UTF-8, or a lone surrogate) or `kind="json"` (not JSON, NaN, nested more
            than 100 deep, or a number of more digits than Python converts).
    """
    problem = kind = ""
    value = None
    try:
        if _is_deep(body):
            raise RecursionError
        value = _decode_with_orjson(body)
        if value is not _NOT_DECODED:
            return value
        text = body.decode().removeprefix("\ufeff")
        value = _decoder.decode(text)
        # A lone surrogate can be parsed but not encoded: storing the answer would fail far from here.
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        problem, kind = f"not valid UTF-8 ({error.reason})", "encoding"  # type: ignore[attr-defined]
    except RecursionError:
        problem, kind = "nested too deeply", "json"
    except ValueError as error:
        problem, kind = f"not valid JSON ({shorten(str(error), 100)})", "json"
    if problem:
        # Raised after the handler: inside it, the error would keep the original one, and with it the whole body.
        raise InvalidResponse(f"the answer is {problem}", kind=kind, excerpt=excerpt(body))
    return value


def excerpt(body: bytes) -> str:
    """Return the start of `body` as one printable line."""
    return shorten(body[:600].decode("utf-8", "replace"), 200)
