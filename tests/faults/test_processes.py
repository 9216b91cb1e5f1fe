"""Rows 60 and 61: forks of the caller, and the death of the vendor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.injection import good
from tests.faults.neutral import Opens, new_nonce
from tests.faults.oracles import check_error
from tests.faults.server import Connection, FaultServer
from tests.faults.vendors import VENDORS, text_for
from tests.pace import PATIENCE
from unichat.errors import ConnectionFailed, InvalidResponse

# A program of its own: this process has threads, with which newer Pythons refuse to fork quietly.
_FORKING = """
import os, sys, threading, time
from bench.mutants import plugin
from tests.faults.neutral import new_nonce, sync_client_on
from tests.faults.vendors import text_for
from unichat.errors import DeadlineExceeded

plugin.pytest_configure()
backend, url, way = sys.argv[1:]
client = sync_client_on(backend, url)

def ask(word="Question", user="u", **options):
    nonce = new_nonce()
    assert client.chat(f"{word} {nonce}", user=user, **options).text == text_for(nonce), "another's answer"

def deadline_holds():
    began = time.monotonic()
    try:
        client.chat(f"Silence {new_nonce()}", user="u", deadline=0.3)
    except DeadlineExceeded:
        # How exactly it holds is measured elsewhere: a process that was just forked may be slow to begin.
        assert time.monotonic() - began < 10, "the deadline did not hold"
    else:
        raise AssertionError("no deadline")

if way == "idle":
    ask()
    running = []
else:
    running = [threading.Thread(target=ask, args=("Slowly", f"u{n or ''}")) for n in range(int(way))]
    for thread in running:
        thread.start()
    time.sleep(0.1)
child = os.fork()
if child == 0:
    status = 1
    try:
        ask()
        deadline_holds()
        client.close()
        status = 0
    except BaseException as error:
        print("child:", repr(error), file=sys.stderr, flush=True)
    os._exit(status)
_, ended = os.waitpid(child, 0)
for thread in running:
    thread.join()
ask()
deadline_holds()
client.close()
sys.exit(ended)
"""


def _patient(connection: Connection) -> bool:
    """Answer well; keep silent on some questions, and be slow on others."""
    received = connection.read()
    words = received.target.encode() + received.body
    if b"Silence" in words:
        connection.wait()
    if b"Slowly" in words:
        connection.pause(0.6)
    connection.write(connection.good(received))
    return True


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
@pytest.mark.parametrize("way", ["idle", "1", "64"])
def test_a_fork_gets_its_own_connections_and_its_own_deadlines(
    backend: str, way: str, count: Callable[..., None]
) -> None:
    with FaultServer(VENDORS[backend], (_patient,)) as server:
        _run(_FORKING, backend, server.url, way)
        assert max(server.seen.values()) == 1
    count(60, f"fork with {way} in flight: {backend}")


_FORKING_WITH_A_LOOP = """
import asyncio, os, sys
from functools import partial
from tests.faults.neutral import async_client_on, new_nonce
from tests.faults.vendors import text_for
from unichat.errors import InvalidInput

backend, url = sys.argv[1:]

def ask(client):
    nonce = new_nonce()
    assert client.chat(f"Question {nonce}").text == text_for(nonce), "another's answer"

with asyncio.Runner() as runner, async_client_on(runner, backend, url) as client:
    ask(client)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with asyncio.Runner() as own:
                try:
                    own.run(client.asynchronous.chat("How do I install it?"))
                except InvalidInput as error:
                    assert "another event loop" in str(error)
                    with async_client_on(own, backend, url) as fresh:
                        ask(fresh)
                    status = 0
        except BaseException as error:
            print("child:", repr(error), file=sys.stderr, flush=True)
        os._exit(status)
    _, ended = os.waitpid(child, 0)
    ask(client)
sys.exit(ended)
"""


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_a_fork_of_an_asyncio_client_is_told_to_make_its_own(backend: str, count: Callable[..., None]) -> None:
    with FaultServer(VENDORS[backend], (good,)) as server:
        _run(_FORKING_WITH_A_LOOP, backend, server.url)
        assert len(server.log) == 3
    count(60, f"fork of an asyncio client: {backend}")


@contextmanager
def another_process(backend: str, faults: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A fault server in a process of its own, which can be killed; the faults by name, in their order."""
    program = Path(__file__).with_name("serving.py")
    server = subprocess.Popen(
        [sys.executable, str(program), backend, faults],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield server, server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def _next_word(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    return server.stdout.readline().strip()


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_a_vendor_killed_before_the_question_was_not_asked(
    backend: str, count: Callable[..., None], client_on: Opens
) -> None:
    with another_process(backend, "good") as (server, url), client_on(backend, url, attempts=1) as client:
        client.chat("How do I install it?")
        server.kill()
        server.wait()
        with pytest.raises(ConnectionFailed) as caught:
            client.chat("How do I install it?")
        assert (caught.value.kind, caught.value.maybe_delivered) == ("refused", False)
        check_error(caught.value)
    count(61, f"killed before: {backend}")


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
@pytest.mark.parametrize("fault", ["silent", "half"])
def test_a_vendor_killed_during_the_answer_is_not_asked_again(
    backend: str, fault: str, count: Callable[..., None], client_on: Opens
) -> None:
    with (
        ThreadPoolExecutor(1) as threads,
        another_process(backend, fault) as (server, url),
        client_on(backend, url) as client,
    ):
        call = threads.submit(client.chat, "How do I install it?")
        assert _next_word(server) == "read"
        if fault == "half":
            assert _next_word(server) == "half"
        server.kill()
        error = call.exception(PATIENCE)
        assert isinstance(error, ConnectionFailed | InvalidResponse)
        assert error.maybe_delivered is True
        assert len(error.attempts) == 1
        check_error(error)
    count(61, f"killed during the answer ({fault}): {backend}")


def test_a_vendor_restarted_after_the_answer_answers_the_next_question(
    count: Callable[..., None], client_on: Opens
) -> None:
    nonce = new_nonce()
    with FaultServer(VENDORS["kapa"], (good,)) as first, client_on("kapa", first.url) as client:
        client.chat("How do I install it?")
        first.close()
        with FaultServer(VENDORS["kapa"], (good,), port=first.port) as second:
            assert client.chat(f"Question {nonce}").text == text_for(nonce)
            assert second.seen[nonce] == 1
    count(61, "killed after the answer, and back")
