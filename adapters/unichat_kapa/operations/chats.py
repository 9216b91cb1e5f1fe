"""Chats, whole. Source: Kapa reference, 'Chat', 'Custom chat' and 'Chat in thread'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unichat.adapter import EndpointContext, Operation, Replay
from unichat_kapa.models import ChatReply
from unichat_kapa.operations.arguments import build_chat_body, build_custom_body, check_id
from unichat_kapa.operations.table import CHAT_SETTINGS, detect_thread_error, endpoints, object_parser


@endpoints.add(
    "POST", "/query/v1/projects/{project_id}/chat/", Replay.ASK, reference="Chat", from_settings=CHAT_SETTINGS
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
        object_parser(ChatReply),
        path={"project_id": check_id("project_id", project_id)},
        body=build_chat_body(query, user, metadata, integration_id),
    )


@endpoints.add(
    "POST",
    "/query/v1/projects/{project_id}/chat/custom/",
    Replay.ASK,
    reference="Custom chat",
    from_settings=CHAT_SETTINGS,
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
    return endpoint.operation(
        object_parser(ChatReply), path={"project_id": check_id("project_id", project_id)}, body=body
    )


@endpoints.add(
    "POST",
    "/query/v1/threads/{thread_id}/chat/",
    Replay.ASK,
    reference="Chat in thread",
    from_settings={"integration_id": "integration_id"},
    detect_error=detect_thread_error,
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
        object_parser(ChatReply),
        path={"thread_id": check_id("thread_id", thread_id)},
        body=build_chat_body(query, user, metadata, integration_id),
    )
