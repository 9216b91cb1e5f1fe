"""The tutorial's bot, as written: it outlives its threads, with either vendor."""

from __future__ import annotations

import re
from typing import Any

import pytest

import unichat
from tests.docs.regenerate import ROOT
from unichat.sandbox import Sandbox

TABLES = {"kapa": ("kapa_feedback", "kapa_answers", "kapa_threads"), "kadal": ("kadal_feedback", "kadal_rows")}


@pytest.fixture(scope="module")
def converse() -> Any:
    """The functions of the page, without what follows them there."""
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    (block,) = (each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def converse" in each)
    namespace: dict[str, Any] = {}
    exec(block.partition("\nwith ")[0], namespace)
    return namespace["converse"]


@pytest.fixture(scope="module")
def box() -> Any:
    with unichat.sandbox.start() as box:
        yield box


def count_questions(box: Sandbox, vendor: str) -> int:
    return box.simulator(vendor).store.number(f"SELECT count(*) FROM {TABLES[vendor][1]}")


@pytest.mark.parametrize("vendor", ["kapa", "kadal"])
def test_the_bot_goes_on_in_a_new_thread_where_the_vendor_has_deleted_the_old_one(
    converse: Any, box: Sandbox, vendor: str
) -> None:
    def lines() -> Any:
        yield "What is a thread?"
        for table in TABLES[vendor]:
            box.simulator(vendor).store.run(f"DELETE FROM {table}")
        yield "How do I switch vendors by config?"
        yield "And then?"

    with unichat.connect(vendor, **box.settings(vendor)) as bot:
        texts = list(converse(bot, "ada", lines()))
    assert len(texts) == 3
    assert not any(text.startswith("No answer") for text in texts), texts


def test_the_bot_goes_on_where_another_thread_has_replaced_its_own(converse: Any, box: Sandbox) -> None:
    with unichat.connect("kadal", **box.settings("kadal")) as bot:

        def lines() -> Any:
            yield "What is a thread?"
            bot.chat("How do I store one?", user="bea")
            yield "And then?"

        assert not any(text.startswith("No answer") for text in converse(bot, "bea", lines()))


@pytest.mark.parametrize("vendor", ["kapa", "kadal"])
def test_the_bot_reports_another_error_and_goes_on(converse: Any, box: Sandbox, vendor: str) -> None:
    with unichat.connect(vendor, **box.settings(vendor)) as bot:
        first, second = converse(bot, "ada", ["", "What is a thread?"])
    assert first == "No answer: the question is empty. Ask something."
    assert "thread" in second
