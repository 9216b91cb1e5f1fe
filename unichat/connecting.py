"""`connect`: from a backend's name, a URL, a profile, or the default profile to a client."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unichat._text.printable import quoted
from unichat.adapter import Backend, CommonSettings
from unichat.adapter.setting_checks import split_base_url
from unichat.client.adapter_calls import build_adapter
from unichat.client.sync_client import Client
from unichat.errors import ConfigError
from unichat.hooks import Hook
from unichat.transport.base import REAL_TIME, AsyncTransport, Clock, Transport

if TYPE_CHECKING:
    from unichat.client.async_client import AsyncClient


def connect(
    target: str | None = None,
    /,
    *,
    profile: str | None = None,
    config: str | os.PathLike[str] | None = None,
    transport: Transport | None = None,
    hooks: Sequence[Hook] = (),
    **settings: Any,
) -> Client:
    """Return a client of one backend. Nothing is sent yet.

    Args:
        target: a backend's name (`"kapa"`), or a URL (`"kapa://PROJECT_ID?integration_id=…"`). Without it, the profile
            is used: the one named, or `UNICHAT_PROFILE`, or the config file's default.
        profile: a profile of the config file.
        config: the config file; by default `UNICHAT_CONFIG`, or the `unichat.toml` (or `[tool.unichat]` in
            `pyproject.toml`) found from the working directory upwards, or the one in the user's config folder.
        transport: sends the requests instead of unichat's own; see `unichat.transport.base.Transport`. Connection
            settings do not apply to it. Closing the client closes it.
        hooks: observers, told of each attempt (`unichat.hooks`).
        settings: the backend's settings; they win over those of the URL or profile, and these over the
            environment's.

    Raises:
        ConfigError: with every mistake in the settings at once.
    """
    from unichat import config as configuration

    request = configuration.ResolveRequest(target=target, profile=profile, config=config, keywords=settings)
    # Both may hold secrets, which a traceback with local variables would show.
    del target, settings
    resolved = configuration.resolve_request(request)
    return client_for(resolved.backend, resolved.settings, transport=transport, hooks=hooks)


def connect_async(
    target: str | None = None,
    /,
    *,
    profile: str | None = None,
    config: str | os.PathLike[str] | None = None,
    transport: AsyncTransport | None = None,
    hooks: Sequence[Hook] = (),
    **settings: Any,
) -> AsyncClient:
    """Return an asyncio client of one backend. Takes what `connect` takes; call it within the event loop.

    Raises:
        ConfigError: with every mistake in the settings at once; or h11, the extra `async`, is not installed.
    """
    from unichat import config as configuration

    request = configuration.ResolveRequest(target=target, profile=profile, config=config, keywords=settings)
    del target, settings
    resolved = configuration.resolve_request(request)
    return async_client_for(resolved.backend, resolved.settings, transport=transport, hooks=hooks)


def client_for(
    backend: Backend[Any],
    settings: CommonSettings,
    *,
    transport: Transport | None = None,
    clock: Clock = REAL_TIME,
    hooks: Sequence[Hook] = (),
) -> Client:
    """Return a client for settings that have been checked already. `clock` is for tests that must not wait."""
    _check_transport(transport, asynchronous=False)
    adapter = build_adapter(backend, settings)
    if transport is None:
        from unichat.transport.requests.transport import RequestsTransport

        transport = RequestsTransport(
            split_base_url(settings.base_url)[0],
            connect_timeout=settings.connect_timeout,
            ca_bundle=settings.ca_bundle,
            connections=settings.connections,
        )
    return Client(
        backend.name,
        adapter,
        transport,
        endpoints=backend.endpoints,
        settings=settings,
        clock=clock,
        hooks=hooks,
    )


def async_client_for(
    backend: Backend[Any],
    settings: CommonSettings,
    *,
    transport: AsyncTransport | None = None,
    clock: Clock = REAL_TIME,
    hooks: Sequence[Hook] = (),
) -> AsyncClient:
    """Return an asyncio client for settings that have been checked already. `clock` is for tests that must not wait."""
    from unichat.client.async_client import AsyncClient

    _check_transport(transport, asynchronous=True)
    adapter = build_adapter(backend, settings)
    if transport is None:
        transport = _asyncio_transport(settings)
    return AsyncClient(
        backend.name,
        adapter,
        transport,
        endpoints=backend.endpoints,
        settings=settings,
        clock=clock,
        hooks=hooks,
    )


def _asyncio_transport(settings: CommonSettings) -> AsyncTransport:
    missing = False
    try:
        from unichat.transport.h11.transport import H11Transport
    except ModuleNotFoundError as error:
        missing = error.name == "h11"
        if not missing:
            raise
    if missing:
        raise ConfigError("h11 is not installed", hint='Install it: pip install "unichat-bridge[async]".')
    return H11Transport(
        split_base_url(settings.base_url)[0],
        connect_timeout=settings.connect_timeout,
        ca_bundle=settings.ca_bundle,
        connections=settings.connections,
    )


def _check_transport(transport: object, *, asynchronous: bool) -> None:
    """Refuse what cannot send, and a transport of the other client's kind.

    Raises:
        ConfigError: it is one of these.
    """
    if transport is None:
        return
    methods = [getattr(transport, name, None) for name in ("send", "open", "close")]
    name, other = ("AsyncTransport", "connect") if asynchronous else ("Transport", "connect_async")
    if isinstance(transport, type) or not all(map(callable, methods)):
        raise ConfigError(
            f"transport is {quoted(transport)}, which cannot send",
            key="transport",
            hint=f"Give an object with the methods of unichat.transport.base.{name}.",
        )
    if inspect.iscoroutinefunction(methods[0]) is not asynchronous:
        raise ConfigError(
            f"transport is {quoted(transport)}, whose send is {'not ' if asynchronous else ''}asynchronous",
            key="transport",
            hint=f"Give one that is a unichat.transport.base.{name}, or use {other}.",
        )
