"""What the tests of the command line share: no config but the test's own, one sandbox, and ways to run a command."""

from __future__ import annotations

import io
import itertools
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import unichat.sandbox
from unichat.cli import main
from unichat.sandbox import Sandbox

PROMPTED = "\x1b[?2004h"
"""What a terminal is sent when a prompt begins to read: pasting is bracketed."""
SECONDS = 120
"""For a process to do what is waited for; far more than it takes."""
COMMAND = [sys.executable, "-m", "unichat"]

DOCS = {
    "kettle.md": "# Kettle\n\n## Descaling\n\nDescale the kettle with vinegar every month.\n\n"
    "## Warranty\n\nThe kettle has a warranty of two years.\n",
    "toaster.md": "# Toaster\n\n## Crumbs\n\nEmpty the crumb tray of the toaster every week.\n",
}
QUESTION = "How often should I descale the kettle?"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, a home and an environment in which nothing is set up."""
    for name in list(os.environ):
        if name.startswith(("UNICHAT_", "_UNICHAT_", "KAPA_", "KADAL_")) or name in (
            "NO_COLOR",
            "FORCE_COLOR",
            "COLUMNS",
        ):
            monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("TERM", "xterm")
    # The terminals of these tests answer no questions about where the cursor is.
    monkeypatch.setenv("PROMPT_TOOLKIT_NO_CPR", "1")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manual")
    for name, text in DOCS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def box(manual: Path) -> Iterator[Sandbox]:
    with unichat.sandbox.start(docs=manual) as box:
        yield box


@pytest.fixture
def write(elsewhere: Path) -> Callable[[str], Path]:
    """Write the config file that is found."""

    def call(text: str) -> Path:
        path = elsewhere / "unichat.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return call


@pytest.fixture
def profiles(box: Sandbox, write: Callable[[str], Path]) -> Path:
    """The config file that is found: profiles `kadal` and `kapa` of the sandbox; kapa is the default."""
    return write(box.config_toml("kapa"))


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command in this process. Nobody sits at the terminal; `piped` is standard input."""

    def call(*arguments: str, piped: str | bytes = b"") -> Result:
        data = piped.encode() if isinstance(piped, str) else piped
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        capsys.readouterr()
        code = main(arguments)
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def terminal_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody looks at standard output."""
    monkeypatch.setattr("unichat.cli.output.is_terminal", lambda: True)


@pytest.fixture
def process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command as a process, which is killed after the test if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def call(*arguments: str, **options: Any) -> subprocess.Popen[str]:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        child = subprocess.Popen([*COMMAND, *arguments], **{**pipes, "encoding": "utf-8", **options})
        started.append(child)
        return child

    yield call
    for child in started:
        if child.poll() is None:
            child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()


class Terminal:
    """A command that runs in a terminal of its own."""

    def __init__(self, arguments: Sequence[str], columns: int) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self._fd, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        # A session of its own, with the terminal as the one that its Ctrl-C comes from.
        own = "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        self._child = subprocess.Popen(
            [sys.executable, "-c", own + "from unichat.cli import main; sys.exit(main())", *arguments],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        self.text = ""
        self._read_until = 0

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def wait_for_prompt(self) -> None:
        self.wait_for(PROMPTED)

    def wait_for(self, text: str) -> None:
        """Return when `text` has come, after what was waited for before."""
        until = time.monotonic() + SECONDS
        while (found := self.text.find(text, self._read_until)) < 0:
            assert self._read(until), f"{text!r} did not come: {self.text!r}"
        self._read_until = found + len(text)

    def interrupt(self, until: str = "") -> None:
        """Type Ctrl-C until it ends the command, or `until` comes.

        A signal between Python's look for signals and a system call that waits is seen only after that call.
        """
        deadline = time.monotonic() + SECONDS
        while self._child.poll() is None:
            assert time.monotonic() < deadline, f"Ctrl-C has no effect: {self.text!r}"
            self.type("\x03")
            # Long enough for a busy machine: a second one as the command ends would end it before its exit code.
            patience = time.monotonic() + 10
            while self._read(patience):
                if until and (found := self.text.find(until, self._read_until)) >= 0:
                    self._read_until = found + len(until)
                    return

    def end(self) -> int:
        """Return the exit code, once all has come."""
        until = time.monotonic() + SECONDS
        while self._read(until):
            pass
        return self._child.wait(SECONDS)

    def _read(self, until: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], max(0, until - time.monotonic()))
        try:
            data = os.read(self._fd, 65_536) if ready else b""
        except OSError:
            # Linux says so at the end of a terminal.
            data = b""
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def close(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        os.close(self._fd)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Start a command in a terminal."""
    pytest.importorskip("pty")
    opened: list[Terminal] = []

    def call(*arguments: str, columns: int = 80) -> Terminal:
        opened.append(Terminal(arguments, columns))
        return opened[-1]

    yield call
    for each in opened:
        each.close()


