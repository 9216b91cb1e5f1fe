"""What the tests of the core share: servers on loopback, and an environment without proxies or passwords."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .loopback import Script, Server

# How fast the machine is, is no property of the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

_INTERFERING = re.compile(r"(?i)(https?|all|no)_proxy|requests_ca_bundle|curl_ca_bundle|netrc")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers that are closed, and whose scripts must not have failed, after the test."""
    for name in list(os.environ):
        if _INTERFERING.fullmatch(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    servers: list[Server] = []

    def start(*scripts: Script, tls: bool = False) -> Server:
        servers.append(Server(*scripts, tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
    for server in servers:
        assert server.failures == []
