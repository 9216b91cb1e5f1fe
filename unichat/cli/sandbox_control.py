"""`unichat sandbox fail`, `quirk` and `requests`: what a running sandbox should do, and what it saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from unichat._text.printable import shorten
from unichat.cli import completion, options, output

_SECONDS = 10


def default_control_file() -> Path:
    """Return the file in the user's state folder by which the last sandbox that was started is found.

    Raises:
        RuntimeError: there is no such folder.
    """
    from platformdirs import user_state_path

    return user_state_path("unichat", appauthor=False) / "sandbox-control.json"


_control = click.option(
    "--control", type=click.Path(), metavar="FILE", help="The --control of the sandbox; default: that of the last one."
)


@click.command("fail")
@click.argument("backend", shell_complete=completion.backends)
@click.argument("fault", required=False)
@click.option("--times", type=int, metavar="N", help="How many requests meet it. Default: 1.")
@click.option("--always", is_flag=True, help="All requests meet it, until it is cleared.")
@click.option("--clear", is_flag=True, help="Clear the faults of the backend instead.")
@_control
def fail_command(
    backend: str, fault: str | None, times: int | None, always: bool, clear: bool, control: str | None
) -> None:
    """Let the next requests to a running sandbox fail, or without FAULT, list the faults that are planned.

    FAULT is a name from the table in the docs on testing, such as 503, reset_after_send or cut_stream. Faults come in
    the order in which they were given.
    """
    if clear and fault is not None:
        raise click.UsageError("--clear takes no fault: clear them first, or let the new one follow the others.")
    if times is not None and always:
        raise click.UsageError("--times and --always say how often, each in its way: give one.")
    if times is not None and times < 1:
        raise click.UsageError(f"--times is {times}: give a whole number from 1, or --always.")
    arguments = {"backend": backend, "fault": fault, "times": None if always else times or 1, "clear": clear}
    planned = _send(control, "fail", arguments)
    for each in planned:
        output.print_text(f"{each['fault']}  {'always' if each['times'] is None else each['times']}")


@click.command("quirk")
@click.argument("quirks", nargs=-1, metavar="[BACKEND.NAME=VALUE]...")
@_control
@options.as_json
def quirk_command(quirks: tuple[str, ...], control: str | None, as_json: bool) -> None:
    """Make the vendors of a running sandbox behave differently, or without arguments, list their quirks."""
    if not quirks:
        _list_quirks(_send(control, "quirks", {}), as_json)
    for text in quirks:
        backend, name, value = split_quirk(text)
        _send(control, "quirk", {"backend": backend, "name": name, "value": value})


def _list_quirks(quirks: dict[str, dict[str, Any]], as_json: bool) -> None:
    if as_json:
        output.print_json(quirks)
        return
    for backend, values in quirks.items():
        for name, value in values.items():
            # As the command takes it.
            text = value if isinstance(value, str) else "none" if value is None else json.dumps(value)
            output.print_text(f"{backend}.{name}={text}")


@click.command("requests")
@click.argument("backend", required=False, shell_complete=completion.backends)
@_control
@options.as_json
def requests_command(backend: str | None, control: str | None, as_json: bool) -> None:
    """List the requests that a running sandbox received, oldest first, of one backend or of all; without secrets."""
    seen = _send(control, "requests", {"backend": backend})
    if as_json:
        output.print_json(seen)
        return
    output.print_table(
        ("backend", "method", "path", "query", "body"),
        [(row["backend"], row["method"], row["path"], row["query"], shorten(row["body"], 60)) for row in seen],
    )


def split_quirk(text: str) -> tuple[str, str, str]:
    """Return backend, name and value of a quirk as an option has it."""
    key, equals, value = text.partition("=")
    backend, dot, name = key.partition(".")
    if not (equals and dot and backend and name):
        raise click.UsageError(f"{text!r} is not a quirk: write BACKEND.NAME=VALUE, such as kadal.message_in=query.")
    return backend, name, value


def split_fault(text: str) -> tuple[str, str, int | None]:
    """Return backend, fault and times of a fault as an option has it."""
    backend, equals, rest = text.partition("=")
    fault, colon, times = rest.partition(":")
    if not (equals and backend and fault) or (colon and not (times == "always" or (times.isdecimal() and int(times)))):
        raise click.UsageError(
            f"{text!r} is not a fault: write BACKEND=FAULT, or BACKEND=FAULT:TIMES, where TIMES is from 1, or `always`."
        )
    return backend, fault, None if times == "always" else int(times or 1)


def _send(control: str | None, action: str, arguments: dict[str, Any]) -> Any:
    """Return what the sandbox answers.

    Raises:
        SandboxError: no sandbox can be reached, or it refuses.
    """
    import requests

    from unichat.sandbox.errors import SandboxError

    try:
        path = default_control_file() if control is None else Path(control)
    except RuntimeError as error:
        raise SandboxError(f"{error}: pass the --control of the sandbox") from error
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        url, secret = found["url"], found["secret"]
    except FileNotFoundError:
        raise SandboxError(
            f"no sandbox is running that {path} leads to: start one with `unichat sandbox`, or pass its --control"
        ) from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SandboxError(f"{path} is not the control file of a sandbox ({type(error).__name__})") from None
    try:
        with requests.Session() as session:
            # Not by a proxy: it is this machine.
            session.trust_env = False
            answer = session.post(
                f"{url}/{action}", json=arguments, headers={"Authorization": f"Bearer {secret}"}, timeout=_SECONDS
            )
            body = answer.json()
    except requests.RequestException:
        raise SandboxError(f"the sandbox that {path} leads to does not answer: it has probably ended") from None
    if answer.status_code != 200:
        raise SandboxError(body["error"])
    return body
