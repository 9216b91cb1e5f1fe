"""Hooks of schemathesis: reads the records of Kapa's streams, so that each is validated."""

from __future__ import annotations

import json
from typing import Any

import schemathesis

_DELIMITER = "\N{SYMBOL FOR RECORD SEPARATOR}"


@schemathesis.deserializer("text/plain")
def read_records(context: Any, response: Any) -> list[Any]:
    """Return a stream's records; what follows the last delimiter is not one, and fails as such."""
    return [json.loads(each) for each in response.content.decode().removesuffix(_DELIMITER).split(_DELIMITER)]
