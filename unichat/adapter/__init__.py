"""All that an adapter's author reads and may import, besides `unichat.models` and `unichat.errors`.

An adapter turns neutral calls into operations: values that hold an HTTP request and how to read its answer. It does no
I/O. Its package names its `Backend` in the entry-point group `unichat.adapters`.
"""

from __future__ import annotations

from unichat._text.decoding import decode_json
from unichat._text.encoding import encode_json
from unichat._text.printable import quoted, trimmed
from unichat._text.templates import Argument, Method, PythonOnly, Setting, Template, Term
from unichat.adapter.endpoints import Endpoint, EndpointContext, Endpoints
from unichat.adapter.fields import Fields, mismatch, read_rows, read_time
from unichat.adapter.flows import Exclusive, FetchToken, Flow, Step, ask, exclusive, open_stream, reconcile
from unichat.adapter.operations import (
    ErrorResponse,
    Operation,
    Page,
    Paged,
    Replay,
    Reply,
    Request,
    StreamOperation,
)
from unichat.adapter.protocol import (
    Adapter,
    Backend,
    Capabilities,
    ChatCall,
    ClearCall,
    Credential,
    FeedbackCall,
    HistoryCall,
    NeutralCall,
    OnUnsupported,
)
from unichat.adapter.secrets import Secret, Token, TokenProvider
from unichat.adapter.settings import (
    CommonSettings,
    PolicySettings,
    at_least_one,
    not_empty,
    not_negative,
    one_of,
    positive,
    setting,
    web_address,
    yes_or_no,
)
from unichat.adapter.streaming import EventSource, StreamDecoder, StreamFailure

__all__ = [
    "Adapter",
    "Argument",
    "Backend",
    "Capabilities",
    "ChatCall",
    "ClearCall",
    "CommonSettings",
    "Credential",
    "Endpoint",
    "EndpointContext",
    "Endpoints",
    "ErrorResponse",
    "EventSource",
    "Exclusive",
    "FeedbackCall",
    "FetchToken",
    "Fields",
    "Flow",
    "HistoryCall",
    "Method",
    "NeutralCall",
    "OnUnsupported",
    "Operation",
    "Page",
    "Paged",
    "PolicySettings",
    "PythonOnly",
    "Replay",
    "Reply",
    "Request",
    "Secret",
    "Setting",
    "Step",
    "StreamDecoder",
    "StreamFailure",
    "StreamOperation",
    "Template",
    "Term",
    "Token",
    "TokenProvider",
    "ask",
    "at_least_one",
    "decode_json",
    "encode_json",
    "exclusive",
    "mismatch",
    "not_empty",
    "not_negative",
    "one_of",
    "open_stream",
    "positive",
    "quoted",
    "read_rows",
    "read_time",
    "reconcile",
    "setting",
    "trimmed",
    "web_address",
    "yes_or_no",
]
