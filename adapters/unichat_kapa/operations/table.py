"""The table of Kapa's endpoints, and what most of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from unichat.adapter import Endpoints, Fields, JsonModel, Reply
from unichat_kapa.models import Listing
from unichat_kapa.operations.errors import error_detector

M = TypeVar("M", bound=JsonModel)
PROJECT_SETTING = {"project_id": "project_id"}
CHAT_SETTINGS = {**PROJECT_SETTING, "integration_id": "integration_id"}
endpoints = Endpoints("kapa", error_detector("project"))
detect_thread_error = error_detector("thread")
detect_answer_error = error_detector("answer")


def object_parser(model: type[M]) -> Callable[[Reply], M]:
    """Return the function that reads a reply as one object."""
    return lambda reply: model.read(Fields(reply.json()))


def listing_parser(model: type[M], key: str = "results") -> Callable[[Reply], Listing[M]]:
    """Return the function that reads a reply as one page of a list, whose rows stand under `key` if it is an object."""
    return lambda reply: Listing.read(reply.json(), model, key)
