"""Kadal's settings, including one for each point that its reference leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from unichat.adapter import CommonSettings, Secret, TokenProvider, format_value, http_url, non_empty_text, setting
from unichat.errors import ConfigError

ID_LIMIT = 255
"""The longest id, in characters."""


def bot_id_problem(value: object) -> str:
    """Return why `value` cannot be a bot's id, or an empty text if it can."""
    if not isinstance(value, str):
        return "should be text"
    if value.strip() in ("", ".", "..") or not value.isprintable():
        return "cannot be used in a path"
    if any(character in value for character in "/\\?#%"):
        # Encoding them is not enough: a server or proxy may decode the path before it routes.
        return "holds a character that separates parts of a URL"
    if len(value) > ID_LIMIT:
        return f"has {len(value):,} characters, and {ID_LIMIT} is the most that unichat sends"
    return ""


def _check_bot_id(name: str, value: object) -> None:
    problem = bot_id_problem(value)
    if problem:
        raise ConfigError(f"{name} {format_value(value)} {problem}", key=name, hint="Copy it from Kadal's platform.")


def _check_rating_ids(name: str, value: Mapping[str, int]) -> None:
    for key in value:
        if key not in ("up", "down"):
            raise ConfigError(
                f"{name} has {format_value(key)}",
                key=name,
                accepted=("up", "down"),
                hint='Give a whole number for "up" and one for "down", such as {up = 1, down = 2}.',
            )


@frozen(kw_only=True)
class KadalSettings(CommonSettings):
    """What `connect("kadal", …)` takes."""

    chat_bot_id: str = setting(env="KADAL_CHAT_BOT_ID", check=_check_bot_id, help="The bot's id.")
    token: Secret | TokenProvider | None = setting(
        default=None,
        env="KADAL_TOKEN",
        env_unless=("client_id", "client_secret"),
        help="The bearer token, or a function that returns one before each request.",
    )
    client_id: str | None = setting(
        default=None,
        check=non_empty_text,
        help="The client account's id: tokens are then fetched, cached and refreshed.",
    )
    client_secret: Secret | None = setting(default=None, help="The client account's secret.")
    realm: str | None = setting(
        default=None, check=non_empty_text, help="The client account's realm (a UUID), if it has one."
    )
    token_encoding: Literal["form", "json"] = setting(
        default="form", help="How the client account's id and secret are sent to the token endpoint."
    )
    rating_ids: Mapping[str, int] | None = setting(
        default=None,
        check=_check_rating_ids,
        help="The rating ids of your tenant, such as {up = 1, down = 2}; Kadal documents none. Required for feedback.",
    )
    threads: Literal["per-user", "isolated"] = setting(
        default="per-user",
        help="per-user: one conversation per user, as Kadal has it. isolated: one user reference per thread.",
    )
    check_thread: bool | Literal["first"] = setting(
        default="first",
        help="When to read the newest rows before continuing a thread, and raise StaleThread if another one replaced "
        "it: before the first question in a thread that this client has not seen, always, or never.",
    )
    user_ids: Literal["verbatim", "uuid5"] = setting(
        default="verbatim", help="How a user's id becomes ext_user_id_ref: as it is, or as a UUIDv5 made from it."
    )
    require_user: bool = setting(
        default=False,
        help="Reject calls without a user: with a service token, all such users may share one conversation.",
    )
    send_version: Literal["v1", "v2"] = setting(default="v2", help="The send endpoint: v2 is a POST, v1 a GET.")
    message_encoding: Literal["json", "query", "auto"] = setting(
        default="json", help="Where v2's message goes; auto sends it again in the query if a 422 asks for that."
    )
    feedback_encoding: Literal["json", "query", "both", "auto"] = setting(
        default="json", help="Where feedback's fields go; auto sends them again in the query if a 422 asks for that."
    )
    history_version: Literal["v1", "v7"] = setting(
        default="v1",
        help="The list endpoint behind history: v7 has times and ratings, and filters by Kadal's own user id.",
    )
    exclude_tool_verbose: bool | None = setting(
        default=None, help="Hide tool and verbose rows in a v7 history; left out, Kadal's default applies."
    )
    include_events: bool = setting(default=True, help="Keep a v7 history's rows of category event.")
    missing_ok: bool = setting(default=False, help="Treat a 404 on clearing as nothing to clear, not as an error.")
    base_url: str = setting(default="https://api.kadal.ai", check=http_url, help="The URL of Kadal's API.")

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        account = (self.client_id is not None, self.client_secret is not None)
        if self.token is not None and any(account):
            raise ConfigError(
                "token and client_id/client_secret were both given", key="token", hint="Keep one way to sign in."
            )
        if self.token is None and not all(account):
            raise ConfigError(
                "no token", key="token", hint="Set token (or KADAL_TOKEN), or both client_id and client_secret."
            )
