"""Kapa's settings."""

from __future__ import annotations

import re

from attrs import frozen

from unichat.adapter import CommonSettings, Secret, format_value, http_url, setting
from unichat.errors import ConfigError

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _check_uuid(name: str, value: str) -> None:
    if not UUID.fullmatch(value):
        raise ConfigError(
            f"{name} is {format_value(value)}, but Kapa's ids are UUIDs",
            key=name,
            hint="Copy it from the URL of the project in Kapa's platform.",
        )


@frozen(kw_only=True)
class KapaSettings(CommonSettings):
    """What `connect("kapa", …)` takes."""

    api_key: Secret = setting(env="KAPA_API_KEY", help="The project's API key.")
    project_id: str = setting(env="KAPA_PROJECT_ID", check=_check_uuid, help="The project's UUID.")
    integration_id: str | None = setting(
        default=None,
        check=_check_uuid,
        help="The integration's UUID, sent with every question; without it, Kapa counts them as coming from an unknown "
        "source.",
    )
    base_url: str = setting(default="https://api.kapa.ai", check=http_url, help="The URL of Kapa's API.")

    @property
    def scope(self) -> str:
        """The project, as the references of threads and answers name it: in lower case, since UUIDs are equal so."""
        return self.project_id.lower()
