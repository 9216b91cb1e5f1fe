"""The simulator of Kapa: its endpoints, its two projects, its settings."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp

from unichat.sandbox import Library, Simulator, Store
from unichat_kapa.simulator import analytics, chat, lists, search, threads
from unichat_kapa.simulator.activity import activity
from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.end_users import list_end_users
from unichat_kapa.simulator.feedback import upsert_feedback
from unichat_kapa.simulator.projects import Project, load_project
from unichat_kapa.simulator.quirks import KapaQuirks
from unichat_kapa.simulator.records import SCHEMA
from unichat_kapa.simulator.routing import Endpoint, make_router

_PROJECT_PATH = "/query/v1/projects/{project_id}"
_THREAD_PATH = "/query/v1/threads/{thread_id}"


def retrieve_project(context: Context) -> Response:
    """Return the project. Source: Kapa reference, 'Retrieve a project'."""
    return context.ok({"id": context.project.id, "team": context.project.team, "project_name": context.project.name})


ENDPOINTS = (
    Endpoint("GET", "/org/v1/projects/{project_id}/", retrieve_project),
    Endpoint("GET", "/ingestion/v1/projects/{project_id}/sources/", lists.list_sources),
    Endpoint("GET", f"{_PROJECT_PATH}/integrations/", lists.list_integrations),
    Endpoint("POST", f"{_PROJECT_PATH}/chat/", chat.chat),
    Endpoint("POST", f"{_PROJECT_PATH}/chat/custom/", chat.custom_chat),
    Endpoint("POST", f"{_THREAD_PATH}/chat/", chat.chat_in_thread),
    Endpoint("POST", f"{_PROJECT_PATH}/chat/custom/stream/", chat.custom_chat_streamed),
    Endpoint("POST", f"{_PROJECT_PATH}/chat/stream/", chat.chat_streamed),
    Endpoint("POST", f"{_THREAD_PATH}/chat/stream/", chat.chat_in_thread_streamed),
    Endpoint("POST", f"{_PROJECT_PATH}/search/", search.search),
    Endpoint("POST", "/query/v1/feedback/upsert/", upsert_feedback),
    Endpoint("GET", f"{_PROJECT_PATH}/activity/", activity),
    Endpoint("GET", f"{_PROJECT_PATH}/end-users/", list_end_users),
    Endpoint("GET", f"{_THREAD_PATH}/", threads.retrieve_thread),
    Endpoint("GET", f"{_PROJECT_PATH}/question-answers/", lists.list_question_answers),
    # Beyond the reference.
    Endpoint("POST", f"{_PROJECT_PATH}/retrieval/", search.retrieval),
    Endpoint("GET", f"{_PROJECT_PATH}/threads/", threads.list_threads),
    Endpoint("GET", "/ingestion/v1/projects/{project_id}/source-groups/", analytics.list_source_groups),
    *(
        endpoint
        for kind in (analytics.TOP_QUESTIONS, analytics.COVERAGE_GAPS)
        for endpoint in (
            Endpoint("GET", f"{_PROJECT_PATH}/{kind}/periods/", analytics.list_kind_periods(kind)),
            Endpoint("GET", f"/query/v1/{kind}/periods/{{period_id}}/", analytics.retrieve_kind_period(kind)),
        )
    ),
)
"""In the order of the reference."""


class KapaSimulator(Simulator):
    """Kapa on loopback. `quirks` says what it does where the reference is unclear, and can be replaced.

    There are two `projects`, each with its own key: the first is the one of `settings`, the second shows that neither
    sees the other's threads, answers and users.
    """

    name = "kapa"
    schema = SCHEMA

    def __init__(self, store: Store, library: Library, base_url: str) -> None:
        super().__init__(store, library, base_url)
        self.quirks = KapaQuirks()
        self.projects: tuple[Project, ...] = tuple(
            load_project(store, name, self.now()) for name in ("Sandbox", "Other")
        )

    @classmethod
    def sample_answers(cls, text: str) -> dict[str, Any]:
        """Return what Kapa answers. Source: Kapa reference, 'Chat' and 'Chat in thread'."""
        answer = {
            "answer": text,
            "thread_id": "00000000-0000-4000-8000-000000000001",
            "question_answer_id": "00000000-0000-4000-8000-000000000002",
            "is_uncertain": False,
            "relevant_sources": [],
        }
        return {"chat": answer, "chat_in_thread": answer}

    def reset(self) -> None:
        """Return to the default quirks as well."""
        super().reset()
        self.quirks = KapaQuirks()

    def app(self) -> ASGIApp:
        """Return the app that answers Kapa's paths."""
        return make_router(ENDPOINTS, self, self.projects, lambda: self.quirks)

    @property
    def project(self) -> Project:
        """The project of `settings`."""
        return self.projects[0]

    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments of `unichat.connect("kapa", …)` that reach this simulator."""
        return {
            "base_url": self.base_url,
            "api_key": self.project.api_key,
            "project_id": self.project.id,
            "integration_id": self.project.integrations[0].id,
        }

    def secrets(self) -> tuple[str, ...]:
        """Return the keys of both projects."""
        return tuple(each.api_key for each in self.projects)
