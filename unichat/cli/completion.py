"""Names for the shell's completion: profiles, backends, operations, parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from unichat.adapter import Endpoints


def backends(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the installed adapters."""
    from unichat.config import registry

    return _matching_items(registry.names(), incomplete)


def profiles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the profiles of the config file."""
    from unichat import config
    from unichat.errors import ConfigError

    try:
        return _matching_items(config.load(_config(ctx)).profiles, incomplete)
    except ConfigError:
        # The command itself will report it.
        return []


def operations(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the operations of the backend that the options so far select."""
    endpoints = _endpoints(ctx)
    return [] if endpoints is None else _matching_items(endpoints.names(), incomplete)


def parameters(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the parameters of the operation that was typed."""
    endpoints = _endpoints(ctx)
    name = ctx.params.get("operation")
    if endpoints is None or name not in endpoints.names():
        return []
    return _matching_items([f"{parameter.name}=" for parameter in endpoints[name].parameters], incomplete)


def _endpoints(ctx: click.Context) -> Endpoints | None:
    from unichat import config
    from unichat.config import registry
    from unichat.errors import ConfigError

    backend = ctx.params.get("backend")
    try:
        if backend is None:
            backend = config.check_profile(ctx.params.get("profile"), config=_config(ctx)).backend
        return None if backend is None else registry.find(backend).endpoints
    except ConfigError:
        return None


def _config(ctx: click.Context) -> str | None:
    config: str | None = ctx.params.get("config") or ctx.find_root().params.get("config")
    return config


def _matching_items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
