"""A client of the sandbox that the commands share: it runs for one command, and its state lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from unichat import sandbox
from unichat.cli import output
from unichat.client.sync_client import Client
from unichat.config.plugins import SIMULATORS, list_plugins
from unichat.connecting import connect
from unichat.sandbox import Sandbox

DEFAULT = "kapa"
"""Who is simulated unless something else says so. A fixed name: a plug-in must not change it by being installed."""


@contextmanager
def open_sandbox_client(backend: str | None, preferred: str | None, deadline: float | None) -> Iterator[Client]:
    """Yield a client of a simulated vendor, which runs until the end of the block.

    Only this simulator is started, so that a broken one of a plug-in does no harm. The state is kept in the user's
    state folder; where that is not possible, a note says so.

    Args:
        backend: the vendor.
        preferred: the vendor if `backend` is None and there is a simulator of it.

    Raises:
        SandboxError: there is no simulator of `backend`.
    """
    if backend is None:
        backend = preferred if preferred in list_plugins(SIMULATORS) else DEFAULT
    with _start(backend) as box, connect(backend, **box.settings(backend), deadline=deadline) as client:
        yield client


def _start(backend: str) -> Sandbox:
    from platformdirs import user_state_path

    simulators = sandbox.installed_simulators([backend])
    try:
        path = user_state_path("unichat", appauthor=False) / "sandbox.sqlite3"
        if not path.is_absolute():
            # What older releases of platformdirs return where there is no home.
            raise RuntimeError("there is no home folder")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return sandbox.start(state=path, simulators=simulators)
    except (OSError, RuntimeError, sandbox.SandboxError) as error:
        # RuntimeError: there is no home.
        output.print_note(f"note: the sandbox forgets its threads when this command ends ({error})")
        return sandbox.start(simulators=simulators)
