"""Projects, sources and integrations. Source: Kapa reference, 'Retrieve a project' to 'List all integrations'."""

from __future__ import annotations

from collections.abc import Sequence

from unichat.adapter import EndpointContext, Operation, Replay
from unichat_kapa.models import Integration, KnowledgeSource, Listing, Project
from unichat_kapa.operations.arguments import check_id, check_names, check_page
from unichat_kapa.operations.table import PROJECT_SETTING, endpoints, listing_parser, object_parser


@endpoints.add(
    "GET", "/org/v1/projects/{id}/", Replay.READ, reference="Retrieve a project", from_settings={"id": "project_id"}
)
def retrieve_project(endpoint: EndpointContext, *, id: str) -> Operation[Project]:
    """Return the project's name and team. Source: Kapa reference, 'Retrieve a project'."""
    return endpoint.operation(object_parser(Project), path={"id": check_id("id", id)})


@endpoints.add(
    "GET",
    "/ingestion/v1/projects/{project_id}/sources/",
    Replay.READ,
    reference="List all sources",
    from_settings=PROJECT_SETTING,
)
def list_sources(
    endpoint: EndpointContext, *, project_id: str, page: int | None = None, page_size: int | None = None
) -> Operation[Listing[KnowledgeSource]]:
    """Return one page of the sources that answers are made from. Source: Kapa reference, 'List all sources'."""
    return endpoint.operation(
        listing_parser(KnowledgeSource),
        path={"project_id": check_id("project_id", project_id)},
        query={"page": check_page("page", page), "page_size": check_page("page_size", page_size)},
    )


@endpoints.add(
    "GET",
    "/query/v1/projects/{project_id}/integrations/",
    Replay.READ,
    reference="List all integrations",
    from_settings=PROJECT_SETTING,
)
def list_integrations(
    endpoint: EndpointContext, *, project_id: str, integration_type: str | Sequence[str] | None = None
) -> Operation[Listing[Integration]]:
    """Return the integrations, of the given types if any. Source: Kapa reference, 'List all integrations'."""
    return endpoint.operation(
        listing_parser(Integration),
        path={"project_id": check_id("project_id", project_id)},
        query={"integration_type": check_names("integration_type", integration_type)},
    )
