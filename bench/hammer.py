"""Processes that hammer the conversations of one store while some are killed: nothing lost, mixed up or asked twice.

Each message has a nonce, and is delivered until some worker has answered it, as platforms do. At the end the vendor's
history says what it was asked: each nonce once, each conversation in one thread of its own. Run it for long with
`python -m bench.hammer` (`--help`); the tests run it for a moment.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import define, field

import unichat
from unichat import routing
from unichat.conversations.messages import reference_for
from unichat.errors import UnichatError

_PATIENCE = 120.0


@define
class Hammer:
    """What is to be done, and what came of it.

    Attributes:
        kills: how many workers are killed, one after the other.
        route: whether the users are split between both vendors.
        problems: what should not have happened.
    """

    store: str
    processes: int = 8
    conversations: int = 40
    messages: int = 10
    kills: int = 20
    between_kills: float = 1.0
    route: bool = False
    settings: dict[str, Any] = field(factory=dict)
    problems: list[str] = field(factory=list)
    killed: int = 0
    redelivered: int = 0

    def run(self) -> None:
        """Hammer, and look at what the vendor was asked."""
        random.seed(7)
        with unichat.sandbox.start() as box:
            vendors = ("kapa", "kadal") if self.route else ("kapa",)
            self.settings = {vendor: box.settings(vendor) for vendor in vendors}
            self._deliver()
            asked: list[tuple[Any, str]] = []
            for vendor, settings in self.settings.items():
                with unichat.connect(vendor, **settings) as client:
                    asked += self._read_history(client)
            self._check(asked)

    def _read_history(self, client: unichat.Client) -> list[tuple[Any, str]]:
        """Return what a vendor was asked, each question with what names its thread."""
        if client.capabilities.parallel_threads:
            return [(each.thread, each.question) for each in client.history()]
        references = [reference_for(f"c{number}") for number in range(self.conversations)]
        return [(user, each.question) for user in references for each in client.history(user=user)]

    def _deliver(self) -> None:
        waiting: queue.Queue[tuple[str, str]] = queue.Queue()
        for number in range(self.messages):
            for conversation in range(self.conversations):
                waiting.put((f"c{conversation}", f"c{conversation}-m{number}"))
        left = self.messages * self.conversations
        done = threading.Semaphore(0)
        workers = [_Worker(self, waiting, done) for _ in range(self.processes)]
        killer = threading.Thread(target=self._kill, args=(workers,), daemon=True)
        killer.start()
        late = time.monotonic() + _PATIENCE + self.kills * self.between_kills
        while left:
            if done.acquire(timeout=1):
                left -= 1
            elif time.monotonic() > late:
                self.problems.append(f"{left} messages were not answered in time")
                break
        for worker in workers:
            worker.stop()

    def _kill(self, workers: list[_Worker]) -> None:
        for _ in range(self.kills):
            time.sleep(self.between_kills)
            random.choice(workers).kill()

    def _check(self, asked: list[tuple[Any, str]]) -> None:
        nonces = Counter(question for _, question in asked)
        expected = {f"c{c}-m{m}" for c in range(self.conversations) for m in range(self.messages)}
        self.problems += [f"{nonce} was lost" for nonce in sorted(expected - nonces.keys())]
        self.problems += [f"{nonce} was asked {times} times" for nonce, times in nonces.items() if times > 1]
        threads: dict[str, set[str]] = {}
        for thread, question in asked:
            threads.setdefault(str(thread), set()).add(question.partition("-")[0])
        self.problems += [f"{sorted(found)} share a thread" for found in threads.values() if len(found) > 1]
        if len(threads) > self.conversations:
            self.problems.append(f"{len(threads)} threads for {self.conversations} conversations")


class _Worker:
    """A process that answers, and a thread that gives it messages; a new process where one was killed."""

    def __init__(self, hammering: Hammer, waiting: queue.Queue[tuple[str, str]], done: threading.Semaphore) -> None:
        self._hammering = hammering
        self._waiting = waiting
        self._done = done
        self._stopped = False
        self._process = self._start()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _start(self) -> subprocess.Popen[str]:
        given = json.dumps({"store": self._hammering.store, "settings": self._hammering.settings})
        return subprocess.Popen(
            [sys.executable, "-m", "bench.hammer", "--answer", given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def _serve(self) -> None:
        while not self._stopped:
            try:
                key, nonce = self._waiting.get(timeout=0.1)
            except queue.Empty:
                continue
            answer = self._ask(key, nonce)
            if answer == "answered":
                self._done.release()
                continue
            # As a platform does that was not told that the message had arrived.
            self._hammering.redelivered += 1
            self._waiting.put((key, nonce))
            if answer == "":
                self._forget_process()
                if not self._stopped:
                    self._process = self._start()

    def _ask(self, key: str, nonce: str) -> str:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps([key, nonce]) + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()
        except OSError:
            return ""

    def kill(self) -> None:
        self._hammering.killed += 1
        self._process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    def stop(self) -> None:
        self._stopped = True
        self._process.kill()
        self._thread.join(_PATIENCE)
        self._forget_process()

    def _forget_process(self) -> None:
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            # What was still to be written has no reader.
            with suppress(OSError):
                stream.close()


def answer(store: str, settings: dict[str, Any]) -> None:
    """Be a worker: answer the messages of standard input, one after the other."""
    members = {vendor: unichat.connect(vendor, **given) for vendor, given in settings.items()}
    with (
        routing.split(members, dict.fromkeys(members, 1.0)) if len(members) > 1 else members["kapa"] as client,
        unichat.Conversations(client, store=store, lease=1.0) as conversations,
    ):
        for line in sys.stdin:
            key, nonce = json.loads(line)
            try:
                conversations.get(key).ask(nonce, user=f"user-{key}", event=nonce, deadline=60)
            except UnichatError as error:
                print(f"{type(error).__name__}: {error}", flush=True)
            else:
                print("answered", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Hammer the conversations of one store.")
    parser.add_argument("--store", help="default: a SQLite file in a folder of its own")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--conversations", type=int, default=40)
    parser.add_argument("--messages", type=int, default=25, help="in each conversation")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--route", action="store_true", help="split the users between both vendors")
    parser.add_argument("--answer", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.answer:
        answer(**json.loads(given.answer))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        hammering = Hammer(
            given.store or f"sqlite:///{folder}/bot.db",
            processes=given.processes,
            conversations=given.conversations,
            messages=given.messages,
            kills=given.kills,
            route=given.route,
        )
        hammering.run()
    print(f"{hammering.killed} workers killed, {hammering.redelivered} messages delivered again")
    for problem in hammering.problems:
        print(f"problem: {problem}")
    return 1 if hammering.problems else 0


if __name__ == "__main__":
    sys.exit(main())
