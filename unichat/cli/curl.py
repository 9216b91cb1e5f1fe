"""A request as a curl command line, its secrets shown as `***`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from unichat.adapter import Credential, Credentials, Operation, Request, StreamOperation
from unichat.adapter.setting_checks import split_base_url
from unichat.policy.mistakes import call_adapter


def command_line(
    operation: Operation[object] | StreamOperation[object], base_url: str, credentials: Credentials
) -> str:
    """Return a command for a POSIX shell that sends the request once each `***` in it is replaced by its secret."""
    request = operation.request
    address, query = split_base_url(base_url)
    # Without --globoff, curl expands brackets and braces in the URL.
    words = ["curl", "--globoff", "--request", request.method, address + request.target_with(query)]
    headers: list[str] = []
    if operation.signed:
        headers += call_adapter(
            "could not sign the request",
            lambda: list(_credential_lines(credentials, request)),
            # Whatever a function of the adapter says here may be a secret.
            lambda _: "***",
            backend=operation.backend,
            operation=operation.name,
        )
    if isinstance(operation, StreamOperation):
        words.append("--no-buffer")
    if request.accept or isinstance(operation, Operation):
        headers.append(f"Accept: {request.accept or 'application/json'}")
    headers += [f"{name}: {value}" for name, value in request.headers]
    if request.body is not None:
        headers.append(f"Content-Type: {request.content_type}")
    for header in headers:
        words += ["--header", header]
    if request.body is not None:
        # Not --data, which takes a body that begins with @ as a file name.
        words += ["--data-raw", request.body.decode(errors="replace")]
    return shlex.join(words)


def _credential_lines(credentials: Credentials, request: Request) -> Iterator[str]:
    for credential in credentials if isinstance(credentials, tuple) else (credentials,):
        if isinstance(credential, Credential):
            yield f"{credential.header}: {f'{credential.scheme} ***'.lstrip()}"
        elif credential is not None:
            yield from (f"{name}: ***" for name in credential(request))
