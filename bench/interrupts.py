"""Real Ctrl-C at random moments of short calls: none may hang the program, take a connection away, or mix up answers.

`python -m bench.interrupts 20000` runs so many. Three processes: a server that repeats what each question asked; a
program that asks all the time, with another thread beside it; and this one, which sends it SIGINT.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from attrs import define

from bench.costs import canned
from bench.costs.server import Stub, encode_chunks, whole
from unichat import connect
from unichat.errors import UnichatError

_LONGEST = 0.0015
"""Seconds within which the interrupt comes: a call takes about one millisecond."""
_PATIENCE = 30.0
"""Seconds after which a program that does not go on hangs."""
_LOST = 1.0
"""Seconds after which an interrupt is given up that Python swallowed: it ignores what is raised in a destructor."""
_CONNECTIONS = 2
_NONCE = re.compile(rb"nonce-\d+")


@define
class Tally:
    """What became of the interrupts.

    Attributes:
        interrupts: those that were sent.
        swallowed: those that Python ignored, since they were raised in a destructor.
        calls: calls that returned.
        lost: connections that could not be used any more, locks and probes included: calls that failed.
        mixed: answers to another question.
        hung: whether the program stopped.
        where: where it stood then, or the first error.
    """

    interrupts: int = 0
    swallowed: int = 0
    calls: int = 0
    lost: int = 0
    mixed: int = 0
    hung: bool = False
    where: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing hung, was lost or mixed up."""
        return not (self.hung or self.lost or self.mixed)


