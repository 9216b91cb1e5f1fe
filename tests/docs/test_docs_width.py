"""The pages' tables on a narrow screen: paths that a browser may break, and cells that name their columns."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from tests.docs.regenerate import ROOT

nodes = pytest.importorskip("docutils.nodes", reason="the pages are built with the extra `dev`")
CSS = (ROOT / "docs" / "_static" / "width.css").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def conf() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "conf.py"))


def row(*cells: str) -> Any:
    entries = [nodes.entry("", nodes.paragraph("", "", nodes.literal(text, text))) for text in cells]
    return nodes.row("", *entries)


def fit(conf: dict[str, Any], *cells: str) -> Any:
    head = nodes.row("", *(nodes.entry("", nodes.paragraph("", heading)) for heading in ("Name", "Path & more")))
    table = nodes.table("", nodes.tgroup("", nodes.thead("", head), nodes.tbody("", row(*cells))))
    conf["fit_tables"](None, nodes.section("", table), "")
    return table


def test_a_cell_names_its_column_but_the_first_which_is_the_rows_heading(conf: dict[str, Any]) -> None:
    labels = [each.astext() for each in fit(conf, "chat", "x").findall(nodes.raw)]
    assert labels == ['<span class="column">Path &amp; more: </span>']


def test_a_path_may_be_broken_after_a_slash_and_a_name_stays_whole(conf: dict[str, Any]) -> None:
    table = fit(conf, "chat_in_thread_streamed", "/query/v1/{id}/")
    name, path = table.findall(nodes.literal)
    assert [type(each) for each in name.children] == [nodes.Text]
    assert [each.astext() for each in path.children] == ["/", "<wbr>", "query/", "<wbr>", "v1/", "<wbr>", "{id}/"]


def test_something_very_long_may_be_broken_within(conf: dict[str, Any]) -> None:
    table = fit(conf, "x", "one_name_that_is_longer_than_any_column_could_ever_be")
    assert "<wbr>" in [each.astext() for each in table.findall(nodes.raw)]


def test_the_style_is_used_and_wraps_tables_and_code(conf: dict[str, Any]) -> None:
    assert conf["html_css_files"] == ["width.css"]
    assert "white-space: pre-wrap" in CSS
    assert "@media (max-width: 46em)" in CSS
