"""Runs the examples of README.md and docs/*.md: Python, shell and TOML blocks, against a sandbox on loopback.

Each page has a folder of its own, in which its blocks run in their order. A TOML block whose first line is
`# unichat.toml` becomes that file, and a Python block whose first line is `# test_bot.py` that one; both may name a
folder that is there. In a `console` block, what follows a command is its output (`...` stands for anything); each must
succeed, unless `<!-- exits: 0 1 -->` before the block has the code that each ends with. Setup that a reader need not
see stands in HTML comments.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

import unichat
from unichat.config import registry
from unichat.sandbox import Sandbox

_SECONDS = 600
"""For the commands of a block: a machine that is busy takes twenty times as long as one that is not."""
_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_BACKENDS = [name.upper() for name in registry.names()]
_NOT_HANDED_ON = re.compile(rf"({'|'.join(['UNICHAT', *_BACKENDS])})_|XDG_|(NO|FORCE)_COLOR$")


@define
class Place:
    """Where a page's examples run, and the environment that they find and leave."""

    folder: Path
    environ: dict[str, str]


@pytest.fixture(scope="session")
def docs_box() -> Iterator[Sandbox]:
    """One sandbox for the examples of all pages."""
    with unichat.sandbox.start() as box:
        yield box


@pytest.fixture(scope="session")
def docs_places() -> dict[Path, Place]:
    """The places made so far, by page."""
    return {}


@pytest.fixture
def docs_place(
    request: pytest.FixtureRequest, docs_places: dict[Path, Place], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Go to the page's place, and come back."""
    page = request.node.path
    if page not in docs_places:
        docs_places[page] = _new_place(tmp_path_factory.mktemp(page.stem))
    place = docs_places[page]
    outside, folder = dict(os.environ), Path.cwd()
    _set_environment(place.environ)
    os.chdir(place.folder)
    try:
        yield place
    finally:
        place.environ = dict(os.environ)
        os.chdir(folder)
        _set_environment(outside)


def _new_place(folder: Path) -> Place:
    environ = {name: value for name, value in os.environ.items() if not _NOT_HANDED_ON.match(name)}
    programs = Path(sys.executable).parent
    # A home of its own, so that no example finds the developer's own config.
    environ |= {"PATH": f"{programs}{os.pathsep}{environ.get('PATH', '')}", "HOME": str(folder)}
    # The reader's environment, under the name that it has in the README.
    (folder / ".venv").symlink_to(sys.prefix)
    return Place(folder, environ)


def _set_environment(environ: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environ)


def _run_script(example: Example) -> None:
    """Run an `sh` block; each of its commands must succeed."""
    _shell(f"set -e\n{example.parsed}")


def _run_session(example: Example) -> str | None:
    """Run the commands of a `console` block, and compare what they print and how they end."""
    commands = re.findall(r"^\$ ((?:.*\\\n)*.*)\n?((?:(?!\$ ).*\n?)*)", example.parsed, re.MULTILINE)
    before = _EXITS.search(example.document.text, 0, example.start)
    codes = [int(code) for code in before[1].split()] if before else [0] * len(commands)
    for (command, expected), code in zip(commands, codes, strict=True):
        found = _shell(command, code=code)
        if expected and not doctest.OutputChecker().check_output(expected, found, _OPTIONS):
            return f"$ {command}\nexpected:\n{expected}\nfound:\n{found}"
    return None


_EXITS = re.compile(r"<!-- exits: ([\d ]+) -->\s*\Z")


def _shell(script: str, *, code: int = 0) -> str:
    """Return what a script prints, which has to end with this code."""
    shell = shutil.which("sh")
    assert shell is not None
    done = subprocess.run(
        [shell, "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != code:
        raise AssertionError(f"{script}\nended with {done.returncode}, and not with {code}:\n{done.stdout}")
    return done.stdout


class _PythonParser(PythonCodeBlockParser):
    """Runs Python blocks, and saves those that say how their file is called."""

    def __call__(self, document: Document) -> Iterator[Region]:
        for region in super().__call__(document):
            if isinstance(region.parsed, str) and _PYTHON_FILE.match(region.parsed):
                region.evaluator = _save_python
            yield region


_PYTHON_FILE = re.compile(r"# ((?:\w+/)*\w+\.py)\n")


def _save_python(example: Example) -> None:
    name = _PYTHON_FILE.match(example.parsed)
    assert name is not None
    compile(example.parsed, name[1], "exec")
    Path(name[1]).write_text(example.parsed, encoding="utf-8")


def _check_toml(example: Example) -> None:
    """Check a config against the schema, and write it down if it says how the file is called."""
    import jsonschema

    from unichat.config import schema

    text: str = example.parsed
    config: dict[str, Any] = tomllib.loads(text)
    name = re.match(r"# (\S+\.toml)\n", text)
    if "profiles" in config or "tool" in config:
        jsonschema.validate(config.get("tool", {}).get("unichat", config), schema())
    if name:
        Path(name[1]).write_text(text, encoding="utf-8")


def _close_clients(namespace: dict[str, Any]) -> None:
    for value in namespace.values():
        if isinstance(value, unichat.Client | Sandbox) and value is not namespace.get("docs_box"):
            value.close()


collect = Sybil(
    path=str(Path(__file__).parents[2]),
    parsers=[
        _PythonParser(doctest_optionflags=_OPTIONS),
        CodeBlockParser("sh", _run_script),
        CodeBlockParser("console", _run_session),
        CodeBlockParser("toml", _check_toml),
        SkipParser(),
    ],
    patterns=["README.md", "docs/*.md"],
    fixtures=["docs_place", "docs_box"],
    teardown=_close_clients,
).pytest()
