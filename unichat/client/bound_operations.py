"""The vendor's endpoints, with values from a client's settings filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from unichat.adapter import Endpoints


class BoundOperations:
    """The vendor's endpoints, with the ids from the client's settings filled in.

    `client.operations.chat(query="…")` is `unichat_kapa.operations.chat(project_id=…, query="…")`.
    """

    def __init__(self, endpoints: Endpoints, values: Mapping[str, Any]) -> None:
        self._endpoints = endpoints
        self._values = values

    def __getattr__(self, name: str) -> Callable[..., Any]:
        # Names with an underscore first: copy and pickle look for them before there is a table to look into.
        if name.startswith("_") or name not in self._endpoints.names():
            names = "" if name.startswith("_") else f": {', '.join(self)}"
            raise AttributeError(f"{type(self).__name__} has no operation {name!r}{names}")
        endpoint = self._endpoints[name]
        filled = {
            parameter: self._values[key] for parameter, key in endpoint.from_settings.items() if key in self._values
        }

        def build(**arguments: Any) -> Any:
            return endpoint.function(**{**filled, **arguments})

        build.__name__ = build.__qualname__ = name
        build.__doc__ = endpoint.function.__doc__
        return build

    def __iter__(self) -> Iterator[str]:
        return iter(self._endpoints.names())

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]
