"""Templates: what is kept of them, and that each can be found."""

from __future__ import annotations

import pytest

from tests.scaffold.kinds import KINDS
from unichat.scaffold.names import name_values
from unichat.scaffold.rendering import _select, render

TEMPLATE = "a\n%% streams\nb\n%% else\nc\n%% end\nd\n"
COMMON = {
    "README.md",
    "pyproject.toml",
    "tests/test_conformance.py",
    "tests/test_operations.py",
    *(f"unichat_acme/{name}.py" for name in ("__init__", "adapter", "models", "operations", "settings", "simulator")),
    "unichat_acme/py.typed",
}
STREAMED = {"unichat_acme/stream.py", "tests/test_stream.py"}


@pytest.mark.parametrize(("streams", "kept"), [(True, "a\nb\nd\n"), (False, "a\nc\nd\n")])
def test_select_keeps_what_is_for_this_kind_of_vendor(streams, kept):
    assert _select(TEMPLATE, streams=streams) == kept


@pytest.mark.parametrize("kind", KINDS)
def test_render_fills_in_every_placeholder(kind):
    values = {**name_values("acme"), "version": "1.2.3"}
    files = render(("common", KINDS[kind]["api"]), values, streams=KINDS[kind]["streams"])
    assert {str(path) for path in files} == COMMON | (STREAMED if KINDS[kind]["streams"] else set())
    for path, text in files.items():
        assert "$" not in text, path
        assert "%%" not in text, path
        assert "NAME" not in str(path)
        assert not text or (text.endswith("\n") and not text.endswith("\n\n")), path
