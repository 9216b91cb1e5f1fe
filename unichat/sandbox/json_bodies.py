"""JSON bodies: parsed strictly, and written so that any text survives."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Mapping
from email.message import Message
from typing import Any, NoReturn

from starlette.responses import Response

_DEPTH = 100


class InvalidJson(ValueError):
    """A body that is not JSON: what is wrong, and the error of the parser where it is one of JSON's syntax."""

    def __init__(self, problem: str, error: json.JSONDecodeError | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.error = error


def read_json(body: bytes, encoding: str = "utf-8") -> Any:
    """Return the value of a JSON text.

    Raises:
        InvalidJson: Not in this encoding, not JSON, NaN or infinite, more than 100 levels deep, or a number too long to
            convert.
    """
    try:
        value = json.loads(body.decode(encoding), parse_constant=_reject_constant, parse_float=_parse_finite)
    except json.JSONDecodeError as error:
        raise InvalidJson(str(error), error) from None
    except (ValueError, RecursionError) as error:
        raise InvalidJson(str(error)) from None
    level, depth = [value], 0
    while level:
        # To write such a value, or to read it back, would fail far from its cause.
        if depth > _DEPTH:
            raise InvalidJson(f"nested more than {_DEPTH} levels deep")
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        depth += 1
    return value


def parse_content_type(declared: str) -> tuple[str, str]:
    """Return the type of a `Content-Type` in lower case, empty if it has none, and its encoding.

    The encoding is UTF-8 where none is named, or none that there is.
    """
    label = Message()
    label["content-type"] = declared
    try:
        encoding = codecs.lookup(str(label.get_param("charset", "utf-8"))).name
    except LookupError:
        encoding = "utf-8"
    return label.get_content_type() if declared.strip() else "", encoding


def json_response(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer in ASCII: lone surrogates and U+241E are escaped."""
    return Response(dump_json(body), status, headers, media_type="application/json")


def dump_json(value: object) -> str:
    """Return `value` as JSON in ASCII, without spaces."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def find_unstorable(text: str) -> str | None:
    """Return the first character of `text` that no database takes (NUL or a lone surrogate), or None."""
    return next((char for char in text if char == "\0" or "\ud800" <= char <= "\udfff"), None)


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")


def _parse_finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"Out of range float values are not JSON compliant: {text[:20]!r}")
    return number
