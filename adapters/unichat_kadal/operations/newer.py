"""The history in its newer form (v7); from Kadal's documentation 1.3.0."""

from __future__ import annotations

from unichat.adapter import EndpointContext, Operation, Replay, drop_none
from unichat_kadal.models import ChatList
from unichat_kadal.operations.arguments import BOT_SETTING, check_bot_id, check_integer, check_order, endpoints
from unichat_kadal.operations.errors import error_detector


@endpoints.add(
    "POST",
    "/aiwb/chat/api/v7/",
    Replay.READ,
    reference="(newer) List Chats",
    from_settings=BOT_SETTING,
    detect_error=error_detector("bot", is_list=True, version_setting="history_version"),
)
def list_chats_v7(
    endpoint: EndpointContext,
    *,
    chat_bot_id: str,
    page_no: int | None = None,
    page_size: int | None = None,
    order: str | None = None,
    exclude_tool_verbose: bool | None = None,
    text: str | None = None,
    created_by: str | None = None,
) -> Operation[ChatList]:
    """Return one page of a bot's history, in the newer form: with times, ratings and which rows were cleared.

    `text` searches questions and answers; `created_by` is Kadal's own user id. Newer than the reference; from Kadal's
    documentation 1.3.0.
    """
    filters = {"text": text, "created_by": created_by}
    return endpoint.operation(
        ChatList.read,
        query={
            "chat_bot_id": check_bot_id(chat_bot_id),
            "page_no": None if page_no is None else check_integer("page_no", page_no, 1),
            "page_size": None if page_size is None else check_integer("page_size", page_size, 1),
            "order": check_order(order),
            "exclude_tool_verbose": exclude_tool_verbose,
        },
        # Always an object: the framework may require a body even if every field of it is optional.
        body=drop_none(**filters),
    )
