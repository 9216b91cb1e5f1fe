"""No text file is opened in the encoding of the machine, which on Windows is not UTF-8."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.import_rules import ROOT

FOLDERS = ("unichat", "adapters", "docs")
POSITIONS = {"read_text": 0, "write_text": 1}
"""Which argument of a method of `Path` is the encoding."""


def is_without_encoding(call: ast.Call) -> bool:
    """Return whether a call opens a text file by a function that takes an encoding, and gives it none."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if any(keyword.arg in ("encoding", None) for keyword in call.keywords):
        return False
    if name == "open":
        # The built-in takes the path first.
        is_builtin = isinstance(call.func, ast.Name)
        modes = [*call.args[is_builtin : is_builtin + 1], *(each.value for each in call.keywords if each.arg == "mode")]
        if not all(isinstance(mode, ast.Constant) and isinstance(mode.value, str) for mode in modes):
            return False  # The method of something else.
        # Without a mode, the method cannot be told from others of that name, of which there are many.
        return (is_builtin or bool(modes)) and not any("b" in ast.literal_eval(mode) for mode in modes)
    if name in ("run", "Popen", "check_output"):
        return any(each.arg in ("text", "universal_newlines") for each in call.keywords)
    return name in POSITIONS and len(call.args) <= POSITIONS[name]


def find_calls(source: str) -> Iterator[int]:
    """Yield the lines that open a text file without an encoding."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and is_without_encoding(node):
            yield node.lineno


def test_every_text_file_is_opened_with_an_encoding() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in find_calls(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "open('a')",
        "open('a', 'w')",
        "open('a', mode='w')",
        "path.open('w')",
        "path.open(mode='r')",
        "path.read_text()",
        "path.write_text('x')",
        "subprocess.run(['a'], text=True)",
    ],
)
def test_a_text_file_without_an_encoding_is_noticed(source: str) -> None:
    assert list(find_calls(source)) == [1]


@pytest.mark.parametrize(
    "source",
    [
        "open('a', 'rb')",
        "open('a', encoding='utf-8')",
        "path.open('rb')",
        "path.open(mode='wb')",
        "path.read_text('utf-8')",
        "path.read_text(encoding='utf-8')",
        "path.write_text('x', encoding='utf-8')",
        "path.write_text('x', 'utf-8')",
        "path.read_bytes()",
        "transport.open(request, deadline)",
        "subprocess.run(['a'])",
        "subprocess.run(['a'], text=True, encoding='utf-8')",
    ],
)
def test_a_call_with_an_encoding_or_of_another_kind_is_not_noticed(source: str) -> None:
    assert list(find_calls(source)) == []
