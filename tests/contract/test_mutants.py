"""Each broken simulator is caught by a contract check, at the operation and the place where it is broken."""

import pytest

import unichat
import unichat.sandbox
from tests.contract.conftest import QUESTION
from tests.contract.mutants import MUTANTS, MutantKadal, MutantKapa
from unichat.contract import check

_WRITES = {"post_chat", "add_feedback", "chat", "upsert_feedback", "chat_streamed"}


@pytest.fixture(scope="module")
def box(manual):
    """Both vendors, which can be broken; each has a row."""
    with unichat.sandbox.start(docs=manual, simulators=(MutantKapa, MutantKadal)) as box:
        for backend in box.backends:
            with unichat.connect(backend, **box.settings(backend)) as client:
                client.chat(QUESTION, user=None)
        yield box


def verdict(box, mutant):
    """The verdict on the operation that a mutant breaks, and its findings."""
    with unichat.connect(mutant.backend, **box.settings(mutant.backend), attempts=1) as client:
        (found,) = check(client, only=(mutant.operation,), write=mutant.operation in _WRITES).operations
    return found.verdict.value, {(each.kind, each.pointer) for each in found.findings}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.backend} {mutant.name}")
def test_a_broken_simulator_is_caught(box, mutant):
    simulator = box.simulator(mutant.backend)
    before, _ = verdict(box, mutant)
    assert before == "ok"
    simulator.mutant = mutant
    try:
        found, findings = verdict(box, mutant)
    finally:
        simulator.mutant = None
    assert found == mutant.verdict
    assert (mutant.kind, mutant.pointer) in findings


def test_there_are_enough_of_them_and_no_two_are_the_same():
    assert len(MUTANTS) >= 25
    assert len({(mutant.backend, mutant.name) for mutant in MUTANTS}) == len(MUTANTS)
