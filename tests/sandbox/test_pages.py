"""The documents as web pages: the link of a source opens, whatever its file and its heading are called."""

from __future__ import annotations

import os
import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import requests

import unichat
import unichat.sandbox

NAMES = [
    "c#.md",
    "c#/part#2.md",
    "100%.md",
    "%23.md",
    "a b (1).md",
    "x&y=z;+.md",
    "ünï.md",
    "安装.md",
    "a'[b]!~.md",
    *(["what?.md", "what?/why?.md", 'say "x".md', "a\\\\b.md", "line\nend.md"] if os.name == "posix" else []),
]
HEADINGS = ["Kettle", "Kettle", "Kettle 1", "水壶?", "C# & F#", "100 %", "*Kettle* `x`"]


def test_the_link_of_every_source_opens_at_its_heading(tmp_path: Path) -> None:
    words = [f"wort{number}" for number in range(len(NAMES) * len(HEADINGS))]
    todo = iter(words)
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        text = "".join(f"## {heading}\n\nAll about {next(todo)}.\n\n" for heading in HEADINGS)
        path.write_text(text, encoding="utf-8")
    opened: set[str] = set()
    with (
        unichat.sandbox.start(docs=tmp_path) as box,
        unichat.connect("kapa", **box.settings("kapa")) as bot,
        requests.Session() as session,
    ):
        for word in words:
            url = bot.chat(f"What about {word}?").sources[0].url or ""
            assert url.isascii()
            parts = urlsplit(url)
            page = session.get(url, timeout=30)
            assert page.status_code == 200, url
            _, _, section = page.text.partition(f'id="{unquote(parts.fragment)}"')
            first = re.search(r"All about (\w+)\.", unescape(section))
            assert first is not None, url
            assert first[1] == word
            opened.add(url)
    assert len(opened) == len(words)


@pytest.mark.parametrize("path", ["missing.md", "c%23.md#x", "%2e%2e/setup.py", "%ff.md"])
def test_a_page_that_is_no_document_is_not_found(tmp_path: Path, path: str) -> None:
    (tmp_path / "a.md").write_text("# A\n\ntext\n", encoding="utf-8")
    with unichat.sandbox.start(docs=tmp_path) as box:
        base_url = box.settings("kapa")["base_url"]
        assert requests.get(f"{base_url}/docs/{path}", timeout=30).status_code == 404
