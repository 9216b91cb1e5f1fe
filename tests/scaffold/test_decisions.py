"""The marks in new packages: each is explained, and says the same wherever it stands."""

from __future__ import annotations

import re

from tests.scaffold.decisions import SECTIONS, decisions
from tests.vendors import ROOT


def test_every_decision_says_where_the_docs_say_more():
    assert set(decisions()) == set(SECTIONS)


def test_every_section_is_there():
    page = (ROOT / "docs" / "adding-an-adapter.md").read_text(encoding="utf-8")
    headings = re.findall(r"^##+ (.+)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(SECTIONS.values()) <= anchors


def test_every_decision_is_a_question():
    for question, _ in decisions().values():
        assert question.endswith("?")
        assert len(question) < 120
