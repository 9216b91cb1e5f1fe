"""The adapters of this repository pass the suite that every adapter passes: over the sandbox, one for the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.vendors import VENDORS, install_examples
from unichat import AsyncClient, Client, sandbox
from unichat.sandbox import Sandbox
from unichat.testing import connect, connect_async
from unichat.testing.conformance import AdapterConformance

_boxes: list[Sandbox] = []


@pytest.fixture(scope="module", autouse=True)
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    simulators = [vendor.simulator for vendor in VENDORS.values()]
    with install_examples(tmp_path_factory.mktemp("examples")), sandbox.start(simulators=simulators) as started:
        _boxes[:] = [started]
        yield


class OnSandbox(AdapterConformance):
    """What the classes below have in common."""

    backend = ""
    threads: str | None = None

    def _settings(self, more: dict[str, Any]) -> dict[str, Any]:
        threads = {} if self.threads is None else {"threads": self.threads}
        return {**_boxes[0].settings(self.backend), **threads, **more}

    def connect(self, **settings: Any) -> Client:
        return connect(self.backend, **self._settings(settings))

    def connect_async(self, **settings: Any) -> AsyncClient:
        return connect_async(self.backend, **self._settings(settings))


class TestKapa(OnSandbox):
    backend = "kapa"


class TestKadal(OnSandbox):
    backend = "kadal"


@pytest.mark.thorough
class TestKadalIsolatedThreads(OnSandbox):
    backend = "kadal"
    threads = "isolated"


class TestDify(OnSandbox):
    backend = "dify"

    @pytest.mark.xfail(reason="Dify's messages belong to the user who asked")
    def test_feedback_of_somebody_else_is_theirs(self, client: Any, user: str) -> None:
        super().test_feedback_of_somebody_else_is_theirs(client, user)


class TestOpenAI(OnSandbox):
    backend = "openai"
