"""The request of one attempt as it goes out: the operation's own, the credential's headers, and the `base_url`."""

from __future__ import annotations

from typing import Any

from unichat.adapter import Operation, Replay, StreamOperation
from unichat.adapter.secrets import Signature
from unichat.execution.context import Context
from unichat.transport.base import HttpRequest


def build_request(
    operation: Operation[Any] | StreamOperation[Any], signatures: tuple[Signature, ...], context: Context
) -> HttpRequest:
    """Return the request as the transport is to send it."""
    request = operation.request
    headers = {"Accept": request.accept or ("application/json" if isinstance(operation, Operation) else "*/*")}
    if request.body is not None:
        headers["Content-Type"] = request.content_type
    if request.headers:
        headers.update(request.headers)
    for signature in signatures:
        headers[signature.header] = signature.value
    return HttpRequest(
        method=request.method,
        base_url=context.base_url,
        target=request.target_with(context.base_query) if context.base_query else request.target,
        headers=headers,
        body=request.body,
        idempotent=operation.replay not in (Replay.ASK, Replay.INSERT),
    )
