"""How long it takes until something can be used: imports, and the command line from its start to its answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.costs import canned
from bench.costs.contestants import KEY
from bench.costs.processes import environment

# In the order in which it is measured: nothing is imported before it but what the measuring needs, so that every module
# is charged with all that it brings.
_IMPORTING = """
import sys, time
def size():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    except OSError:
        return 0
before, began, used = size(), time.perf_counter(), time.process_time()
{0}
print([(time.process_time() - used) * 1e3, (time.perf_counter() - began) * 1e3, size() - before])
"""
_KAPA = f"unichat.{{0}}('kapa', api_key='{KEY}', project_id='{canned.PROJECT}', base_url='http://127.0.0.1:9')"
_PLAIN = "sys.modules['orjson'] = None; "
"""Some peers bring it along."""

IMPORTS: dict[str, tuple[str, str]] = {
    "requests": ("import requests", "requests"),
    "unichat": ("import unichat", "unichat-bridge"),
    "unichat and its first client": (f"{_PLAIN}import unichat; {_KAPA.format('connect')}", "unichat-bridge"),
    "unichat and its first async client": (
        f"{_PLAIN}import asyncio, unichat\nasync def main(): {_KAPA.format('connect_async')}\nasyncio.run(main())",
        "unichat-bridge",
    ),
    "attrs": ("import attrs", "attrs"),
    "cattrs": ("import cattrs", "cattrs"),
    "tenacity": ("import tenacity", "tenacity"),
    "aiohttp": ("import aiohttp", "aiohttp"),
    "httpx": ("import httpx", "httpx"),
    "httpx2": ("import httpx2", "httpx2"),
    "openai": ("import openai", "openai"),
    "aisuite": ("import aisuite", "aisuite"),
    "langchain-openai": ("import langchain_openai", "langchain-openai"),
    "langchain-kapa-ai": ("import langchain_kapa_ai", "langchain-kapa-ai"),
    "langchain": ("import langchain.chat_models", "langchain"),
    "llm": ("import llm", "llm"),
    "pydantic-ai": ("import pydantic_ai", "pydantic-ai-slim"),
    "any-llm": ("import any_llm", "any-llm-sdk"),
    "litellm": ("import litellm", "litellm"),
}
"""What is imported, and the distribution that it belongs to."""


def import_once(statement: str, folder: Path) -> tuple[float, float, float] | str:
    """Return CPU and time in milliseconds and growth in KiB, in a fresh interpreter, or why it cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTING.format(statement)],
        capture_output=True,
        text=True,
        env=environment(folder),
        cwd=folder,
        timeout=120,
        check=False,
    )
    if done.returncode:
        return done.stderr.strip().rpartition("\n")[2][:300]
    cpu, wall, grown = json.loads(done.stdout.strip().rpartition("\n")[2])
    return cpu, wall, grown


def commands(address: str) -> dict[str, Sequence[str]]:
    """Return the commands whose cold start is measured."""
    posting = f"import requests; requests.post('{address}/query/v1/projects/{canned.PROJECT}/chat/', json={{}}).json()"
    program = str(Path(sys.executable).with_name("unichat"))
    return {
        "python -c pass": (sys.executable, "-c", "pass"),
        "python, one post by requests": (sys.executable, "-c", posting),
        "unichat --help": (program, "--help"),
        "unichat ask": (program, "ask", canned.QUESTION),
    }


def write_config(address: str, folder: Path) -> None:
    """Write the config that makes `unichat ask` ask the stub."""
    lines = ("[profiles.bench]", 'backend = "kapa"', f'base_url = "{address}"', f'project_id = "{canned.PROJECT}"')
    (folder / "unichat.toml").write_text("\n".join(('default = "bench"', *lines, "")), encoding="utf-8")


def start_once(command: Sequence[str], folder: Path) -> tuple[float, float] | str:
    """Run a command; return CPU and time in milliseconds, or why it cannot be run."""
    began = time.perf_counter()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**environment(folder), "KAPA_API_KEY": KEY},
            cwd=folder,
        )
    except OSError as error:
        return str(error)
    assert process.stderr is not None
    with process.stderr:
        said = process.stderr.read()
    # wait4() alone tells what one child used.
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return said.decode().strip()[-300:]
    return (used.ru_utime + used.ru_stime) * 1e3, (time.perf_counter() - began) * 1e3
