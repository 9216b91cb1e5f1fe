"""From the options of a command to a client: a profile's, a backend's, or one of a sandbox where nothing is set up."""

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
class Opened:
    """A client, and whether it is of a sandbox that ends with the command: links to that lead nowhere afterwards."""

    client: Client
    passing: bool = False


@frozen(kw_only=True)
class Target:
    """Which bot a command is for, as its options say."""

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
        _show_log()
        return configuration.resolve(
            self.backend, profile=self.profile, config=self.config, settings={"deadline": self.deadline}
        )

    def client(self) -> Client:
        """Return a client; raises as `resolve`."""
        resolved = self.resolve()
        return client_for(resolved.backend, resolved.settings)

    @contextmanager
    def client_or_sandbox(self, thread: ThreadRef | None) -> Iterator[Opened]:
        """Give a client; where nothing at all is configured, one of a sandbox that lives as long as the block.

        What the sandbox remembers is kept in the user's state folder, so that `thread` may be of an earlier command.
        """
        with ExitStack() as opened:
            try:
                found = Opened(opened.enter_context(self.client()))
            except configuration.NoConfig:
                found = Opened(self._of_sandbox(thread, opened), passing=True)
            yield found

    def _of_sandbox(self, thread: ThreadRef | None, opened: ExitStack) -> Client:
        box = opened.enter_context(_remembering_sandbox())
        clients = {
            name: opened.enter_context(connect(name, **box.settings(name), deadline=self.deadline))
            for name in box.backends
        }
        # The one that shows most, unless the thread says whose it is.
        able = max(clients.values(), key=lambda each: (each.capabilities.streaming, each.capabilities.sources))
        client = clients.get(thread.backend, able) if thread is not None else able
        title = registry.find(client.backend).title
        output.note(
            f"note: no config file was found, so this is the sandbox: a simulated {title} that answers from unichat's "
            "own docs. It ends with this command, and its links with it; `unichat sandbox` starts one that stays, and "
            "prints a config to begin with."
        )
        return client


def _remembering_sandbox() -> Sandbox:
    # Late: only who has no config needs the extra.
    from platformdirs import user_state_path

    from unichat import sandbox

    path = user_state_path("unichat", appauthor=False) / "sandbox.sqlite3"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return sandbox.start(state=path)
    except (OSError, sandbox.SandboxError) as error:
        output.note(f"note: the sandbox forgets its threads when this command ends ({error})")
        return sandbox.start()


class _LogNotes(logging.Handler):
    """Shows the library's log on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        # The command reports an error itself; in the log it belongs to the story that --debug tells.
        if not hasattr(record, "unichat_error") or _log.level == logging.DEBUG:
            output.note(f"{record.levelname.lower()}: {self.format(record)}")


def _show_log() -> None:
    if not any(isinstance(handler, _LogNotes) for handler in _log.handlers):
        _log.addHandler(_LogNotes())
    debug = click.get_current_context().find_root().params["debug"]
    _log.setLevel(logging.DEBUG if debug else logging.WARNING)
