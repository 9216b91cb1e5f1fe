"""Each simulator that remembers something wrong is caught by a judge that looks at more than one answer."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

import unichat
import unichat.sandbox
from tests.behaviour.test_stateful import Conversations
from tests.contract.conftest import QUESTION
from tests.contract.state_mutants import STATE_MUTANTS
from tests.vendors import VENDORS
from unichat.errors import InsufficientTokens, NotFound


@pytest.fixture
def box(manual):
    """Both vendors, and nobody has asked anything."""
    with unichat.sandbox.start(docs=manual) as box:
        yield box


def random_conversations(box, backend):
    """Talk, rate, read and clear at random, and compare with a model: see `tests/behaviour/test_stateful.py`."""

    class Machine(Conversations):
        pass

    with unichat.connect(backend, **box.settings(backend), attempts=1) as client:
        Machine.client, Machine.vendor = client, VENDORS[backend]
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=15,
                stateful_step_count=20,
                database=None,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate,),
            ),
        )


def two_keys(box, backend):
    """What one key's project has, another key does not find."""
    mine, other = box.simulator(backend).projects
    given = {"base_url": box.settings(backend)["base_url"], "attempts": 1}
    with unichat.connect(backend, api_key=mine.api_key, project_id=mine.id, **given) as client:
        thread = client.chat(QUESTION).thread
    with unichat.connect(backend, api_key=other.api_key, project_id=other.id, **given) as client:
        with pytest.raises(NotFound):
            client.run(client.operations.retrieve_thread(id=thread.id))
        with pytest.raises(NotFound):
            client.run(client.operations.chat_in_thread(thread_id=thread.id, query=QUESTION))


def kapa_page(client, page):
    """The ids of the answers on a page of two."""
    operation = client.operations.list_question_answers(page=page, page_size=2, ordering="created_at")
    return [row.id for row in client.run(operation).items]


def kadal_page(client, page):
    """The ids of the answers on a page of two."""
    found = client.run(client.operations.list_chats(page_no=page, page_size=2, order="asc"))
    return [row.id for row in found.rows]


PAGES = {"kapa": kapa_page, "kadal": kadal_page}


def pages(box, backend):
    """Read page after page, each row of which is asked before the page is read, and find each row once, in order."""
    with unichat.connect(backend, **box.settings(backend), attempts=1) as client:
        asked = [client.chat(f"{QUESTION} {number}").id for number in range(2)]
        found = []
        for page in range(1, 4):
            asked += [client.chat(f"{QUESTION} again, {page}, {number}").id for number in range(2)]
            found += PAGES[backend](client, page)
    assert found == asked[: len(found)]
    assert len(found) == 6


def spent_allowance(box, backend):
    """Nothing is answered when nothing is left of the allowance."""
    with unichat.connect(backend, **box.settings(backend), attempts=1) as client:
        client.chat(QUESTION)
        box.simulator(backend).set_tokens_left(0)
        with pytest.raises(InsufficientTokens):
            client.chat(QUESTION)


JUDGES = {
    "random conversations": random_conversations,
    "two keys": two_keys,
    "pages, with questions between them": pages,
    "a spent allowance": spent_allowance,
}


@pytest.mark.parametrize(
    ("judge", "backend"), sorted({(mutant.judge, mutant.backend) for mutant in STATE_MUTANTS}), ids=str
)
def test_a_judge_says_nothing_against_a_good_simulator(box, judge, backend):
    JUDGES[judge](box, backend)


@pytest.mark.parametrize("mutant", STATE_MUTANTS, ids=lambda mutant: f"{mutant.backend} {mutant.name}")
def test_a_simulator_that_remembers_something_wrong_is_caught(box, monkeypatch, mutant):
    right = getattr(mutant.owner, mutant.attribute)
    monkeypatch.setattr(mutant.owner, mutant.attribute, mutant.replaced(right))
    with pytest.raises((AssertionError, pytest.fail.Exception, unichat.errors.UnichatError, BaseExceptionGroup)):
        JUDGES[mutant.judge](box, mutant.backend)
