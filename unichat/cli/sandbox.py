"""`unichat sandbox`: simulated vendors, served until somebody stops them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from unichat.cli import options, output

if TYPE_CHECKING:
    from unichat.sandbox import Sandbox


@click.command("sandbox")
@click.option("--docs", type=click.Path(), metavar="FOLDER", help="Markdown to answer from, instead of unichat's docs.")
@click.option("--port", type=int, metavar="N", help="The first port; the next vendor gets the next. Otherwise any.")
@click.option("--state", type=click.Path(), metavar="FILE", help="Keep threads, feedback and keys there (SQLite).")
@options.as_json
def command(docs: str | None, port: int | None, state: str | None, as_json: bool) -> None:
    """Serve simulated vendors until Ctrl-C.

    They answer over HTTP on this machine alone, from a folder of Markdown. Prints their addresses and keys and a
    config to paste; with --json, one line: by vendor, the keyword arguments of unichat.connect. Keys and addresses are
    new each time, unless --state and --port keep them.
    """
    # Before anything starts: a signal that comes early should end this as cleanly as one that comes late.
    with _signals() as stopped:
        from unichat import sandbox

        with sandbox.start(docs=docs, state=state, ports=port) as box:
            if as_json:
                output.show_json({backend: box.settings(backend) for backend in box.backends}, indent=None)
            else:
                _say(box)
            # In turns, since Windows delivers no signal during an endless wait.
            while not stopped.wait(1):
                pass


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and SIGTERM set."""
    stopped = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stopped.set()) for number in numbers]
    try:
        yield stopped
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _say(box: Sandbox) -> None:
    for backend in box.backends:
        output.heading(backend)
        for name, value in box.settings(backend).items():
            output.say(f"  {name} = {_text(value)}")
    output.say()
    output.heading("unichat.toml")
    output.say(box.config_toml())
    output.note("LiveStream. Ctrl-C stops it.")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
