"""`connect`: from a backend's name, a URL, a profile or nothing at all to a client."""

from __future__ import annotations

import os
from typing import Any

from attrs import asdict

from unichat.client import Client
from unichat.driver import Driver
from unichat.policy.retrying import Clock, Policy
from unichat.settings import CommonSettings


def connect(
    target: str | None = None,
    /,
    *,
    profile: str | None = None,
    config: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> Client:
    """Return a client of one backend. Nothing is sent yet.

    Args:
        target: a backend's name (`"kapa"`), or a URL (`"kapa://PROJECT_ID?integration_id=…"`). Without it, the profile
            counts: the one named, or `UNICHAT_PROFILE`, or the config file's default.
        profile: a profile of the config file.
        config: the config file; otherwise `UNICHAT_CONFIG`, or the `unichat.toml` (or `[tool.unichat]` in
            `pyproject.toml`) found from the working directory upwards, or the one in the user's config folder.
        settings: the backend's settings; they win over those of the URL or profile, and these over the
            environment's.

    Raises:
        ConfigError: with every mistake in the settings at once.
    """
    from unichat import config as configuration

    request = configuration.Request(target=target, profile=profile, config=config, keywords=settings)
    # Secrets may stand in both, and a traceback with local variables would show them.
    del target, settings
    resolved = configuration.settle(request)
    return client_for(resolved.backend, resolved.settings)


def client_for(backend: Any, settings: CommonSettings, *, clock: Clock | None = None) -> Client:
    """Return a client for settings that are checked already. `clock` is for tests that must not wait."""
    from unichat.transport.on_requests import RequestsTransport

    adapter = backend.build(settings)
    transport = RequestsTransport(
        settings.base_url, connect_timeout=settings.connect_timeout, ca_bundle=settings.ca_bundle
    )
    policy = Policy(attempts=settings.attempts, deadline=settings.deadline)
    driver = Driver(transport, adapter.credential, policy, clock)
    known = {name: value for name, value in asdict(settings, recurse=False).items() if value is not None}
    return Client(
        backend.name,
        adapter,
        driver,
        endpoints=backend.endpoints,
        known=known,
        on_unsupported=settings.on_unsupported,
    )
