"""Endpoints: how an adapter declares a vendor's HTTP calls, and how their arguments become a request."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote, urlencode

from attrs import field, frozen

from unichat._text.encoding import encodable, encode_json
from unichat._text.printable import quoted
from unichat.adapter.operations import ErrorResponse, Operation, Replay, Reply, Request, StreamOperation
from unichat.adapter.streaming import StreamDecoder
from unichat.errors import InvalidInput

T = TypeVar("T")
P = ParamSpec("P")


@frozen
class Endpoint:
    """A vendor's endpoint: what a caller can know before calling it.

    Attributes:
        method, path: as the vendor's reference prints them, with `{placeholders}`.
        reference: the heading in the vendor's reference.
        known: parameters that the client's settings can fill in, by the setting's name.
        streamed: whether it gives a `StreamOperation`.
        function: builds the operation from keyword arguments.
    """

    backend: str
    name: str
    method: str
    path: str
    replay: Replay
    reference: str
    known: Mapping[str, str]
    streamed: bool
    function: Callable[..., Operation[Any] | StreamOperation[Any]] = field(repr=False, eq=False)

    @property
    def parameters(self) -> tuple[inspect.Parameter, ...]:
        """The keyword parameters, in the reference's order."""
        return tuple(inspect.signature(self.function).parameters.values())


@frozen
class EndpointContext:
    """What a function of an adapter's `operations` knows of its own endpoint."""

    backend: str
    name: str
    method: str
    path: str
    replay: Replay
    detect_error: Callable[[Reply], ErrorResponse | None]
    _parts: tuple[tuple[bool, str], ...] = field(init=False, repr=False, eq=False)
    """The path's pieces in order, and whether each is the name of what belongs there."""

    @_parts.default
    def _cut(self) -> tuple[tuple[bool, str], ...]:
        return tuple((bool(n % 2), part) for n, part in enumerate(re.split(r"\{(\w+)\}", self.path)))

    def _request(
        self,
        path: Mapping[str, str],
        query: Mapping[str, object],
        body: object,
        form: Mapping[str, str] | None,
    ) -> Request:
        filled = "".join([_segment(path[part], part) if hole else part for hole, part in self._parts])
        pairs = tuple([pair for name, value in query.items() for pair in _query_pairs(name, value)])
        if form is not None:
            for name, value in form.items():
                encodable(name, value)
            return Request(self.method, filled, pairs, urlencode(form).encode(), "application/x-www-form-urlencoded")
        if body is None:
            return Request(self.method, filled, pairs)
        return Request(self.method, filled, pairs, encode_json(body, self.name))

    def operation(
        self,
        parse: Callable[[Reply], T],
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
        signed: bool = True,
    ) -> Operation[T]:
        """Return the operation; query values of None are left out, truth is lower case, lists repeat the name."""
        return Operation(
            backend=self.backend,
            name=self.name,
            replay=self.replay,
            request=self._request(path or {}, query or {}, body, form),
            detect_error=self.detect_error,
            parse=parse,
            signed=signed,
        )

    def stream(
        self,
        decoder: Callable[[int], StreamDecoder[T]],
        *,
        path: Mapping[str, str] | None = None,
        body: object = None,
    ) -> StreamOperation[T]:
        """Return the streamed operation."""
        return StreamOperation(
            backend=self.backend,
            name=self.name,
            replay=self.replay,
            request=self._request(path or {}, {}, body, None),
            detect_error=self.detect_error,
            decoder=decoder,
        )


def _query_pairs(name: str, value: object) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    for item in value if isinstance(value, list | tuple) else (value,):
        yield name, str(item).lower() if isinstance(item, bool) else str(item)


def _segment(value: str, name: str) -> str:
    # quote("..", safe="") is still "..", and HTTP libraries then walk up the path: such ids must never get this far.
    if value in ("", ".", ".."):
        raise InvalidInput(f"{name} {quoted(value)} cannot stand in a path", argument=name, value=quoted(value))
    # Most ids are like this, and quote() takes longer than all the rest of a request's making.
    return value if _PLAIN.fullmatch(value) else quote(encodable(name, value), safe="")


_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
"""What stands in a path as it is."""


class Endpoints:
    """An adapter's endpoints by name, in the order of the vendor's reference."""

    def __init__(self, backend: str, detect_error: Callable[[Reply], ErrorResponse | None]) -> None:
        self.backend = backend
        self.detect_error = detect_error
        self._table: dict[str, Endpoint] = {}

    def add(
        self,
        method: str,
        path: str,
        replay: Replay,
        *,
        reference: str,
        known: Mapping[str, str] | None = None,
        detect_error: Callable[[Reply], ErrorResponse | None] | None = None,
        streamed: bool = False,
    ) -> Callable[[Callable[Concatenate[EndpointContext, P], T]], Callable[P, T]]:
        """Enter the decorated function as the endpoint that bears its name.

        The function's first parameter, an `EndpointContext`, is filled in; callers see the others only.
        """

        def enter(function: Callable[Concatenate[EndpointContext, P], T]) -> Callable[P, T]:
            endpoint = EndpointContext(
                self.backend, function.__name__, method, path, replay, detect_error or self.detect_error
            )

            @wraps(function)
            def build(*args: P.args, **kwargs: P.kwargs) -> T:
                return function(endpoint, *args, **kwargs)

            signature = inspect.signature(function)
            visible = list(signature.parameters.values())[1:]
            build.__signature__ = signature.replace(parameters=visible)  # type: ignore[attr-defined]
            self._table[endpoint.name] = Endpoint(
                self.backend,
                endpoint.name,
                method,
                path,
                replay,
                reference,
                known or {},
                streamed,
                build,  # type: ignore[arg-type]
            )
            return build

        return enter

    def __getitem__(self, name: str) -> Endpoint:
        return self._table[name]

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._table.values())

    def __len__(self) -> int:
        return len(self._table)

    def names(self) -> tuple[str, ...]:
        """The endpoints' names, in order."""
        return tuple(self._table)
