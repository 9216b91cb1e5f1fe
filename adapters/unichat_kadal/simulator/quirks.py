"""Where Kadal's sources leave a choice: what the simulator does, changeable while it runs."""

from __future__ import annotations

from typing import Literal

from attrs import define


@define(kw_only=True)
class KadalQuirks:
    """Kadal's open points. Section numbers are those of the dossier on Kadal's API that the adapter's docs go by."""

    continue_last_chat: bool = False
    """What a send without the flag does (3: never described)."""
    message_in: Literal["body", "query"] = "body"
    """Where v2 wants the message (2.4: a JSON body, almost surely)."""
    feedback_in: Literal["body", "query"] = "body"
    """Where feedback wants its fields (5: a JSON body, most likely)."""
    nothing_found: Literal["answer", "http_204", "body_204"] = "answer"
    """A question that no document fits: an answer that says so, an empty 204, or 204 in a body (2.0: unclear)."""
    errors_in_body: bool = False
    """Send the error envelopes under HTTP 200 (2.0: hinted at)."""
    status_code_type: Literal["int", "str"] = "int"
    """Type of `status_code` in every envelope (2.0: text in sibling services)."""
    id_type: Literal["int", "str"] = "int"
    """Type of `message_id` and `bot_response_id` (2.8)."""
    response_id_offset: int = 0
    """`bot_response_id` less `message_id` (2.8: most likely the same)."""
    count_field: Literal["total_skill_count", "total_count", "none"] = "total_skill_count"
    """The count of a v1 list: its sample and its schema differ (2.0)."""
    default_order: Literal["asc", "desc"] = "asc"
    """Order of a list that asks for none (4: unknown)."""
    default_page_size: int = 10
    """Rows of a v7 page where none is asked for (2.7: unknown)."""
    page_size_cap: int | None = None
    """More rows than that are not given, whatever is asked for (4: none stated)."""
    ignores_page_no: bool = False
    """Every page is the first one (4, end-of-list rule d)."""
    past_the_end: Literal["empty", "body_404", "http_404"] = "empty"
    """A v1 page without rows: an empty list, one with 404 in the body, or HTTP 404 without a list (4: unknown)."""
    v7_empty: Literal["http_200", "http_404"] = "http_200"
    """HTTP status of a v7 page without rows, whose body says 404 (2.7: unstated)."""
    v7_body_required: bool = True
    """Whether v7 refuses a request without a body (2.7)."""
    list_without_ref: Literal["owner", "all"] = "owner"
    """Whose rows a v1 list without `ext_user_id_ref` shows: the token owner's, or everybody's (3)."""
    cleared_rows_listed: bool = False
    """Whether lists still show cleared rows (3: unknown; v7 marks them with `is_cleared`)."""
    clear_scope: Literal["ref", "owner"] = "ref"
    """Whose history is cleared: that of `ext_user_id_ref`, or the token owner's whatever is sent (3: unverified)."""
    clear_nothing: Literal["200", "404"] = "200"
    """Clearing where nothing is left to clear (9, no. 14)."""
    refs_must_be_uuids: bool = False
    """Refuse an `ext_user_id_ref` that is no UUID (3: a sibling service's allowed values)."""
    event_rows: bool = False
    """Add a row of category `event` to v7 lists with each send (4)."""
    null_responses: bool = False
    """Show `bot_response` as null in lists (4: either text may be)."""
    missing_token_status: Literal[401, 403] = 403
    """No bearer token in the request (2.0: 403 of older FastAPI releases, 401 of newer ones)."""
    wrong_token_status: Literal[401, 403] = 401
    """A token not known, or expired (2.0)."""
    health_needs_token: bool = False
    """9, no. 20."""
    token_encoding: Literal["form", "json", "query"] = "form"
    """How the token endpoint wants its fields (8: unclear)."""
    token_lifetime: int = 300
    """Seconds that a fetched token lives (8: the sample's)."""
