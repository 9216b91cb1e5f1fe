"""The simulator of Kadal: its endpoints, its two bots, its settings."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp

from unichat.sandbox import Library, Simulator, Store, json_response
from unichat_kadal.simulator import chats, history
from unichat_kadal.simulator.context import Context
from unichat_kadal.simulator.quirks import KadalQuirks
from unichat_kadal.simulator.records import SCHEMA, Records
from unichat_kadal.simulator.routing import Endpoint, make_app
from unichat_kadal.simulator.tokens import Tokens

_CHAT = "/aiwb/chat/api"


def health(context: Context) -> Response:
    """Say that the service is up. Source: Kadal Chat API 1.0.7, 'healthz'."""
    return json_response(200, {"msg": "OK"})


class KadalSimulator(Simulator):
    """Kadal on loopback. `quirks` says what it does where the reference is not clear, and can be replaced at any time.

    There are two bots: `chat_bot_id` is the one of `settings`, `other_chat_bot_id` shows that neither has the
    other's rows. `client_id` and `client_secret` fetch tokens that expire; the one of `settings` does not.
    """

    name = "kadal"
    schema = SCHEMA

    def __init__(self, store: Store, library: Library, base_url: str) -> None:
        super().__init__(store, library, base_url)
        self.quirks = KadalQuirks()
        self._tokens = Tokens(self)
        self._records = Records(store, self._tokens.tenant_id)
        # The token's owner is the first person, as in the reference's sample.
        self._records.find_or_create_person("")
        self.chat_bot_id = self._records.find_or_create_bot("Sandbox bot")
        self.other_chat_bot_id = self._records.find_or_create_bot("Other bot")

    @property
    def client_id(self) -> str:
        """The id of the client account that may fetch tokens."""
        return self._tokens.client_id

    @property
    def client_secret(self) -> str:
        """The secret of the client account that may fetch tokens."""
        return self._tokens.client_secret

    @classmethod
    def sample_answers(cls, text: str) -> dict[str, Any]:
        """Return what Kadal answers. Source: Kadal Chat API 1.0.7, 'Post chat' and 'Get chat'."""
        answer = {"status_code": 200, "message_id": 1, "message": text}
        return {"post_chat": answer, "get_chat": answer}

    def reset(self) -> None:
        """Return to the default quirks as well."""
        super().reset()
        self.quirks = KadalQuirks()

    def app(self) -> ASGIApp:
        """Return the app that answers Kadal's paths."""
        endpoints = (
            Endpoint("GET", f"{_CHAT}/v1/healthz", health, lambda quirks: quirks.health_needs_token),
            Endpoint("GET", f"{_CHAT}/v1/", history.list_chats),
            Endpoint("GET", f"{_CHAT}/v1/{{chat_bot_id}}", chats.get_chat),
            Endpoint("POST", f"{_CHAT}/v1/clearhistory/{{chat_bot_id}}", chats.clear_chat_history),
            Endpoint("POST", f"{_CHAT}/v2/{{chat_bot_id}}", chats.post_chat),
            Endpoint("POST", f"{_CHAT}/v1/feedbacks/", chats.add_feedback),
            # Beyond the reference.
            Endpoint("POST", f"{_CHAT}/v7/", history.list_chats_v7),
            Endpoint("POST", "/auth/api/v1/oauth/connect/token", self._tokens.issue_token, lambda _: False),
        )
        return make_app(endpoints, self, self._records, self._tokens, lambda: self.quirks)

    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments of `unichat.connect("kadal", …)` that reach this simulator."""
        return {
            "base_url": self.base_url,
            "token": self._tokens.token,
            "chat_bot_id": self.chat_bot_id,
            "rating_ids": {"up": 1, "down": 2},
        }

    def secrets(self) -> tuple[str, ...]:
        """Return the token that does not expire, and the client's secret."""
        return (self._tokens.token, self._tokens.client_secret)

    def tokens_left(self, chat_bot_id: str | None = None) -> int:
        """Return a bot's token allowance (default: that of `chat_bot_id`); each word of an exchange takes one."""
        return self._records.tokens_left(chat_bot_id or self.chat_bot_id)

    def set_tokens_left(self, tokens: int, chat_bot_id: str | None = None) -> None:
        """Set a bot's token allowance; at 0, sends are answered with 507."""
        self._records.set_tokens_left(chat_bot_id or self.chat_bot_id, tokens)
