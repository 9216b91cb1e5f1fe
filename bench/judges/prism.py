"""Prism, which shares no code with unichat, judges what the adapters send and what the simulators answer.

As a mock, it answers every operation of each adapter from each version of its contract. As a proxy before a simulator,
it checks every request and every answer of the tests of behaviour (by their option `--proxy`), and of a contract check
that writes and clears.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import unichat
import unichat.sandbox
from bench.judges import documents, node
from unichat.contract import Verdict, check
from unichat.contract.operations import ContractOperation, fill_in, read_operations
from unichat.errors import UnichatError
from unichat_kapa.simulator.quirks import KapaQuirks
from unichat_kapa.simulator.streaming import Record, encode_records

_UUID = "497f6eca-6276-4993-bfeb-53cbbbba6f08"
_QUESTION = "What is a thread reference?"
_RECORDS: list[Record] = [
    ("partial_answer", {"text": "Text that names a conversation."}),
    ("identifiers", {"thread_id": _UUID, "question_answer_id": _UUID}),
]
STREAM = b"".join(encode_records(_RECORDS, KapaQuirks())).decode()
"""What Prism answers where a vendor streams."""


def judge() -> int:
    """Run Prism as a mock and as a proxy; return how many complaints there are."""
    complaints: list[str] = []
    with unichat.sandbox.start() as box, tempfile.TemporaryDirectory() as folder:
        for backend, version in documents.versions():
            document = documents.write(Path(folder), backend, version, stream=STREAM)
            log = Path(folder, f"mock-{backend}-{version}.log")
            with node.prism(log, "mock", str(document)) as url:
                settings = {**box.settings(backend), "base_url": url}
                complaints += [f"mock of {backend} {version}: {each}" for each in _call_all(backend, version, settings)]
        for backend in documents.BACKENDS:
            log = Path(folder, f"proxy-{backend}.log")
            complaints += [f"proxy of {backend}: {each}" for each in check_through_proxy(box, backend, log)]
        contracts = {each: documents.write(Path(folder), each, stream=STREAM) for each in documents.BACKENDS}
        complaints += [f"tests of behaviour: {each}" for each in run_behaviour(Path(folder), contracts)]
    for complaint in complaints:
        print(complaint)
    return len(complaints)


def _call_all(backend: str, version: str, settings: dict[str, Any]) -> list[str]:
    """Send every operation of a version; return those that Prism refuses, or whose answer the adapter cannot read."""
    complaints = []
    document = unichat.contract.load(backend, version)
    with unichat.connect(backend, **settings, attempts=1) as client:
        for operation in read_operations(document):
            built = getattr(client.operations, operation.name)(**_arguments(operation, settings))
            try:
                if operation.stream is None:
                    client.run(built)
                else:
                    with client.run(built) as stream:
                        list(stream)
            except UnichatError as error:
                complaints.append(f"{operation.name}: {error}")
    return complaints


def _arguments(operation: ContractOperation, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the contract's examples, and an id where the operation needs one that the settings do not have."""
    known = {"question": _QUESTION, "user": _UUID, "settings": settings}
    given = {name: fill_in(example, known) for name, example in operation.examples.items()}
    missing = operation.required - given.keys()
    return given | {name: settings.get(name, 1 if name == "bot_response_id" else _UUID) for name in missing}


def check_through_proxy(box: unichat.sandbox.Sandbox, backend: str, log: Path) -> list[str]:
    """Check a simulator through Prism, with writing and clearing; return what Prism says, and what the check found."""
    settings = box.settings(backend)
    document = documents.write(log.parent, backend, stream=STREAM)
    with node.prism(log, "proxy", "--errors", str(document), settings["base_url"]) as url:
        settings["base_url"] = url
        with unichat.connect(backend, **settings, attempts=1) as client:
            report = check(client, write=True, destructive=True, force=True)
    named = [each.name for each in report.operations if each.verdict is Verdict.BROKEN]
    return read_violations(log) + [f"contract check through it: {name} is broken" for name in named]


def run_behaviour(folder: Path, contracts: Mapping[str, Path], *options: str) -> list[str]:
    """Run the tests of behaviour with Prism between the clients and each simulator; return what is said against them.

    Prints how they went, and how many requests Prism saw.

    Args:
        folder: for Prism's logs.
        contracts: the contract that Prism holds each backend to.
        options: of pytest.
    """
    logs = {backend: folder / f"behaviour-{backend}.log" for backend in contracts}
    with ExitStack() as stack:
        proxies = []
        for backend, contract in contracts.items():
            port = node.find_port()
            proxy = node.prism(logs[backend], "proxy", "--errors", str(contract), f"http://127.0.0.1:{port}")
            proxies.append(f"--proxy={backend}={port},{stack.enter_context(proxy)}")
        # By one process: each has simulators of its own, and the proxies lead to one of each.
        command = [sys.executable, "-m", "pytest", "tests/behaviour", "-q", "-n0", *proxies, *options]
        failed = subprocess.run(command, cwd=node.ROOT, check=False).returncode != 0
    for backend, log in logs.items():
        print(
            f"{log.read_text(encoding='utf-8').count('Request received')} requests to {backend} through Prism",
            flush=True,
        )
    return ["pytest fails"] * failed + [violation for log in logs.values() for violation in read_violations(log)]


def read_violations(log: Path) -> list[str]:
    """Return what Prism says against requests and answers in its log; each that it refused is there, too."""
    lines = log.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if "Violation: " in line or "Request terminated with error" in line]
