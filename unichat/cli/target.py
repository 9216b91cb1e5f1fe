"""From the options of a command to a client: of a profile, a backend, or a sandbox where nothing is configured."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click
from attrs import frozen

from unichat import config as configuration
from unichat.cli import output
from unichat.client.sync_client import Client
from unichat.config import registry
from unichat.connecting import client_for, connect
from unichat.models import ThreadRef

if TYPE_CHECKING:
    from unichat.sandbox import Sandbox

_log = logging.getLogger("unichat")


@frozen
class OpenedClient:
    """A client; `temporary` if its sandbox ends with the command, after which links to it are dead."""

    client: Client
    temporary: bool = False


@frozen(kw_only=True)
class Target:
    """The bot that a command's options select."""

    profile: str | None = None
    config: str | None = None
    backend: str | None = None
    deadline: float | None = None

    def resolve(self) -> configuration.Resolved:
        """Return the backend and its settings.

        Raises:
            ConfigError: with every mistake at once.
            NoConfig: neither a backend nor a profile is named, and there is no config file.
        """
        _configure_logging()
        return configuration.resolve(
            self.backend, profile=self.profile, config=self.config, settings={"deadline": self.deadline}
        )

    def client(self) -> Client:
        """Return a client. Raises what `resolve` raises."""
        resolved = self.resolve()
        return client_for(resolved.backend, resolved.settings)

    @contextmanager
    def client_or_sandbox(self, thread: ThreadRef | None) -> Iterator[OpenedClient]:
        """Yield a client; without any config, the client of a sandbox that runs until the end of the block.

        The sandbox keeps its state in the user's state folder, so that `thread` may be from an earlier command.
        """
        with ExitStack() as stack:
            try:
                opened_client = OpenedClient(stack.enter_context(self.client()))
            except configuration.NoConfig:
                opened_client = OpenedClient(self._sandbox_client(thread, stack), temporary=True)
            yield opened_client

    def _sandbox_client(self, thread: ThreadRef | None, stack: ExitStack) -> Client:
        box = stack.enter_context(_persistent_sandbox())
        clients = {
            name: stack.enter_context(connect(name, **box.settings(name), deadline=self.deadline))
            for name in box.backends
        }
        # The vendor that shows most, unless the thread belongs to another.
        most_capable = max(clients.values(), key=lambda each: (each.capabilities.streaming, each.capabilities.sources))
        client = clients.get(thread.backend, most_capable) if thread is not None else most_capable
        title = registry.find(client.backend).title
        output.print_note(
            f"note: no config file was found, so this is the sandbox: a simulated {title} that answers from unichat's "
            "own docs. It ends with this command, and its links with it; `unichat sandbox` starts one that stays, and "
            "prints a config to start with."
        )
        return client


def _persistent_sandbox() -> Sandbox:
    # Imported here: the extra is needed only without a config.
    from platformdirs import user_state_path

    from unichat import sandbox

    path = user_state_path("unichat", appauthor=False) / "sandbox.sqlite3"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return sandbox.start(state=path)
    except (OSError, sandbox.SandboxError) as error:
        output.print_note(f"note: the sandbox forgets its threads when this command ends ({error})")
        return sandbox.start()


class _StderrHandler(logging.Handler):
    """Shows the library's log on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        # The command reports the error itself; the log entry is for --debug.
        if not hasattr(record, "unichat_error") or _log.level == logging.DEBUG:
            output.print_note(f"{record.levelname.lower()}: {self.format(record)}")


def _configure_logging() -> None:
    if not any(isinstance(handler, _StderrHandler) for handler in _log.handlers):
        _log.addHandler(_StderrHandler())
    debug = click.get_current_context().find_root().params["debug"]
    _log.setLevel(logging.DEBUG if debug else logging.WARNING)
