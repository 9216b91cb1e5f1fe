"""The simulator's projects: two, each with its own key, integrations and sources, invisible to the other."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime

from attrs import field, frozen

from unichat.sandbox import Document, Store

INTEGRATION_TYPES = (
    "SLACK_CHANNEL",
    "SLACK_WORKSPACE",
    "DISCORD_CHANNEL",
    "DISCORD_SERVER",
    "WIDGET",
    "SUPPORT_FORM_DEFLECTOR",
    "API",
    "DASHBOARD_CHAT",
)
_INTEGRATIONS = {"API": "Sandbox bot", "WIDGET": "Sandbox website"}


@frozen
class Integration:
    """One integration of a project."""

    id: str
    type: str
    name: str


@frozen
class Project:
    """A project, and what its key may see. `created_at` is written as in responses."""

    id: str
    name: str
    team: str
    api_key: str = field(repr=False)
    created_at: str
    integrations: tuple[Integration, ...]

    def integration(self, integration_id: str | None) -> Integration | None:
        """Return the project's integration of that id, or None."""
        return next((each for each in self.integrations if each.id == integration_id), None)

    def source_id(self, document: Document) -> str:
        """Return the id of the source for a document; it depends only on the project and the document's name."""
        return str(uuid.uuid5(uuid.UUID(self.id), document.name))


def load_project(store: Store, name: str, now: datetime) -> Project:
    """Return the project of that name, created the first time and stored with the state."""

    def new_id() -> str:
        return str(uuid.uuid4())

    def load_id(what: str) -> str:
        return store.get_or_create(f"kapa.{name}.{what}", new_id)

    return Project(
        id=load_id("project"),
        name=name,
        team=store.get_or_create("kapa.team", new_id),
        api_key=store.get_or_create(f"kapa.{name}.api_key", lambda: secrets.token_urlsafe(32)),
        created_at=store.get_or_create(f"kapa.{name}.created_at", lambda: format_time(now)),
        integrations=tuple(Integration(load_id(kind), kind, title) for kind, title in _INTEGRATIONS.items()),
    )


def format_time(moment: datetime) -> str:
    """Return a time as Kapa writes it: `2019-08-24T14:15:22.000000Z`. Such texts sort by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
