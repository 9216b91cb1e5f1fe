"""An answer as HTML, for notebooks."""

from __future__ import annotations

import html
from collections.abc import Sequence


def render_answer(text: str, sources: Sequence[tuple[str | None, str | None]], *, uncertain: bool) -> str:
    """Return an answer as HTML; no text of the vendor's becomes markup.

    Args:
        sources: the address and the title of each, where it has them.
    """
    paragraphs = "".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n") if part.strip())
    items = "".join(f"<li>{_link(url or '', title)}</li>" for url, title in sources)
    note = "<p><em>The vendor marks this answer as uncertain.</em></p>" if uncertain else ""
    listed = f"<p>Sources</p><ul>{items}</ul>" if items else ""
    return f'<div class="unichat-answer">{paragraphs}{note}{listed}</div>'


def _link(url: str, title: str | None) -> str:
    label = html.escape(title or url or "unnamed")
    # Only web addresses become links: a `javascript:` URL from a vendor would run in the reader's notebook.
    if url.lower().startswith(("https://", "http://")):
        return f'<a href="{html.escape(url)}" rel="noopener noreferrer">{label}</a>'
    return label
