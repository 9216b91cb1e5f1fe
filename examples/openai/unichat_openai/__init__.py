"""Servers with OpenAI's chat completions, which keep no conversations: an example of an adapter."""

from unichat.adapter import Backend
from unichat_openai.adapter import OpenAIAdapter
from unichat_openai.operations import endpoints
from unichat_openai.settings import OpenAISettings

backend = Backend(
    name="openai", title="OpenAI", settings=OpenAISettings, build=OpenAIAdapter, endpoints=endpoints, identity="model"
)
