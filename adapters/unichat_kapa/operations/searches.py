"""Searches, feedback and statistics. Source: Kapa reference, 'Search' to 'List End Users'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unichat.adapter import EndpointContext, Fields, Operation, Replay, drop_none
from unichat_kapa.models import Activity, EndUser, FeedbackRow, Listing, SearchResult
from unichat_kapa.operations.arguments import (
    USER_IDENTIFIER_LIMIT,
    check_choice,
    check_id,
    check_page,
    check_text,
)
from unichat_kapa.operations.table import PROJECT_SETTING, detect_answer_error, endpoints, listing_parser, object_parser


@endpoints.add(
    "POST", "/query/v1/projects/{project_id}/search/", Replay.READ, reference="Search", from_settings=PROJECT_SETTING
)
def search(
    endpoint: EndpointContext,
    *,
    project_id: str,
    query: str,
    num_results: int | None = None,
    include_source_names: Sequence[str] | None = None,
) -> Operation[Listing[SearchResult]]:
    """Search the sources; 10 results unless `num_results` says otherwise. Source: Kapa reference, 'Search'.

    The reference shows a JSON body without naming the method; a body means POST.
    """
    return endpoint.operation(
        listing_parser(SearchResult),
        path={"project_id": check_id("project_id", project_id)},
        body=drop_none(
            query=check_text("query", query, None), num_results=num_results, include_source_names=include_source_names
        ),
    )


@endpoints.add(
    "POST", "/query/v1/feedback/upsert/", Replay.UPSERT, reference="Upsert feedback", detect_error=detect_answer_error
)
def upsert_feedback(
    endpoint: EndpointContext,
    *,
    question_answer: str,
    reaction: str,
    user_identifier: str,
    comment: Mapping[str, Any] | None = None,
) -> Operation[FeedbackRow]:
    """Rate an answer; the same user and answer again updates the row.

    `reaction` is `upvote` or `downvote`; `user_identifier` has 1 to 200 characters; `comment` is an object with `issue`
    and the flags `incorrect`, `irrelevant`, `unaddressed`, for a downvote only.
    Source: Kapa reference, 'Upsert feedback'.
    """
    return endpoint.operation(
        lambda reply: FeedbackRow.read(Fields(reply.json() if reply.body else {})),
        body=drop_none(
            question_answer=check_id("question_answer", question_answer),
            reaction=check_choice("reaction", reaction, ("upvote", "downvote")),
            user_identifier=check_text("user_identifier", user_identifier, USER_IDENTIFIER_LIMIT),
            comment=comment,
        ),
    )


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/activity/",
    Replay.READ,
    reference="Activity",
    from_settings=PROJECT_SETTING,
)
def activity(
    endpoint: EndpointContext,
    *,
    project_id: str,
    aggregation_period: str,
    start_date_time: str | None = None,
    end_date_time: str | None = None,
    integration_filter: str | None = None,
) -> Operation[Activity]:
    """Return statistics. Times are ISO 8601 text. Source: Kapa reference, 'Activity'."""
    periods = ("HOUR", "DAY", "WEEK", "MONTH", "YEAR")
    return endpoint.operation(
        object_parser(Activity),
        path={"project_id": check_id("project_id", project_id)},
        query={
            "aggregation_period": check_choice("aggregation_period", aggregation_period, periods),
            "start_date_time": start_date_time,
            "end_date_time": end_date_time,
            "integration_filter": integration_filter,
        },
    )


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/end-users/",
    Replay.READ,
    reference="List End Users",
    from_settings=PROJECT_SETTING,
)
def list_end_users(
    endpoint: EndpointContext,
    *,
    project_id: str,
    has_email: str | bool | None = None,
    search: str | None = None,
    ordering: str | None = None,
    page: int | None = None,
    page_size: int | None = None,
) -> Operation[Listing[EndUser]]:
    """Return one page of the people who asked. Source: Kapa reference, 'List End Users'."""
    return endpoint.operation(
        listing_parser(EndUser),
        path={"project_id": check_id("project_id", project_id)},
        query={
            "has_email": has_email,
            "search": search,
            "ordering": ordering,
            "page": check_page("page", page),
            "page_size": check_page("page_size", page_size),
        },
    )
