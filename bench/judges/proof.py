"""Shows that each judge complains: breaks a simulator so that only this judge looks there, and has it look."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import unichat.sandbox
from bench.judges import frameworks, fuzzing, prism
from tests.contract.mutants import MUTANTS, MutantKadal, MutantKapa
from unichat_kapa.simulator import routing, schemas
from unichat_kapa.simulator.validation import Field, text


def judge() -> int:
    """Run every proof; return how many judges did not complain."""
    silent = 0
    for name, proof in PROOFS.items():
        with unichat.sandbox.start(simulators=(MutantKapa, MutantKadal)) as box:
            complaints = proof(box)
        print(f"{name}: {complaints} complaints")
        silent += complaints == 0
    return silent


@contextmanager
def _use_mutant(box: unichat.sandbox.Sandbox, backend: str, name: str) -> Iterator[None]:
    simulator = box.simulator(backend)
    (simulator.mutant,) = (each for each in MUTANTS if (each.backend, each.name) == (backend, name))
    yield


def _prism(box: unichat.sandbox.Sandbox) -> int:
    with _use_mutant(box, "kadal", "drops the id of an answer"), tempfile.TemporaryDirectory() as folder:
        return len(prism.through_proxy(box, "kadal", Path(folder, "proxy.log")))


def _records(box: unichat.sandbox.Sandbox) -> int:
    with _use_mutant(box, "kapa", "streams a source without its address"):
        return fuzzing.fuzz(box, "kapa", examples=5, only="chat_streamed")


def _no_key(box: unichat.sandbox.Sandbox) -> int:
    with patch.object(routing._AccessControl, "_project", lambda self, key: self._projects[0]):
        return fuzzing.fuzz(box, "kapa", examples=5, only="list_sources")


def _frameworks(box: unichat.sandbox.Sandbox) -> int:
    frameworks.install()
    cases = [case for case in frameworks.all_cases("kapa") if case.name.startswith("chat: query")]
    longer = {**schemas.CHAT, "query": Field(text(longest=5001), required=True)}
    with patch("unichat_kapa.simulator.chat.CHAT", longer):
        found = list(frameworks.compare(box, "kapa", cases))
    return sum(frameworks.explanation("kapa", each) is None for each in found)


PROOFS: dict[str, Callable[[unichat.sandbox.Sandbox], int]] = {
    "Prism, of an answer without its id": _prism,
    "schemathesis, of a record of a stream": _records,
    "schemathesis, of a vendor that needs no key": _no_key,
    "the frameworks, of a limit that is one too high": _frameworks,
}
