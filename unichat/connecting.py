"""`connect`: from a backend's name, a URL, a profile, or the default profile to a client."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from unichat.adapter import Adapter, CommonSettings
from unichat.client.sync_client import Client
from unichat.errors import ConfigError
from unichat.execution.driver import Driver
from unichat.execution.engine import Engine
from unichat.hooks import Hook
from unichat.policy.pacing import pacer_for
from unichat.transport.base import Clock

if TYPE_CHECKING:
    from unichat.client.async_client import AsyncClient


def connect(
    target: str | None = None,
    /,
    *,
    profile: str | None = None,
    config: str | os.PathLike[str] | None = None,
    hooks: Sequence[Hook] = (),
    **settings: Any,
) -> Client:
    """Return a client of one backend. Nothing is sent yet.

    Args:
        target: a backend's name (`"kapa"`), or a URL (`"kapa://PROJECT_ID?integration_id=…"`). Without it, the profile
            is used: the one named, or `UNICHAT_PROFILE`, or the config file's default.
        profile: a profile of the config file.
        config: the config file; otherwise `UNICHAT_CONFIG`, or the `unichat.toml` (or `[tool.unichat]` in
            `pyproject.toml`) found from the working directory upwards, or the one in the user's config folder.
        hooks: observers of each attempt (`unichat.hooks`).
        settings: the backend's settings; they win over those of the URL or the profile, which win over the
            environment.

    Raises:
        ConfigError: with every mistake in the settings at once.
    """
    from unichat import config as configuration

    request = configuration.ResolveRequest(target=target, profile=profile, config=config, keywords=settings)
    # Both may hold secrets, which a traceback with local variables would show.
    del target, settings
    resolved = configuration.resolve_request(request)
    return client_for(resolved.backend, resolved.settings, hooks=hooks)


def connect_async(
    target: str | None = None,
    /,
    *,
    profile: str | None = None,
    config: str | os.PathLike[str] | None = None,
    hooks: Sequence[Hook] = (),
    **settings: Any,
) -> AsyncClient:
    """Return an asyncio client of one backend. Takes what `connect` takes; call it within the event loop.

    Raises:
        ConfigError: with every mistake in the settings at once; or aiohttp, the extra `async`, is not installed.
    """
    from unichat import config as configuration

    request = configuration.ResolveRequest(target=target, profile=profile, config=config, keywords=settings)
    del target, settings
    resolved = configuration.resolve_request(request)
    return async_client_for(resolved.backend, resolved.settings, hooks=hooks)


def client_for(
    backend: Any, settings: CommonSettings, *, clock: Clock | None = None, hooks: Sequence[Hook] = ()
) -> Client:
    """Return a client for settings that were checked before. `clock` is for tests that must not wait."""
    from unichat.transport.requests.transport import RequestsTransport

    adapter = backend.build(settings)
    transport = RequestsTransport(
        settings.base_url,
        connect_timeout=settings.connect_timeout,
        ca_bundle=settings.ca_bundle,
        connections=settings.connections,
    )
    engine = _engine(adapter, settings, (clock or Clock()).monotonic, hooks)
    return Client(
        backend.name, adapter, Driver(transport, engine, clock), endpoints=backend.endpoints, settings=settings
    )


def async_client_for(
    backend: Any,
    settings: CommonSettings,
    *,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    hooks: Sequence[Hook] = (),
) -> AsyncClient:
    """Return an asyncio client for settings that were checked before. `sleep` is for tests that must not wait."""
    missing = False
    try:
        from unichat.transport.aiohttp.transport import AiohttpTransport
    except ModuleNotFoundError as error:
        missing = error.name == "aiohttp"
        if not missing:
            raise
    if missing:
        raise ConfigError("aiohttp is not installed", hint='Install it: pip install "unichat-bridge[async]".')
    from unichat.client.async_client import AsyncClient
    from unichat.execution.async_driver import AsyncDriver

    adapter = backend.build(settings)
    transport = AiohttpTransport(
        settings.base_url,
        connect_timeout=settings.connect_timeout,
        ca_bundle=settings.ca_bundle,
        connections=settings.connections,
    )
    engine = _engine(adapter, settings, Clock().monotonic, hooks)
    driver = AsyncDriver(transport, engine, sleep)
    return AsyncClient(backend.name, adapter, driver, endpoints=backend.endpoints, settings=settings)


def _engine(
    adapter: Adapter, settings: CommonSettings, monotonic: Callable[[], float], hooks: Sequence[Hook]
) -> Engine:
    pacer = None
    if settings.rate is not None:
        pacer = pacer_for((settings.base_url, adapter.credential), settings.rate, monotonic)
    return Engine(adapter.credential, settings, monotonic, pacer=pacer, hooks=hooks)
