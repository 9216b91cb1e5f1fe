"""A request as a curl command line, its secrets shown as `***` unless they are asked for."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from unichat._text.printable import escape_controls
from unichat.adapter import Credential, Credentials, Operation, Request, StreamOperation
from unichat.adapter.setting_checks import split_base_url
from unichat.policy.mistakes import call_adapter


def command_line(
    operation: Operation[object] | StreamOperation[object], base_url: str, signatures: Iterable[tuple[str, str]]
) -> str:
    """Return a command for a POSIX shell that sends the request.

    Args:
        operation: the operation.
        base_url: where to.
        signatures: the headers that sign it, by name: with their secrets, or with `***` in the place of each.
    """
    request = operation.request
    address, query = split_base_url(base_url)
    # Without --globoff, curl expands brackets and braces in the URL.
    words = ["curl", "--globoff", "--request", request.method, address + request.target_with(query)]
    headers = list(signatures) if operation.signed else []
    if isinstance(operation, StreamOperation):
        words.append("--no-buffer")
    if request.accept or isinstance(operation, Operation):
        headers.append(("Accept", request.accept or "application/json"))
    headers += request.headers
    if request.body is not None:
        headers.append(("Content-Type", request.content_type))
    for name, value in headers:
        # With a colon and nothing after it, curl leaves out the header.
        words += ["--header", f"{name}: {value}" if value else f"{name};"]
    if request.body is not None:
        # Not --data, which takes a body that begins with @ as a file name.
        words += ["--data-raw", _printable_body(request.body)]
    return shlex.join(words)


def _printable_body(body: bytes) -> str:
    """Return a body with an escape for each character that a terminal must not get.

    It is JSON, where such a character stands in text, or a form, which has none.
    """
    return "".join(
        each if escape_controls(each) == each else _json_escape(each) for each in body.decode(errors="replace")
    )


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def masked_signatures(
    operation: Operation[object] | StreamOperation[object], credentials: Credentials
) -> list[tuple[str, str]]:
    """Return the headers that would sign an operation, with `***` in the place of each secret."""
    return call_adapter(
        "could not sign the request",
        lambda: list(_mask(credentials, operation.request)),
        # Whatever a function of the adapter says here may be a secret.
        lambda _: "***",
        backend=operation.backend,
        operation=operation.name,
    )


def _mask(credentials: Credentials, request: Request) -> Iterator[tuple[str, str]]:
    for credential in credentials if isinstance(credentials, tuple) else (credentials,):
        if isinstance(credential, Credential):
            yield credential.header, f"{credential.scheme} ***".lstrip()
        elif credential is not None:
            yield from ((name, "***") for name in credential(request))
