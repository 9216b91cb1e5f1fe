"""Encodes text and JSON for a vendor; rejects what cannot be sent, and names the argument."""

from __future__ import annotations

import json
from collections.abc import Mapping

from unichat._text.printable import format_value, has_lone_surrogate
from unichat.errors import InvalidInput

# Made once: json.dumps with options makes an encoder each time. Cycles are found before it is called.
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


def check_encodable(name: str, value: str) -> str:
    """Return `value`, which must be text that can be encoded.

    Raises:
        InvalidInput: it holds a lone surrogate or a NUL character.
    """
    if "\x00" in value or has_lone_surrogate(value):
        raise InvalidInput(
            f"{name} holds a NUL character or a lone surrogate, which cannot be sent",
            hint="Remove it.",
            argument=name,
            value=format_value(value),
        )
    return value


def encode_json(value: object, argument: str) -> bytes:
    """Return `value` as compact UTF-8 JSON.

    Raises:
        InvalidInput: it is not JSON: another type, a key that is not text, NaN or infinity, a cycle, a lone surrogate.
    """
    problem = ""
    body = b""
    try:
        _reject_other_keys(value)
        body = _encoder.encode(value).encode()
    except RecursionError:
        problem = "it is nested too deeply, or contains itself"
    except (TypeError, ValueError) as error:
        problem = str(error)
    if problem:
        raise InvalidInput(
            f"{argument} cannot be sent as JSON: {problem}",
            hint="Use what JSON has: text, finite numbers, booleans, null, lists, and objects with text keys.",
            argument=argument,
        )
    return body


def _reject_other_keys(value: object) -> None:
    # json.dumps silently turns the key 1 into "1", and two keys may then become one.
    # Whether something is a dict is told at once, and whether it is a Mapping is not.
    if isinstance(value, dict | Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {format_value(key)} is not text")
            if type(item) is not str:
                _reject_other_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _reject_other_keys(item)
