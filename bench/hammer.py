"""Processes that hammer the conversations of one store while some are killed: nothing lost, mixed up or asked twice.

Each message has a nonce, and is delivered until some worker has answered it, as platforms do. At the end the vendor's
history says what it was asked: each nonce once, each answer to the message that got it, each conversation in one thread
of its own. Of a conversation whose first question was out when its worker was killed, that question may stand in a
thread of its own besides: the next message began another, since nobody knew of it. Run it for long with
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
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

import unichat
from unichat import routing
from unichat.conversations.messages import reference_for
from unichat.errors import UnichatError

_PATIENCE = 120.0
"""Seconds in which at least one message must be answered, however busy the machine is."""


@frozen
class Asked:
    """One question as a vendor's history has it.

    Attributes:
        thread: what names its thread.
        number: its place in the history, oldest first.
        answer: the answer's id.
    """

    thread: str
    number: int
    question: str
    answer: str | None


@define
class Hammer:
    """What is to be done, and what came of it.

    Attributes:
        kills: how many workers are killed, one after the other.
        route: whether the users are split between both vendors.
        problems: what should not have happened.
        answers: which answer each message got.
        interrupted: the messages whose workers were killed while they had them.
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
    answers: dict[str, str] = field(factory=dict)
    interrupted: set[str] = field(factory=set)

    def run(self) -> None:
        """Hammer, and look at what the vendor was asked."""
        random.seed(7)
        with unichat.sandbox.start() as box:
            vendors = ("kapa", "kadal") if self.route else ("kapa",)
            self.settings = {vendor: box.settings(vendor) for vendor in vendors}
            self._deliver()
            asked: list[Asked] = []
            for vendor, settings in self.settings.items():
                with unichat.connect(vendor, **settings) as client:
                    asked += self._read_history(client)
            self._check(asked)

    def _read_history(self, client: unichat.Client) -> list[Asked]:
        """Return what a vendor was asked."""
        if client.capabilities.parallel_threads:
            rows = [(str(each.thread), each) for each in client.history()]
        else:
            users = [reference_for(f"c{number}") for number in range(self.conversations)]
            rows = [(user, each) for user in users for each in client.history(user=user)]
        return [Asked(thread, number, each.question, each.id) for number, (thread, each) in enumerate(rows)]

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
        while left:
            if not done.acquire(timeout=_PATIENCE):
                self.problems.append(f"{left} messages were not answered in time")
                break
            left -= 1
        for worker in workers:
            worker.stop()

    def _kill(self, workers: list[_Worker]) -> None:
        for _ in range(self.kills):
            time.sleep(self.between_kills)
            random.choice(workers).kill()

    def _check(self, asked: Iterable[Asked]) -> None:
        found: dict[str, list[Asked]] = {}
        threads: dict[str, list[Asked]] = {}
        for each in sorted(asked, key=lambda each: each.number):
            found.setdefault(each.question, []).append(each)
            threads.setdefault(each.thread, []).append(each)
        self.problems += [f"{nonce} was lost" for nonce in sorted(self.answers.keys() - found.keys())]
        self.problems += [f"{nonce} was asked {len(each)} times" for nonce, each in found.items() if len(each) > 1]
        self.problems += [
            f"{nonce} got the answer {answer}, which is not its own"
            for nonce, answer in self.answers.items()
            if nonce in found and answer not in [each.answer for each in found[nonce]]
        ]
        of: dict[str, list[list[Asked]]] = {}
        for each in threads.values():
            keys = sorted({row.question.partition("-")[0] for row in each})
            if len(keys) > 1:
                self.problems.append(f"{keys} share a thread")
            for key in keys:
                of.setdefault(key, []).append(each)
        for key, (*left, _) in of.items():
            # Each thread before the newest is what a killed first question left, and nobody has gone on in it.
            for first, *others in left:
                if others or first.question not in self.interrupted:
                    self.problems.append(
                        f"{key} left a thread of {1 + len(others)} questions that began with {first.question}"
                    )


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
            if answer.startswith("answered "):
                self._hammering.answers[nonce] = answer.removeprefix("answered ")
                self._done.release()
                continue
            # As a platform does that was not told that the message had arrived.
            self._hammering.redelivered += 1
            self._waiting.put((key, nonce))
            if not answer:
                self._hammering.interrupted.add(nonce)
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
                found = conversations.get(key).ask(nonce, user=f"user-{key}", event=nonce, deadline=60)
            except UnichatError as error:
                print(f"{type(error).__name__}: {error}", flush=True)
            else:
                print(f"answered {found.id}", flush=True)


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
