"""The vendor's endpoints, with values from a client's settings filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from unichat.adapter import Endpoint, Endpoints


class BoundOperation:
    """One of the vendor's endpoints: calling it builds the operation, with the client's ids filled in."""

    def __init__(self, endpoint: Endpoint, filled: Mapping[str, Any]) -> None:
        self._endpoint = endpoint
        self._filled = filled
        self.__name__ = self.__qualname__ = endpoint.name
        self.__doc__ = endpoint.function.__doc__

    def __call__(self, **arguments: Any) -> Any:
        """Return the operation. Raises `InvalidInput` for what the vendor would reject."""
        return self._endpoint.function(**{**self._filled, **arguments})

    def unchecked(self, **arguments: Any) -> Any:
        """Return the operation without the checks, to try what the vendor says of its arguments.

        What is required and not given is left out, None is sent as null, and a name that is not a parameter goes into
        the body of a POST, or into the query of a GET.

        Raises:
            InvalidInput: a value cannot be sent at all.
        """
        return self._endpoint.unchecked(**{**self._filled, **arguments})


class BoundOperations:
    """The vendor's endpoints, with the ids from the client's settings filled in.

    `client.operations.chat(query="…")` is `unichat_kapa.operations.chat(project_id=…, query="…")`.
    """

    def __init__(self, endpoints: Endpoints, values: Mapping[str, Any]) -> None:
        self._endpoints = endpoints
        self._values = values

    def __getattr__(self, name: str) -> BoundOperation:
        # Names with an underscore first: copy and pickle look for them before there is a table to look into.
        if name.startswith("_") or name not in self._endpoints.names():
            names = "" if name.startswith("_") else f": {', '.join(self)}"
            raise AttributeError(f"{type(self).__name__} has no operation {name!r}{names}")
        endpoint = self._endpoints[name]
        filled = {
            parameter: self._values[key] for parameter, key in endpoint.from_settings.items() if key in self._values
        }
        return BoundOperation(endpoint, filled)

    def __iter__(self) -> Iterator[str]:
        return iter(self._endpoints.names())

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]
