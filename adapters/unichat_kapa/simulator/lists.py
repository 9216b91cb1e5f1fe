"""Kapa's lists: pages, and the shapes that its reference shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from starlette.responses import Response

from unichat_kapa.simulator import shapes
from unichat_kapa.simulator.calls import Call
from unichat_kapa.simulator.projects import INTEGRATION_TYPES
from unichat_kapa.simulator.quirks import Shape
from unichat_kapa.simulator.refusals import field_error, not_found

Fetch = Callable[[int, int], Sequence[object]]
"""Takes limit and offset, returns those rows."""


def sources(call: Call) -> Response:
    """List the project's knowledge sources. Source: Kapa reference, 'List all sources'."""
    rows = [shapes.source(call.project, document) for document in call.simulator.manual.documents]
    return paged(call, call.quirks.sources_shape, len(rows), lambda limit, offset: rows[offset : offset + limit])


def integrations(call: Call) -> Response:
    """List the project's integrations. Source: Kapa reference, 'List all integrations'."""
    wanted = call.request.query_params.getlist("integration_type")
    for each in wanted:
        if each not in INTEGRATION_TYPES:
            message = f"Select a valid choice. {each} is not one of the available choices."
            raise field_error("integration_type", message)
    rows = [
        shapes.integration(call.project, each)
        for each in call.project.integrations
        if not wanted or each.type in wanted
    ]
    shape = call.quirks.integrations_shape
    if shape == "bare":
        return call.ok(rows)
    return paged(call, shape, len(rows), lambda limit, offset: rows[offset : offset + limit])


def question_answers(call: Call) -> Response:
    """List the project's question answers. Source: Kapa reference, 'List Question Answers'."""
    newest_first = call.request.query_params.get("ordering", "created_at").strip() == "-created_at"

    def fetch(limit: int, offset: int) -> list[object]:
        rows = call.records.page_of_answers(newest_first, limit, offset)
        return [shapes.question_answer(row, call.records.feedback(row["id"])) for row in rows]

    return paged(call, call.quirks.question_answers_shape, call.records.count_answers(), fetch)


def paged(call: Call, shape: Shape, total: int, fetch: Fetch) -> Response:
    """Return the page that was asked for, in one of the shapes.

    Raises:
        Refused: 404 `Invalid page.` if `page` is no positive number or too high, 400 if `page_size` is none.
    """
    size = page_size(call)
    page = _page_number(call.request.query_params.get("page", "1"))
    last = max(1, -(-total // size))
    rows: Sequence[object] = []
    if page <= last:
        rows = fetch(size, (page - 1) * size)
    elif shape != "bare" or call.quirks.past_the_end_of_bare == "404":
        raise not_found("Invalid page.")
    if shape == "bare":
        return call.ok(rows)
    if shape == "object":
        return call.ok(rows[0] if rows else {})
    links = {"next": _link(call, page + 1, last), "previous": _link(call, page - 1, last)} if shape == "next" else {}
    return call.ok({"count": total, **links, "results": rows})


def page_size(call: Call) -> int:
    """Return the `page_size` of the query, or the usual one, up to the cap."""
    text = call.request.query_params.get("page_size")
    if text is None:
        return call.quirks.page_size
    size = _positive(text)
    if size is None:
        raise field_error("page_size", "A valid integer is required.")
    return min(size, call.quirks.page_size_cap)


def _page_number(text: str) -> int:
    page = _positive(text)
    if page is None:
        raise not_found("Invalid page.")
    return page


def _positive(text: str) -> int | None:
    # 18 digits: no page is further, and each is a number that SQLite takes.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 and int(text) else None


def _link(call: Call, page: int, last: int) -> str | None:
    if not 1 <= page <= last:
        return None
    others = [(key, value) for key, value in call.request.query_params.multi_items() if key != "page"]
    return f"{call.simulator.base_url}{call.request.url.path}?{urlencode([*others, ('page', page)])}"
