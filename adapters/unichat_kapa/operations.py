"""Kapa's endpoints as operations, in the order of its reference, and two newer ones after them.

Parameters have the reference's names; bodies are flattened; what is None is left out. Every function raises
`InvalidInput` for what Kapa would reject, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from unichat.adapter import (
    EndpointContext,
    Endpoints,
    ErrorResponse,
    Fields,
    JsonModel,
    Operation,
    Replay,
    Reply,
    StreamOperation,
)
from unichat.models import Answer
from unichat_kapa.models import (
    Activity,
    ChatReply,
    EndUser,
    FeedbackRow,
    Integration,
    KnowledgeSource,
    Listing,
    Project,
    QuestionAnswer,
    SearchResult,
    Thread,
    ThreadSummary,
)
from unichat_kapa.settings import UUID
from unichat_kapa.stream import Decoder

M = TypeVar("M", bound=JsonModel)

QUERY_LIMIT = 5000
"""Characters (Unicode code points) of a question."""
USER_IDENTIFIER_LIMIT = 200
_MAX_INTEGER = 2**31 - 1

_PROJECT_SETTING = {"project_id": "project_id"}
_CHAT_SETTINGS = {**_PROJECT_SETTING, "integration_id": "integration_id"}


def _read_message(body: object) -> str:
    """Return the message of an error: `detail`, `message`, or the fields with their errors."""
    if not isinstance(body, dict):
        return ""
    for key in ("detail", "message"):
        if isinstance(body.get(key), str):
            return str(body[key])
    return "; ".join(
        f"{name}: {' '.join(map(str, errors)) if isinstance(errors, list) else errors}" for name, errors in body.items()
    )


def _read_code(body: object) -> str | None:
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, str) else None


def _read_invalid_field(body: object) -> str | None:
    """Return the first field that the error is about."""
    if not isinstance(body, dict) or isinstance(body.get("detail", body.get("message")), str):
        return None
    return next(iter(body), None)


def _error_detector(what: str) -> Callable[[Reply], ErrorResponse | None]:
    """Return a function that detects Kapa's errors; `what` is what a 404 did not find."""

    def detect_error(reply: Reply) -> ErrorResponse | None:
        if 200 <= reply.status < 300:
            return None
        body = reply.envelope()
        message = _read_message(body) or reply.plain_text
        if reply.status == 403 and "rate limit" in message.lower():
            return ErrorResponse(status=403, means=429, message=message, code=_read_code(body))
        route = reply.status in (405, 410) or (reply.status == 404 and not reply.is_json)
        return ErrorResponse(
            status=reply.status,
            message=message,
            code=_read_code(body),
            argument=_read_invalid_field(body),
            what="route" if route else what,
            hint="This version of the endpoint may be wrong or retired: check base_url." if route else "",
        )

    return detect_error


endpoints = Endpoints("kapa", _error_detector("project"))
_detect_thread_error = _error_detector("thread")
_detect_answer_error = _error_detector("answer")


def _check_id(name: str, value: object) -> str:
    if not isinstance(value, str) or not UUID.fullmatch(value):
        raise endpoints.invalid_argument(name, value, "but Kapa's ids are UUIDs", hint="Pass the id as Kapa gave it.")
    return value


def _check_ids(name: str, values: object) -> list[str]:
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        raise endpoints.invalid_argument(name, values, hint="Pass a list of ids.")
    return [_check_id(name, value) for value in values]


def _check_names(name: str, values: object) -> list[str] | None:
    """Return one text, or several, as a list."""
    if values is None:
        return None
    names = [values] if isinstance(values, str) else values
    if isinstance(names, bytes) or not isinstance(names, Sequence) or not all(isinstance(each, str) for each in names):
        raise endpoints.invalid_argument(name, values, hint="Pass text, or a list of texts.")
    return list(names)


def _check_optional_id(name: str, value: object) -> str | None:
    return None if value is None else _check_id(name, value)


