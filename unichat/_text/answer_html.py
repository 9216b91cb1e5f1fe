"""An answer as HTML, for notebooks."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unichat.models import Answer, Source


def render_answer(answer: Answer) -> str:
    """Return an answer with its sources as HTML; no text of the vendor's becomes markup."""
    paragraphs = "".join(f"<p>{html.escape(part)}</p>" for part in answer.text.split("\n\n") if part.strip())
    items = "".join(f"<li>{_link(source)}</li>" for source in answer.sources)
    doubt = "<p><em>The vendor marks this answer as uncertain.</em></p>" if answer.uncertain else ""
    sources = f"<p>Sources</p><ul>{items}</ul>" if items else ""
    return f'<div class="unichat-answer">{paragraphs}{doubt}{sources}</div>'


def _link(source: Source) -> str:
    url = source.url or ""
    label = html.escape(source.title or url or "unnamed")
    # Only web addresses become links: a `javascript:` URL from a vendor would run in the reader's notebook.
    if url.lower().startswith(("https://", "http://")):
        return f'<a href="{html.escape(url)}" rel="noopener noreferrer">{label}</a>'
    return label
