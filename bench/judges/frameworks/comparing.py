"""Sends the same requests to a framework and to a simulator, and says where their answers differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import requests
from attrs import frozen

from bench.judges.frameworks.cases import Case


@frozen
class Answer:
    """A status, and the JSON of an error or of a result; text where it is not JSON, None where it does not count."""

    status: int
    body: Any

    def __str__(self) -> str:
        return f"{self.status} {json.dumps(self.body)}"


@frozen
class Difference:
    """What a framework and a simulator answer to one case."""

    case: Case
    framework: Answer
    simulator: Answer

    def __str__(self) -> str:
        return f"{self.case.name}\n    framework: {self.framework!s:.300}\n    simulator: {self.simulator!s:.300}"


def differences(
    cases: Iterable[Case], framework: str, simulator: str, names: Mapping[str, str], headers: Mapping[str, str]
) -> Iterator[Difference]:
    """Yield where two servers, given by their URLs, differ.

    Args:
        names: what stands for the placeholders of a case: `{project}`, `{bot}`, `{answer}`.
        headers: those of every request, such as the key.
    """
    with requests.Session() as session:
        session.headers.update(headers)
        for case in cases:
            expected, found = (_send(session, url, case, names) for url in (framework, simulator))
            if expected != found:
                yield Difference(case, expected, found)


def _send(session: requests.Session, url: str, case: Case, names: Mapping[str, str]) -> Answer:
    target, body = case.target, case.body
    for name, value in names.items():
        target = target.replace(f"{{{name}}}", value).replace(f"%7B{name}%7D", value)
        body = body.replace(f"{{{name}}}".encode(), value.encode())
    headers = {} if case.content_type is None else {"content-type": case.content_type}
    try:
        reply = session.request(
            case.method, url + target, data=body, headers=headers, allow_redirects=False, timeout=30
        )
    except requests.ConnectionError:
        return Answer(0, "the connection is reset")
    return Answer(reply.status_code, _comparable(case, reply))


def _comparable(case: Case, reply: requests.Response) -> Any:
    try:
        body = reply.json()
    except ValueError:
        return "a page" if "html" in reply.headers.get("content-type", "") else reply.text[:100]
    if reply.status_code >= 400:
        return body
    if not case.has_result:
        return None
    if isinstance(body, dict) and "results" in body:
        return [row.get("email") for row in body["results"]]
    return {key: value for key, value in body.items() if key in _ECHOED}


_ECHOED = ("user_identifier", "reaction", "comment", "is_positive", "rating_id", "bot_response_id")
"""Fields of a rating that both vendors answer with."""
