"""Chat completions behind the neutral calls: the client keeps the turns that the server does not."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import Factory, field, frozen

from unichat.adapter import (
    Adapter,
    Capabilities,
    ChatCall,
    ClearCall,
    Credential,
    Flow,
    Operation,
    Transcripts,
    Turn,
    ask,
    drop_unsupported,
    relay_stream,
)
from unichat.models import Answer, ClearResult
from unichat_openai import operations
from unichat_openai.settings import OpenAISettings


@frozen
class OpenAIAdapter(Adapter):
    """Turns neutral calls into chat completions; ratings and past exchanges are the bot's own to keep."""

    settings: OpenAISettings
    turns: Transcripts = field(default=Factory(lambda self: Transcripts.from_settings(self.settings), True))

    @property
    def capabilities(self) -> Capabilities:
        """What such a server can do: answer."""
        return Capabilities(
            streaming=True,
            feedback=False,
            history=False,
            clear_history=self.turns.can_clear,
            parallel_threads=True,
        )

    @property
    def credential(self) -> Credential | None:
        """The key; None for a server that needs none."""
        key = self.settings.api_key
        return None if key is None else Credential("Authorization", "Bearer", key)

    def probes(self) -> tuple[Operation[Any], ...]:
        """Return the operation that retrieves the model: it needs the right address, key and name."""
        return (operations.retrieve_model(model=self.settings.model),)

    def chat(self, call: ChatCall) -> Flow[Answer]:
        """Ask, with the turns of the thread. Source: OpenAI reference, 'Create chat completion'."""
        return self._ask(call, lambda arguments: ask(operations.create_completion(**arguments)))

    def stream(self, call: ChatCall) -> Flow[Answer]:
        """Ask, streamed; the turn is kept at the stream's end. Source: OpenAI reference, 'Streaming'."""
        return self._ask(call, lambda arguments: relay_stream(operations.create_completion_streamed(**arguments)))

    def _ask(self, call: ChatCall, send: Callable[[dict[str, Any]], Flow[Answer]]) -> Flow[Answer]:
        drop_unsupported(call, "metadata", reason="a chat completion has no field for it")

        def send_turns(turns: Sequence[Turn], user: str | None) -> Flow[Answer]:
            rows = [("system", self.settings.instructions)]
            for turn in turns:
                rows += [("user", turn.question), ("assistant", turn.answer)]
            messages = [{"role": role, "content": text} for role, text in [*rows, ("user", call.question)] if text]
            return send({"model": self.settings.model, "messages": messages, "user": user})

        return self.turns.ask(call, send_turns)

    def clear_history(self, call: ClearCall) -> Flow[ClearResult]:
        """Forget a thread's turns: nobody else has them."""
        return self.turns.clear(call)
