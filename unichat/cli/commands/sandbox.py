"""`unichat sandbox`: serves simulated vendors until it is stopped; its commands control one that runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from unichat.cli import options, output
from unichat.cli.sandbox_control import (
    default_control_file,
    fail_command,
    quirk_command,
    requests_command,
    split_fault,
    split_quirk,
)

if TYPE_CHECKING:
    from unichat.sandbox import Sandbox


@click.group("sandbox", invoke_without_command=True)
@click.option("--docs", type=click.Path(), metavar="FOLDER", help="Markdown to answer from, instead of unichat's docs.")
@click.option(
    "--port", type=int, metavar="N", help="The first port; the next vendor gets the next. Default: any free port."
)
@click.option("--state", type=click.Path(), metavar="FILE", help="Keep threads, feedback and keys there (SQLite).")
@click.option("--quirk", "quirks", multiple=True, metavar="BACKEND.NAME=VALUE", help="Set a quirk; can be repeated.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="BACKEND=FAULT[:TIMES]",
    help="Let the first request fail, or so many, or `always`; can be repeated.",
)
@click.option("--control", type=click.Path(), metavar="FILE", help="Where `sandbox fail` and the like find this one.")
@click.option("--toml", "as_toml", is_flag=True, help="Print only the config, as `unichat.toml` can have it.")
@options.as_json
@click.pass_context
def command(
    context: click.Context,
    docs: str | None,
    port: int | None,
    state: str | None,
    quirks: tuple[str, ...],
    faults: tuple[str, ...],
    control: str | None,
    as_toml: bool,
    as_json: bool,
) -> None:
    """Serve simulated vendors until Ctrl-C.

    They answer over HTTP on this machine only, from a folder of Markdown. Prints their addresses and keys and a config
    to paste; with --toml, only the config; with --json, one line: by vendor, the keyword arguments of unichat.connect.
    Keys and addresses are new each time, unless --state and --port keep them. The commands below control a sandbox that
    runs.
    """
    if context.invoked_subcommand is not None:
        return
    if as_toml and as_json:
        raise click.UsageError("--toml and --json are two forms of the same: give one.")
    # Before anything starts, so that an early signal ends this as cleanly as a late one.
    with _stop_on_signals() as stopped:
        from unichat.cli.target import configure_logging

        configure_logging()
        with _start(control, docs=docs, state=state, ports=port) as box:
            for text in quirks:
                box.set_quirk(*split_quirk(text))
            for text in faults:
                box.fail(*split_fault(text))
            if as_json:
                output.print_json({backend: box.settings(backend) for backend in box.backends}, indent=None)
            elif as_toml:
                _print_config(box)
            else:
                _print_settings(box)
            # With a timeout, since Windows delivers no signal during an endless wait.
            while not stopped.wait(1):
                pass


for _subcommand in (fail_command, quirk_command, requests_command):
    command.add_command(_subcommand)


def _start(control: str | None, **arguments: Any) -> Sandbox:
    """Start a sandbox that can be controlled by the file, by default the one in the user's state folder."""
    from unichat import sandbox

    if control is not None:
        return sandbox.start(control=control, **arguments)
    try:
        path = default_control_file()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        output.print_note(f"note: the sandbox can be controlled only from within this process ({error})")
        return sandbox.start(**arguments)
    return sandbox.start(control=path, **arguments)


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set."""
    stopped = threading.Event()
    # SIGBREAK is Ctrl-Break, and only Windows has it. Python lets no other thread than the main one handle signals.
    names = ("SIGINT", "SIGTERM", "SIGBREAK") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = [signal.signal(number, lambda *_: stopped.set()) for number in numbers]
    try:
        yield stopped
    finally:
        for number, handler in zip(numbers, before, strict=True):
            # None stands for a handler that was not set by Python, which cannot be set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _print_settings(box: Sandbox) -> None:
    for backend in box.backends:
        output.print_heading(backend)
        for name, value in box.settings(backend).items():
            output.print_text(f"  {name} = {_setting_text(value)}")
    output.print_text()
    output.print_heading("unichat.toml")
    _print_config(box)


def _print_config(box: Sandbox) -> None:
    # Imported here: the help of the command should not cost the sandbox's imports.
    from unichat.cli.sandbox_client import DEFAULT

    output.print_text(box.config_toml(DEFAULT).rstrip())
    output.print_note("Running. Ctrl-C stops it.")


def _setting_text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
