"""What a client needs is loaded when it is made, on asyncio off the event loop; nothing is, when something fails."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

import unichat
from tests.pace import PATIENCE
from unichat.client.async_client import AsyncClient
from unichat.client.pending_client import PendingClient
from unichat.errors import ConfigError, InvalidInput
from unichat.testing import CannedTransport, json_answer

PROJECT = "00000000-0000-4000-8000-000000000001"
KAPA = {"api_key": "sesame", "project_id": PROJECT}
ANSWER = {
    "answer": "Yes.",
    "thread_id": PROJECT,
    "question_answer_id": PROJECT,
    "is_uncertain": False,
    "relevant_sources": [],
}

_SERVER = """
import email.utils, gzip, json, socket, sys, threading, time, unichat
PROJECT = "00000000-0000-4000-8000-000000000001"
BODY = json.dumps({"answer": "Yes.", "thread_id": PROJECT, "question_answer_id": PROJECT, "is_uncertain": False,
                   "relevant_sources": []}).encode()

def http(status, body, *headers, length=None):
    lines = [b"HTTP/1.1 %d X" % status, b"Content-Type: application/json", b"Connection: close",
             b"Content-Length: %d" % (len(body) if length is None else length), *headers]
    return b"\\r\\n".join(lines) + b"\\r\\n\\r\\n" + body

NOW = email.utils.formatdate(time.time(), usegmt=True).encode()
ANSWERS = [
    http(503, b"{}"), http(200, BODY), http(429, b"{}", b"Retry-After: " + NOW), http(200, BODY), http(200, b"nope"),
    http(401, b'{"detail": "x"}'), http(500, b"<html>"), http(200, gzip.compress(BODY), b"Content-Encoding: gzip"),
    http(200, BODY[:20], length=200), http(400, b"{}"), http(403, b"{}"), http(404, b"{}"), b"garbage", http(207, BODY),
    http(302, b"", b"Location: https://elsewhere.invalid/"), http(200, b"\\xff"), http(200, b"{"),
]
listener = socket.create_server(("127.0.0.1", 0))

def serve():
    for number in range(10**6):
        connection, _ = listener.accept()
        data = b""
        while not data.endswith(b"}") and (more := connection.recv(65536)) and not more.startswith(b"\\x16"):
            data += more
        connection.sendall(ANSWERS[number % len(ANSWERS)])
        connection.close()

threading.Thread(target=serve, daemon=True).start()
PORT = listener.getsockname()[1]
GIVEN = {"api_key": "key", "project_id": PROJECT, "backoff": 0.001, "deadline": 20.0, "allow_insecure": True}
URLS = [f"http://127.0.0.1:{PORT}", "http://no-such-host.invalid", f"https://127.0.0.1:{PORT}", "http://127.0.0.1:1"]
COUNTS = [len(ANSWERS), 1, 1, 1]
"""

_SYNC = """
clients = [unichat.connect("kapa", base_url=url, **GIVEN) for url in URLS]
before = set(sys.modules)
for client, count in zip(clients, COUNTS):
    for _ in range(count):
        try:
            client.chat("Hi?")
        except unichat.errors.UnichatError as error:
            str(error), repr(error)
    try:
        with client.stream("Hi?", deadline=2.0) as pieces:
            list(pieces)
    except unichat.errors.UnichatError:
        pass
print(*sorted(set(sys.modules) - before | {"asyncio"} & set(sys.modules)))
"""

_ASYNC = """
import asyncio, importlib.abc

class Noting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if threading.current_thread() is threading.main_thread():
            noted.append(name)

noted = []
sys.meta_path.insert(0, Noting())

async def main():
    clients = [unichat.connect_async("kapa", base_url=url, **GIVEN) for url in URLS]
    for client in clients:
        await client.__aenter__()
    print(*noted)
    before = set(sys.modules)
    for client, count in zip(clients, COUNTS):
        for _ in range(count):
            try:
                await client.chat("Hi?")
            except unichat.errors.UnichatError as error:
                str(error), repr(error)
        try:
            async with client.stream("Hi?", deadline=2.0) as pieces:
                async for _ in pieces:
                    pass
        except unichat.errors.UnichatError:
            pass
    print(*sorted(set(sys.modules) - before))

