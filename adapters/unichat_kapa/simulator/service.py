"""Kapa, simulated: its endpoints, its two projects, its settings."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp

from unichat.sandbox import Library, Simulator, Store
from unichat_kapa.simulator import chatting, lists, searching, threads
from unichat_kapa.simulator.activity import activity
from unichat_kapa.simulator.calls import Call
from unichat_kapa.simulator.feedback import upsert_feedback
from unichat_kapa.simulator.people import end_users
from unichat_kapa.simulator.projects import Project, project
from unichat_kapa.simulator.quirks import KapaQuirks
from unichat_kapa.simulator.records import SCHEMA
from unichat_kapa.simulator.routing import Endpoint, router

_OF_PROJECT = "/query/v1/projects/{project_id}"
_OF_THREAD = "/query/v1/threads/{thread_id}"


def retrieve_project(call: Call) -> Response:
    """Return the project. Source: Kapa reference, 'Retrieve a project'."""
    return call.ok({"id": call.project.id, "team": call.project.team, "project_name": call.project.name})


ENDPOINTS = (
    Endpoint("GET", "/org/v1/projects/{project_id}/", retrieve_project),
    Endpoint("GET", "/ingestion/v1/projects/{project_id}/sources/", lists.sources),
    Endpoint("GET", f"{_OF_PROJECT}/integrations/", lists.integrations),
    Endpoint("POST", f"{_OF_PROJECT}/chat/", chatting.chat),
    Endpoint("POST", f"{_OF_PROJECT}/chat/custom/", chatting.custom_chat),
    Endpoint("POST", f"{_OF_THREAD}/chat/", chatting.chat_in_thread),
    Endpoint("POST", f"{_OF_PROJECT}/chat/custom/stream/", chatting.custom_chat_streamed),
    Endpoint("POST", f"{_OF_PROJECT}/chat/stream/", chatting.chat_streamed),
    Endpoint("POST", f"{_OF_THREAD}/chat/stream/", chatting.chat_in_thread_streamed),
    Endpoint("POST", f"{_OF_PROJECT}/search/", searching.search),
    Endpoint("POST", "/query/v1/feedback/upsert/", upsert_feedback),
    Endpoint("GET", f"{_OF_PROJECT}/activity/", activity),
    Endpoint("GET", f"{_OF_PROJECT}/end-users/", end_users),
    Endpoint("GET", f"{_OF_THREAD}/", threads.retrieve_thread),
    Endpoint("GET", f"{_OF_PROJECT}/question-answers/", lists.question_answers),
    # Beyond the reference.
    Endpoint("POST", f"{_OF_PROJECT}/retrieval/", searching.retrieval),
    Endpoint("GET", f"{_OF_PROJECT}/threads/", threads.list_threads),
)
"""In the order of the reference."""


class KapaSimulator(Simulator):
    """Kapa on loopback. `quirks` says what it does where the reference leaves a choice, and can be replaced any time.

    `projects` are two, each with a key of its own: the first is the one of `settings`, the second is there to show that
    neither sees the other's threads, answers and users.
    """

    name = "kapa"
    schema = SCHEMA

    def __init__(self, store: Store, library: Library, base_url: str) -> None:
        super().__init__(store, library, base_url)
        self.quirks = KapaQuirks()
        self.projects: tuple[Project, ...] = tuple(project(store, name, self.now()) for name in ("Sandbox", "Other"))

    def app(self) -> ASGIApp:
        """Return the app that answers Kapa's paths."""
        return router(ENDPOINTS, self, self.projects, lambda: self.quirks)

    @property
    def project(self) -> Project:
        """The project that `settings` lead to."""
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
