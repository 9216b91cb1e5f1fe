"""One interface to hosted support-bot vendors, with one adapter per vendor.

`connect` returns a client; the client's calls return the models below; every failure is one of `errors`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from unichat import contract as contract
    from unichat import errors as errors
    from unichat import hooks as hooks
    from unichat import otel as otel
    from unichat import routing as routing
    from unichat import sandbox as sandbox
    from unichat.adapter import Capabilities as Capabilities
    from unichat.adapter import Secret as Secret
    from unichat.client.async_client import AsyncClient as AsyncClient
    from unichat.client.async_many import AsyncOutcomes as AsyncOutcomes
    from unichat.client.async_many import map_concurrent_async as map_concurrent_async
    from unichat.client.async_streams import AsyncAnswerStream as AsyncAnswerStream
    from unichat.client.many import Outcomes as Outcomes
    from unichat.client.many import map_concurrent as map_concurrent
    from unichat.client.outcomes import Outcome as Outcome
    from unichat.client.outcomes import Progress as Progress
    from unichat.client.streams import AnswerStream as AnswerStream
    from unichat.client.sync_client import Client as Client
    from unichat.connecting import connect as connect
    from unichat.connecting import connect_async as connect_async
    from unichat.conversations.async_conversations import AsyncConversations as AsyncConversations
    from unichat.conversations.sync_conversations import Conversations as Conversations
    from unichat.models import Answer as Answer
    from unichat.models import AnswerRef as AnswerRef
    from unichat.models import ClearOutcome as ClearOutcome
    from unichat.models import ClearResult as ClearResult
    from unichat.models import Comment as Comment
    from unichat.models import Exchange as Exchange
    from unichat.models import Feedback as Feedback
    from unichat.models import FeedbackReceipt as FeedbackReceipt
    from unichat.models import Rating as Rating
    from unichat.models import Source as Source
    from unichat.models import StreamEvent as StreamEvent
    from unichat.models import ThreadRef as ThreadRef
    from unichat.models import User as User
    from unichat.models import join_text as join_text
    from unichat.record import Attempt as Attempt
    from unichat.record import CallRecord as CallRecord

# Everything is imported when it is first used, so that `import unichat` costs next to nothing in a program that may not
# ask anything, such as one that only prints its own help.
_HOMES = {
    "Answer": "unichat.models",
    "AnswerRef": "unichat.models",
    "ClearOutcome": "unichat.models",
    "ClearResult": "unichat.models",
    "Comment": "unichat.models",
    "Exchange": "unichat.models",
    "Feedback": "unichat.models",
    "FeedbackReceipt": "unichat.models",
    "Rating": "unichat.models",
    "Source": "unichat.models",
    "StreamEvent": "unichat.models",
    "ThreadRef": "unichat.models",
    "User": "unichat.models",
    "join_text": "unichat.models",
    "AnswerStream": "unichat.client.streams",
    "Attempt": "unichat.record",
    "CallRecord": "unichat.record",
    "Capabilities": "unichat.adapter",
    "Client": "unichat.client.sync_client",
    "Secret": "unichat.adapter",
    "connect": "unichat.connecting",
    "connect_async": "unichat.connecting",
    "AsyncAnswerStream": "unichat.client.async_streams",
    "AsyncClient": "unichat.client.async_client",
    "Conversations": "unichat.conversations.sync_conversations",
    "AsyncConversations": "unichat.conversations.async_conversations",
    "Outcome": "unichat.client.outcomes",
    "Progress": "unichat.client.outcomes",
    "Outcomes": "unichat.client.many",
    "map_concurrent": "unichat.client.many",
    "AsyncOutcomes": "unichat.client.async_many",
    "map_concurrent_async": "unichat.client.async_many",
}
_MODULES = ("contract", "errors", "hooks", "otel", "routing", "sandbox")

# Not the sandbox: it needs an extra, and `from unichat import *` must work without it. Written out, since type checkers
# read it; a test compares it with what there is.
__all__ = [
    "Answer",
    "AnswerRef",
    "AnswerStream",
    "AsyncAnswerStream",
    "AsyncClient",
    "AsyncConversations",
    "AsyncOutcomes",
    "Attempt",
    "CallRecord",
    "Capabilities",
    "ClearOutcome",
    "ClearResult",
    "Client",
    "Comment",
    "Conversations",
    "Exchange",
    "Feedback",
    "FeedbackReceipt",
    "Outcome",
    "Outcomes",
    "Progress",
    "Rating",
    "Secret",
    "Source",
    "StreamEvent",
    "ThreadRef",
    "User",
    "__version__",
    "connect",
    "connect_async",
    "errors",
    "join_text",
    "map_concurrent",
    "map_concurrent_async",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = import_module(f"unichat.{name}")
    else:
        raise AttributeError(f"module 'unichat' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