asyncio.run(main())
"""


def run(program):
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, "-c", _SERVER + program],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.split("\n")]


def test_no_failure_of_a_sync_call_imports_anything_and_no_sync_client_asyncio():
    assert run(_SYNC)[0] == []


def test_no_failure_of_an_async_call_imports_anything_and_what_is_slow_is_imported_off_the_event_loop():
    in_the_loop, afterwards = run(_ASYNC)[:2]
    assert [name for name in in_the_loop if name.partition(".")[0] == "unichat"] == [
        "unichat.connecting",
        "unichat.client",
        "unichat.client.constructor_checks",
        "unichat.client.pending_client",
    ]
    assert not {"attr", "cattrs", "h11", "tenacity", "ssl", "certifi"} & set(in_the_loop)
    assert afterwards == []


# The client that is not loaded yet


@pytest.fixture
def cold(monkeypatch):
    """A process in which no asyncio client was made yet."""
    monkeypatch.setattr("unichat.connecting._SLOW", ("no.such.module",))


def make_transport():
    return CannedTransport(*[json_answer(ANSWER)] * 3)


class AsyncTransport:
    """The same on asyncio."""

    def __init__(self):
        self._transport = make_transport()
        self.threads = []

    async def send(self, *given, **named):
        return self._transport.send(*given, **named)

    async def open(self, *given, **named):
        raise AssertionError

    async def close(self):
        pass


def test_a_client_becomes_what_it_stands_for_at_its_first_await(cold):
    async def use():
        client = unichat.connect_async("kapa", transport=AsyncTransport(), **KAPA)
        assert type(client) is PendingClient
        assert isinstance(client, AsyncClient)
        answers = await asyncio.gather(client.chat("Hi?"), client.chat("Hi?"))
        assert [answer.text for answer in answers] == ["Yes.", "Yes."]
        assert type(client) is AsyncClient
        assert (await client.chat("Hi?")).text == "Yes."
        await client.close()
        with pytest.raises(InvalidInput, match="closed"):
            await client.chat("Hi?")

    asyncio.run(use())


def test_a_client_is_loaded_in_another_thread_as_its_block_is_entered(cold, monkeypatch):
    threads = []
    build = unichat.connecting.async_client_for

    def note_thread(*given, **named):
        threads.append(threading.current_thread())
        return build(*given, **named)

    monkeypatch.setattr("unichat.connecting.async_client_for", note_thread)

    async def use():
        async with unichat.connect_async("kapa", transport=AsyncTransport(), **KAPA) as client:
            assert type(client) is AsyncClient
            return (await client.chat("Hi?")).text

    assert asyncio.run(use()) == "Yes."
    assert threads != [threading.main_thread()]
    assert len(threads) == 1


@pytest.mark.parametrize(
    "look",
    [
        lambda client: client.capabilities.streaming,
        lambda client: client.with_policy(attempts=1),
        lambda client: client.operations,
    ],
)
def test_whatever_is_not_awaited_loads_it_at_once(cold, look):
    async def use():
        client = unichat.connect_async("kapa", transport=AsyncTransport(), **KAPA)
        assert look(client)
        assert type(client) is AsyncClient

    asyncio.run(use())


def test_mistakes_in_the_settings_are_raised_at_the_first_await(cold):
    async def use():
        client = unichat.connect_async("kapa", project_id="nonsense", api_key="x")
        for _ in range(2):
            with pytest.raises(ConfigError, match="project_id"):
                await client.chat("Hi?")
        with pytest.raises(ConfigError, match="project_id"):
            async with client:
                pass

    asyncio.run(use())


def test_a_caller_that_is_cancelled_while_a_client_loads_leaves_it_to_the_others(cold):
    async def use():
        client = unichat.connect_async("kapa", transport=AsyncTransport(), **KAPA)
        first, second = (asyncio.ensure_future(client.chat("Hi?")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return (await second).text

    assert asyncio.run(use()) == "Yes."


def test_outside_of_an_event_loop_a_client_is_made_at_once(cold):
    assert type(unichat.connect_async("kapa", transport=AsyncTransport(), **KAPA)) is AsyncClient
