"""The example adapters as packages: their size, their settings in every form, and that they are not shipped."""

from __future__ import annotations

import re
from configparser import ConfigParser

import pytest

from tests.vendors import ROOT, VENDORS
from unichat.adapter import MemoryTurns
from unichat.config import resolve
from unichat.errors import ConfigError

EXAMPLES = [vendor for vendor in VENDORS.values() if vendor.folder is not None]
LIMITS = {"dify": 500, "openai": 250}
each_example = pytest.mark.parametrize("vendor", EXAMPLES, ids=lambda vendor: vendor.name)


@each_example
def test_an_example_is_small_with_its_simulator(vendor):
    files = list(vendor.folder.rglob("*.py"))
    assert {"adapter.py", "operations.py", "settings.py", "simulator.py", "stream.py"} <= {file.name for file in files}
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) < LIMITS[vendor.name]


@each_example
def test_no_example_is_shipped(vendor):
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    assert f"unichat_{vendor.name}" not in str({name: dict(section) for name, section in setup.items()})


@each_example
def test_every_function_of_an_example_says_what_of_the_reference_it_implements(vendor):
    for endpoint in vendor.backend.endpoints:
        assert re.search(r"Source: \w+ reference, '.+'", endpoint.function.__doc__)


def openai(**settings):
    vendor = VENDORS["openai"]
    return resolve(
        "openai", settings={**vendor.given, **settings}, environ={}, find=lambda name: vendor.backend
    ).settings


def test_an_object_is_a_setting_where_python_gives_it():
    store = MemoryTurns()
    assert openai(turns=store).turns is store
    for bad in (object(), MemoryTurns, "disk", 5):
        with pytest.raises(ConfigError, match="should be one of 'memory', 'reference' or an object"):
            openai(turns=bad)


def test_a_server_without_a_key_needs_none():
    vendor = VENDORS["openai"]
    settings = openai(api_key=None, base_url="http://127.0.0.1:11434/v1")
    assert vendor.backend.build(settings).credential is None
