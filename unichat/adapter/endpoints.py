"""Endpoints: how an adapter declares a vendor's HTTP calls, and how their arguments become a request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

from attrs import field, frozen

from unichat._text.printable import format_value
from unichat.adapter.endpoint_context import EndpointContext, UncheckedContext
from unichat.adapter.messages import ErrorResponse, Reply
from unichat.adapter.operations import Operation, Replay, StreamOperation
from unichat.adapter.unchecked import Unchecked, build_unchecked
from unichat.errors import InvalidInput

T = TypeVar("T")
P = ParamSpec("P")


@frozen
class Endpoint:
    """What is known about a vendor's endpoint before it is called.

    Attributes:
        method, path: as the vendor's reference prints them, with `{placeholders}`.
        reference: the heading in the vendor's reference.
        from_settings: the parameters that a client fills in from its settings: the setting's name, by parameter.
        streamed: whether its function returns a `StreamOperation`.
        function: builds the operation from keyword arguments.
        declaration: the same as the adapter wrote it, with the context that it is given.
    """

    backend: str
    name: str
    method: str
    path: str
    replay: Replay
    reference: str
    from_settings: Mapping[str, str]
    streamed: bool
    function: Callable[..., Operation[Any] | StreamOperation[Any]] = field(repr=False, eq=False)
    _declaration: tuple[Callable[..., Any], EndpointContext] = field(repr=False, eq=False)

    @property
    def parameters(self) -> tuple[inspect.Parameter, ...]:
        """The keyword parameters, in the reference's order."""
        return tuple(inspect.signature(self.function).parameters.values())

    def unchecked(self, **arguments: Any) -> Operation[Any] | StreamOperation[Any]:
        """Build the operation from arguments that the checks would refuse, to try what the vendor says of them.

        A value of another type is sent as JSON has it, and None as null. What is required and not given is left out. A
        name that is not a parameter goes into the body of a POST, PUT or PATCH, and into the query of any other method.

        Raises:
            InvalidInput: a value cannot be sent at all, would lead to another endpoint, or is of a parameter of
                unichat's own, such as one that says where a field goes.
        """
        declaration, context = self._declaration
        known = {parameter.name: parameter for parameter in self.parameters}
        required = [name for name, parameter in known.items() if parameter.default is parameter.empty]
        return build_unchecked(
            partial(declaration, UncheckedContext.from_context(context)), required, known.keys(), arguments
        )


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
        from_settings: Mapping[str, str] | None = None,
        detect_error: Callable[[Reply], ErrorResponse | None] | None = None,
        streamed: bool = False,
    ) -> Callable[[Callable[Concatenate[EndpointContext, P], T]], Callable[P, T]]:
        """Return a decorator that adds a function as the endpoint of the function's name.

        The function's first parameter, an `EndpointContext`, is filled in; callers see only the others.

        Args:
            method, path: as the vendor's reference prints them, with `{placeholders}` in the path.
            replay: what sending it twice would do.
            reference: the heading in the vendor's reference.
            from_settings: the parameters that a client fills in from its settings: the setting's name, by parameter.
            detect_error: detects this endpoint's errors, if they differ from the others'.
            streamed: whether the function returns a `StreamOperation`.
        """

        def add_function(function: Callable[Concatenate[EndpointContext, P], T]) -> Callable[P, T]:
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
                from_settings or {},
                streamed,
                build,  # type: ignore[arg-type]
                (function, endpoint),
            )
            return build

        return add_function

    def refuse(self, name: str, value: Any, problem: str = "", *, hint: str, limit: int | None = None) -> NoReturn:
        """Refuse an argument that the vendor would reject, unless it is to be sent unchecked: then, return it.

        A check ends with `return endpoints.refuse(…)`. Takes what `invalid_argument` takes. To a type checker it never
        returns, so that a check need not name the types of what it does not accept.

        Raises:
            InvalidInput: it is not to be sent unchecked.
        """
        if isinstance(value, Unchecked):
            return value  # type: ignore[misc]
        raise self.invalid_argument(name, value, problem, hint=hint, limit=limit)

    def invalid_argument(
        self, name: str, value: object, problem: str = "", *, hint: str, limit: int | None = None
    ) -> InvalidInput:
        """Return the error for an argument that is not acceptable, whatever the vendor would say of it.

        Args:
            problem: what is wrong with `value`; it follows "NAME is VALUE, ".
            hint: what to pass instead.
            limit: the vendor's limit, if the value exceeds one.
        """
        return InvalidInput(
            f"{name} is {format_value(value)}, {problem}" if problem else f"{name} is {format_value(value)}",
            hint=hint,
            backend=self.backend,
            argument=name,
            value=format_value(value),
            limit=limit,
        )

    def __getitem__(self, name: str) -> Endpoint:
        return self._table[name]

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._table.values())

    def __len__(self) -> int:
        return len(self._table)

    def names(self) -> tuple[str, ...]:
        """The endpoints' names, in order."""
        return tuple(self._table)
