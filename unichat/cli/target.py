"""From the options of a command to a client: of a profile, a backend, or the sandbox."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click
from attrs import frozen

from unichat import config as configuration
from unichat._text.templates import Template
from unichat.cli import output
from unichat.client.sync_client import Client
from unichat.config import registry
from unichat.connecting import build_client
from unichat.errors import NoConfig
from unichat.models import AnswerRef, ThreadRef

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
    sandbox: bool = False

    def resolve(self) -> configuration.ResolvedConfig:
        """Return the backend and its settings, or those of a route's members.

        Raises:
            ConfigError: with every mistake at once.
            NoConfig: neither a backend nor a profile is named, and there is no config file.
        """
        configure_logging()
        return configuration.resolve(
            self.backend, profile=self.profile, config=self.config, settings={"deadline": self.deadline}
        )

    def resolve_backend(self) -> configuration.ResolvedBackend:
        """Return the backend and its settings, for a command that is about one.

        Raises:
            click.UsageError: the profile is a route.
            ConfigError, NoConfig: as `resolve`.
        """
        resolved = self.resolve()
        if isinstance(resolved, configuration.ResolvedBackend):
            return resolved
        profiles = ", ".join(f"--profile {name}" for name in resolved.members)
        raise click.UsageError(
            f"the profile {resolved.profile} is a route, and this command is about one backend. "
            f"Name a member: {profiles}."
        )

    def client(self) -> Client:
        """Return a client. Raises what `resolve` raises."""
        return build_client(self.resolve())

    @contextmanager
    def client_or_sandbox(
        self, reference: ThreadRef | AnswerRef | None, *, as_json: bool = False
    ) -> Iterator[OpenedClient]:
        """Yield a client; with --sandbox, and without any config, that of a sandbox that runs until the block ends.

        The sandbox keeps its state in the user's state folder, so that `reference` may be from an earlier command.
        Without any config it answers only where somebody sees the note, so that no program takes its answer for a real
        one.

        Raises:
            NoConfig: there is no config, and nobody sees a note; or a file has nearly the right name.
        """
        if self.sandbox:
            self._check_sandbox_options()
            with self._sandbox_client(reference) as client:
                yield OpenedClient(client, temporary=True)
            return
        configured = self._client_unless_simulated(as_json)
        if configured is not None:
            with configured:
                yield OpenedClient(configured)
            return
        with self._sandbox_client(reference) as client:
            title = registry.find(client.backend).title
            output.print_note(
                f"note: no config file was found, so this is the sandbox: a simulated {title} that answers from "
                "unichat's own docs. It ends with this command, and its links with it; `unichat sandbox --toml` starts "
                "one that stays, and prints its config."
            )
            yield OpenedClient(client, temporary=True)

    def _client_unless_simulated(self, as_json: bool) -> Client | None:
        """Return a client, or None where the sandbox may answer instead."""
        try:
            return self.client()
        except NoConfig as error:
            if error.nearest is None and not as_json and output.is_watched():
                return None
            error.hint = Template(error.hint.rstrip("."), ", or pass --sandbox for a simulated vendor.")
            raise

    def _check_sandbox_options(self) -> None:
        configure_logging()
        for name, value in (("--profile", self.profile), ("--config", self.config)):
            if value is not None:
                raise click.UsageError(f"--sandbox needs no config: leave out {name}.")
        if self.backend is not None and "://" in self.backend:
            raise click.UsageError("with --sandbox, --backend is a name, such as kapa.")

    @contextmanager
    def _sandbox_client(self, reference: ThreadRef | AnswerRef | None) -> Iterator[Client]:
        # Imported here: the extra is needed only for this.
        from unichat.cli.sandbox_client import open_sandbox_client

        preferred = None if reference is None else reference.backend
        with open_sandbox_client(self.backend, preferred, self.deadline) as client:
            yield client


class _StderrHandler(logging.Handler):
    """Shows the library's log on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        # The command reports the error itself; the log entry is for --debug.
        if not hasattr(record, "unichat_error") or _log.level == logging.DEBUG:
            output.print_note(f"{record.levelname.lower()}: {self.format(record)}")


def configure_logging() -> None:
    """Show the library's warnings on standard error; with --debug, all that it logs."""
    if not any(isinstance(handler, _StderrHandler) for handler in _log.handlers):
        _log.addHandler(_StderrHandler())
    debug = click.get_current_context().find_root().params["debug"]
    _log.setLevel(logging.DEBUG if debug else logging.WARNING)
