"""Whether what an adapter would send is what the contract says."""

from __future__ import annotations

import json
import re

from unichat.adapter import Request
from unichat.contract.operations import ContractOperation
from unichat.contract.schemas import SchemaComparer


def request_problem(operation: ContractOperation, request: Request, comparer: SchemaComparer) -> str:
    """Return why a request is not one of the contract's operation; empty if it is."""
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(operation.path))
    if request.method != operation.method or not re.fullmatch(pattern, request.path):
        return f"it is not {operation.method} {operation.path}"
    for name, _ in request.query:
        if name not in operation.arguments:
            return f"the contract has no parameter {name}"
    if request.body is None:
        return ""
    if operation.body_pointer is None or request.content_type != "application/json":
        return "the contract has no such body"
    for finding in comparer.compare(json.loads(request.body), operation.body_pointer):
        if finding.kind != "settled":
            return f"{finding.pointer or 'the body'} {finding.message}"
    return ""
