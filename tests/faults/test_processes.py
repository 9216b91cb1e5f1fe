"""Rows 60 and 61: forks of the caller, and the death of the vendor."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.certificates import authority_file, context_for
from tests.faults.injection import good
from tests.faults.neutral import Opens, new_nonce
from tests.faults.oracles import check_error
from tests.faults.server import Connection, FaultServer
from tests.faults.vendors import STREAM, VENDORS, http, kapa_records, text_for
from tests.pace import PATIENCE
from tests.thorough import rows
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


@pytest.mark.parametrize(
    ("backend", "way"),
    rows(
        [("kapa", "idle"), ("kadal", "64")],
        thorough=[(backend, way) for backend in ("kapa", "kadal") for way in ("idle", "1", "64")],
    ),
)
def test_a_fork_gets_its_own_connections_and_its_own_deadlines(
    backend: str, way: str, count: Callable[..., None]
) -> None:
    with FaultServer(VENDORS[backend], (_patient,)) as server:
        _run(_FORKING, backend, server.url, way)
        assert max(server.seen.values()) == 1
    count(60, f"fork with {way} in flight: {backend}")


_FORKING_IN_A_STREAM = """
import asyncio, gc, os, sys
from tests.faults.neutral import BACKENDS, new_nonce, settings_for, sync_client_on
from unichat.connecting import async_client_for

transport, url, ca, way = sys.argv[1:]
given = {"ca_bundle": ca} if ca else {}
question = f"Question {new_nonce()}"

def fork():
    child = os.fork()
    if child == 0:
        if way == "collects":
            gc.collect()
            os._exit(0)
        if way == "fails":
            raise LookupError("the child fails")
        sys.exit(0)
    os.waitpid(child, 0)
    # The server goes on now.
    print("forked", flush=True)

def main():
    with sync_client_on("kapa", url, **given) as client, client.stream(question) as pieces:
        first = next(pieces)
        if way == "reads":
            fork_and_read(pieces)
        else:
            fork()
        print((first.text + "".join(each.text for each in pieces)) == pieces.answer.text, flush=True)

def fork_and_read(pieces):
    child = os.fork()
    if child == 0:
        try:
            list(pieces)
        except Exception:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0, "the child reads what is its parent's"
    print("forked", flush=True)

async def main_async():
    client = async_client_for(BACKENDS["kapa"], settings_for("kapa", url, **given))
    async with client, client.stream(question) as pieces:
        first = await anext(pieces)
        fork()
        text = first.text
        async for each in pieces:
            text += each.text
        print(text == (await pieces.answer()).text, flush=True)

main() if transport == "requests" else asyncio.run(main_async())
"""


_ENDS = {"requests": ("exits", "fails", "collects", "reads"), "h11": ("exits", "fails", "collects")}


@pytest.mark.parametrize(
    ("transport", "way", "tls"),
    rows(
        [("requests", "reads", False), ("h11", "collects", True)],
        thorough=[(transport, way, tls) for transport, ways in _ENDS.items() for way in ways for tls in (False, True)],
    ),
)
def test_a_child_that_ends_within_its_parents_stream_leaves_it_open(
    transport: str, way: str, tls: bool, count: Callable[..., None]
) -> None:
    forked = threading.Event()

    def half_then_the_rest(connection: Connection) -> bool:
        received = connection.read()
        pieces = [b"%x\r\n%s\r\n" % (len(each), each) for each in kapa_records(received.nonce)]
        connection.write(
            http(200, b"", content_length="", transfer_encoding="chunked", **STREAM) + b"".join(pieces[:3])
        )
        assert forked.wait(PATIENCE)
        connection.write(b"".join(pieces[3:]) + b"0\r\n\r\n")
        return True

    with FaultServer(VENDORS["kapa"], (half_then_the_rest,), tls=context_for("good") if tls else None) as server:
        program = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                "-c",
                _FORKING_IN_A_STREAM,
                transport,
                server.url,
                authority_file() if tls else "",
                way,
            ],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert program.stdout is not None
        word = program.stdout.readline()
        forked.set()
        rest, errors = program.communicate(timeout=PATIENCE)
    assert (word, rest, program.returncode) == ("forked\n", "True\n", 0), errors
    count(60, f"a child that {way} within a stream, {'TLS' if tls else 'plain'}: {transport}")


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


@pytest.mark.parametrize(
    ("backend", "fault"),
    rows([("kapa", "half"), ("kadal", "silent")], thorough=[("kapa", "silent"), ("kadal", "half")]),
)
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
