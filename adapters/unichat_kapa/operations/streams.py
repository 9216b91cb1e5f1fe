"""Chats, streamed. Source: Kapa reference, 'Custom chat streamed' to 'Chat in thread streamed'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unichat.adapter import EndpointContext, Replay, StreamOperation
from unichat.models import Answer
from unichat_kapa.operations.arguments import build_chat_body, build_custom_body, check_id
from unichat_kapa.operations.table import CHAT_SETTINGS, detect_thread_error, endpoints
from unichat_kapa.stream import Decoder


@endpoints.add(
    "POST",
    "/query/v1/projects/{project_id}/chat/custom/stream/",
    Replay.ASK,
    reference="Custom chat streamed",
    from_settings=CHAT_SETTINGS,
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
    body = build_custom_body(
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
    return endpoint.stream(Decoder, path={"project_id": check_id("project_id", project_id)}, body=body)


@endpoints.add(
    "POST",
    "/query/v1/projects/{project_id}/chat/stream/",
    Replay.ASK,
    reference="Chat streamed",
    from_settings=CHAT_SETTINGS,
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
        path={"project_id": check_id("project_id", project_id)},
        body=build_chat_body(query, user, metadata, integration_id),
    )


@endpoints.add(
    "POST",
    "/query/v1/threads/{thread_id}/chat/stream/",
    Replay.ASK,
    reference="Chat in thread streamed",
    from_settings={"integration_id": "integration_id"},
    detect_error=detect_thread_error,
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
        path={"thread_id": check_id("thread_id", thread_id)},
        body=build_chat_body(query, user, metadata, integration_id),
    )
