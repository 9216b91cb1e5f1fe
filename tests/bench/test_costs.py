"""That the benchmarks still run: the stub serves, and who is measured gets the right answers. Nothing is timed."""

from __future__ import annotations

import asyncio
import inspect
import json
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest

from bench.costs import canned, cases, contestants, pieces, processes, report, routes, targets, turns
from bench.costs.__main__ import main, versions

RIGHT = {"chat": canned.TEXT, "async chat": canned.TEXT, "stream": "".join(canned.PIECES), "history": "2500"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def stub(folder, monkeypatch):
    monkeypatch.setattr(canned, "RULES", 2_500)
    with processes.stub(folder) as running:
        yield running


def test_every_contestant_that_is_here_gets_the_right_answer_twice(stub, folder):
    answers = processes.run_module("check", stub.address, folder=folder)
    assert len(answers) >= 20
    assert answers == {name: RIGHT[name.partition(":")[0]] for name in answers}


def test_every_piece_makes_what_it_is_there_for():
    async def call_all():
        return {
            piece.name: await piece.call() if inspect.iscoroutinefunction(piece.call) else piece.call()
            for piece in await pieces.table()
        }

    found = asyncio.run(call_all())
    chat = {name.removeprefix("chat call, "): made for name, made in found.items() if name.startswith("chat call, ")}
    assert chat.pop("json.loads of the answer alone") == canned.KAPA_CHAT
    assert chat.pop("checking the arguments").question == canned.QUESTION
    assert json.loads(chat.pop("building the operation").request.body) == contestants.QUESTION
    assert chat.pop("reading the answer").text == canned.TEXT
    assert chat == {"the whole, sync": canned.TEXT, "the whole, async": canned.TEXT}
    rows = [made for name, made in found.items() if name.startswith("row of ")]
    assert [len(each) for each in rows] == [canned.PAGE_SIZE] * 8
    records = [made for name, made in found.items() if name.startswith("record of ")]
    assert records == ["".join(canned.PIECES)] * 4


@pytest.mark.thorough
def test_the_pieces_and_what_they_leave_of_a_whole_call_are_measured_in_a_process_of_their_own(stub, folder):
    rows = cases.CASES["pieces"](stub, folder, cases.Effort(sittings=2, rounds=1, seconds=0, repeats=1))
    figures = {row["name"]: row["cpu"] for row in rows}
    assert len(figures) == 20
    assert min(figure for name, figure in figures.items() if "all else" not in name) > 0
    assert {"chat call, all else, sync", "chat call, all else, async"} <= figures.keys()
    assert "| chat call, all else, async | " in report.as_markdown(
        {"versions": {}, "cases": {"pieces": rows}}, "pieces"
    )


def test_what_is_left_of_a_whole_call_is_told_for_each_round():
    parts = {part: [1.0, 2.0] for part in pieces.PARTS}
    full = pieces.with_all_else({**parts, pieces.WHOLE: [10.0, 7.0], "another": [1.0, 1.0]})
    assert list(full) == [*parts, "chat call, all else, sync", pieces.WHOLE, "another"]
    assert full["chat call, all else, sync"] == [7.0, 1.0]


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
    assert {verdict.is_met for verdict in targets.verdicts(result)} == {None}
    assert "absent" in report.as_text(result)
    assert "| x | absent |" in report.as_markdown(result, "chat")


@pytest.mark.parametrize("case", sorted(cases.CASES))
def test_a_table_is_as_wide_as_its_heads_where_somebody_is_absent(case):
    absent = {"name": "x", "needs": "x", "absent": "why"}
    result = {"run": {}, "versions": {}, "cases": {case: [absent]}}
    heads, rows = report.TABLES[case.replace(" ", "-")][1](result)
    assert [len(row) for row in rows] == [len(heads)]


def test_nothing_is_measured_where_unichat_is_not_installed(monkeypatch):
    monkeypatch.setattr("bench.costs.__main__.versions", dict)
    with pytest.raises(SystemExit, match="unichat is not installed"):
        main(["--quick"])
    assert "unichat-bridge" in versions()


def test_a_target_is_met_up_to_its_limit_and_at_least_where_it_says_so():
    assert targets.Verdict("a", "b", 0.5, 0.5).is_met is True
    assert targets.Verdict("a", "b", 0.5, 0.51).is_met is False
    assert targets.Verdict("a", "b", 0.95, 0.94, at_least=True).is_met is False


def test_a_limit_that_is_an_amount_is_shown_with_its_unit():
    verdict = targets.Verdict("a turn", "", 300.0, 271.4, "µs")
    assert (verdict.is_met, verdict.format(verdict.limit), verdict.format(verdict.figure)) == (True, "300 µs", "271 µs")
    assert targets.Verdict("a call", "bare requests", 0.75, 0.7).format(0.7) == "0.70 ×"


def test_turns_are_measured_beside_their_calls():
    with turns.sqlite() as address:
        assert turns.one(address, rounds=1, turns=21).keys() == {"cpu", "wall"}


def test_routes_are_measured_beside_their_first_members_calls():
    found = routes.routes(rounds=1, calls=5)
    assert found.keys() == {"fallback", "split"}
    result = {"run": {}, "versions": {}, "cases": {"routes": [{"name": name, "cpu": 20.0} for name in found]}}
    assert "| split | 20.0 |" in report.as_markdown(result, "routes")
    assert [verdict.is_met for verdict in targets.verdicts(result) if verdict.figure is not None] == [True, True]


def test_a_thousand_conversations_do_not_wait_for_each_other(monkeypatch):
    monkeypatch.setattr(turns, "CONVERSATIONS", 20)
    with turns.sqlite() as address:
        found = asyncio.run(turns.many(address, 3, seconds=0.001))
    rows = [{"name": "1,000 conversations at once", **found}, {"name": "a turn, PostgreSQL", "absent": "why"}]
    result = {"run": {}, "versions": {}, "cases": {"turns": rows}}
    shown = report.as_markdown(result, "turns")
    assert "| a turn, PostgreSQL | absent |" in shown
    assert len([verdict for verdict in targets.verdicts(result) if verdict.figure is not None]) == 2
