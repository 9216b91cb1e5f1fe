"""Dify's settings."""

from collections.abc import Mapping

from attrs import frozen

from unichat.adapter import CommonSettings, Secret, http_url, setting


@frozen(kw_only=True)
class DifySettings(CommonSettings):
    """What `connect("dify", …)` takes."""

    api_key: Secret = setting(env="DIFY_API_KEY", help="The app's key, which also names the app.")
    inputs: Mapping[str, str] | None = setting(default=None, help="The values of the app's variables.")
    base_url: str = setting(default="https://api.dify.ai/v1", check=http_url, help="Where the API is.")
