"""What runs where Python lacks what only Unix has, and where the console cannot show every character."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pace import PATIENCE
from tests.thorough import rows

AS_ON_WINDOWS = """
# What the standard library and the dependencies ask for at import, by the name of the real system, comes first.
import asyncio, contextlib, http.server, importlib, io, json, logging, os, pathlib, pkgutil, random, runpy, select
import signal, socket, sqlite3, subprocess, sys, tempfile, threading
import attrs, cattrs, certifi, click, h11, hypothesis, markdown_it, opentelemetry.trace, orjson, platformdirs
import prompt_toolkit, requests, markdown_it, starlette, tenacity, urllib3, uvicorn

ABSENT = {
    os: "chown chroot confstr ctermid fchdir fchmod fchown fork forkpty getegid geteuid getgid getgroups getloadavg "
    "getpgid getpgrp getpriority getresgid getresuid getsid getuid initgroups killpg lchown mkfifo mknod nice openpty "
    "pathconf pipe2 posix_fallocate posix_spawn pread preadv pwrite pwritev register_at_fork sched_getaffinity "
    "sched_yield sendfile setegid seteuid setgid setgroups setpgid setpriority setsid setuid statvfs sync sysconf "
    "uname wait O_CLOEXEC O_DIRECTORY O_DSYNC O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC",
    signal: "SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGIO SIGKILL SIGPIPE SIGPROF SIGQUIT SIGSTOP SIGTSTP SIGTTIN "
    "SIGTTOU SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH alarm getitimer pause pthread_kill pthread_sigmask setitimer "
    "siginterrupt sigpending sigtimedwait sigwait",
    socket: "CMSG_LEN MSG_DONTWAIT MSG_NOSIGNAL SO_REUSEPORT recv_fds send_fds",
    select: "epoll poll",
}
for module, names in ABSENT.items():
    for name in names.split():
        with contextlib.suppress(AttributeError):
            delattr(module, name)
for name in ("fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty", "uvloop"):
    sys.modules[name] = None

def absent(*_, **__):
    raise NotImplementedError

for name in ("add_signal_handler", "remove_signal_handler"):
    setattr(asyncio.SelectorEventLoop, name, absent)
# The event loop of Windows has none of these.
for name in ("add_reader", "add_writer", "remove_reader", "remove_writer"):
    setattr(asyncio.SelectorEventLoop, name, absent)
"""

EVERY_MODULE = """
import unichat, unichat_kadal, unichat_kapa
names = [
    each.name
    for package in (unichat, unichat_kadal, unichat_kapa)
    for each in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
]
for name in names:
    importlib.import_module(name)
assert {"unichat.config.files", "unichat.cli.commands.sandbox", "unichat.transport.h11.tcp"} <= {*names}
assert "unichat_kapa.adapter" in names
"""

BOTH_CLIENTS = """
import unichat

def call(box, backend):
    with unichat.connect(backend, **box.settings(backend)) as client:
        answer = client.chat("How do I descale the kettle?", user="ada")
        assert "vinegar" in answer.text
        assert list(client.history(answer.thread))
        if client.capabilities.streaming:
            assert "".join(event.text for event in client.stream("How do I descale the kettle?"))

async def call_async(box, backend):
    async with unichat.connect_async(backend, **box.settings(backend)) as client:
        answer = await client.chat("How do I descale the kettle?", user="ada")
        assert "vinegar" in answer.text
        assert [each async for each in client.history(answer.thread)]
        if client.capabilities.streaming:
            async with client.stream("How do I descale the kettle?") as events:
                assert "".join([event.text async for event in events])

with unichat.sandbox.start(docs="manual", state="state.sqlite3") as box:
    for backend in box.backends:
        call(box, backend)
        asyncio.run(call_async(box, backend))
"""

COMMAND_LINE = """
from unichat.cli import main

def run(*arguments):
    sys.stdout, before = io.StringIO(), sys.stdout
    try:
        code = main(arguments)
        return code, sys.stdout.getvalue()
    finally:
        sys.stdout = before

assert run("demo", "--docs", "manual")[0] == 0
import unichat
with unichat.sandbox.start(docs="manual") as box:
    pathlib.Path("unichat.toml").write_text(box.config_toml("kapa"), encoding="utf-8")
    code, out = run("ask", "How do I descale the kettle?", "--json")
    assert code == 0 and "vinegar" in json.loads(out)["text"], out
    assert run("doctor")[0] == 0
    assert run("profiles")[0] == 0

class Event(threading.Event):
    def wait(self, timeout=None):
        if timeout == 1:
            signal.raise_signal(signal.SIGINT)
        return super().wait(timeout)

threading.Event = Event
code, out = run("sandbox", "--json", "--docs", "manual")
assert code == 0 and "kapa" in json.loads(out), out
"""

CONFIG = """
from unichat import config, connect
pathlib.Path("key").write_text("not-a-real-key", encoding="utf-8")
profile = '[profiles.a]\\nbackend = "kapa"\\nproject_id = "00000000-0000-4000-8000-000000000000"\\n'
pathlib.Path("unichat.toml").write_text(profile + 'api_key = {file = "key"}\\n', encoding="utf-8")
pathlib.Path("below").mkdir()
os.chdir("below")
assert config.load().path == pathlib.Path.cwd().parent / "unichat.toml"
connect().close()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manual = tmp_path / "manual"
    manual.mkdir()
    text = "# Kettle\n\nDescale the kettle with vinegar: 用醋给水壶除垢, до блеска. ☕\n"
    (manual / "kettle.md").write_text(text, encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UNICHAT_", "KAPA_", "KADAL_"))}
    home = {name: str(folder / name) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, **home, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=4 * PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(EVERY_MODULE, id="every module"),
        pytest.param(BOTH_CLIENTS, id="both clients and the sandbox", marks=pytest.mark.thorough),
        pytest.param(COMMAND_LINE, id="the command line", marks=pytest.mark.thorough),
        pytest.param(CONFIG, id="the config", marks=pytest.mark.thorough),
    ],
)
def test_everything_without_what_only_unix_has_runs(folder: Path, code: str) -> None:
    options = ("-X", "warn_default_encoding", "-W", "error::EncodingWarning")
    done = run(folder, *options, "-c", AS_ON_WINDOWS + code)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("encoding", rows(["cp1252"], thorough=["cp437"]))
def test_a_console_without_some_characters_is_given_escapes(folder: Path, encoding: str) -> None:
    command = ("-m", "unichat", "demo", "--docs", "manual", "--question", "descale the kettle ☕")
    done = run(folder, *command, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u2615" in done.stdout


def test_an_error_on_a_console_without_some_characters_is_given_escapes(folder: Path) -> None:
    done = run(folder, "-m", "unichat", "ask", "--config", "☕.toml", "hello", PYTHONIOENCODING="cp1252")
    assert done.returncode == 2
    assert done.stderr.startswith(rb"unichat: error: \u2615.toml does not exist")
