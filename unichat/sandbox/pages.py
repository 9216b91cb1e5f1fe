"""Serves the documents as web pages under `/docs/`, so that the URLs of sources work while the sandbox runs."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from unichat.sandbox.answers import Library
from unichat.sandbox.passages import MARKDOWN, headings

PREFIX = "/docs/"
# The documents are the user's own, but a page without scripts need not be trusted.
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body {{ max-width: 45em; margin: 2em auto; padding: 0 1em; font: 1em/1.5 sans-serif }}
:target {{ background: #ffd }} pre {{ overflow: auto }}</style>
{body}</html>
"""


def page_url(base_url: str, path: str) -> str:
    """Return the URL of the page that shows a passage's `path` (`guide/start.md#retries`)."""
    return base_url + PREFIX + quote(path, safe="/#")


def render_page(library: Library, path: str) -> Response:
    """Return the page at the decoded `path` under `/docs/`, or a 404."""
    name = path.removeprefix(PREFIX)
    for document in library.documents:
        if document.name == name:
            tokens = MARKDOWN.parse(document.text)
            anchors = iter(headings(tokens))
            for token in tokens:
                if token.type == "heading_open" and token.level == 0:
                    token.attrSet("id", next(anchors).anchor)
            body = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
            return HTMLResponse(_PAGE.format(title=escape(name), body=body), headers=_HEADERS)
    return PlainTextResponse("no such document", 404, headers=_HEADERS)
