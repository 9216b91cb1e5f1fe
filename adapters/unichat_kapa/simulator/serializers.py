"""Serializers: the JSON objects of Kapa's reference, made from rows and documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from sqlite3 import Row
from typing import Any, Literal

from unichat.sandbox import Document, Passage, dump_json
from unichat_kapa.simulator.projects import Integration, Project

Sources = list[dict[str, Any]]


def is_internal(document_name: str) -> bool:
    """Whether a document counts as internal data: one in a folder called `internal`."""
    return "internal" in document_name.split("/")[:-1]


def describe_sources(passages: Iterable[Passage]) -> Sources:
    """Return sources as they are stored: with a path, since the port of the URL changes with each start."""
    return [
        {
            "path": passage.path,
            "title": passage.title,
            "contains_internal_data": is_internal(passage.document),
            "content": passage.text,
            "source_name": passage.document,
        }
        for passage in passages
    ]


def serialize_sources(stored: Iterable[Mapping[str, Any]], source_url: Callable[[str], str], *, full: bool) -> Sources:
    """Return `relevant_sources`; `full` with what only custom chat shows. Source: Kapa reference, 'Chat'."""
    return [
        {
            "source_url": source_url(each["path"]),
            "title": each["title"],
            "contains_internal_data": each["contains_internal_data"],
            **({"content": each["content"], "source_name": each["source_name"]} if full else {}),
        }
        for each in stored
    ]


def serialize_question_answer(row: Row, feedback: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a question answer. Source: Kapa reference, 'List Question Answers'."""
    return {
        "id": row["id"],
        "thread_id": row["thread"],
        "question": row["question"],
        "answer": row["answer"],
        "is_uncertain": bool(row["uncertain"]),
        "is_redacted": bool(row["redacted"]),
        "end_user_id": row["user"],
        "created_at": row["created_at"],
        "feedback": feedback,
    }


def serialize_thread_sources(
    row: Row, source_url: Callable[[str], str], form: Literal["text", "list", "null"]
) -> str | Sources | None:
    """Return `relevant_sources` of an answer inside a thread. Source: Kapa reference, 'Retrieve a thread'."""
    if form == "null":
        return None
    sources = serialize_sources(json.loads(row["sources"]), source_url, full=False)
    return dump_json(sources) if form == "text" else sources


def serialize_integration(project: Project, each: Integration) -> dict[str, Any]:
    """Return an integration. Source: Kapa reference, 'List all integrations'."""
    return {
        "id": each.id,
        "project": project.id,
        "name": each.name,
        "description": f"The sandbox's integration of type {each.type}",
        "integration_type": each.type,
        "is_setup_complete": True,
        "is_enabled": True,
        "updated_at": project.created_at,
        "created_at": project.created_at,
    }


def serialize_source(project: Project, document: Document) -> dict[str, Any]:
    """Return a knowledge source, which here is a document. Source: Kapa reference, 'List all sources'."""
    return {
        "project": project.id,
        "id": project.source_id(document),
        "name": document.name,
        "title_prefix": "",
        "description": "A Markdown file of the sandbox",
        "type": "markdown",
        "contains_internal_data": is_internal(document.name),
        "ready_for_review": False,
        "ingest_without_review": True,
        "ingested_at": project.created_at,
        "created_at": project.created_at,
        "updated_at": project.created_at,
        # All of these are text, as in the reference's sample.
        "has_periodic_task": "false",
        "next_run_at": "",
        "last_task_name": "ingest",
        "last_task_status": "SUCCESS",
        "last_task_error": "",
        "periodic_task": "0",
        "can_be_deleted": "false",
        "can_be_refreshed": "false",
        "can_be_duplicated": "false",
        "deployed_markdown_items": 1,
        "markdown_pii_config": {"entities": []},
    }


def serialize_rating(row: Row) -> dict[str, Any]:
    """Return a rating. Source: Kapa reference, 'Upsert feedback'."""
    return {
        "id": row["id"],
        "comment": json.loads(row["comment"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "user_identifier": row["user_identifier"],
        "reaction": row["reaction"],
        "question_answer": row["answer"],
    }


def serialize_end_user(row: Row) -> dict[str, Any]:
    """Return an end user, from a row of the query in `end_users`. Source: Kapa reference, 'List End Users'."""
    return {
        "id": row["id"],
        "display_id": row["email"] or row["unique_client_id"] or f"Anonymous {row['id'][:8]}",
        "email": row["email"],
        "unique_client_id": row["unique_client_id"],
        "question_answer_count": row["question_answer_count"],
        "latest_thread_id": row["latest_thread_id"],
        "latest_thread_first_question": row["latest_thread_first_question"],
        "latest_activity_at": row["latest_activity_at"],
        "first_activity_at": row["first_activity_at"],
        "company_name": row["company_name"],
    }
