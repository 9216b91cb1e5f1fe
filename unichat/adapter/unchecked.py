"""Operations with arguments that the adapter's own checks would refuse: to try what the vendor says of them.

A check of an endpoint refuses a value by `Endpoints.refuse`. Here such a value is built into the request all the same:
it is given to the endpoint's function once more within an `Unchecked`, which `refuse` returns instead of raising, so
that the function puts it where a good value would go. Nothing of this is on the path of a checked operation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from attrs import evolve, frozen

from unichat._text.encoding import encode_json
from unichat.adapter.messages import Request
from unichat.adapter.operations import Operation, StreamOperation
from unichat.errors import InvalidInput

ABSENT: Any = object()
"""The value of an argument that is left out, though the endpoint needs it."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


@frozen
class Unchecked:
    """A value that is sent whatever the checks say of it; `ABSENT` for none."""

    value: Any

    def __repr__(self) -> str:
        # In an error, it is the caller's value that matters.
        return "nothing" if self.value is ABSENT else repr(self.value)


def build_unchecked(
    build: Callable[..., Operation[Any] | StreamOperation[Any]],
    required: Collection[str],
    known: Collection[str],
    arguments: Mapping[str, Any],
) -> Operation[Any] | StreamOperation[Any]:
    """Return the operation that sends these arguments.

    Args:
        build: the endpoint's function.
        required, known: its parameters that have no default, and all of them.
        arguments: by name; null is sent as null. A name that is not known goes into the body of a POST, PUT or PATCH,
            and into the query of any other method.

    Raises:
        InvalidInput: a value cannot be sent at all, or would lead to another endpoint.
    """
    given: dict[str, Any] = {name: Unchecked(ABSENT) for name in required}
    given |= {
        name: Unchecked(None) if arguments[name] is None else arguments[name] for name in known & arguments.keys()
    }
    operation = None
    while operation is None:
        try:
            operation = build(**given)
        except InvalidInput as error:
            name = error.argument or ""
            if name not in given or isinstance(given[name], Unchecked):
                raise
            given[name] = Unchecked(given[name])
    extra = {name: Unchecked(value) for name, value in arguments.items() if name not in known}
    return evolve(operation, request=add_fields(operation.request, extra)) if extra else operation


def add_fields(request: Request, fields: Mapping[str, Any]) -> Request:
    """Return a request with more fields: in the body of a POST, PUT or PATCH, in the query of any other method."""
    if request.method not in _WITH_BODY:
        return evolve(request, query=(*request.query, *query_pairs(fields)))
    if request.body is not None and request.content_type != "application/json":
        return evolve(request, body=b"&".join((request.body, urlencode(list(query_pairs(fields))).encode())))
    body = {} if request.body is None else json.loads(request.body)
    return evolve(request, body=encode_json({**body, **present_fields(fields)}, "the body"))


def query_pairs(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the parameters of a query or a form, in which a list repeats the name."""
    for name, value in query.items():
        if value is None:
            continue
        value = value.value if isinstance(value, Unchecked) else value
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not ABSENT:
                yield name, as_text(item)


def present_fields(body: Any) -> Any:
    """Return a JSON body without the fields that are left out."""
    if not isinstance(body, Mapping):
        return body
    values = {name: value.value if isinstance(value, Unchecked) else value for name, value in body.items()}
    return {name: value for name, value in values.items() if value is not ABSENT}


def path_segment(value: Any) -> str | None:
    """Return the segment of a path that an unchecked value makes; None if there is none that leads to this endpoint."""
    text = "" if value is ABSENT else as_text(value)
    return None if text in (".", "..") else quote(text, safe="")


def as_text(value: Any) -> str:
    """Return a value as a query or a path has it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else encode_json(value, "the value").decode()