def _check_page(name: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_INTEGER:
        raise endpoints.invalid_argument(name, value, "but Kapa takes whole numbers from 1", hint="Pages count from 1.")
    return value


def _check_text(name: str, value: object, limit: int | None) -> str:
    if not isinstance(value, str) or not value.strip() or (limit is not None and len(value) > limit):
        size = f"of 1 to {limit:,} characters" if limit else "that is not empty"
        raise endpoints.invalid_argument(name, value, f"but Kapa takes text {size}", hint="Fix it.", limit=limit)
    return value


def _check_choice(name: str, value: object, accepted: Sequence[str]) -> str:
    if value not in accepted:
        raise endpoints.invalid_argument(name, value, hint=f"Use one of {', '.join(accepted)}.")
    return str(value)


def _drop_none(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _object_parser(model: type[M]) -> Callable[[Reply], M]:
    return lambda reply: model.read(Fields(reply.json()))


def _listing_parser(model: type[M]) -> Callable[[Reply], Listing[M]]:
    return lambda reply: Listing.read(reply.json(), model)


@endpoints.add(
    "GET", "/org/v1/projects/{id}/", Replay.READ, reference="Retrieve a project", from_settings={"id": "project_id"}
)
def retrieve_project(endpoint: EndpointContext, *, id: str) -> Operation[Project]:
    """Return the project's name and team. Source: Kapa reference, 'Retrieve a project'."""
    return endpoint.operation(_object_parser(Project), path={"id": _check_id("id", id)})


@endpoints.add(
    "GET",
    "/ingestion/v1/projects/{project_id}/sources/",
    Replay.READ,
    reference="List all sources",
    from_settings=_PROJECT_SETTING,
)
def list_sources(
    endpoint: EndpointContext, *, project_id: str, page: int | None = None, page_size: int | None = None
) -> Operation[Listing[KnowledgeSource]]:
    """Return one page of the sources that answers are made from. Source: Kapa reference, 'List all sources'."""
    return endpoint.operation(
        _listing_parser(KnowledgeSource),
        path={"project_id": _check_id("project_id", project_id)},
        query={"page": _check_page("page", page), "page_size": _check_page("page_size", page_size)},
    )


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/integrations/",
    Replay.READ,
    reference="List all integrations",
    from_settings=_PROJECT_SETTING,
)
def list_integrations(
    endpoint: EndpointContext, *, project_id: str, integration_type: str | Sequence[str] | None = None
) -> Operation[Listing[Integration]]:
    """Return the integrations, of the given types if any. Source: Kapa reference, 'List all integrations'."""
    return endpoint.operation(
        _listing_parser(Integration),
        path={"project_id": _check_id("project_id", project_id)},
        query={"integration_type": _check_names("integration_type", integration_type)},
    )


def _build_chat_body(
    query: str, user: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None, integration_id: str | None
) -> dict[str, object]:
    return _drop_none(
        query=_check_text("query", query, QUERY_LIMIT),
        integration_id=_check_optional_id("integration_id", integration_id),
        user=user,
        metadata=metadata,
    )


@endpoints.add(
    "POST", "/query/v1/projects/{project_id}/chat/", Replay.ASK, reference="Chat", from_settings=_CHAT_SETTINGS
)
def chat(
    endpoint: EndpointContext,
    *,
    project_id: str,
    query: str,
    user: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    integration_id: str | None = None,
) -> Operation[ChatReply]:
    """Ask in a new thread. `query` has 1 to 5000 characters. Source: Kapa reference, 'Chat'."""
    return endpoint.operation(
        _object_parser(ChatReply),
        path={"project_id": _check_id("project_id", project_id)},
        body=_build_chat_body(query, user, metadata, integration_id),
    )


def _build_custom_body(messages: Sequence[Mapping[str, Any]], **options: object) -> dict[str, object]:
    if isinstance(messages, str | bytes) or not isinstance(messages, Sequence) or not messages:
        raise endpoints.invalid_argument(
            "messages", messages, hint='Pass a list such as [{"role": "user", "content": "…"}].'
        )
    _check_optional_id("integration_id", options.get("integration_id"))
    sources = options.get("source_ids_include")
    if sources is not None:
        options["source_ids_include"] = _check_ids("source_ids_include", sources)
    return _drop_none(messages=list(messages), **options)


@endpoints.add(
    "POST",
    "/query/v1/projects/{project_id}/chat/custom/",
    Replay.ASK,
    reference="Custom chat",
    from_settings=_CHAT_SETTINGS,
)
def custom_chat(
    endpoint: EndpointContext,
    *,
    project_id: str,
    messages: Sequence[Mapping[str, Any]],
    retrieval_query: str | None = None,
    persist_answer: bool | None = None,
    use_retrieval: bool | None = None,
    label_internal_sources: bool | None = None,
    generation_model: str | None = None,
    source_ids_include: Sequence[str] | None = None,
    response_format: str | None = None,
    redact_conversation: bool | None = None,
    integration_id: str | None = None,
) -> Operation[ChatReply]:
    """Ask with full control over the prompt. Kapa's newer pages call it deprecated.

    `messages` are objects with `role` and `content`. Source: Kapa reference, 'Custom chat'.
    """
    body = _build_custom_body(
        messages,
        retrieval_query=retrieval_query,
        persist_answer=persist_answer,
        use_retrieval=use_retrieval,
        label_internal_sources=label_internal_sources,
        generation_model=generation_model,
        source_ids_include=source_ids_include,
        response_format=response_format,
        redact_conversation=redact_conversation,
        integration_id=integration_id,
    )
    return endpoint.operation(
        _object_parser(ChatReply), path={"project_id": _check_id("project_id", project_id)}, body=body
    )


@endpoints.add(
    "POST",
    "/query/v1/threads/{thread_id}/chat/",
    Replay.ASK,
    reference="Chat in thread",
    from_settings={"integration_id": "integration_id"},
    detect_error=_detect_thread_error,
)
def chat_in_thread(
    endpoint: EndpointContext,
    *,
    thread_id: str,
    query: str,
    user: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    integration_id: str | None = None,
) -> Operation[ChatReply]:
    """Ask in an existing thread. `query` has 1 to 5000 characters. Source: Kapa reference, 'Chat in thread'."""
    return endpoint.operation(
        _object_parser(ChatReply),
        path={"thread_id": _check_id("thread_id", thread_id)},
        body=_build_chat_body(query, user, metadata, integration_id),
    )


@endpoints.add(
    "POST",
    "/query/v1/projects/{project_id}/chat/custom/stream/",
    Replay.ASK,
    reference="Custom chat streamed",
    from_settings=_CHAT_SETTINGS,
    streamed=True,
)
def custom_chat_streamed(
    endpoint: EndpointContext,
    *,
    project_id: str,
    messages: Sequence[Mapping[str, Any]],
    retrieval_query: str | None = None,
    persist_answer: bool | None = None,
    use_retrieval: bool | None = None,
    label_internal_sources: bool | None = None,
    generation_model: str | None = None,
    source_ids_include: Sequence[str] | None = None,
    response_format: str | None = None,
    redact_conversation: bool | None = None,
    integration_id: str | None = None,
) -> StreamOperation[Answer]:
    """Ask with full control over the prompt, streamed. Source: Kapa reference, 'Custom chat streamed'."""
    body = _build_custom_body(
        messages,
        retrieval_query=retrieval_query,
        persist_answer=persist_answer,
        use_retrieval=use_retrieval,
        label_internal_sources=label_internal_sources,
        generation_model=generation_model,
        source_ids_include=source_ids_include,
        response_format=response_format,
        redact_conversation=redact_conversation,
        integration_id=integration_id,
    )
    return endpoint.stream(Decoder, path={"project_id": _check_id("project_id", project_id)}, body=body)


@endpoints.add(
    "POST",
    "/query/v1/projects/{project_id}/chat/stream/",
    Replay.ASK,
    reference="Chat streamed",
    from_settings=_CHAT_SETTINGS,
    streamed=True,
)
def chat_streamed(
    endpoint: EndpointContext,
    *,
    project_id: str,
    query: str,
    user: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    integration_id: str | None = None,
) -> StreamOperation[Answer]:
    """Ask in a new thread, streamed. Source: Kapa reference, 'Chat streamed'."""
    return endpoint.stream(
        Decoder,
        path={"project_id": _check_id("project_id", project_id)},
        body=_build_chat_body(query, user, metadata, integration_id),
    )


@endpoints.add(
    "POST",
    "/query/v1/threads/{thread_id}/chat/stream/",
    Replay.ASK,
    reference="Chat in thread streamed",
    from_settings={"integration_id": "integration_id"},
    detect_error=_detect_thread_error,
    streamed=True,
)
def chat_in_thread_streamed(
    endpoint: EndpointContext,
    *,
    thread_id: str,
    query: str,
    user: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    integration_id: str | None = None,
) -> StreamOperation[Answer]:
    """Ask in an existing thread, streamed. Source: Kapa reference, 'Chat in thread streamed'."""
    return endpoint.stream(
        lambda record_limit: Decoder(record_limit, thread_id),
        path={"thread_id": _check_id("thread_id", thread_id)},
        body=_build_chat_body(query, user, metadata, integration_id),
    )


@endpoints.add(
    "POST", "/query/v1/projects/{project_id}/search/", Replay.READ, reference="Search", from_settings=_PROJECT_SETTING
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
        _listing_parser(SearchResult),
        path={"project_id": _check_id("project_id", project_id)},
        body=_drop_none(
            query=_check_text("query", query, None), num_results=num_results, include_source_names=include_source_names
        ),
    )


@endpoints.add(
    "POST", "/query/v1/feedback/upsert/", Replay.UPSERT, reference="Upsert feedback", detect_error=_detect_answer_error
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
        body=_drop_none(
            question_answer=_check_id("question_answer", question_answer),
            reaction=_check_choice("reaction", reaction, ("upvote", "downvote")),
            user_identifier=_check_text("user_identifier", user_identifier, USER_IDENTIFIER_LIMIT),
            comment=comment,
        ),
    )


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/activity/",
    Replay.READ,
    reference="Activity",
    from_settings=_PROJECT_SETTING,
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
        _object_parser(Activity),
        path={"project_id": _check_id("project_id", project_id)},
        query={
            "aggregation_period": _check_choice("aggregation_period", aggregation_period, periods),
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
    from_settings=_PROJECT_SETTING,
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
        _listing_parser(EndUser),
        path={"project_id": _check_id("project_id", project_id)},
        query={
            "has_email": has_email,
            "search": search,
            "ordering": ordering,
            "page": _check_page("page", page),
            "page_size": _check_page("page_size", page_size),
        },
    )


@endpoints.add(
    "GET", "/query/v1/threads/{id}/", Replay.READ, reference="Retrieve a thread", detect_error=_detect_thread_error
)
def retrieve_thread(endpoint: EndpointContext, *, id: str) -> Operation[Thread]:
    """Return a thread with its questions and answers. Source: Kapa reference, 'Retrieve a thread'."""
    return endpoint.operation(_object_parser(Thread), path={"id": _check_id("id", id)})


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/question-answers/",
    Replay.READ,
    reference="List Question Answers",
    from_settings=_PROJECT_SETTING,
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
        _listing_parser(QuestionAnswer),
        path={"project_id": _check_id("project_id", project_id)},
        query={
            "ordering": ordering,
            "page": _check_page("page", page),
            "page_size": _check_page("page_size", page_size),
        },
    )


@endpoints.add(
    "POST",
    "/query/v1/projects/{project_id}/retrieval/",
    Replay.READ,
    reference="(newer) Retrieval",
    from_settings=_PROJECT_SETTING,
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
        _listing_parser(SearchResult),
        path={"project_id": _check_id("project_id", project_id)},
        body=_drop_none(
            query=_check_text("query", query, None),
            top_k=top_k,
            max_chars=max_chars,
            mode=mode,
            source_group_ids_include=source_group_ids_include,
            integration_id=_check_optional_id("integration_id", integration_id),
            redact_query=redact_query,
            user=user,
        ),
    )


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/threads/",
    Replay.READ,
    reference="(newer) List threads",
    from_settings=_PROJECT_SETTING,
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
    parts = _check_names("include", include)
    return endpoint.operation(
        _listing_parser(ThreadSummary),
        path={"project_id": _check_id("project_id", project_id)},
        query={
            "page_size": _check_page("page_size", page_size),
            "cursor": cursor,
            "updated_since": updated_since,
            "sort": sort,
            "include": None if parts is None else ",".join(parts),
        },
    )
