"""Strict JSON: bytes in, the value or a `InvalidResponse` out; nothing is guessed."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from unichat.errors import InvalidResponse
from unichat.printable import trimmed


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads with options makes a decoder each time.
_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def decode_json(body: bytes) -> Any:
    """Return the value that `body` holds: UTF-8, with or without a byte order mark.

    Raises:
        InvalidResponse: `kind="encoding"` (not UTF-8, or a lone surrogate) or `kind="json"` (not JSON, NaN, nested too
            deeply, or a number of more digits than Python converts).
    """
    problem = kind = ""
    value = None
    try:
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
