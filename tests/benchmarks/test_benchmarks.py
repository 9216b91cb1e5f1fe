"""That the benchmarks still run: the stub serves, and who is measured gets the right answers. Nothing is timed."""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest

from benchmarks import canned, processes, report, targets
from benchmarks.__main__ import versions

RIGHT = {"chat": canned.TEXT, "async chat": canned.TEXT, "stream": "".join(canned.PIECES), "history": "2500"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def stub(folder, monkeypatch):
    monkeypatch.setattr(canned, "ROWS", 2_500)
    with processes.stub(folder) as running:
        yield running


def test_every_contestant_that_is_here_gets_the_right_answer_twice(stub, folder):
    answers = processes.answered("check", stub.address, folder=folder)
    assert len(answers) >= 20
    assert answers == {name: RIGHT[name.partition(":")[0]] for name in answers}


def test_the_stub_says_what_it_used_and_what_it_does_not_know(stub):
    assert stub.cpu() > 0
    with pytest.raises(HTTPError) as refused:
        build_opener(ProxyHandler({})).open(f"{stub.address}/nowhere")
    refused.value.close()
    assert refused.value.code == 404


def test_the_pages_of_a_history_have_each_row_once():
    ids = [row["id"] for number in (1, 2, 3) for row in json.loads(canned.page("kapa", number))["results"]]
    assert len(set(ids)) == len(ids) == 3 * canned.PAGE_SIZE


def test_all_processes_have_the_same_number_of_variables(folder):
    assert len(processes.environment(folder)) == processes.VARIABLES


def test_a_result_with_nothing_in_it_has_no_verdict_and_an_absent_peer_is_shown_as_absent():
    result = {"run": {}, "versions": versions(), "cases": {"chat": [{"name": "x", "needs": "x", "absent": "why"}]}}
    assert {verdict.met for verdict in targets.verdicts(result)} == {None}
    assert "absent" in report.as_text(result)
    assert "| x | absent |" in report.as_markdown(result, "chat")


def test_a_target_is_met_up_to_its_limit_and_at_least_where_it_says_so():
    assert targets.Verdict("a", "b", 0.5, 0.5).met is True
    assert targets.Verdict("a", "b", 0.5, 0.51).met is False
    assert targets.Verdict("a", "b", 0.95, 0.94, at_least=True).met is False
