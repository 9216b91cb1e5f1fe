"""For tests that mock requests by the library `responses`: registers an operation's own method and address.

    import responses
    from unichat.testing.responses import stub_chat

    @responses.activate
    def test_bot():
        stub_chat("kapa", "Press the button.")
        ...

`responses` sees the sync client only, and it replaces the network: what a broken connection does is shown by a
`FaultServer`.
"""

from __future__ import annotations

import re
from typing import Any

import responses
from requests import PreparedRequest

from unichat._text.printable import format_value
from unichat._text.templates import PythonOnly, Template
from unichat.adapter import Operation, StreamOperation
from unichat.adapter.addresses import normalize_url
from unichat.config import registry
from unichat.config.plugins import SIMULATORS, find_plugin
from unichat.errors import ConfigError


def stub(
    operation: Operation[Any] | StreamOperation[Any],
    *,
    json: Any = None,
    status: int = 200,
    body: str | bytes | None = None,
    base_url: str | None = None,
    mock: responses.RequestsMock | None = None,
) -> responses.BaseResponse:
    """Register an answer to an operation; its query must be that of the operation, if it has one.

    Args:
        operation: a value, such as `client.operations.list_chats()`.
        json: the body, as JSON.
        body: the body as it is, such as a stream's.
        base_url: where it is asked; None for anywhere.
        mock: what is to answer; None for the one of `responses.activate`.

    Raises:
        TypeError: `operation` is not a value, such as the function that makes one.
    """
    if not isinstance(operation, Operation | StreamOperation):
        raise TypeError(f"operation is {format_value(operation)}; give a value, such as client.operations.list_chats()")
    request = operation.request
    content: dict[str, Any] = {"json": json} if body is None else {"body": body}
    return _add(
        mock,
        request.method,
        _address(re.escape(request.path), base_url),
        status=status,
        match=[responses.matchers.query_param_matcher(_query(request.query), strict_match=False)],
        **content,
    )


def stub_chat(
    backend: str,
    text: str,
    *,
    status: int = 200,
    base_url: str | None = None,
    mock: responses.RequestsMock | None = None,
) -> responses.BaseResponse:
    """Register an answer to every question of a backend that is not streamed, in whatever project, bot or thread.

    Needs the extra `sandbox`, whose simulators know what the vendor's answers look like.

    Raises:
        ConfigError: there is no such backend, or nothing is known of its answers.
    """
    endpoints = registry.find(backend).endpoints
    point = find_plugin(SIMULATORS, backend)
    answers = {} if point is None else point.load().sample_answers(text)
    if not answers:
        raise ConfigError(
            f"nothing is known of the answers of {format_value(backend)}",
            key="backend",
            hint=Template(PythonOnly("Use stub(operation, json=…), or give its simulator sample_answers.")),
        )
    stubs = []
    for name, answer in answers.items():
        endpoint = endpoints[name]
        parts = re.split(r"\{\w+\}", endpoint.path)
        address = _address("[^/]+".join(map(re.escape, parts)), base_url)
        stubs.append(responses.Response(endpoint.method, address, json=answer, status=status))
    return _add(mock, _AnyOf(stubs))


class _AnyOf(responses.BaseResponse):
    """Several responses as one, which has been asked for if any of them has (`assert_all_requests_are_fired`)."""

    def __init__(self, stubs: list[responses.Response]) -> None:
        addresses = "|".join(stub.url.pattern for stub in stubs if isinstance(stub.url, re.Pattern))
        super().__init__(" or ".join(dict.fromkeys(stub.method for stub in stubs)), re.compile(addresses))
        self._stubs = stubs

    def matches(self, request: PreparedRequest) -> tuple[bool, str]:
        found = [stub.matches(request) for stub in self._stubs]
        return next((each for each in found if each[0]), found[0])

    def get_response(self, request: PreparedRequest) -> Any:
        return next(stub for stub in self._stubs if stub.matches(request)[0]).get_response(request)


def _address(path: str, base_url: str | None) -> re.Pattern[str]:
    base = r"https?://[^/]+(?:/[^?]*)?" if base_url is None else re.escape(normalize_url(base_url).rstrip("/"))
    return re.compile(rf"{base}{path}(?:\?.*)?\Z")


def _query(pairs: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    query: dict[str, Any] = {}
    for name, value in pairs:
        query[name] = (
            value if name not in query else [*(query[name] if isinstance(query[name], list) else [query[name]]), value]
        )
    return query


def _add(mock: responses.RequestsMock | None, *args: Any, **kwargs: Any) -> responses.BaseResponse:
    return (responses if mock is None else mock).add(*args, **kwargs)
