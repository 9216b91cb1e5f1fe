"""Settings: how an adapter declares them, and those that every adapter has.

A settings class is an attrs class whose fields come from `setting(...)`. From it unichat reads files, URLs, keywords
and the environment, reports every mistake at once, and generates the JSON Schema of the config file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import NOTHING, field, frozen

from unichat._text.printable import format_value
from unichat._text.templates import Setting, Template
from unichat.adapter.addresses import normalize_url
from unichat.adapter.setting_checks import (
    call_rate,
    http_url,
    is_loopback,
    non_empty_text,
    non_negative_integer,
    one_of,
    positive_integer,
    positive_seconds,
    split_base_url,
    true_or_false,
)
from unichat.errors import ConfigError


def setting(
    *,
    help: str,
    default: Any = NOTHING,
    check: Callable[[str, Any], None] | None = None,
    env: str | None = None,
    env_unless: tuple[str, ...] = (),
    path: bool = False,
) -> Any:
    """Declare one setting.

    Args:
        help: one sentence for the docs, the schema and error messages.
        default: the value when it is left out; without a default, the setting is required.
        check: called with the setting's name and value; raises `ConfigError`.
        env: the environment variable that is read if the setting is left out.
        env_unless: settings that replace this one: if any of them is given, the environment variable is ignored.
        path: whether it is the path of a file or folder: `~` is then expanded, and in a config file it is relative to
            that file's folder.
    """

    def validate(_: object, attribute: Any, value: Any) -> None:
        if value is None and default is not None:
            raise ConfigError(f"{attribute.name} is None", key=attribute.name, hint="Give a value, or leave it out.")
        if check is not None and value is not None:
            check(attribute.name, value)

    metadata = {"help": help, "env": env, "env_unless": env_unless, "path": path}
    return field(default=default, validator=validate, metadata=metadata)


@frozen(kw_only=True)
class PolicySettings:
    """Time limits, retries and size limits: the same for every backend."""

    deadline: float | None = setting(
        default=None,
        check=positive_seconds,
        help="Seconds for a whole call, including attempts and waits. Default: 120 for questions, 30 for the rest.",
    )
    connect_timeout: float = setting(default=5.0, check=positive_seconds, help="Seconds for making a connection.")
    connections: int | None = setting(
        default=None, check=positive_integer, help="Maximum number of connections. Default: 64, or 1,000 on asyncio."
    )
    first_event_timeout: float = setting(
        default=60.0, check=positive_seconds, help="Seconds of silence before a stream's first event."
    )
    idle_timeout: float = setting(
        default=30.0, check=positive_seconds, help="Seconds of silence between two events of a stream."
    )
    attempts: int = setting(default=3, check=positive_integer, help="Maximum number of attempts, including the first.")
    replay: Literal["never", "reconcile", "always"] = setting(
        default="never",
        check=one_of("never", "reconcile", "always"),
        help="What to do when a question may have been received: raise; read the thread or history first, and ask "
        "again only if it is not there; or ask again.",
    )
    retry_insufficient_tokens: bool = setting(
        default=True, check=true_or_false, help="Retry a 507, slowly. RFC 4918 says not to; false follows it."
    )
    backoff: float = setting(
        default=0.5, check=positive_seconds, help="Seconds: the longest first wait after a failure."
    )
    backoff_cap: float = setting(default=8.0, check=positive_seconds, help="Seconds: the longest wait after a failure.")
    throttle_backoff: float = setting(
        default=1.0, check=positive_seconds, help="Seconds: the longest first wait after a 429."
    )
    throttle_backoff_cap: float = setting(
        default=20.0, check=positive_seconds, help="Seconds: the longest wait after a 429."
    )
    token_backoff: float = setting(
        default=5.0, check=positive_seconds, help="Seconds: the longest first wait after a 507."
    )
    token_backoff_cap: float = setting(
        default=30.0, check=positive_seconds, help="Seconds: the longest wait after a 507."
    )
    retry_after_limit: float = setting(
        default=60.0, check=positive_seconds, help="Seconds: a Retry-After longer than this is not honoured."
    )
    retry_budget: int = setting(
        default=100,
        check=non_negative_integer,
        help="Tokens for retries: a retry costs 10 (5 after a 429 or 507), a success returns 1. 0 allows none.",
    )
    breaker_failures: int | None = setting(
        default=None,
        check=positive_integer,
        help="Failures in a row that open the circuit breaker. Default: no breaker.",
    )
    breaker_reset: float = setting(
        default=30.0, check=positive_seconds, help="Seconds until an open breaker lets one probe through."
    )
    rate: str | None = setting(
        default=None,
        check=call_rate,
        help='Space calls to this rate, such as "20/min"; shared by all clients on one key.',
    )
    body_limit: int = setting(
        default=16 * 1024 * 1024, check=positive_integer, help="Maximum size of a response, in bytes, decompressed."
    )
    record_limit: int = setting(
        default=1024 * 1024, check=positive_integer, help="Maximum size of a stream's record, in bytes."
    )
    page_limit: int = setting(
        default=10_000, check=positive_integer, help="Maximum number of pages that one history reads."
    )
    log_content: bool = setting(
        default=False,
        check=true_or_false,
        help="Log the vendor's own message about a failure too. It may quote what somebody asked.",
    )


@frozen(kw_only=True)
class CommonSettings(PolicySettings):
    """The settings of every adapter; an adapter's own class derives from this one."""

    base_url: str = setting(
        default="", check=http_url, help="The vendor's URL, or that of a simulator or gateway to use instead."
    )
    on_unsupported: Literal["raise", "drop"] = setting(
        default="raise",
        check=one_of("raise", "drop"),
        help="What to do with an argument that the backend does not support: raise Unsupported, or log and drop it.",
    )
    ca_bundle: str | None = setting(
        default=None,
        check=non_empty_text,
        path=True,
        help="A file with the authorities to trust instead of the default ones; relative to the config file.",
    )
    allow_insecure: bool = setting(
        default=False,
        check=true_or_false,
        help="Allow http:// to another machine. The key then crosses the network in the clear.",
    )

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "base_url", normalize_url(self.base_url))
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and not self.allow_insecure and not is_loopback(parts.hostname or ""):
            raise ConfigError(
                f"base_url: {format_value(split_base_url(self.base_url)[0])} would send the key in the clear",
                key="base_url",
                hint=Template("Use https://, or set ", Setting("allow_insecure", "true"), " if that network is yours."),
            )
