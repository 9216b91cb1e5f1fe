"""Quirks: what the simulator does where Kadal's documentation is not clear. They can be changed while it runs."""

from __future__ import annotations

from typing import Literal

from attrs import define


@define(kw_only=True)
class KadalQuirks:
    """Kadal's open points. `docs/mapping.md` says how the adapter reads each."""

    continue_last_chat: bool = False
    """What a send without the flag does (never described)."""
    message_in: Literal["body", "query"] = "body"
    """Where v2 expects the message (a JSON body, almost surely)."""
    feedback_in: Literal["body", "query"] = "body"
    """Where feedback expects its fields (a JSON body, most likely)."""
    nothing_found: Literal["answer", "http_204", "body_204"] = "answer"
    """A question that no document answers: an answer that says so, an empty 204, or 204 in a body (unclear)."""
    errors_in_body: bool = False
    """Send the error envelopes under HTTP 200 (hinted at)."""
    status_code_type: Literal["int", "str"] = "int"
    """Type of `status_code` in every envelope (text in sibling services)."""
    id_type: Literal["int", "str", "object_id"] = "int"
    """Type of `message_id` and `bot_response_id`: a number, digits, or the row's `_id`, as newer ids are."""
    response_id_offset: int = 0
    """`bot_response_id` minus `message_id` (most likely 0)."""
    count_field: Literal["total_skill_count", "total_count", "none"] = "total_skill_count"
    """The field with the count in a v1 list: the reference's sample and schema differ."""
    default_order: Literal["asc", "desc"] = "asc"
    """Order of a list by default (unknown)."""
    default_page_size: int = 10
    """Rows per v7 page by default (unknown)."""
    page_size_cap: int | None = None
    """Maximum rows per page, whatever is requested (none stated)."""
    ignores_page_no: bool = False
    """Every page is the first one."""
    past_the_end: Literal["empty", "body_404", "http_404"] = "empty"
    """A v1 page without rows: an empty list, one with 404 in the body, or HTTP 404 without a list (unknown)."""
    v7_empty: Literal["http_200", "http_404"] = "http_200"
    """HTTP status of a v7 page without rows, whose body says 404 (unstated)."""
    v7_body_required: bool = True
    """Whether v7 rejects a request without a body."""
    list_without_ref: Literal["owner", "all"] = "owner"
    """Whose rows a v1 list without `ext_user_id_ref` shows: the token owner's, or everyone's."""
    cleared_rows_listed: bool = False
    """Whether lists still show cleared rows (unknown; v7 marks them with `is_cleared`)."""
    clear_scope: Literal["ref", "owner"] = "ref"
    """Whose history is cleared: that of `ext_user_id_ref`, or always the token owner's (unverified)."""
    clear_nothing: Literal["200", "404"] = "200"
    """Clearing an empty history: whether that is a 404 is not documented."""
    refs_must_be_uuids: bool = False
    """Reject an `ext_user_id_ref` that is not a UUID (a sibling service's allowed values)."""
    event_rows: bool = False
    """Add a row of category `event` to v7 lists with each send."""
    null_responses: bool = False
    """Show `bot_response` as null in lists (either text may be)."""
    missing_token_status: Literal[401, 403] = 403
    """No bearer token in the request (403 of older FastAPI releases, 401 of newer ones)."""
    wrong_token_status: Literal[401, 403] = 401
    """A token that is unknown or has expired."""
    health_needs_token: bool = False
    """Whether health needs a token is not documented."""
    token_encoding: Literal["form", "json", "query"] = "form"
    """How the token endpoint expects its fields (unclear)."""
    token_lifetime: int = 300
    """Token lifetime in seconds (the sample's)."""
