"""A request as a command line of curl, its secret shown as `***`."""

from __future__ import annotations

import shlex

from unichat.adapter import Credential, Operation, StreamOperation


def command_line(operation: Operation[object] | StreamOperation[object], base_url: str, credential: Credential) -> str:
    """Return what a POSIX shell runs to send the operation's request, once the secret stands in place of `***`."""
    request = operation.request
    # Without --globoff, curl takes brackets and braces in the address for a pattern of addresses.
    words = ["curl", "--globoff", "--request", request.method, base_url.rstrip("/") + request.target]
    if operation.signed:
        words += ["--header", f"{credential.header}: {f'{credential.scheme} ***'.lstrip()}"]
    if isinstance(operation, StreamOperation):
        words.append("--no-buffer")
    else:
        words += ["--header", "Accept: application/json"]
    if request.body is not None:
        # Not --data, for which a body that begins with @ is the name of a file.
        words += ["--header", f"Content-Type: {request.content_type}", "--data-raw", request.body.decode()]
    return shlex.join(words)
