"""The whitelist of what adapters import, and proof that it notices what is not on it."""

from __future__ import annotations

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.architecture import import_rules
from tests.architecture.import_rules import ADAPTERS, ROOT
from unichat.config.plugins import _BUILT_IN

PACKAGES = import_rules.adapter_packages()
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/*/__init__.py"))
TAKE = "take names from unichat.adapter, unichat.models or unichat.errors"
EXTRA = "the simulator, which needs an extra"


def setup_cfg() -> ConfigParser:
    found = ConfigParser()
    found.read(ROOT / "setup.cfg", encoding="utf-8")
    return found


@pytest.fixture
def adapter(tmp_path: Path):
    """Write an adapter of one module beside its `__init__.py`, and return the problems that are found with it."""

    def problems(source: str, name: str = "conversations.py") -> list[str]:
        package = tmp_path / "unichat_acme"
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / name).write_text(source, encoding="utf-8")
        return [found.problem for found in import_rules.violations(package)]

    return problems


def test_the_adapters_folder_holds_the_packages_that_are_registered():
    points = setup_cfg()["options.entry_points"]["unichat.adapters"]
    assert tuple(sorted(re.findall(r"= (\w+):", points))) == PACKAGES
    # Which the core knows by name for programs without metadata.
    assert tuple(f"unichat_{name}" for name in _BUILT_IN) == PACKAGES


@pytest.mark.parametrize("package", [ADAPTERS / name for name in PACKAGES] + EXAMPLES, ids=lambda path: path.name)
def test_an_adapter_imports_only_what_the_whitelist_allows(package):
    assert import_rules.violations(package) == []


def test_the_core_imports_no_adapter():
    assert import_rules.core_imports(frozenset(PACKAGES)) == []


def test_the_core_check_notices_an_import_of_an_adapter(tmp_path):
    (tmp_path / "unichat").mkdir()
    (tmp_path / "unichat" / "client.py").write_text("def f():\n    from unichat_kapa.settings import UUID\n")
    (found,) = import_rules.core_imports(frozenset({"unichat_kapa"}), tmp_path / "unichat")
    assert str(found) == "unichat/client.py:2: imports unichat_kapa.settings"


def test_setup_cfg_ships_every_package_of_the_core():
    shipped = set(setup_cfg()["options"]["packages"].split())
    core = ADAPTERS.parent / "unichat"
    found = {".".join(path.parent.relative_to(core.parent).parts) for path in core.rglob("__init__.py")}
    assert found <= shipped


@pytest.mark.parametrize("package", PACKAGES)
def test_setup_cfg_ships_every_package_of_an_adapter(package):
    config = setup_cfg()
    shipped = set(config["options"]["packages"].split())
    found = {".".join(path.parent.relative_to(ADAPTERS).parts) for path in (ADAPTERS / package).rglob("__init__.py")}
    assert found <= shipped
    assert f"{package} = adapters/{package}" in config["options"]["package_dir"]
    assert package in config["options.package_data"]


def test_an_import_of_requests_in_the_conversations_of_kadal_is_noticed(tmp_path):
    package = tmp_path / "unichat_kadal"
    package.mkdir()
    (package / "__init__.py").touch()
    source = (ADAPTERS / "unichat_kadal" / "conversations.py").read_text(encoding="utf-8")
    (package / "conversations.py").write_text(source, encoding="utf-8")
    assert import_rules.violations(package) == []
    bad = source.replace("\nimport uuid\n", "\nimport uuid\n\nimport requests\n")
    (package / "conversations.py").write_text(bad, encoding="utf-8")
    (found,) = import_rules.violations(package)
    assert found.path == "conversations.py"
    assert bad.splitlines()[found.line - 1] == "import requests"
    assert found.problem == "imports requests"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import requests", "imports requests"),
        ("import socket", "imports socket"),
        ("import urllib.request", "imports urllib.request"),
        ("import urllib.parse", "imports urllib.parse"),
        ("from urllib import request", "imports request from urllib"),
        ("from urllib.request import urlopen", "imports urlopen from urllib.request"),
        ("import http.client", "imports http.client"),
        ("from http import client", "imports client from http"),
        ("import asyncio", "imports asyncio"),
        ("from asyncio import sleep", "imports sleep from asyncio"),
        ("import subprocess as s", "imports subprocess"),
        ("import json, os", "imports os"),
        ("import aiohttp", "imports aiohttp"),
        ("from starlette.responses import Response", "imports Response from starlette.responses"),
        ("import sys", "imports sys"),
        ("import time", "imports time; only monotonic, time, time_ns may be imported from it"),
        ("from time import sleep", "imports sleep from time"),
        ("from threading import Thread", "imports Thread from threading"),
        ("def f():\n    import requests", "imports requests"),
        ("class A:\n    def f(self):\n        from requests import get", "imports get from requests"),
        ("if TYPE_CHECKING:\n    import requests", "imports requests"),
        ("try:\n    import orjson\nexcept ImportError:\n    pass", "imports orjson"),
        ("import unichat", f"imports unichat; {TAKE}"),
        ("import unichat.adapter", f"imports unichat.adapter; {TAKE}"),
        ("import unichat.policy.retrying as r", f"imports unichat.policy.retrying; {TAKE}"),
        ("from unichat import connect", "imports connect from unichat"),
        ("from unichat import models", "imports models from unichat"),
        ("from unichat.transport.base import Clock", "imports Clock from unichat.transport.base"),
        ("from unichat.transport import requests", "imports requests from unichat.transport"),
        ("from unichat.adapter.settings import setting", "imports setting from unichat.adapter.settings"),
        ("from unichat.adapter import fields", "imports fields, which unichat.adapter does not export"),
        ("from unichat.adapter import *", "imports *, which unichat.adapter does not export"),
        ("from unichat.models import _raw", "imports _raw, which unichat.models does not export"),
        ("from unichat.models import CallRecord", "imports CallRecord, which unichat.models does not export"),
        ("from unichat.sandbox import Simulator", "imports Simulator from unichat.sandbox"),
        ("from unichat_kapa.models import Thread", "imports Thread from unichat_kapa.models"),
        ("import unichat_kapa", "imports unichat_kapa"),
        ("from unichat_acme.simulator import Quirks", f"imports unichat_acme.simulator.Quirks: {EXTRA}"),
        ("from .simulator import Quirks", f"imports unichat_acme.simulator.Quirks: {EXTRA}"),
        ("from . import simulator", f"imports unichat_acme.simulator: {EXTRA}"),
        ("from ..unichat_kapa import models", "imports models from unichat_kapa"),
        ("__import__('requests')", "uses __import__"),
        ("open('/etc/passwd')", "uses open"),
        ("exec('import requests')", "uses exec"),
    ],
)  # fmt: skip
def test_an_adapter_that_imports_what_is_not_on_the_whitelist_is_noticed(adapter, source, problem):
    assert adapter(source) == [problem]


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\nimportlib.import_module('requests')",
        "def f():\n    import importlib\n    return importlib.import_module('unichat.transport')",
    ],
)
def test_an_adapter_that_imports_by_name_is_noticed_twice(adapter, source):
    assert adapter(source) == ["imports importlib", "imports by import_module, which cannot be checked"]


def test_import_module_under_another_name_is_noticed(adapter):
    assert adapter("from importlib import import_module as load\nload('requests')") == [
        "imports import_module from importlib"
    ]


@pytest.mark.parametrize("name", ["__init__.py", "adapter.py", "net/deep/inside.py"])
def test_every_module_of_an_adapter_is_held_by_the_whitelist(adapter, name):
    assert adapter("import socket", name) == ["imports socket"]


@pytest.mark.parametrize(
    "source",
    [
        "from __future__ import annotations\nimport json, re, uuid\nfrom collections.abc import Mapping",
        "from urllib.parse import quote\nfrom urllib import parse\nfrom datetime import UTC, datetime",
        "from threading import Lock\nfrom time import time_ns",
        "import attrs\nfrom attr import validators\nfrom cattrs.preconf.json import make_converter",
        "from unichat.adapter import ask\nfrom unichat.models import Answer\nfrom unichat.errors import InvalidInput",
        "from unichat_acme import operations\nfrom . import models\nfrom .models import Talk\nimport unichat_acme.x",
    ],
)
def test_an_adapter_that_keeps_to_the_whitelist_passes(adapter, source):
    assert adapter(source) == []


@pytest.mark.parametrize("name", ["simulator/routing.py", "simulator/__init__.py", "simulator.py"])
def test_a_simulator_may_also_import_the_sandbox_and_starlette(adapter, name):
    source = (
        "import starlette\nfrom starlette.routing import Route\nfrom unichat.sandbox import Simulator\n"
        "from asyncio import sleep\nfrom sqlite3 import Row\nfrom unichat_acme.simulator import quirks"
    )
    assert adapter(source, name) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import requests", "imports requests"),
        ("import asyncio", "imports asyncio; only sleep may be imported from it"),
        ("from sqlite3 import connect", "imports connect from sqlite3"),
        ("import uvicorn", "imports uvicorn"),
        ("from unichat.sandbox.store import Store", "imports Store from unichat.sandbox.store"),
        ("from unichat.sandbox import Servers", "imports Servers, which unichat.sandbox does not export"),
        ("from unichat_kapa.simulator import KapaQuirks", "imports KapaQuirks from unichat_kapa.simulator"),
    ],
)
def test_a_simulator_that_imports_anything_else_is_noticed(adapter, source, problem):
    assert adapter(source, "simulator/routing.py") == [problem]


def test_the_adapter_of_the_documentation_keeps_to_the_whitelist(tmp_path):
    page = (ROOT / "docs" / "adding-an-adapter.md").read_text(encoding="utf-8")
    for name, block in zip(
        ("unichat_acme.py", "unichat_acme_simulator.py"),
        [block for block in re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE) if block[:3] == '"""'],
        strict=True,
    ):
        (tmp_path / name).write_text(block, encoding="utf-8")
        assert import_rules.violations(tmp_path / name) == []


def test_the_pure_modules_belong_to_the_standard_library():
    restricted = {*import_rules.RESTRICTED, *import_rules.SIMULATOR_RESTRICTED}
    assert {name.partition(".")[0] for name in import_rules.PURE | restricted} <= sys.stdlib_module_names


def test_importing_the_pure_modules_opens_no_network_library():
    code = f"import sys, {', '.join(sorted(import_rules.PURE))}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert not set(done.stdout.split()) & {"socket", "asyncio", "http.client", "urllib.request", "subprocess"}
