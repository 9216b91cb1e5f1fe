"""Shows that each judge complains: breaks a simulator so that only this judge looks there, and has it look."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import unichat.sandbox
from bench.judges import documents, frameworks, fuzzing, prism
from tests.contract.mutants import MUTANTS, MutantKadal, MutantKapa
from unichat_kapa.simulator import routing, schemas
from unichat_kapa.simulator.validation import Field, text


def judge() -> int:
    """Run every proof; return how many judges did not complain."""
    print("What follows is broken on purpose: each judge is to complain.", flush=True)
    silent = 0
    for name, proof in PROOFS.items():
        with unichat.sandbox.start(simulators=(MutantKapa, MutantKadal)) as box:
            complaints = proof(box)
        print(f"{name}: {complaints} complaints", flush=True)
        silent += complaints == 0
    return silent


@contextmanager
def _use_mutant(box: unichat.sandbox.Sandbox, backend: str, name: str) -> Iterator[None]:
    simulator = box.simulator(backend)
    (simulator.mutant,) = (each for each in MUTANTS if (each.backend, each.name) == (backend, name))
    yield


def _prism(box: unichat.sandbox.Sandbox) -> int:
    with _use_mutant(box, "kadal", "drops the id of an answer"), tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "proxy.log")
        prism.check_through_proxy(box, "kadal", log)
        return len(prism.read_violations(log))


def _behaviour(_: unichat.sandbox.Sandbox) -> int:
    """The tests run simulators of their own, so the contract is another one: sources of answers have a number."""
    with tempfile.TemporaryDirectory() as folder:
        contract = documents.write(Path(folder), "kapa", stream=prism.STREAM)
        document = json.loads(contract.read_text(encoding="utf-8"))
        document["components"]["schemas"]["Source"]["required"].append("number")
        contract.write_text(json.dumps(document), encoding="utf-8")
        found = prism.run_behaviour(Path(folder), {"kapa": contract}, "-k", "test_a_thread_is_continued", "--tb=no")
        return len([each for each in found if each.startswith("[")])


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
    "Prism, of what the tests of behaviour are answered": _behaviour,
    "schemathesis, of a record of a stream": _records,
    "schemathesis, of a vendor that needs no key": _no_key,
    "the frameworks, of a limit that is one too high": _frameworks,
}
