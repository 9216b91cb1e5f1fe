"""From what a vendor answered to findings: pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unichat._text.printable import format_value
from unichat.adapter import Reply
from unichat.contract.findings import Finding, Verdict, broken_finding, not_exercised_finding
from unichat.contract.observing import Observation
from unichat.contract.operations import ContractOperation, find_schema
from unichat.contract.pointers import find
from unichat.contract.schemas import SchemaComparer
from unichat.contract.streams import judge_stream
from unichat.errors import InvalidResponse


def judge(
    operation: ContractOperation, seen: Observation, comparer: SchemaComparer, *, uses_own_ids: bool
) -> tuple[Finding, ...]:
    """Return the findings on one operation.

    Args:
        operation: the operation, as the contract has it.
        seen: what the vendor answered.
        comparer: compares with the contract's schemas.
        uses_own_ids: whether the request names an id from the client's settings, which a 404 may be about.
    """
    if not seen.is_whole:
        return (not_exercised_finding(f"not answered, or not whole: {seen.failure}"),)
    if seen.refusal is not None or (seen.reply is not None and not 200 <= seen.reply.status < 300):
        return (_judge_refusal(operation, seen, uses_own_ids),)
    if seen.records is not None:
        return tuple(judge_stream(operation, seen, comparer))
    return tuple(_judge_answer(operation, seen, comparer))


def _judge_refusal(operation: ContractOperation, seen: Observation, uses_own_ids: bool) -> Finding:
    http_status = seen.reply.status if seen.reply is not None else 0
    status = http_status if seen.refusal is None else seen.refusal.means or seen.refusal.status
    if status in (401, 403, 429):
        given = http_status if seen.refusal is None else seen.refusal.status
        meaning = f", which means {status} here" if status != given else ""
        return not_exercised_finding(f"refused with {given}{meaning}")
    if status >= 500:
        return not_exercised_finding(f"answered with {status}, after all attempts")
    if status in _NOT_FOUND:
        return _judge_not_found(operation, seen, status, uses_own_ids)
    if 300 <= status < 400:
        reason = ": a redirect"
    elif operation.response_pointer(status) is None:
        reason = ", which the contract does not have"
    else:
        reason = ": it refuses a request that the contract allows"
    return broken_finding("status", f"answers with {status}{reason}")


_NOT_FOUND = (204, 404, 405, 410)
"""Statuses of an answer that there is no such thing; Kadal says so by 204 as well."""


def _judge_not_found(operation: ContractOperation, seen: Observation, status: int, uses_own_ids: bool) -> Finding:
    if status == 204:
        if operation.response_pointer(204) is None and not operation.optional:
            return broken_finding("status", "answers with 204, which the contract does not have")
        return not_exercised_finding("answered with 204: nothing was found")
    if operation.optional:
        return not_exercised_finding(f"answered with {status}. {operation.optional}")
    is_route = seen.refusal is not None and seen.refusal.what == "route"
    if uses_own_ids and not is_route:
        return not_exercised_finding(f"answered with {status}: an id in the settings may be wrong")
    is_page = seen.reply is not None and seen.reply.body and not seen.reply.is_json
    return broken_finding("status", f"answers with {status}{', and a page instead of JSON' if is_page else ''}")


def _judge_answer(operation: ContractOperation, seen: Observation, comparer: SchemaComparer) -> Iterator[Finding]:
    assert seen.reply is not None
    documented = operation.response_pointer(seen.reply.status)
    response = documented or operation.success_pointer
    schema = None if response is None else find_schema(comparer.document, response)
    if schema is None:
        if documented is None:
            yield broken_finding("status", f"answers with {seen.reply.status}, which the contract does not have")
        return
    if documented is None and not seen.reply.body:
        yield broken_finding(
            "status", f"answers with {seen.reply.status} and an empty body, which the contract does not have"
        )
        return
    try:
        body = seen.reply.json()
    except InvalidResponse as error:
        yield broken_finding("not_json", _describe_not_json(seen.reply, error))
        return
    findings = comparer.compare(body, schema)
    yield from findings
    is_broken = any(finding.verdict is Verdict.BROKEN for finding in findings)
    if documented is None:
        message = f"answers with {seen.reply.status}, which the contract does not have"
        yield (
            broken_finding("status", message)
            if is_broken
            else Finding("new_status", "", message, verdict=Verdict.DRIFT)
        )
    if seen.problem is not None and not is_broken:
        yield _unreadable(seen.problem)
    yield from _empty_lists(operation, body)


def _describe_not_json(reply: Reply, error: InvalidResponse) -> str:
    if error.kind != "content_type":
        return "the answer is not JSON"
    given = reply.headers.get("content-type", "").partition(";")[0]
    return f"the content type is {format_value(given)}, not JSON" if given else "the answer has no content type"


def _unreadable(problem: Exception) -> Finding:
    pointer = problem.pointer if isinstance(problem, InvalidResponse) else ""
    return broken_finding("type", f"the adapter cannot read it ({type(problem).__name__})", pointer)


def find_rows(operation: ContractOperation, body: Any) -> tuple[str, list[Any]] | None:
    """Return where the rows of a list stand in an answer, and the rows; None if the answer is not a list."""
    for pointer in operation.rows:
        try:
            rows = find(body, pointer)
        except LookupError:
            continue
        if isinstance(rows, list):
            return pointer, rows
    return None


def _empty_lists(operation: ContractOperation, body: Any) -> Iterator[Finding]:
    found = find_rows(operation, body)
    if found is not None and not found[1]:
        yield not_exercised_finding("the list is empty, so its rows were not seen", f"{found[0]}/0", verdict=Verdict.OK)
