"""Endpoints that are newer than the reference; from Kapa's public documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unichat.adapter import EndpointContext, Operation, Replay, drop_none
from unichat_kapa.models import Listing, SearchResult, ThreadSummary
from unichat_kapa.operations.arguments import (
    check_id,
    check_optional_id,
    check_page,
    check_text,
    join_names,
)
from unichat_kapa.operations.table import PROJECT_SETTING, endpoints, listing_parser


@endpoints.add(
    "POST",
    "/query/v1/projects/{project_id}/retrieval/",
    Replay.READ,
    reference="(newer) Retrieval",
    from_settings=PROJECT_SETTING,
)
def retrieval(
    endpoint: EndpointContext,
    *,
    project_id: str,
    query: str,
    top_k: int | None = None,
    max_chars: int | None = None,
    mode: str | None = None,
    source_group_ids_include: Sequence[str] | None = None,
    integration_id: str | None = None,
    redact_query: bool | None = None,
    user: Mapping[str, Any] | None = None,
) -> Operation[Listing[SearchResult]]:
    """Return passages that fit, best first. Newer than the reference; from Kapa's public documentation."""
    return endpoint.operation(
        listing_parser(SearchResult),
        path={"project_id": check_id("project_id", project_id)},
        body=drop_none(
            query=check_text("query", query, None),
            top_k=top_k,
            max_chars=max_chars,
            mode=mode,
            source_group_ids_include=source_group_ids_include,
            integration_id=check_optional_id("integration_id", integration_id),
            redact_query=redact_query,
            user=user,
        ),
    )


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/threads/",
    Replay.READ,
    reference="(newer) List threads",
    from_settings=PROJECT_SETTING,
)
def list_threads(
    endpoint: EndpointContext,
    *,
    project_id: str,
    page_size: int | None = None,
    cursor: str | None = None,
    updated_since: str | None = None,
    sort: str | None = None,
    include: str | Sequence[str] | None = None,
) -> Operation[Listing[ThreadSummary]]:
    """Return one page of threads by last activity; `next_cursor` fetches the next. Newer than the reference."""
    return endpoint.operation(
        listing_parser(ThreadSummary),
        path={"project_id": check_id("project_id", project_id)},
        query={
            "page_size": check_page("page_size", page_size),
            "cursor": cursor,
            "updated_since": updated_since,
            "sort": sort,
            "include": join_names("include", include),
        },
    )
