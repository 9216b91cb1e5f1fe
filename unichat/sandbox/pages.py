"""Serves the documents as web pages under `/docs/`, so that the URLs of sources work while the sandbox runs."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from unichat.sandbox.answers import Library
from unichat.sandbox.markdown import parse, render

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
    """Return the URL of the page that shows a passage with this `path` (`guide/start.md#retries`)."""
    return base_url + PREFIX + path


def render_page(library: Library, path: str) -> Response:
    """Return the page at the decoded `path` under `/docs/`, or a 404."""
    name = path.removeprefix(PREFIX)
    for document in library.documents:
        if document.name == name:
            body = render(parse(document.text))
            return HTMLResponse(_PAGE.format(title=escape(name), body=body), headers=_HEADERS)
    return PlainTextResponse("no such document", 404, headers=_HEADERS)
