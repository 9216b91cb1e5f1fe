"""From a stream that was read to findings: its records, its end, and what stands where records should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from unichat.contract.findings import Finding, Verdict, broken_finding, not_exercised_finding
from unichat.contract.observing import Observation
from unichat.contract.operations import ContractOperation, find_schema
from unichat.contract.pointers import find
from unichat.contract.schemas import SchemaComparer
from unichat.errors import InvalidResponse


def judge_stream(operation: ContractOperation, seen: Observation, comparer: SchemaComparer) -> Iterator[Finding]:
    """Yield the findings on a stream whose answer began with a success."""
    status = seen.status or 200
    documented = operation.response_pointer(status)
    new_status = f"answers with {status}, which the contract does not have"
    if documented is None and not seen.data:
        yield broken_finding("status", new_status)
        return
    records = _read_records(operation, seen)
    if not records and not _may_be_cut(seen):
        yield broken_finding("not_json", "the answer is not a stream of records")
        return
    response = documented or operation.success_pointer
    schema = None if response is None else find_schema(comparer.document, response)
    findings = [] if schema is None else comparer.compare(records, schema)
    yield from findings
    if seen.is_unreadable or (isinstance(seen.error, InvalidResponse) and not seen.ended):
        if not any(finding.verdict is Verdict.BROKEN for finding in findings):
            yield broken_finding("not_json", "a record cannot be read", f"/{len(records)}")
    elif seen.ended_within_record:
        yield not_exercised_finding("not whole: it ends in the middle of a record")
    elif seen.stream_end is not None:
        yield broken_finding("missing", "the stream ends before the answer is whole")
    elif seen.error is not None:
        yield not_exercised_finding(f"not answered, or not whole: {seen.failure}")
    else:
        yield from _missing_records(operation, records)
        if documented is None:
            yield Finding("new_status", "", new_status, verdict=Verdict.DRIFT)


def _read_records(operation: ContractOperation, seen: Observation) -> list[Any]:
    """Return the records that the decoder read; if it could not read one, all that are JSON, by the contract."""
    delimiter = (operation.stream or {}).get("delimiter")
    if not seen.is_unreadable or not delimiter:
        return seen.records or []
    records = []
    for piece in seen.data.split(str(delimiter).encode())[:-1]:
        try:
            records.append(json.loads(piece))
        except ValueError:
            break
    return records


def _may_be_cut(seen: Observation) -> bool:
    """Return whether a body without any record may be the beginning of a stream."""
    if not seen.data.strip():
        return True
    try:
        json.loads(seen.data.decode(errors="ignore"))
    except json.JSONDecodeError as error:
        return error.pos > 0 and error.msg != "Extra data"
    return False


def _missing_records(operation: ContractOperation, records: list[Any]) -> Iterator[Finding]:
    stream = operation.stream or {}
    pointer = stream.get("type", "")
    types = set()
    for record in records:
        try:
            types.add(str(find(record, pointer)))
        except LookupError:
            continue
    for expected in stream.get("expects", ()):
        if expected not in types:
            yield broken_finding("missing", f"the stream has no record of type {expected}")
