"""Search and retrieval, which return passages instead of an answer."""

from __future__ import annotations

from starlette.responses import Response

from unichat.sandbox import Passage
from unichat_kapa.simulator.analytics import source_group
from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.schemas import RETRIEVAL, SEARCH

_SOURCE_TYPE = "markdown"
_MAX_RESULTS = 100


def search(context: Context) -> Response:
    """Return the passages that fit a query, best first. Source: Kapa reference, 'Search'."""
    body = context.read_body(SEARCH)
    documents = None
    if body["include_source_names"]:
        wanted = set(body["include_source_names"])
        documents = [each.name for each in context.simulator.manual.documents if wanted & {each.name, _SOURCE_TYPE}]
    found = _search_passages(context, body["query"], body["num_results"], documents)
    return context.ok(
        [
            {
                "content": passage.text,
                "source_url": context.simulator.source_url(passage.path),
                "title": passage.title,
                "source_type": _SOURCE_TYPE,
            }
            for passage in found
        ]
    )


def retrieval(context: Context) -> Response:
    """Return the passages that fit a query as a bare list, up to `max_chars`. Beyond the reference."""
    body = context.read_body(RETRIEVAL)
    context.check_integration_id(body["integration_id"])
    remaining = body["max_chars"]
    chunks = []
    documents = None
    if body["source_group_ids_include"]:
        wanted = set(body["source_group_ids_include"])
        documents = [
            each.name for each in context.simulator.manual.documents if source_group(context, each)[0] in wanted
        ]
    for passage in _search_passages(context, body["query"], body["top_k"], documents):
        if remaining is not None and (remaining := remaining - len(passage.text)) < 0:
            break
        chunks.append({"content": passage.text, "source_url": context.simulator.source_url(passage.path)})
    return context.ok(chunks)


def _search_passages(context: Context, query: str, limit: int, documents: list[str] | None) -> list[Passage]:
    return context.simulator.manual.index.search(query, documents, min(limit, _MAX_RESULTS))
