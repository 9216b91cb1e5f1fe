import importlib.metadata
import sys
import types
from importlib.metadata import EntryPoint

import pytest

from tests.canned import endpoints
from unichat.adapter import Backend
from unichat.config import plugins, registry
from unichat.config.plugins import ADAPTERS
from unichat.errors import ConfigError

ECHO = Backend(
    name="echo",
    title="Echo",
    settings=object,
    build=lambda _: None,
    endpoints=endpoints,
    identity="bot",  # type: ignore[type-var]
)


def fail_to_import(name):
    raise RuntimeError("half\ninstalled")


@pytest.fixture(autouse=True)
def _forget_plugins(monkeypatch):
    """Other tests find what is installed, these what they register."""
    monkeypatch.setattr(plugins, "_found", {})


@pytest.fixture
def installed_adapter(monkeypatch):
    """Three adapters: one that works, one that is not an adapter, and one that fails to import."""
    module = types.ModuleType("echo_adapter")
    module.backend = ECHO
    module.number = 5
    monkeypatch.setitem(sys.modules, "echo_adapter", module)
    failing = types.ModuleType("failing_adapter")
    failing.__getattr__ = fail_to_import
    monkeypatch.setitem(sys.modules, "failing_adapter", failing)
    points = [
        EntryPoint("echo", "echo_adapter:backend", ADAPTERS),
        EntryPoint("number", "echo_adapter:number", ADAPTERS),
        EntryPoint("gone", "no_such_module_at_all:backend", ADAPTERS),
        EntryPoint("broken", "failing_adapter:backend", ADAPTERS),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points if group == ADAPTERS else [])


def refusal(name):
    with pytest.raises(ConfigError) as caught:
        registry.find(name)
    assert caught.value.key == "backend"
    assert caught.value.__cause__ is None
    return caught.value


def test_both_built_in_adapters_are_found_like_any_others():
    assert {"kadal", "kapa"} <= set(registry.names())
    for name in ("kadal", "kapa"):
        assert registry.find(name).name == name


@pytest.mark.usefixtures("installed_adapter")
def test_an_installed_adapter_is_found_by_name():
    assert registry.names() == ("broken", "echo", "gone", "number")
    assert registry.find("echo") is ECHO


@pytest.mark.usefixtures("installed_adapter")
def test_the_nearest_adapter_is_named():
    error = refusal("ecko")
    assert error.nearest == "echo"
    assert error.accepted == ("broken", "echo", "gone", "number")
    assert "Did you mean 'echo'?" in str(error)


@pytest.mark.usefixtures("installed_adapter")
def test_where_none_is_near_the_installed_ones_are_named():
    error = refusal("zzz")
    assert error.nearest is None
    assert "Installed: broken, echo, gone, number." in str(error)


def test_with_no_adapter_at_all_the_package_to_install_is_named(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [])
    monkeypatch.setattr("unichat.config.plugins.find_spec", lambda module: None)
    assert "install unichat-bridge" in str(refusal("kapa"))


@pytest.mark.usefixtures("installed_adapter")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("number", "echo_adapter:number is a int, not a unichat.adapter.Backend"),
        ("gone", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("broken", "RuntimeError: half installed"),
    ],
)
def test_an_adapter_that_does_not_load_is_reported_and_not_blamed_on_the_name(name, words):
    error = refusal(name)
    assert words in str(error)
    assert "Reinstall or repair" in error.hint


def test_a_name_in_capitals_is_told_from_the_one_that_is_meant():
    with pytest.raises(ConfigError, match="Did you mean 'kapa'"):
        registry.find("KAPA")
