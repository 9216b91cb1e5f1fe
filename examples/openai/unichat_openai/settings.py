"""The settings of servers with chat completions: OpenAI's own, and many others."""

from attrs import frozen

from unichat.adapter import Secret, TranscriptSettings, http_url_with_query, non_empty_text, setting


@frozen(kw_only=True)
class OpenAISettings(TranscriptSettings):
    """What `connect("openai", …)` takes."""

    model: str = setting(check=non_empty_text, help="The model's name.")
    api_key: Secret | None = setting(default=None, env="OPENAI_API_KEY", help="The key; a local server may need none.")
    instructions: str | None = setting(default=None, check=non_empty_text, help="What the system message says.")
    base_url: str = setting(
        default="https://api.openai.com/v1", check=http_url_with_query, help="Where the API is, with its version."
    )
