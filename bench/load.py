"""Many conversations at a time against the sandbox, with a share of faults; then fewer of them for long.

`python -m bench.load` prints figures, and fails if an answer was lost, mixed up or asked for twice without saying so,
or if memory or open files grew. Needs the extra `sandbox`.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field

import unichat
from bench.faulty_proxy import FaultyProxy
from unichat import Answer, Client, Exchange
from unichat.errors import UnichatError

_QUESTIONS = (
    "How do I continue a thread?",
    "What does replay do?",
    "How do I rate an answer?",
    "Which errors are there?",
)
_PACE = {"backoff": 0.05, "throttle_backoff": 0.05, "retry_budget": 1_000_000}


@define
class Tally:
    """What happened, over all conversations."""

    counts: Counter[str] = field(factory=Counter)
    seconds: list[float] = field(factory=list)
    problems: list[str] = field(factory=list)
    _guard: threading.Lock = field(factory=threading.Lock)

    def add(self, what: str, seconds: float | None = None) -> None:
        with self._guard:
            self.counts[what] += 1
            if seconds is not None:
                self.seconds.append(seconds)

    def problem(self, what: str) -> None:
        with self._guard:
            self.problems.append(what)


@contextmanager
def sandbox() -> Iterator[dict[str, dict[str, Any]]]:
    """The sandbox in a process of its own, so that the memory measured here is the clients' alone."""
    command = [sys.executable, "-m", "bench.load", "--serve"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield json.loads(server.stdout.readline())
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


def serve() -> None:
    """Be that process: say how to reach the sandbox, and serve until standard input ends."""
    from unichat import sandbox as simulated

    with simulated.start() as box:
        print(json.dumps({backend: box.settings(backend) for backend in box.backends}), flush=True)
        sys.stdin.read()


class Conversation:
    """One user who talks to one vendor, over and over, and compares what was said with the vendor's own history."""

    def __init__(self, client: Client, user: str, tally: Tally, pause: float) -> None:
        self._client = client
        self._pause = pause
        self._user = user
        self._tally = tally
        self._dice = random.Random(user)
        self._said: dict[str, tuple[str, Answer]] = {}
        self._asked: dict[str, bool] = {}

    def go_on(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                self._once()
            except UnichatError as error:
                self._tally.add(f"said so: {type(error).__name__}")
            except Exception as error:
                self._tally.problem(f"{type(error).__name__}: {error}")

    def _once(self) -> None:
        self._said, self._asked = {}, {}
        answer = self._ask(None)
        for _ in range(self._dice.randrange(3)):
            time.sleep(self._pause)
            answer = self._ask(answer)
        self._client.feedback(answer, self._dice.choice(["up", "down"]), user=self._user)
        rows = self._history(answer)
        self._compare({str(row.id): row for row in rows}, Counter(row.question for row in rows))
        if self._client.capabilities.clear_history:
            self._client.clear_history(user=self._user)

    def _ask(self, before: Answer | None) -> Answer:
        question = f"{self._dice.choice(_QUESTIONS)} ({uuid.uuid4()})"
        began = time.monotonic()
        self._asked[question] = False
        if before is None:
            answer = self._client.chat(question, user=self._user)
        elif self._dice.random() < 0.5:
            answer = self._client.continue_thread(before, question)
        else:
            with self._client.stream(question, thread=before) as pieces:
                text = "".join(event.text for event in pieces)
                answer = pieces.answer
            if text != answer.text:
                self._tally.problem("events were lost or doubled")
        self._asked[question] = answer.maybe_duplicated
        self._tally.add("answered", time.monotonic() - began)
        self._said[str(answer.id)] = (question, answer)
        return answer

    def _history(self, answer: Answer) -> list[Exchange]:
        if self._client.capabilities.history_by_thread:
            return list(self._client.history(answer))
        # A user's own rows, of which the newest are this conversation's.
        return list(self._client.history(user=self._user, newest_first=True, limit=20))

    def _compare(self, rows: dict[str, Exchange], asked: Counter[str]) -> None:
        for identity, (question, answer) in self._said.items():
            row = rows.get(identity)
            if row is None:
                self._tally.problem(f"the vendor does not know answer {identity}")
            elif row.question != question:
                self._tally.problem(f"answer {identity} belongs to another question")
            elif row.answer.strip() != answer.text.strip():
                self._tally.problem(f"answer {identity} has another text")
        for question, duplicated in self._asked.items():
            if asked[question] > 1 and not duplicated:
                self._tally.problem("a question was asked twice without saying so")


def _resident() -> int:
    """Resident memory, in kibibytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _watch(until: float, memory: list[int], files: list[int]) -> None:
    while time.monotonic() < until:
        memory.append(_resident())
        files.append(_open_files())
        time.sleep(0.5)


def run(conversations: int, seconds: float, share: float, *, pause: float) -> bool:
    """Run so many conversations for so long, print the figures, and return whether all is well.

    Args:
        share: of the requests that are spoilt.
        pause: seconds between two questions of a conversation.
    """
    files_before = _open_files()
    tally = Tally()
    memory: list[int] = []
    files: list[int] = []
    with ExitStack() as opened:
        clients: list[Client] = []
        proxies: list[FaultyProxy] = []
        for backend, settings in opened.enter_context(sandbox()).items():
            proxy = FaultyProxy(urlsplit(settings["base_url"]).port or 80, share)
            opened.callback(proxy.close)
            proxies.append(proxy)
            clients.append(
                opened.enter_context(unichat.connect(backend, **{**settings, **_PACE, "base_url": proxy.url}))
            )
        until = time.monotonic() + seconds
        watcher = threading.Thread(target=_watch, args=(until, memory, files))
        watcher.start()
        with ThreadPoolExecutor(conversations) as threads:
            for number in range(conversations):
                talk = Conversation(clients[number % len(clients)], f"user-{number}", tally, pause)
                threads.submit(talk.go_on, until)
        watcher.join()
    return _report(
        f"{conversations} conversations for {seconds:g} s", tally, proxies, memory, files, _open_files() - files_before
    )


def _growth(values: list[int]) -> int:
    """How much more the last quarter is than the second: the first is for warming up."""
    quarter = max(1, len(values) // 4)
    return round(median(values[-quarter:]) - median(values[quarter : 2 * quarter]))


def _report(
    name: str, tally: Tally, proxies: list[FaultyProxy], memory: list[int], files: list[int], left: int
) -> bool:
    spoilt = sum((proxy.spoilt for proxy in proxies), Counter[str]())
    passed = sum(proxy.passed for proxy in proxies)
    slow = quantiles(tally.seconds, n=100) if len(tally.seconds) > 1 else [0.0] * 99
    grown, more_files = _growth(memory) // 1024, _growth(files)
    print(f"== {name}")
    print(f"requests: {passed}, spoilt: {spoilt.total()} ({dict(sorted(spoilt.items()))})")
    print(f"answers: {tally.counts.pop('answered', 0)}, seconds: {slow[49]:.2f} median, {slow[98]:.2f} of 99 %")
    print(f"calls that failed and said so: {tally.counts.total()} ({dict(sorted(tally.counts.items()))})")
    print(f"lost, mixed up or asked twice without saying so: {len(tally.problems)}")
    print(f"memory: {median(memory) // 1024:.0f} MiB, grown by {grown} MiB; open files: at most {max(files)}, ", end="")
    print(f"grown by {more_files}, left after closing: {left}")
    for problem in tally.problems[:10]:
        print(f"  {problem}")
    return not tally.problems and grown < 16 and left <= 0 and more_files < 32


def main() -> int:
    """Read the options, and run the load and the soak."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--conversations", type=int, default=200, help="at a time, in the load")
    options.add_argument("--seconds", type=float, default=60, help="of the load; 0 for none")
    options.add_argument(
        "--soak", type=float, default=600, help="seconds of the soak, with 20 conversations; 0 for none"
    )
    options.add_argument("--share", type=float, default=0.05, help="of the requests that are spoilt")
    options.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        serve()
        return 0
    # What failed is counted here, and compared; nobody reads thousands of lines about faults made on purpose.
    logging.disable(logging.CRITICAL)
    well = True
    if given.seconds:
        well = run(given.conversations, given.seconds, given.share, pause=0.0)
    if given.soak:
        well = run(20, given.soak, given.share, pause=0.25) and well
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
