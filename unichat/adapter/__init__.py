"""All that an adapter imports from unichat, besides `unichat.models` and `unichat.errors`.

An adapter turns neutral calls into operations: values that hold an HTTP request and how to read its answer. It does no
I/O. Its package names its `Backend` in the entry-point group `unichat.adapters`. `__all__` is what adapters outside of
unichat can rely on.
"""

from __future__ import annotations

from unichat._text.decoding import decode_json
from unichat._text.encoding import encode_json
from unichat._text.printable import format_value, shorten
from unichat._text.templates import Argument, Method, PythonOnly, Setting, Template, Term
from unichat.adapter.checks import (
    check_scope,
    drop_comment_flags,
    drop_unsupported,
    require_owner,
    require_thread,
    require_user_id,
    resolve_owner,
    resolve_user_id,
)
from unichat.adapter.contracts import Contracts
from unichat.adapter.decoders import DelimitedJson, JsonLines, ServerSentEvent, ServerSentEvents
from unichat.adapter.endpoint_context import EndpointContext, drop_none
from unichat.adapter.endpoints import Endpoint, Endpoints
from unichat.adapter.fields import Fields, call_field, raw_field
from unichat.adapter.flows import Exclusive, Flow, Relay, as_flow, ask, exclusive, open_stream, reconcile, relay_stream
from unichat.adapter.flows import Step as Step
from unichat.adapter.json_model import JsonModel, as_objects, optional, parse_objects, required
from unichat.adapter.messages import ErrorResponse, Reply, Request
from unichat.adapter.operations import Operation, Page, Paged, Replay, StreamOperation, oldest_first
from unichat.adapter.protocol import (
    Adapter,
    Backend,
    Capabilities,
    ChatCall,
    ClearCall,
    ConversationCall,
    Credential,
    Credentials,
    FeedbackCall,
    HistoryCall,
    NeutralCall,
)
from unichat.adapter.protocol import OnUnsupported as OnUnsupported
from unichat.adapter.readers import (
    Reader,
    as_boolean,
    as_boolean_word,
    as_epoch_milliseconds,
    as_epoch_seconds,
    as_id,
    as_integer,
    as_text,
    as_time,
    unexpected_value,
)
from unichat.adapter.reconciling import reconcile_call
from unichat.adapter.record_decoder import RecordDecoder
from unichat.adapter.secrets import RequestSigner, Secret, Token, TokenProvider
from unichat.adapter.setting_checks import (
    http_url,
    http_url_with_query,
    non_empty_text,
    non_negative_integer,
    one_of,
    positive_integer,
    positive_seconds,
    true_or_false,
)
from unichat.adapter.settings import CommonSettings, setting
from unichat.adapter.settings import PolicySettings as PolicySettings
from unichat.adapter.streaming import EventSource, StreamDecoder, StreamFailure
from unichat.adapter.transcripts import MemoryTurns, ReferenceTurns, Transcripts, TranscriptSettings, Turn, TurnStore
from unichat.record import CallRecord

# What is imported `as` itself above is only for the core.
__all__ = [
    "Adapter",
    "Argument",
    "Backend",
    "CallRecord",
    "Capabilities",
    "ChatCall",
    "ClearCall",
    "CommonSettings",
    "Contracts",
    "ConversationCall",
    "Credential",
    "Credentials",
    "DelimitedJson",
    "Endpoint",
    "EndpointContext",
    "Endpoints",
    "ErrorResponse",
    "EventSource",
    "Exclusive",
    "FeedbackCall",
    "Fields",
    "Flow",
    "HistoryCall",
    "JsonLines",
    "JsonModel",
    "MemoryTurns",
    "Method",
    "NeutralCall",
    "Operation",
    "Page",
    "Paged",
    "PythonOnly",
    "Reader",
    "RecordDecoder",
    "ReferenceTurns",
    "Relay",
    "Replay",
    "Reply",
    "Request",
    "RequestSigner",
    "Secret",
    "ServerSentEvent",
    "ServerSentEvents",
    "Setting",
    "StreamDecoder",
    "StreamFailure",
    "StreamOperation",
    "Template",
    "Term",
    "Token",
    "TokenProvider",
    "TranscriptSettings",
    "Transcripts",
    "Turn",
    "TurnStore",
    "as_boolean",
    "as_boolean_word",
    "as_epoch_milliseconds",
    "as_epoch_seconds",
    "as_flow",
    "as_id",
    "as_integer",
    "as_objects",
    "as_text",
    "as_time",
    "ask",
    "call_field",
    "check_scope",
    "decode_json",
    "drop_comment_flags",
    "drop_none",
    "drop_unsupported",
    "encode_json",
    "exclusive",
    "format_value",
    "http_url",
    "http_url_with_query",
    "non_empty_text",
    "non_negative_integer",
    "oldest_first",
    "one_of",
    "open_stream",
    "optional",
    "parse_objects",
    "positive_integer",
    "positive_seconds",
    "raw_field",
    "reconcile",
    "reconcile_call",
    "relay_stream",
    "require_owner",
    "require_thread",
    "require_user_id",
    "required",
    "resolve_owner",
    "resolve_user_id",
    "setting",
    "shorten",
    "true_or_false",
    "unexpected_value",
]
