"""Exercises the operations of a contract with a client: finds their arguments, runs them, and judges the answers."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unichat.adapter import Endpoint, Endpoints, Operation, Replay, StreamOperation
from unichat.client.sync_client import Client
from unichat.contract.findings import Finding, OperationReport, Verdict, not_exercised_finding, worst
from unichat.contract.judging import find_rows, judge
from unichat.contract.observing import Observation, observe
from unichat.contract.operations import ContractOperation, Reading, fill_in, placeholders
from unichat.contract.pointers import find
from unichat.contract.requests import request_problem
from unichat.contract.schemas import SchemaComparer
from unichat.contract.shapes import describe_shape
from unichat.errors import UnichatError


class _NotPossible(Exception):
    """An operation cannot be exercised; the message says why."""


class Exercise:
    """One check of one vendor.

    Attributes:
        made: what was made at the vendor so far.
        progress: called with an operation's name before it is sent.
    """

    def __init__(
        self,
        client: Client,
        endpoints: Endpoints,
        operations: Sequence[ContractOperation],
        comparer: SchemaComparer,
        *,
        write: bool,
        named: Sequence[str],
        force: bool,
    ) -> None:
        self._client = client
        self._endpoints = endpoints
        self._operations = {operation.name: operation for operation in operations}
        self._comparer = comparer
        self._write = write
        self._named = named
        self._force = force
        self._reports: dict[str, OperationReport] = {}
        self._seen: dict[str, Observation] = {}
        self._running: set[str] = set()
        mark = secrets.token_hex(4)
        # A UUID, since a vendor may take no other user.
        self.user = str(uuid.uuid4())
        self._values = {"question": f"unichat contract check {mark}: what is this about?", "settings": client._settings}
        self.made: list[str] = []
        self.progress: Callable[[str], None] = lambda name: None

    def report(self, operation: ContractOperation, *, destructive: bool) -> OperationReport:
        """Exercise an operation, unless it was already, and return the report on it."""
        if operation.name not in self._reports:
            self._running.add(operation.name)
            try:
                findings = self._findings(operation, destructive)
            finally:
                self._running.discard(operation.name)
            seen = self._seen.get(operation.name, Observation())
            redact = self._client._context.redact
            shape = None if seen.refusal is not None else describe_shape(seen.body, self._comparer, operation)
            # The names of fields and the values of enums are the vendor's, and it might repeat a key there.
            findings = tuple(each.redact(redact) for each in findings)
            self._reports[operation.name] = OperationReport(
                name=operation.name,
                method=operation.method,
                path=operation.path,
                verdict=worst(findings),
                findings=findings,
                shape=json.loads(redact(json.dumps(shape))),
                status=seen.status,
            )
        return self._reports[operation.name]

    def _findings(self, operation: ContractOperation, destructive: bool) -> tuple[Finding, ...]:
        try:
            if operation.replay is Replay.CLEAR:
                self._check_clearing(operation, destructive)
                return self._send(operation, as_user=True)
            if operation.replay is not Replay.READ:
                self._check_writing(operation)
                return self._send(operation, as_user=True)
            findings = self._send(operation)
            if self._write and self._is_empty(operation) and "user" in placeholders(dict(operation.examples)):
                # What the check itself asked is there, which the token's owner does not see.
                findings = self._send(operation, as_user=True)
        except _NotPossible as reason:
            return (not_exercised_finding(str(reason)),)
        return findings

    def _check_writing(self, operation: ContractOperation) -> None:
        if not self._write:
            raise _NotPossible("it changes something at the vendor, and the check only reads")
        if operation.when_named and operation.name not in self._named:
            raise _NotPossible("it is exercised only when it is named")

    def _check_clearing(self, operation: ContractOperation, destructive: bool) -> None:
        if not destructive:
            raise _NotPossible("it clears a conversation, and the check was not told to")
        if "user" not in placeholders(dict(operation.examples)):
            raise _NotPossible("it cannot be limited to a user made for the check")
        if operation.clear_guard is None or self._force:
            return
        guard = self._operations[operation.clear_guard]
        try:
            self._send(guard)
        except _NotPossible as reason:
            raise _NotPossible(f"nothing was cleared, since {guard.name} cannot be read first: {reason}") from None
        found = find_rows(guard, self._seen[guard.name].body)
        if found is None or self._seen[guard.name].refusal is not None:
            raise _NotPossible(f"nothing was cleared, since {guard.name} does not show the token owner's own history")
        if found[1]:
            raise _NotPossible(
                "nothing was cleared: the token's owner has a history, which a vendor that ignores the user would clear"
            )

    def _is_empty(self, operation: ContractOperation) -> bool:
        found = find_rows(operation, self._seen[operation.name].body) if operation.name in self._seen else None
        return found is not None and not found[1]

    def _send(self, operation: ContractOperation, *, as_user: bool = False) -> tuple[Finding, ...]:
        """Send an operation and judge the answer, as the user made for the check or as nobody."""
        if operation.name not in self._endpoints.names():
            raise _NotPossible("the adapter has no such operation")
        endpoint = self._endpoints[operation.name]
        filled = self._from_settings(endpoint)
        arguments = self._arguments(
            operation, endpoint, {**self._values, "user": self.user if as_user else None}, filled
        )
        uses_own_ids = bool(filled.keys() - arguments.keys())
        readings = operation.readings or (Reading("", {}),)
        for reading in readings:
            seen = self._observe(operation, {**arguments, **reading.arguments})
            # A vendor that refuses what it was sent has done nothing.
            if seen.refusal is None or seen.refusal.status != 422:
                break
        else:
            reading = readings[0]
        findings = judge(operation, seen, self._comparer, uses_own_ids=uses_own_ids)
        if operation.ambiguity and seen.refusal is None and seen.is_whole:
            verdict = Verdict.OK if reading is readings[0] else Verdict.DRIFT
            message = f"{operation.ambiguity} This vendor: {reading.title}."
            findings = (*findings, Finding("settled", "", message, verdict=verdict))
        return findings

    def _observe(self, operation: ContractOperation, arguments: Mapping[str, Any]) -> Observation:
        try:
            built = getattr(self._client.operations, operation.name)(**arguments)
        except (UnichatError, TypeError, ValueError, AttributeError) as error:
            name = getattr(error, "argument", None) or "an argument"
            raise _NotPossible(f"the adapter refuses {name} ({type(error).__name__})") from None
        if problem := request_problem(operation, built.request, self._comparer):
            raise _NotPossible(f"the adapter's request is not the contract's: {problem}")
        self.progress(operation.name)
        seen = self._seen[operation.name] = observe(self._client, built)
        if operation.replay is not Replay.READ:
            self._record_creation(operation, built, seen)
        return seen

    def _from_settings(self, endpoint: Endpoint) -> dict[str, Any]:
        settings = self._client._settings
        found = {name: getattr(settings, key, None) for name, key in endpoint.from_settings.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _arguments(
        self, operation: ContractOperation, endpoint: Endpoint, values: Mapping[str, Any], filled: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the arguments of an operation, besides those that the client fills in.

        Raises:
            _NotPossible: there is no value for one that it needs.
        """
        needed = {each.name for each in endpoint.parameters if each.default is each.empty} | operation.required
        arguments: dict[str, Any] = {}
        for name, example in operation.examples.items():
            try:
                arguments[name] = fill_in(example, values)
            except LookupError as error:
                if name in needed:
                    setting = str(error.args[0]).removeprefix("settings.")
                    raise _NotPossible(f"it needs {setting}, which the settings do not have") from None
        for name in sorted(needed - arguments.keys() - filled.keys()):
            arguments[name] = self._obtain(operation, name)
        return arguments

    def _obtain(self, operation: ContractOperation, argument: str) -> Any:
        """Return an argument from what another operation answered, which is exercised first if need be.

        What is written to must have been written by this check, too.
        """
        sources = [
            (source, link.pointer)
            for source in self._operations.values()
            for link in source.links
            if link.target == operation.name
            and link.argument == argument
            and source.name not in self._running
            and (source.replay is Replay.READ) <= (operation.replay is Replay.READ)
        ]
        # What was written is a row of the check's own, which is surely there.
        for source, pointer in sorted(sources, key=lambda each: each[0].replay is Replay.READ):
            self.report(source, destructive=False)
            if (value := self._value_at(source, pointer)) is not None:
                return value
        names = ", ".join(dict.fromkeys(source.name for source, _ in sources)) or "nothing"
        raise _NotPossible(f"it needs {argument}, which {names} would have had")

    def _value_at(self, source: ContractOperation, pointer: str) -> Any:
        seen = self._seen.get(source.name)
        if seen is None or seen.refusal is not None or not seen.is_whole:
            return None
        try:
            value = find(seen.body, pointer)
        except LookupError:
            return None
        return value if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None

    def _record_creation(
        self, operation: ContractOperation, built: Operation[Any] | StreamOperation[Any], seen: Observation
    ) -> None:
        if seen.refusal is not None or (seen.error is not None and seen.error.maybe_delivered is False):
            return
        found = [(link.argument, self._value_at(operation, link.pointer)) for link in operation.links]
        if isinstance(built, StreamOperation) and getattr(seen.value, "thread", None):
            found.append(("thread", seen.value.thread.id))
        # One id may be an argument of several operations.
        ids = {value: f"{name} {value}" for name, value in reversed(found) if value is not None}
        certain = "" if seen.error is None else " (perhaps)"
        details = f": {', '.join(reversed(ids.values()))}" if ids else ""
        made = f"{operation.name} as the user {self.user}{certain}{details}"
        self.made.append(self._client._context.redact(made))
