"""Contracts: how an adapter says which documents describe its vendor's API."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Contracts:
    """The contracts of a vendor's API, one for each version: OpenAPI 3.1 as JSON, in the adapter's package.

    The one of a version is the file `contract/VERSION/openapi.json` of the package, shipped as its package data.

    Attributes:
        package: the package's name.
        versions: their names, oldest first.
    """

    package: str
    versions: tuple[str, ...] = field()

    @versions.validator
    def _check_versions(self, _: object, versions: tuple[str, ...]) -> None:
        # A text would be taken for many versions, of a letter each.
        if not isinstance(versions, tuple) or not versions:
            raise ValueError(f"versions is {versions!r}: give a tuple of their names, oldest first")
