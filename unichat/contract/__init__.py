"""Contracts: documents that describe a vendor's API, and whether a live vendor still follows them.

`load` returns a contract as a dict, `check` compares a vendor with it. A contract is OpenAPI 3.1, with a few keywords
of unichat's own, which `unichat.contract.operations` and `unichat.contract.schemas` read. Checking needs the extra
`contract`.
"""

from __future__ import annotations

from unichat.contract.checking import check
from unichat.contract.documents import ContractName, list_contracts, load
from unichat.contract.findings import Finding, OperationReport, Report, Verdict

__all__ = ["ContractName", "Finding", "OperationReport", "Report", "Verdict", "check", "list_contracts", "load"]
