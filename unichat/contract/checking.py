"""Checks a vendor against a contract: which operations are exercised, in which order, and with which arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from unichat._text.printable import format_value
from unichat._text.templates import Argument, PythonOnly, Template
from unichat.adapter import Replay
from unichat.client.async_client import AsyncClient
from unichat.client.sync_client import Client
from unichat.config import registry
from unichat.contract.documents import invalid_contract, load_contract
from unichat.contract.exercise import Exercise
from unichat.contract.findings import OperationReport, Report
from unichat.contract.operations import ContractOperation, InvalidDocument, read_operations
from unichat.contract.schemas import SchemaComparer
from unichat.errors import InvalidInput

Progress = Callable[[str, int, int], None]
"""Called before an operation is exercised, with its name, how many have a verdict, and how many are to have one."""


def check(
    client: Client,
    only: Sequence[str] = (),
    write: bool = False,
    destructive: bool = False,
    *,
    version: str | None = None,
    force: bool = False,
    progress: Progress = lambda name, done, total: None,
) -> Report:
    """Compare a vendor with its contract, and return a report with a verdict on each operation.

    Reads only, unless it is told otherwise. Each request has the attempts and the deadline of the client's settings. No
    failure of the vendor's raises: it is in the report.

    Args:
        client: a synchronous client of the vendor, or of anything at a base URL.
        only: the names of the operations to check; all of the contract if it is empty. Others are exercised as far as
            these need ids from them.
        write: ask a marked question as a user made up for it, continue it, stream it, and rate it.
        destructive: clear the conversation of such a user.
        version: the contract's version; None for the newest.
        force: clear even if the token's owner has a history of its own, which a vendor that ignores the user clears.
        progress: told of each operation.

    Raises:
        ConfigError: there is no such contract, it is not a valid document, or the extra `contract` is not installed.
        InvalidInput: the client is a route; or `only` has an unknown name, or one that needs `write` or `destructive`.
            Nothing was sent.
    """
    if not isinstance(client, Client):
        given = "an asyncio client" if isinstance(client, AsyncClient) else format_value(client)
        raise InvalidInput(
            f"client is {given}, and a check needs a synchronous client",
            argument="client",
            hint=Template(PythonOnly("Give what unichat.connect returns; in a coroutine, use asyncio.to_thread.")),
        )
    if client.members:
        raise InvalidInput(
            f"client is a route, and a check is of one vendor: its members are {', '.join(client.members)}",
            argument="client",
            hint=Template(PythonOnly(f'Check a member: client.members["{next(iter(client.members))}"].')),
        )
    backend = registry.find(client.backend)
    document = load_contract(backend, version)
    problem = ""
    try:
        operations = read_operations(document)
        comparer = SchemaComparer(document)
    except InvalidDocument as invalid:
        problem = str(invalid)
    if problem:
        assert backend.contracts is not None
        raise invalid_contract(backend.name, version or backend.contracts.versions[-1], problem)
    _check_names(operations, only, {Replay.CLEAR: destructive, **dict.fromkeys(_WRITES, write)})
    exercise = Exercise(client, backend.endpoints, operations, comparer, write=write, named=only, force=force)
    chosen = [operation for operation in operations if not only or operation.name in only]
    found: dict[str, OperationReport] = {}
    exercise.progress = lambda name: progress(name, len(found), len(chosen))
    for operation in sorted(chosen, key=lambda each: _ORDER.index(each.replay)):
        found[operation.name] = exercise.report(operation, destructive=destructive)
    return Report(
        backend=backend.name,
        version=str(document.get("info", {}).get("version", version or "")),
        operations=tuple(found[operation.name] for operation in chosen),
        made=tuple(exercise.made),
    )


_WRITES = (Replay.ASK, Replay.UPSERT, Replay.INSERT)
_ORDER = (*_WRITES, Replay.READ, Replay.CLEAR)
"""Writes first, so that lists have a row to show; clearing last."""
_NEEDS = {Replay.CLEAR: "destructive", **dict.fromkeys(_WRITES, "write")}


def _check_names(operations: Sequence[ContractOperation], only: Sequence[str], allowed: dict[Replay, bool]) -> None:
    by_name = {operation.name: operation for operation in operations}
    for name in only:
        if name not in by_name:
            nearest = get_close_matches(name, by_name, n=1)
            raise InvalidInput(
                f"the contract has no operation {format_value(name)}",
                argument="only",
                value=format_value(name),
                hint=f"Did you mean {nearest[0]}?" if nearest else f"It has {', '.join(by_name)}.",
            )
        replay = by_name[name].replay
        if not allowed.get(replay, True):
            raise InvalidInput(
                f"{name} changes something at the vendor, and the check may only read",
                argument="only",
                value=name,
                hint=Template("Allow that with ", Argument(_NEEDS[replay]), "."),
            )
