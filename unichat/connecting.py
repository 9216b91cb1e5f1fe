"""`connect`: from a backend's name, a URL, a profile, or the default profile to a client.

Nothing is imported before a client is made: where an event loop is running, that must not hold it up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from unichat.adapter import Backend, CommonSettings
    from unichat.client.async_client import AsyncClient
    from unichat.client.sync_client import Client
    from unichat.config import ResolvedBackend, ResolvedConfig
    from unichat.hooks import Hook
    from unichat.transport.base import AsyncTransport, Clock, Transport

    C = TypeVar("C", Client, AsyncClient)

_SLOW = ("unichat.client.async_client", "unichat.config", "unichat.transport.h11.transport")
"""What takes long to import, for an asyncio client."""
_SLOW_ROUTE = "unichat.routing.async_client"
"""What takes long to import besides, for a route."""


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
    """Return a client of one backend, or of a route over several. Nothing is sent yet.

    Args:
        target: a backend's name (`"kapa"`), or a URL (`"kapa://PROJECT_ID?integration_id=…"`). Without it, the profile
            is used: the one named, or `UNICHAT_PROFILE`, or the config file's default.
        profile: a profile of the config file. A route (a profile with `fallback`, `split` or `shadow`) gives a client
            like any other, which has those of its members in `members`.
        config: the config file; by default `UNICHAT_CONFIG`, or the `unichat.toml` (or `[tool.unichat]` in
            `pyproject.toml`) found from the working directory upwards, or the one in the user's config folder.
        transport: sends the requests instead of unichat's own; see `unichat.transport.base.Transport`. Connection
            settings do not apply to it. Closing the client closes it. A route takes none: each member has its own.
        hooks: observers, told of each attempt (`unichat.hooks`); with a route, of those of all members.
        settings: the backend's settings; they win over those of the URL or profile, and these over the
            environment's. Those of a route are the route's own, such as `deadline` and `patience`.

    Raises:
        ConfigError: with every mistake in the settings at once, those of a route's members among them.
    """
    from unichat import config as configuration

    request = configuration.ResolveRequest(target=target, profile=profile, config=config, keywords=settings)
    # Both may hold secrets, which a traceback with local variables would show.
    del target, settings
    resolved = configuration.resolve_request(request)
    return build_client(resolved, transport=transport, hooks=hooks)


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
    """Return an asyncio client of one backend, or of a route. Takes what `connect` takes; call it in the event loop.

    The first one in a process is made at its first await, or as its `async with` block is entered, off the event loop:
    until then its code is not loaded, which takes a while. Mistakes in the settings are then raised there. So is the
    first route, whose settings are checked at once if other clients were made before.

    Raises:
        ConfigError: with every mistake in the settings at once; or h11, the extra `async`, is not installed.
    """
    from unichat.client.constructor_checks import check_hooks, check_transport

    check_transport(transport, asynchronous=True)
    check_hooks(hooks)

    def resolve() -> ResolvedConfig:
        from unichat import config as configuration

        request = configuration.ResolveRequest(target=target, profile=profile, config=config, keywords=settings)
        return configuration.resolve_request(request)

    def build(resolved: ResolvedConfig | None = None) -> AsyncClient:
        return build_async_client(resolved or resolve(), transport=transport, hooks=hooks)

    if not _is_in_event_loop():
        return build()
    resolved: ResolvedConfig | None = None
    if all(name in sys.modules for name in _SLOW):
        resolved = resolve()
        _check_no_transport(resolved, transport)
        if _SLOW_ROUTE in sys.modules or not hasattr(resolved, "members"):
            return build(resolved)
    from unichat.client.pending_client import PendingClient

    return cast("AsyncClient", PendingClient(lambda: build(resolved)))


def _is_in_event_loop() -> bool:
    from asyncio import get_running_loop

    try:
        get_running_loop()
    except RuntimeError:
        return False
    return True


def build_client(
    resolved: ResolvedConfig,
    *,
    transport: Transport | None = None,
    clock: Clock | None = None,
    hooks: Sequence[Hook] = (),
) -> Client:
    """Return a client of what a profile, a URL or keywords were resolved to. The rest is as in `client_for`."""

    def build(member: ResolvedBackend) -> Client:
        return client_for(member.backend, member.settings, transport=transport, clock=clock, hooks=hooks)

    _check_no_transport(resolved, transport)
    return _build(resolved, build, {})


def build_async_client(
    resolved: ResolvedConfig,
    *,
    transport: AsyncTransport | None = None,
    clock: Clock | None = None,
    hooks: Sequence[Hook] = (),
) -> AsyncClient:
    """Return an asyncio client of what a profile, a URL or keywords were resolved to."""

    def build(member: ResolvedBackend) -> AsyncClient:
        return async_client_for(member.backend, member.settings, transport=transport, clock=clock, hooks=hooks)

    _check_no_transport(resolved, transport)
    return _build(resolved, build, {})


def _build(resolved: ResolvedConfig, build: Callable[[ResolvedBackend], C], clients: dict[str, C]) -> C:
    """Return the client of what was resolved. A profile in several places of a route has one client, in `clients`."""
    from attrs import asdict

    from unichat import routing
    from unichat.config import ResolvedBackend

    if isinstance(resolved, ResolvedBackend):
        return build(resolved)
    for name, member in resolved.members.items():
        if name not in clients:
            clients[name] = _build(member, build, clients)
    members = {name: clients[name] for name in resolved.members}
    settings = asdict(resolved.settings, recurse=False)
    match resolved.kind:
        case "fallback":
            return routing.fallback(members, **settings)
        case "split":
            return routing.split(members, resolved.weights, **settings)
        case _:
            return routing.shadow(members, **settings)


def _check_no_transport(resolved: ResolvedConfig, transport: object) -> None:
    from unichat._text.templates import PythonOnly, Template
    from unichat.client.constructor_checks import raise_config_error
    from unichat.config import ResolvedRoute

    if transport is not None and isinstance(resolved, ResolvedRoute):
        hint = Template(PythonOnly("Make the members' clients, each with its own, and pass them to unichat.routing."))
        raise_config_error("transport", "is", transport, "but a route has one for each of its members", hint)


def client_for(
    backend: Backend[Any],
    settings: CommonSettings,
    *,
    transport: Transport | None = None,
    clock: Clock | None = None,
    hooks: Sequence[Hook] = (),
) -> Client:
    """Return a client for settings that have been checked already. `clock` is for tests that must not wait."""
    from unichat.adapter.setting_checks import split_base_url
    from unichat.client.adapter_calls import build_adapter
    from unichat.client.constructor_checks import check_hooks, check_transport
    from unichat.client.sync_client import Client
    from unichat.transport.base import REAL_TIME

    check_transport(transport, asynchronous=False)
    check_hooks(hooks)
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
        clock=clock or REAL_TIME,
        hooks=hooks,
    )


def async_client_for(
    backend: Backend[Any],
    settings: CommonSettings,
    *,
    transport: AsyncTransport | None = None,
    clock: Clock | None = None,
    hooks: Sequence[Hook] = (),
) -> AsyncClient:
    """Return an asyncio client for settings that have been checked already. `clock` is for tests that must not wait."""
    from unichat.client.adapter_calls import build_adapter
    from unichat.client.async_client import AsyncClient
    from unichat.client.constructor_checks import check_hooks, check_transport
    from unichat.transport.base import REAL_TIME

    check_transport(transport, asynchronous=True)
    check_hooks(hooks)
    adapter = build_adapter(backend, settings)
    if transport is None:
        transport = _asyncio_transport(settings)
    return AsyncClient(
        backend.name,
        adapter,
        transport,
        endpoints=backend.endpoints,
        settings=settings,
        clock=clock or REAL_TIME,
        hooks=hooks,
    )


def _asyncio_transport(settings: CommonSettings) -> AsyncTransport:
    from unichat.adapter.setting_checks import split_base_url
    from unichat.errors import ConfigError

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
