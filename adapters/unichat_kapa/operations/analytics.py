"""Source groups, top questions and coverage gaps: newer than the reference.

Source: Kapa's documentation and public connectors of 2026.
"""

from __future__ import annotations

from unichat.adapter import EndpointContext, Operation, Replay
from unichat_kapa.analytics import Cluster, Period, SourceGroup
from unichat_kapa.models import Listing
from unichat_kapa.operations.arguments import check_choice, check_id, check_page
from unichat_kapa.operations.table import PROJECT_SETTING, endpoints, listing_parser

INTERVALS = ("weekly", "monthly", "quarterly")


@endpoints.add(
    "GET",
    "/ingestion/v1/projects/{project_id}/source-groups/",
    Replay.READ,
    reference="(newer) List source groups",
    from_settings=PROJECT_SETTING,
)
def list_source_groups(
    endpoint: EndpointContext, *, project_id: str, page: int | None = None, page_size: int | None = None
) -> Operation[Listing[SourceGroup]]:
    """Return one page of the groups of sources. Newer than the reference."""
    return endpoint.operation(
        listing_parser(SourceGroup),
        path={"project_id": check_id("project_id", project_id)},
        query={"page": check_page("page", page), "page_size": check_page("page_size", page_size)},
    )


def _list_periods(
    endpoint: EndpointContext, project_id: str, interval: str | None, page_size: int | None, cursor: str | None
) -> Operation[Listing[Period]]:
    return endpoint.operation(
        listing_parser(Period, "periods"),
        path={"project_id": check_id("project_id", project_id)},
        query={
            "interval": None if interval is None else check_choice("interval", interval, INTERVALS),
            "page_size": check_page("page_size", page_size),
            "cursor": cursor,
        },
    )


def _retrieve_period(
    endpoint: EndpointContext, id: str, page_size: int | None, cursor: str | None
) -> Operation[Listing[Cluster]]:
    return endpoint.operation(
        listing_parser(Cluster, "clusters"),
        path={"id": check_id("id", id)},
        query={"page_size": check_page("page_size", page_size), "cursor": cursor},
    )


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/top-questions/periods/",
    Replay.READ,
    reference="(newer) List top question periods",
    from_settings=PROJECT_SETTING,
)
def list_top_question_periods(
    endpoint: EndpointContext,
    *,
    project_id: str,
    interval: str | None = None,
    page_size: int | None = None,
    cursor: str | None = None,
) -> Operation[Listing[Period]]:
    """Return one page of the periods, newest first; `next_cursor` fetches the next. Newer than the reference."""
    return _list_periods(endpoint, project_id, interval, page_size, cursor)


@endpoints.add(
    "GET",
    "/query/v1/top-questions/periods/{id}/",
    Replay.READ,
    reference="(newer) Retrieve a top questions period",
)
def retrieve_top_questions_period(
    endpoint: EndpointContext, *, id: str, page_size: int | None = None, cursor: str | None = None
) -> Operation[Listing[Cluster]]:
    """Return one page of the clusters of questions of a period. Newer than the reference."""
    return _retrieve_period(endpoint, id, page_size, cursor)


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/coverage-gaps/periods/",
    Replay.READ,
    reference="(newer) List coverage gap periods",
    from_settings=PROJECT_SETTING,
)
def list_coverage_gap_periods(
    endpoint: EndpointContext,
    *,
    project_id: str,
    interval: str | None = None,
    page_size: int | None = None,
    cursor: str | None = None,
) -> Operation[Listing[Period]]:
    """Return one page of the periods, newest first; `next_cursor` fetches the next. Newer than the reference."""
    return _list_periods(endpoint, project_id, interval, page_size, cursor)


@endpoints.add(
    "GET",
    "/query/v1/coverage-gaps/periods/{id}/",
    Replay.READ,
    reference="(newer) Retrieve a coverage gaps period",
)
def retrieve_coverage_gaps_period(
    endpoint: EndpointContext, *, id: str, page_size: int | None = None, cursor: str | None = None
) -> Operation[Listing[Cluster]]:
    """Return one page of the clusters of questions that were answered uncertainly. Newer than the reference."""
    return _retrieve_period(endpoint, id, page_size, cursor)
