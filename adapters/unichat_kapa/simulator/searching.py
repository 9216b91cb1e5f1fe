"""Search and retrieval: passages instead of an answer."""

from __future__ import annotations

from starlette.responses import Response

from unichat.sandbox import Passage
from unichat_kapa.simulator.calls import Call
from unichat_kapa.simulator.forms import RETRIEVAL, SEARCH

_SOURCE_TYPE = "markdown"
_MOST = 100


def search(call: Call) -> Response:
    """Return the passages that fit a query, best first. Source: Kapa reference, 'Search'."""
    body = call.form(SEARCH)
    documents = None
    if body["include_source_names"]:
        wanted = set(body["include_source_names"])
        documents = [each.name for each in call.simulator.manual.documents if wanted & {each.name, _SOURCE_TYPE}]
    found = _found(call, body["query"], body["num_results"], documents)
    return call.ok(
        [
            {
                "content": passage.text,
                "source_url": call.simulator.source_url(passage.path),
                "title": passage.title,
                "source_type": _SOURCE_TYPE,
            }
            for passage in found
        ]
    )


def retrieval(call: Call) -> Response:
    """Return the passages that fit a query as a bare list, up to `max_chars`. Beyond the reference."""
    body = call.form(RETRIEVAL)
    call.integration_id(body["integration_id"])
    left = body["max_chars"]
    chunks = []
    for passage in _found(call, body["query"], body["top_k"], None):
        if left is not None and (left := left - len(passage.text)) < 0:
            break
        chunks.append({"content": passage.text, "source_url": call.simulator.source_url(passage.path)})
    return call.ok(chunks)


def _found(call: Call, query: str, most: int, documents: list[str] | None) -> list[Passage]:
    return call.simulator.manual.index.search(query, documents, min(most, _MOST))
