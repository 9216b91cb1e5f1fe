"""Kapa's lists of sources, integrations and question answers, and pagination in the forms of its reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from starlette.responses import Response

from unichat_kapa.simulator import serializers
from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.errors import field_error, not_found_error
from unichat_kapa.simulator.projects import INTEGRATION_TYPES
from unichat_kapa.simulator.quirks import Shape

Fetch = Callable[[int, int], Sequence[object]]
"""Takes limit and offset, returns those rows."""


def list_sources(context: Context) -> Response:
    """List the project's knowledge sources. Source: Kapa reference, 'List all sources'."""
    rows = [serializers.serialize_source(context.project, document) for document in context.simulator.manual.documents]
    return paginate(
        context, context.quirks.sources_shape, len(rows), lambda limit, offset: rows[offset : offset + limit]
    )


def list_integrations(context: Context) -> Response:
    """List the project's integrations. Source: Kapa reference, 'List all integrations'."""
    wanted = context.request.query_params.getlist("integration_type")
    for each in wanted:
        if each not in INTEGRATION_TYPES:
            message = f"Select a valid choice. {each} is not one of the available choices."
            raise field_error("integration_type", message)
    rows = [
        serializers.serialize_integration(context.project, each)
        for each in context.project.integrations
        if not wanted or each.type in wanted
    ]
    shape = context.quirks.integrations_shape
    if shape == "bare":
        return context.ok(rows)
    return paginate(context, shape, len(rows), lambda limit, offset: rows[offset : offset + limit])


def list_question_answers(context: Context) -> Response:
    """List the project's question answers. Source: Kapa reference, 'List Question Answers'."""
    newest_first = context.request.query_params.get("ordering", "created_at").strip() == "-created_at"

    def fetch(limit: int, offset: int) -> list[object]:
        rows = context.records.list_answer_page(newest_first, limit, offset)
        return [serializers.serialize_question_answer(row, context.records.list_feedback(row["id"])) for row in rows]

    return paginate(context, context.quirks.question_answers_shape, context.records.count_answers(), fetch)


def paginate(context: Context, shape: Shape, total: int, fetch: Fetch) -> Response:
    """Return the requested page of the list, in one of the shapes.

    Raises:
        ApiError: 404 `Invalid page.` if `page` is not a positive number or too high.
    """
    size = read_page_size(context)
    last = max(1, -(-total // size))
    page = _read_page_number(context.request.query_params.get("page", ""), last)
    rows: Sequence[object] = []
    if page <= last:
        rows = fetch(size, (page - 1) * size)
    elif shape != "bare" or context.quirks.past_the_end_of_bare == "404":
        raise not_found_error("Invalid page.")
    if shape == "bare":
        return context.ok(rows)
    if shape == "object":
        return context.ok(rows[0] if rows else {})
    links = (
        {"next": _page_link(context, page + 1, last), "previous": _page_link(context, page - 1, last)}
        if shape == "next"
        else {}
    )
    return context.ok({"count": total, **links, "results": rows})


def read_page_size(context: Context) -> int:
    """Return the `page_size` of the query up to the cap, or the default if it is not a positive number."""
    size = _parse_number(context.request.query_params.get("page_size", ""))
    return context.quirks.page_size if size is None or size < 1 else min(size, context.quirks.page_size_cap)


def _read_page_number(text: str, last: int) -> int:
    page = last if text == "last" else _parse_number(text or "1")
    if page is None or page < 1:
        raise not_found_error("Invalid page.")
    return page


def _parse_number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _page_link(context: Context, page: int, last: int) -> str | None:
    if not 1 <= page <= last:
        return None
    others = [(key, value) for key, value in context.request.query_params.multi_items() if key != "page"]
    path = context.request.scope["path"]
    return f"{context.simulator.base_url}{path}?{urlencode([*others, ('page', page)])}"
