"""Prism, which shares no code with unichat, judges what the adapters send and what the simulators answer.

As a mock, it answers every operation of each adapter from each version of its contract. As a proxy before a simulator,
it checks every request and every answer of the neutral calls of both clients, and of a contract check that writes and
clears.
"""

from __future__ import annotations

import asyncio
import tempfile
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
_STREAM = b"".join(encode_records(_RECORDS, KapaQuirks())).decode()
"""What Prism answers where a vendor streams."""


def judge() -> int:
    """Run Prism as a mock and as a proxy; return how many complaints there are."""
    complaints: list[str] = []
    with unichat.sandbox.start() as box, tempfile.TemporaryDirectory() as folder:
        for backend, version in documents.versions():
            document = documents.write(Path(folder), backend, version, stream=_STREAM)
            log = Path(folder, f"mock-{backend}-{version}.log")
            with node.prism(log, "mock", str(document)) as url:
                settings = {**box.settings(backend), "base_url": url}
                complaints += [f"mock of {backend} {version}: {each}" for each in _call_all(backend, version, settings)]
        for backend in documents.BACKENDS:
            log = Path(folder, f"proxy-{backend}.log")
            complaints += [f"proxy of {backend}: {each}" for each in through_proxy(box, backend, log)]
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


def through_proxy(box: unichat.sandbox.Sandbox, backend: str, log: Path) -> list[str]:
    """Use a simulator through Prism; return what Prism, or a contract check, says against it."""
    settings = box.settings(backend)
    document = documents.write(log.parent, backend, stream=_STREAM)
    with node.prism(log, "proxy", "--errors", str(document), settings["base_url"]) as url:
        settings["base_url"] = url
        with unichat.connect(backend, **settings, attempts=1) as client:
            report = check(client, write=True, destructive=True, force=True)
            found = _neutral_calls(client)
        found += asyncio.run(_async_neutral_calls(backend, settings))
    named = [each.name for each in report.operations if each.verdict is Verdict.BROKEN]
    found += [f"contract check through it: {name} is broken" for name in named]
    return found + [line.strip() for line in log.read_text(encoding="utf-8").splitlines() if "Violation" in line]


def _neutral_calls(client: unichat.Client) -> list[str]:
    try:
        answer = client.chat(_QUESTION, user="ada")
        client.continue_thread(answer, "And how is one stored?", user="ada")
        with client.stream(_QUESTION, user="grace") as stream:
            list(stream)
        client.feedback(answer, "down", user="ada", comment="Too short.")
        list(client.history(user="ada", page_size=1))
        list(client.history(answer.thread))
        if client.capabilities.clear_history:
            client.clear_history(user="ada")
    except UnichatError as error:
        return [f"the synchronous client: {error}"]
    return []


async def _async_neutral_calls(backend: str, settings: dict[str, Any]) -> list[str]:
    try:
        async with unichat.connect_async(backend, **settings, attempts=1) as client:
            answer = await client.chat(_QUESTION, user="alan")
            await client.continue_thread(answer, "And how is one stored?", user="alan")
            async with client.stream(_QUESTION, user="edsger") as stream:
                [event async for event in stream]
            await client.feedback(answer, "up", user="alan")
            [row async for row in client.history(user="alan", page_size=1)]
            if client.capabilities.clear_history:
                await client.clear_history(user="alan")
    except UnichatError as error:
        return [f"the asyncio client: {error}"]
    return []