class Vendor:
    """A server that gives each connection the same bytes, and then closes it or keeps it silent."""

    def __init__(self, reply: bytes, *, silent: bool) -> None:
        self.asked = threading.Event()
        self._ended = threading.Event()
        self._reply, self._silent = reply, silent
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._ended.is_set():
                    return
                connection.recv(65_536)
                connection.sendall(self._reply)
                self.asked.set()
                if self._silent:
                    self._ended.wait(SECONDS)

    def close(self) -> None:
        self._ended.set()
        with socket.create_connection(self._listener.getsockname()):
            pass
        self._thread.join(SECONDS)
        self._listener.close()

    def config(self) -> str:
        return (
            f'[profiles.odd]\nbackend = "kapa"\nbase_url = "{self.base_url}"\napi_key = "sesame"\n'
            'project_id = "6adaddba-85ba-4c12-a457-3eac70e9506e"\nattempts = 1\n'
        )


@pytest.fixture
def vendor(write: Callable[[str], Path]) -> Iterator[Callable[..., Vendor]]:
    """Start a server with a reply of the test's own, and write a config whose only profile talks to it."""
    started: list[Vendor] = []

    def call(
        body: bytes,
        *,
        status: str = "200 OK",
        kind: str = "application/json",
        cut: bool = False,
        silent: bool = False,
    ) -> Vendor:
        length = f"Content-Length: {len(body)}\r\n"
        if silent or cut:
            # One piece of more to come; an empty one would be the last.
            length = "Transfer-Encoding: chunked\r\n"
            body = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n{length}\r\n"
        started.append(Vendor(head.encode() + body, silent=silent))
        write(started[-1].config())
        return started[-1]

    yield call
    for each in started:
        each.close()


@pytest.fixture(scope="session")
def record() -> Callable[..., bytes]:
    """One record of a Kapa stream."""

    def call(text: str, *, end: bool = False) -> bytes:
        chunk = {"type": "partial_answer", "content": {"text": text}, "stream_end": end}
        return json.dumps({"chunk": chunk}).encode() + "\u241e".encode()

    return call


@pytest.fixture(scope="session")
def question() -> str:
    """A question that the manual answers."""
    return QUESTION


_numbers = itertools.count()


@pytest.fixture
def user() -> str:
    """Somebody who has asked nothing yet."""
    return f"user-{next(_numbers)}"


@pytest.fixture
def ask_twice(run: Any, profiles: Any, user: str) -> Callable[[str], tuple[Any, Any]]:
    """Ask two questions in one thread, and return both answers as JSON."""

    def call(profile: str) -> tuple[Any, Any]:
        options = ("--json", "--profile", profile, "--user", user)
        first = run("ask", *options, "When to descale the kettle?").json
        second = run("ask", *options, "--thread", first["thread"], "And its warranty?").json
        return first, second

    return call
