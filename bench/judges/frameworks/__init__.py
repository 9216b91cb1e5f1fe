"""The vendors' own frameworks judge validation: the same requests go to them and to the simulators.

`kapa_app.py` and `kadal_app.py` have the vendors' fields, and run in an environment of their own; `endpoints.py` and
`cases.py` make the requests. A difference that stands in `EXPLAINED` is meant.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import unichat
import unichat.sandbox
from bench.judges.frameworks.cases import Case, generate_cases
from bench.judges.frameworks.comparing import Difference, differences
from bench.judges.frameworks.endpoints import KADAL, KAPA
from bench.judges.frameworks.explained import EXPLAINED, explanation
from bench.judges.node import ROOT

_HERE = Path(__file__).parent
_FOLDER = ROOT / ".venv-judges" / "frameworks"
_PATIENCE = 60.0
ENDPOINTS = {"kapa": KAPA, "kadal": KADAL}


def install() -> None:
    """Install the frameworks into an environment of their own, unless they are there."""
    wanted, there = _HERE / "requirements.txt", _FOLDER / "requirements.txt"
    if there.exists() and there.read_bytes() == wanted.read_bytes():
        return
    venv.create(_FOLDER, with_pip=True, clear=True)
    subprocess.run([_python(), "-m", "pip", "install", "-q", "-r", str(wanted)], check=True)
    there.write_bytes(wanted.read_bytes())


def judge() -> int:
    """Compare both; return how many differences are not explained, and how many explanations explain nothing."""
    install()
    used: set[str] = set()
    complaints = sent = 0
    with unichat.sandbox.start() as box:
        for backend in ENDPOINTS:
            cases = list(all_cases(backend))
            sent += len(cases)
            for difference in compare(box, backend, cases):
                found = explanation(backend, difference)
                if found is None:
                    print(difference)
                    complaints += 1
                else:
                    used.add(found.name)
    for unused in {each.name for each in EXPLAINED} - used:
        print(f"nothing differs any more: {unused}")
        complaints += 1
    print(f"{sent} requests to each")
    return complaints


def all_cases(backend: str) -> Iterator[Case]:
    """Yield the cases of a vendor."""
    for endpoint in ENDPOINTS[backend]:
        yield from generate_cases(endpoint)


def compare(box: unichat.sandbox.Sandbox, backend: str, cases: list[Case]) -> Iterator[Difference]:
    """Yield the differences between a simulator and its framework."""
    settings = box.settings(backend)
    names = {"answer": "none"}
    with unichat.connect(backend, **settings) as client:
        if backend == "kapa":
            # The framework's rows are the same: who, how often, in this order.
            for user, times in (("bea", 2), ("ann", 1), ("cyd", 1)):
                about = unichat.User(user, email=f"{user}@example.com")
                answers = [client.chat("How?", user=about) for _ in range(times)]
                names["answer"] = answers[0].id or ""
        else:
            client.chat("How?")
    names |= {"project": settings.get("project_id", ""), "bot": settings.get("chat_bot_id", "")}
    key = settings.get("api_key")
    headers = {"X-API-KEY": key} if key else {"Authorization": f"Bearer {settings['token']}"}
    with _serving(_HERE / f"{backend}_app.py") as url:
        yield from differences(cases, url, settings["base_url"], names, headers)


def _python() -> str:
    return str(_FOLDER / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))


@contextmanager
def _serving(app: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([_python(), str(app), str(port)]) as server:
        try:
            last = time.monotonic() + _PATIENCE
            while time.monotonic() < last and server.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
