"""schemathesis, which shares no code with unichat, sends some thousand requests to each simulator, valid and invalid.

It follows the contract's links from one operation to the next, reads the records of streams, and then tries every
operation without a key.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import unichat.sandbox
from bench.judges import documents

# A database refuses NUL in text, which no contract says. The vendors' frameworks take numbers for text, and much else
# that a schema does not have: it is they who judge what is refused.
_OPTIONS = (
    *("--workers", "1", "--seed", "1", "--no-color"),
    *("--generation-allow-x00", "false", "--exclude-checks", "negative_data_rejection"),
)
_NO_KEY = ("--phases", "examples,coverage", "--checks", "ignored_auth,not_a_server_error,status_code_conformance")


def judge() -> int:
    """Run it on both simulators; return how many of its runs complain."""
    with unichat.sandbox.start() as box:
        return sum(fuzz(box, backend) for backend in documents.BACKENDS)


def fuzz(box: unichat.sandbox.Sandbox, backend: str, *, examples: int = 50, only: str | None = None) -> int:
    """Run it on one simulator, or on `only` one operation, with the key and without; return how many runs complain."""
    settings = box.settings(backend)
    if backend == "kadal":
        # The judge expects 401; older releases of the vendor's framework say 403.
        box.simulator(backend).quirks.missing_token_status = 401
    key = settings.get("api_key")
    header = f"X-API-KEY: {key}" if key else f"Authorization: Bearer {settings['token']}"
    options = [*_OPTIONS, "--max-examples", str(examples)]
    options += [] if only is None else ["--include-operation-id", only]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document, config = documents.write(folder, backend), folder / "schemathesis.toml"
        ids = {"path.project_id": "project_id", "chat_bot_id": "chat_bot_id"}
        lines = [f'"{place}" = "{settings[key]}"' for place, key in ids.items() if key in settings]
        config.write_text("\n".join(["[parameters]", *lines, ""]), encoding="utf-8")
        command = ["--config-file", str(config), "run", str(document), "--url", settings["base_url"], *options]
        return _run(folder, *command, "-H", header) + _run(folder, *command, *_NO_KEY)


def _run(folder: Path, *arguments: str) -> bool:
    """Run schemathesis; return whether it complains."""
    program = Path(sys.executable).with_name("st")
    found = {**os.environ, "SCHEMATHESIS_HOOKS": "bench.judges.records", "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run([str(program), *arguments], cwd=folder, env=found, check=False).returncode != 0