def serve() -> None:
    """Answer each question with its nonce, until standard input ends."""

    def repeat(answer: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
        return lambda request: answer(match[0] if (match := _NONCE.search(request)) else b"")

    def kapa(nonce: bytes) -> bytes:
        return whole(canned.encode({**canned.KAPA_CHAT, "answer": nonce.decode()}))

    def kadal(nonce: bytes) -> bytes:
        return whole(canned.encode({**canned.KADAL_CHAT, "message": nonce.decode()}))

    def kapa_stream(nonce: bytes) -> bytes:
        pieces = canned.kapa_records()
        text = {"chunk": {"type": "partial_answer", "content": {"text": nonce.decode()}, "stream_end": False}}
        return encode_chunks([canned.encode(text) + "\u241e".encode(), *pieces[-2:]], b"application/json")

    stub = Stub()
    project = f"POST /query/v1/projects/{canned.PROJECT}"
    stub._routes = {
        f"{project}/chat/".encode(): repeat(kapa),
        f"{project}/chat/stream/".encode(): repeat(kapa_stream),
        f"POST /aiwb/chat/api/v2/{canned.BOT}".encode(): repeat(kadal),
    }
    threading.Thread(target=_end_with_input, daemon=True).start()
    print(stub.port, flush=True)
    stub.serve()


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


class Program:
    """Asks over and over, and is interrupted. Says on standard output when it is ready for the next interrupt."""

    def __init__(self, port: int) -> None:
        url = f"http://127.0.0.1:{port}"
        common: dict[str, Any] = {
            "base_url": url, "deadline": _PATIENCE / 2, "connections": _CONNECTIONS, "breaker_failures": 3,
        }  # fmt: skip
        self.kapa = connect("kapa", api_key="key", project_id=canned.PROJECT, **common)
        self.kadal = connect("kadal", token="token", chat_bot_id=canned.BOT, **common)
        self.tally = Tally()
        self._nonces = iter(range(10**9))
        self._interrupts = 0
        self._over = False
        self._ways = (self._ask_kapa, self._ask_kadal, self._stream, self._leave_stream)

    def _question(self) -> str:
        return f"nonce-{next(self._nonces)}"

    def _check(self, question: str, text: str) -> None:
        self.tally.calls += 1
        self.tally.mixed += text != question

    def _ask_kapa(self) -> None:
        question = self._question()
        self._check(question, self.kapa.chat(question).text)

    def _ask_kadal(self) -> None:
        # One at a time in one conversation: a lock.
        question = self._question()
        self._check(question, self.kadal.chat(question, user="ada").text)

    def _stream(self) -> None:
        question = self._question()
        with self.kapa.stream(question) as pieces:
            for _ in pieces:
                pass
            self._check(question, pieces.answer.text)

    def _leave_stream(self) -> None:
        question = self._question()
        with self.kapa.stream(question) as pieces:
            self._check(question, next(pieces).text)

    def _raise(self, *_: object) -> None:
        self._interrupts += 1
        raise KeyboardInterrupt

    def run(self, count: int) -> None:
        """Be interrupted so many times, and print the tally."""
        beside = threading.Thread(target=self._ask_beside, daemon=True)
        beside.start()
        signal.signal(signal.SIGINT, self._raise)
        for number in range(count):
            self._run_interrupted(self._ways[number % len(self._ways)])
            if number % 1000 == 999 or number == count - 1:
                self._check_connections()
        self._over = True
        beside.join(_PATIENCE)
        self.tally.lost += beside.is_alive()
        self.tally.interrupts = count
        os.write(1, b"\n" + json.dumps({name: getattr(self.tally, name) for name in _COUNTED}).encode())

    def _run_interrupted(self, call: Callable[[], None]) -> None:
        before = self._interrupts
        # Nothing but the calls themselves is interrupted half-way.
        with suppress(KeyboardInterrupt):
            os.write(1, b".")
            began = time.monotonic()
            while self._interrupts == before:
                self._try(call)
                if time.monotonic() - began > _PATIENCE:
                    raise RuntimeError("no interrupt came")
            # Raised, but not here.
            self.tally.swallowed += 1

    def _try(self, call: Callable[[], None]) -> None:
        try:
            call()
        except UnichatError as error:
            self.tally.lost += 1
            print(repr(error), file=sys.stderr, flush=True)

    def _ask_beside(self) -> None:
        while not self._over:
            self._try(self._ask_kapa)
            self._try(self._ask_kadal)
            time.sleep(0.001)

    def _check_connections(self) -> None:
        """See that all connections can still be used, at the same time."""
        clients: tuple[Any, ...] = (self.kapa, self.kadal)
        held = [client._context.transport._slots for client in clients]
        deadline = time.monotonic() + _PATIENCE / 2
        while any(slots.free < 1 for slots in held):
            if time.monotonic() > deadline:
                self.tally.lost += 1
                break
            time.sleep(0.001)
        with ThreadPoolExecutor(_CONNECTIONS) as threads:
            for _ in threads.map(lambda _: self._try(self._stream), range(_CONNECTIONS)):
                pass


_COUNTED = ("interrupts", "swallowed", "calls", "lost", "mixed")


def run(count: int, seed: int | None = None) -> Tally:
    """Interrupt a program so many times."""
    chance = random.Random(seed)
    with _start("serve", stdin=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = server.stdout.readline().decode().strip()
        with _start("ask", port, str(count)) as program:
            try:
                return _interrupt(program, chance)
            finally:
                program.kill()
                server.kill()


def _start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-X", "faulthandler", "-m", "bench.interrupts", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, **options)


def _interrupt(program: subprocess.Popen[bytes], chance: random.Random) -> Tally:
    assert program.stdout is not None
    number = program.stdout.fileno()
    while True:
        if not select.select([number], [], [], _PATIENCE)[0]:
            # Where it stands goes to standard error.
            program.send_signal(signal.SIGABRT)
            return Tally(hung=True)
        came = os.read(number, 1)
        if came != b".":
            rest = program.stdout.read()
            return Tally(**json.loads(rest)) if rest else Tally(hung=True, where="it ended early")
        time.sleep(chance.uniform(0, _LONGEST))
        program.send_signal(signal.SIGINT)


def main() -> int:
    """Read the options, and interrupt."""
    if sys.argv[1:2] == ["serve"]:
        serve()
    if sys.argv[1:2] == ["ask"]:
        Program(int(sys.argv[2])).run(int(sys.argv[3]))
        return 0
    options = argparse.ArgumentParser(prog="python -m bench.interrupts", description=__doc__)
    options.add_argument("count", nargs="?", type=int, default=100_000)
    options.add_argument("--seed", type=int)
    given = options.parse_args()
    began = time.monotonic()
    tally = run(given.count, given.seed)
    print(f"{tally} in {time.monotonic() - began:.0f} s")
    return 0 if tally.good else 1


if __name__ == "__main__":
    sys.exit(main())
