"""Front matter: what site generators have above a page's text, which is about the page and not part of it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any


def split_front_matter(text: str) -> tuple[str, str]:
    """Return the title that the front matter gives (empty without one), and the text below it.

    Known forms: YAML between `---` lines (Jekyll, Docusaurus, MyST; also ended by `...`, as for Pandoc), TOML between
    `+++` lines (Hugo, Zola), JSON (Hugo; also between `;;;` lines), each of the three between `---` lines that name it,
    lines such as `Title: …` up to an empty one (MkDocs, Pelican), and Pandoc's `% Title`. Text between two thematic
    breaks that does not look like one of these is part of the page.
    """
    begin = text.lstrip("\n")
    for read in (_split_fences, _split_json, _split_header, _split_title_block):
        found = read(begin)
        if found is not None:
            return found
    return "", text


_Split = tuple[str, str] | None

_OPENING = re.compile(r"(---|\+\+\+|;;;)[ \t]*(yaml|yml|toml|json)?[ \t]*\n", re.IGNORECASE)
_FORMS = {"---": "yaml", "+++": "toml", ";;;": "json", "yml": "yaml"}
_KEY_END = re.compile(r":(?:[ \t]|$)")
_NO_KEY = frozenset(" \t#>|*&!%@`{}[]-")
"""Characters that no key begins with: each has another meaning in YAML or Markdown."""
_YAML_OTHER = re.compile(r"[ \t]|#|-[ \t]|-$|[\]}]")
_TOML_FIRST = re.compile(r"""[\w."'-]+[ \t]*=|\[""")


def _split_fences(text: str) -> _Split:
    opening = _OPENING.match(text)
    if opening is None:
        return None
    mark, named = opening[1], (opening[2] or "").lower()
    ends = "---|\\.\\.\\." if mark == "---" else re.escape(mark)
    closing = re.compile(rf"^(?:{ends})[ \t]*(?:\n|\Z)", re.MULTILINE).search(text, opening.end())
    if closing is None:
        return None
    form = _FORMS.get(named, named) or _FORMS[mark]
    title = _TITLES[form](text[opening.end() : closing.start()])
    return None if title is None else (title, text[closing.end() :])


def _split_key(line: str) -> tuple[str, str] | None:
    """Return key and value of a line such as `title: Kettle`; None of any other line."""
    end = _KEY_END.search(line)
    if end is None or end.start() == 0 or line[0] in _NO_KEY:
        return None
    return line[: end.start()].strip(" \t\"'").lower(), line[end.end() :]


def _yaml_title(body: str) -> str | None:
    """Return the title, empty without one; None if this is not a mapping in YAML."""
    lines = [line for line in body.split("\n") if line.strip() and not line.startswith("#")]
    if lines and lines[0].startswith("{"):
        return ""
    pairs = [_split_key(line) for line in lines]
    if lines and pairs[0] is None:
        return None
    if any(pair is None and not _YAML_OTHER.match(line) for pair, line in zip(pairs, lines, strict=True)):
        return None
    return _unquote(dict(filter(None, pairs)).get("title", ""))


def _unquote(value: str) -> str:
    value = value.strip()
    if value[:1] in ("'", '"'):
        end = value.find(value[0], 1)
        return value[1:end] if end > 0 else value[1:]
    # A title over several lines is left out.
    return "" if value[:1] in ("|", ">") else value.split(" #")[0].rstrip()


def _toml_title(body: str) -> str | None:
    lines = [line for line in body.split("\n") if line.strip() and not line.startswith("#")]
    if lines and not _TOML_FIRST.match(lines[0]):
        return None
    try:
        return _read_title(tomllib.loads(body))
    except (ValueError, RecursionError):
        return ""


def _json_title(body: str) -> str | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _read_title(value) if isinstance(value, dict) else None


def _read_title(values: Mapping[str, Any]) -> str:
    title = values.get("title")
    return title if isinstance(title, str) else ""


_TITLES: dict[str, Callable[[str], str | None]] = {"yaml": _yaml_title, "toml": _toml_title, "json": _json_title}


def _split_json(text: str) -> _Split:
    if not text.startswith("{"):
        return None
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not re.match(r"[ \t]*(?:\n|\Z)", text[end:]):
        return None
    return _read_title(value), text[end:].lstrip(" \t").removeprefix("\n")


def _split_header(text: str) -> _Split:
    header, _, rest = text.partition("\n\n")
    lines = header.rstrip("\n").split("\n")
    pairs = [_split_key(line) for line in lines]
    # "Note: the kettle is hot" is not one; a header has a title.
    title = dict(filter(None, pairs)).get("title", "")
    if pairs[0] is None or not title:
        return None
    if any(pair is None and not line.startswith((" ", "\t")) for pair, line in zip(pairs, lines, strict=True)):
        return None
    return _unquote(title), rest


def _split_title_block(text: str) -> _Split:
    block = re.match(r"(?:%.*(?:\n[ \t]+.*)*(?:\n|\Z)){1,3}", text)
    if block is None or not text.startswith("% "):
        return None
    title = re.split(r"\n(?=%)", block[0])[0].removeprefix("%")
    return " ".join(title.split()), text[block.end() :]
