"""A request as a curl command line, its secret shown as `***`."""

from __future__ import annotations

import shlex

from unichat.adapter import Credential, Operation, StreamOperation


def command_line(operation: Operation[object] | StreamOperation[object], base_url: str, credential: Credential) -> str:
    """Return a command for a POSIX shell that sends the operation's request once `***` is replaced by the secret."""
    request = operation.request
    # Without --globoff, curl expands brackets and braces in the URL.
    words = ["curl", "--globoff", "--request", request.method, base_url.rstrip("/") + request.target]
    if operation.signed:
        words += ["--header", f"{credential.header}: {f'{credential.scheme} ***'.lstrip()}"]
    if isinstance(operation, StreamOperation):
        words.append("--no-buffer")
    else:
        words += ["--header", "Accept: application/json"]
    if request.body is not None:
        # Not --data, which takes a body that begins with @ as a file name.
        words += ["--header", f"Content-Type: {request.content_type}", "--data-raw", request.body.decode()]
    return shlex.join(words)
