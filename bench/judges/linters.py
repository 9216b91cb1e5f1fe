"""Two linters read every contract as it is: openapi-spec-validator, and Spectral."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from bench.judges import documents, node
from unichat.contract import load


def judge() -> int:
    """Run both on each contract; return how many complaints there are."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    rules = Path(__file__).with_name("spectral.yaml")
    complaints = 0
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for backend, version in documents.versions():
            document = load(backend, version)
            for error in OpenAPIV31SpecValidator(document).iter_errors():
                print(f"{backend} {version}: {error.message}")
                complaints += 1
            files.append(Path(folder, f"{backend}-{version}.json"))
            files[-1].write_text(json.dumps(document), encoding="utf-8")
        spectral = node.module("@stoplight", "spectral-cli", "dist", "index.js")
        complaints += node.run(spectral, "lint", "--fail-severity=warn", "-r", str(rules), *map(str, files))
    return complaints
