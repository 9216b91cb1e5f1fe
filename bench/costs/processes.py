"""The processes of a run: the stub, and a worker for each contestant, each in the same small environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import ProxyHandler, build_opener

from attrs import define, field, frozen

from bench.costs import canned
from bench.costs.contestants import Contestant

ROOT = Path(__file__).parents[2]
VARIABLES = 32
"""Environment variables of every process: requests reads all of them with each call, so their number counts."""
_PATIENCE = 180.0


def environment(home: Path) -> dict[str, str]:
    """Return an environment of `VARIABLES` variables, with nobody's proxies, keys or config."""
    kept = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        # One asks the network for prices when it is imported, the others report how they are used.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGSMITH_TRACING": "false",
        "DO_NOT_TRACK": "1",
        "OPENAI_API_KEY": "none",
        "BENCHMARK_ROWS": str(canned.RULES),
    }
    fillers = {f"SETTING_{number}": f"value-{number}" for number in range(VARIABLES - len(kept))}
    return {**kept, **fillers}


@frozen
class Stub:
    """The running stub."""

    address: str
    process: subprocess.Popen[str]

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used."""
        # Past any proxy of the environment that this process itself has.
        with build_opener(ProxyHandler({})).open(f"{self.address}/cpu", timeout=10) as response:
            return float(response.read())


@contextmanager
def home() -> Iterator[Path]:
    """An empty home for all processes, so that no config is found."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        yield Path(folder)


@contextmanager
def stub(folder: Path) -> Iterator[Stub]:
    """The stub in its own process."""
    command = [sys.executable, "-m", "bench.costs.server"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(folder), cwd=folder)
    assert process.stdout is not None
    try:
        yield Stub(f"http://127.0.0.1:{int(process.stdout.readline())}", process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run_module(module: str, *arguments: str, folder: Path) -> Any:
    """Run one of this package's modules in a fresh process, and return the JSON that it prints last."""
    command = [sys.executable, "-m", f"bench.costs.{module}", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(folder), cwd=folder, timeout=_PATIENCE, check=False
    )
    if done.returncode:
        return {"absent": done.stderr.strip().rpartition("\n")[2][:300]}
    return json.loads(done.stdout.strip().rpartition("\n")[2])


@define(eq=False)
class Worker:
    """A contestant in its own process."""

    contestant: Contestant
    process: subprocess.Popen[str]
    absent: str = ""
    answer: Any = None

    @classmethod
    def start(cls, contestant: Contestant, address: str, folder: Path) -> Worker:
        """Start one, and wait until it is ready or says why it cannot be."""
        command = [sys.executable, "-m", "bench.costs.worker", contestant.case, contestant.name, address]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(folder),
            cwd=folder,
        )
        worker = cls(contestant, process)
        said = worker._read_line()
        worker.absent = said.get("absent", "")
        worker.answer = said.get("ready")
        return worker

    def _read_line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line else {"absent": "its process ended"}
        return said

    def do(self, count: int) -> dict[str, float]:
        """Have it make so many calls; return what they took, in seconds."""
        assert self.process.stdin is not None
        print(json.dumps(count), file=self.process.stdin, flush=True)
        return self._read_line()

    def stop(self) -> None:
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()
        self.process.kill()
        self.process.wait()


@define
class Durations:
    """What one contestant's calls took, in microseconds a call, one entry for each round."""

    contestant: Contestant
    cpu: list[float] = field(factory=list)
    wall: list[float] = field(factory=list)
    server: list[float] = field(factory=list)
    first: list[float] = field(factory=list)
    absent: str = ""

    def median(self, kind: str = "cpu") -> float | None:
        """Return the median of all rounds, or None where there is none."""
        values: list[float] = getattr(self, kind)
        return median(values) if values else None


def rounds(
    contestants: Sequence[Contestant], running: Stub, folder: Path, *, sittings: int, each: int, seconds: float
) -> list[Durations]:
    """Let all contestants call in turn, over and over.

    Each has a process of its own, so that nobody pays for another's libraries and hooks; it lives for a sitting, so
    that rounds can be short and all contestants meet the same weather; and there are several sittings, since where a
    process happens to lie in memory is luck.

    Args:
        each: rounds in a sitting.
        seconds: how long one contestant's turn lasts, about; 0 for a single call.
    """
    taken = {contestant.name: Durations(contestant) for contestant in contestants}
    for _ in range(sittings):
        workers = [Worker.start(contestant, running.address, folder) for contestant in contestants]
        try:
            counts: dict[str, int] = {}
            for worker in workers:
                name = worker.contestant.name
                taken[name].absent = worker.absent
                if not worker.absent:
                    counts[name] = _warm_up(worker, seconds) if seconds else 1
            for _ in range(each):
                for worker in workers:
                    name = worker.contestant.name
                    if name in counts:
                        _turn(worker, counts[name], running, taken[name])
        finally:
            for worker in workers:
                worker.stop()
    return list(taken.values())


def _warm_up(worker: Worker, seconds: float) -> int:
    """Let connections, caches and the interpreter's own specialising settle; return how many calls fill the time."""
    took = [worker.do(10)["wall"] / 10 for _ in range(3)][-1]
    count = max(5, round(seconds / took))
    worker.do(count)
    return count


def _turn(worker: Worker, count: int, running: Stub, taken: Durations) -> None:
    before = running.cpu()
    took = worker.do(count)
    taken.server.append((running.cpu() - before) / count * 1e6)
    taken.cpu.append(took["cpu"] / count * 1e6)
    taken.wall.append(took["wall"] / count * 1e6)
    if "first" in took:
        taken.first.append(took["first"] * 1e6)
