"""Shared by the tests of the Kapa adapter: the reference's samples, and a vendor that is mocked below requests."""

import json
from pathlib import Path

import pytest
import responses

from tests.behaviour.doubles import FakeClock, connect_client

SAMPLES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in Path(__file__).parent.glob("samples/*")}
"""Every response that Kapa's reference prints, by the operation's name."""


@pytest.fixture
def vendor():
    """Kapa, mocked: an unexpected request fails the test, and so does an expected one that is not sent."""
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def kapa(clock):
    with connect_client("kapa", clock) as client:
        yield client
