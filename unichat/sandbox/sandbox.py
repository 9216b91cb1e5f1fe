"""The sandbox: starts and stops simulators, and has the settings for clients to reach them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from starlette.types import ASGIApp

from unichat.config.plugins import SIMULATORS, list_plugins
from unichat.sandbox.answers import Library
from unichat.sandbox.control import ControlApp, ControlFile
from unichat.sandbox.documents import read_documents
from unichat.sandbox.errors import SandboxError, unknown_simulator
from unichat.sandbox.middleware import SandboxMiddleware
from unichat.sandbox.quirk_values import set_quirk
from unichat.sandbox.servers import HOST, Servers, listen
from unichat.sandbox.simulator import Simulator
from unichat.sandbox.store import Store

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Sandbox:
    """Simulated vendors that answer over HTTP on 127.0.0.1 until `close`. Made by `start`.

    A context manager. Usable from any thread.
    """

    def __init__(self, simulators: Mapping[str, Simulator], store: Store, running: ExitStack) -> None:
        self._simulators = dict(simulators)
        self._store = store
        self._running = running

    @property
    def backends(self) -> tuple[str, ...]:
        """The names of the simulated vendors, sorted."""
        return tuple(sorted(self._simulators))

    def simulator(self, backend: str) -> Any:
        """Return the simulator of a backend; its quirks can be changed and its store read while it runs.

        Raises:
            SandboxError: There is no simulator of that name.
        """
        try:
            return self._simulators[backend]
        except KeyError:
            raise unknown_simulator(backend, self.backends) from None

    def settings(self, backend: str) -> dict[str, Any]:
        """Return the keyword arguments for `unichat.connect(backend, …)`, including keys.

        Raises:
            SandboxError: There is no simulator of that name.
        """
        simulator: Simulator = self.simulator(backend)
        return simulator.settings()

    def config_toml(self, default: str | None = None) -> str:
        """Return a `unichat.toml` with a profile of its name for each backend; the default profile is the first."""
        lines = [f"default = {_to_toml(default or self.backends[0])}"]
        for backend in self.backends:
            settings = {"backend": backend, **self.settings(backend)}
            lines += [
                "",
                f"[profiles.{backend if _BARE_KEY.fullmatch(backend) else _to_toml(backend)}]",
                *(f"{key} = {_to_toml(each)}" for key, each in settings.items()),
            ]
        return "\n".join(lines) + "\n"

    def fail(self, backend: str, fault: str, times: int | None = 1) -> None:
        """Let the next requests to a backend meet a fault, after those that were planned before.

        Args:
            backend: its name.
            fault: the name of a fault in `unichat.testing.FAULTS`, such as "503" or "reset_after_send".
            times: how many requests meet it, each attempt counted; None for all until `reset`.

        Raises:
            SandboxError: there is no such backend or fault, or a connection to a sandbox cannot show it.
        """
        simulator: Simulator = self.simulator(backend)
        simulator.faults.add(fault, times)

    def set_quirk(self, backend: str, name: str, value: object) -> None:
        """Set a quirk of a backend, as an attribute of its `quirks`, but checked; `value` may be text.

        Raises:
            SandboxError: there is no such backend or quirk, or the quirk does not take the value.
        """
        set_quirk(self.simulator(backend), name, value)

    def reset(self) -> None:
        """Return to the state of the start: its conversations, ratings and users, no requests, faults, or quirks.

        Keys, ids and addresses stay. It takes about a millisecond.
        """
        self._store.reset()
        for simulator in self._simulators.values():
            simulator.reset()

    def close(self) -> None:
        """Stop serving, cut open streams, close the state. It can be closed twice."""
        self._running.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start(
    docs: str | Path | None = None,
    state: str | Path | None = None,
    ports: int | Mapping[str, int] | None = None,
    simulators: Iterable[type[Simulator]] | None = None,
    control: str | Path | None = None,
) -> Sandbox:
    """Start the simulators and return when all of them answer.

    Args:
        docs: Folder of Markdown files to answer from; default: unichat's own docs.
        state: SQLite file for threads, feedback, users and keys, created if missing; default: memory.
        ports: Port of each backend by name, or the first of consecutive ports in the order of the names; default, and
            where a name is missing: any free port.
        simulators: Classes to start; default: all installed ones (entry-point group `unichat.simulators`).
        control: File for `unichat sandbox fail` and the like, which control the sandbox from another process; only its
            owner can read it, and it is removed at the end. Default: none.

    Raises:
        SandboxError: The docs, the state or a simulator cannot be used.
        PortError: A port is taken (both a `SandboxError` and an `OSError`).
    """
    classes = {each.name: each for each in (installed_simulators() if simulators is None else simulators)}
    if not classes:
        raise SandboxError("no simulator is installed; pip install 'unichat-bridge[sandbox]' brings two")
    for name in ports if isinstance(ports, Mapping) else ():
        if name not in classes:
            raise unknown_simulator(name, classes)
    documents = read_documents(docs)
    with ExitStack() as stack:
        library = Library(documents)
        stack.callback(library.close)
        store = Store(state)
        stack.callback(store.close)
        running: dict[str, Simulator] = {}
        apps: dict[socket.socket, ASGIApp] = {}
        for number, name in enumerate(sorted(classes)):
            listener = stack.enter_context(listen(_choose_port(ports, number, name), name))
            running[name] = classes[name](store, library, f"http://{HOST}:{listener.getsockname()[1]}")
            apps[listener] = SandboxMiddleware(running[name])
        if control is not None:
            listener = stack.enter_context(listen(0, "control"))
            app = ControlApp(running)
            apps[listener] = app
            file = ControlFile(Path(control), f"http://{HOST}:{listener.getsockname()[1]}", app.secret)
            stack.callback(file.remove)
        servers = Servers(apps)
        stack.callback(servers.stop)
        servers.start()
        # What the simulators made as they started belongs to it.
        store.keep_state()
        return Sandbox(running, store, stack.pop_all())


def installed_simulators(names: Collection[str] | None = None) -> list[type[Simulator]]:
    """Return the simulators that installed packages registered, the first of each name.

    Args:
        names: those to return; None for all. The others are not imported.

    Raises:
        SandboxError: One cannot be imported, or there is none of a name.
    """
    installed = list_plugins(SIMULATORS)
    for name in names or ():
        if name not in installed:
            raise unknown_simulator(name, installed)
    found: list[type[Simulator]] = []
    for name, entry in installed.items():
        if names is not None and name not in names:
            continue
        try:
            found.append(entry.load())
        except (ImportError, AttributeError) as error:
            raise SandboxError(
                f"the simulator of {name} ({entry.value}) cannot be imported: {error}; "
                "install its package again, or remove it"
            ) from error
    return found


def _choose_port(ports: int | Mapping[str, int] | None, number: int, name: str) -> int:
    if ports is None:
        return 0
    if isinstance(ports, int):
        return ports + number if ports else 0
    return ports.get(name, 0)


def _to_toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_to_toml(inner)}" for key, inner in value.items()) + "}"
    # TOML and JSON share the syntax of text, numbers and booleans, except for U+007F, which no key or URL has.
    return json.dumps(value)
