"""Threads, and their questions and answers. Source: Kapa reference, 'Retrieve a thread', 'List Question Answers'."""

from __future__ import annotations

from unichat.adapter import EndpointContext, Operation, Replay
from unichat_kapa.models import Listing, QuestionAnswer, Thread
from unichat_kapa.operations.arguments import check_id, check_page
from unichat_kapa.operations.table import PROJECT_SETTING, detect_thread_error, endpoints, listing_parser, object_parser


@endpoints.add(
    "GET", "/query/v1/threads/{id}/", Replay.READ, reference="Retrieve a thread", detect_error=detect_thread_error
)
def retrieve_thread(endpoint: EndpointContext, *, id: str) -> Operation[Thread]:
    """Return a thread with its questions and answers. Source: Kapa reference, 'Retrieve a thread'."""
    return endpoint.operation(object_parser(Thread), path={"id": check_id("id", id)})


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/question-answers/",
    Replay.READ,
    reference="List Question Answers",
    from_settings=PROJECT_SETTING,
)
def list_question_answers(
    endpoint: EndpointContext,
    *,
    project_id: str,
    ordering: str | None = None,
    page: int | None = None,
    page_size: int | None = None,
) -> Operation[Listing[QuestionAnswer]]:
    """Return one page of the project's questions and answers.

    `ordering` has no values in the reference; `created_at` and `-created_at` are the usual ones.
    Source: Kapa reference, 'List Question Answers'.
    """
    return endpoint.operation(
        listing_parser(QuestionAnswer),
        path={"project_id": check_id("project_id", project_id)},
        query={
            "ordering": ordering,
            "page": check_page("page", page),
            "page_size": check_page("page_size", page_size),
        },
    )
