"""The context of an endpoint's function: makes the operation of its arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from attrs import evolve, field, fields, frozen

from unichat._text.encoding import check_encodable, encode_json
from unichat._text.printable import format_value
from unichat.adapter.messages import ErrorResponse, Reply, Request
from unichat.adapter.operations import Operation, Replay, StreamOperation
from unichat.adapter.streaming import StreamDecoder
from unichat.adapter.unchecked import Unchecked, path_segment, present_fields, query_pairs
from unichat.errors import InvalidInput

T = TypeVar("T")


@frozen
class EndpointContext:
    """The first parameter of an endpoint's function: makes the operation of that endpoint."""

    backend: str
    name: str
    method: str
    path: str
    replay: Replay
    detect_error: Callable[[Reply], ErrorResponse | None]
    _parts: tuple[tuple[bool, str], ...] = field(init=False, repr=False, eq=False)
    """The path cut at its placeholders: literal text (False) and placeholders' names (True), in order."""

    @_parts.default
    def _split_path(self) -> tuple[tuple[bool, str], ...]:
        return tuple((bool(n % 2), part) for n, part in enumerate(re.split(r"\{(\w+)\}", self.path)))

    def _request(
        self,
        path: Mapping[str, object],
        query: Mapping[str, object],
        headers: Mapping[str, str | None],
        body: object,
        form: Mapping[str, str] | None,
        accept: str | None,
    ) -> Request:
        filled = "".join(
            [_encode_segment(path[part], part) if is_placeholder else part for is_placeholder, part in self._parts]
        )
        pairs = tuple([pair for name, value in query.items() for pair in _query_pairs(name, value)])
        content, content_type = None, "application/json"
        if form is not None:
            for name, value in form.items():
                check_encodable(name, value)
            content, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif body is not None:
            content = encode_json(body, self.name)
        lines = tuple([(name, value) for name, value in headers.items() if value is not None])
        return Request(self.method, filled, pairs, content, content_type, headers=lines, accept=accept)

    def operation(
        self,
        parse: Callable[[Reply], T],
        *,
        path: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
        accept: str | None = None,
        signed: bool = True,
    ) -> Operation[T]:
        """Return the endpoint's operation.

        Args:
            parse: returns the result of a good reply.
            path: the values of the path's placeholders, not encoded yet.
            query: the query's parameters: None is left out, booleans are lower-case, a list repeats the name.
            headers: besides those that unichat sets; None is left out. Never a credential's, which would not be
                redacted: it belongs in the adapter's `credential`.
            body: sent as JSON; None for no body.
            form: sent as a form instead of a body.
            accept: the media type to ask for, if not JSON.
            signed: whether the request carries the credential.

        Raises:
            InvalidInput: a value cannot be sent, or cannot be used in a path.
            ValueError: a header is not the endpoint's to set.
        """
        return Operation(
            backend=self.backend,
            name=self.name,
            replay=self.replay,
            request=self._request(path or {}, query or {}, headers or {}, body, form, accept),
            detect_error=self.detect_error,
            parse=parse,
            signed=signed,
        )

    def stream(
        self,
        decoder: Callable[[int], StreamDecoder[T]],
        *,
        path: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
        accept: str | None = None,
        signed: bool = True,
    ) -> StreamOperation[T]:
        """Return the endpoint's operation, streamed; takes what `operation` takes.

        Args:
            decoder: makes the decoder of the answer.
            accept: the media type to ask for, such as `text/event-stream`, if not any.
        """
        return StreamOperation(
            backend=self.backend,
            name=self.name,
            replay=self.replay,
            request=self._request(path or {}, query or {}, headers or {}, body, form, accept),
            detect_error=self.detect_error,
            decoder=decoder,
            signed=signed,
        )


@frozen
class UncheckedContext(EndpointContext):
    """Makes an operation of values that may be `Unchecked`."""

    @classmethod
    def from_context(cls, context: EndpointContext) -> UncheckedContext:
        """Return that of the same endpoint."""
        return cls(**{item.name: getattr(context, item.name) for item in fields(EndpointContext) if item.init})

    def _request(
        self,
        path: Mapping[str, object],
        query: Mapping[str, object],
        headers: Mapping[str, str | None],
        body: object,
        form: Mapping[str, str] | None,
        accept: str | None,
    ) -> Request:
        named = None if form is None else dict(query_pairs(form))
        pairs = query_pairs(query)
        made = super()._request(path, {}, headers, present_fields(body), named, accept)
        return evolve(made, query=tuple(pairs))


def drop_none(**fields: object) -> dict[str, Any]:
    """Return the fields of a body that are not None: for a vendor to whom null means something else than no field."""
    return {name: value for name, value in fields.items() if value is not None}


def _query_pairs(name: str, value: object) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    for item in value if isinstance(value, list | tuple) else (value,):
        yield name, str(item).lower() if isinstance(item, bool) else str(item)


def _encode_segment(value: object, name: str) -> str:
    # quote("..", safe="") is still "..", and HTTP libraries resolve it: such an id would lead to another endpoint.
    if isinstance(value, Unchecked) and (segment := path_segment(value.value)) is not None:
        return segment
    if not isinstance(value, str) or value in ("", ".", ".."):
        raise InvalidInput(
            f"{name} {format_value(value)} cannot be used in a path",
            hint="Pass the id as the vendor gave it, as text.",
            argument=name,
            value=format_value(value),
        )
    # Most ids are like this, and quote() takes longer than the rest of making a request.
    return value if _PLAIN.fullmatch(value) else quote(check_encodable(name, value), safe="")


_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
"""A path segment that needs no encoding."""
