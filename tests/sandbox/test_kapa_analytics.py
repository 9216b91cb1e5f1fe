"""The simulated Kapa's source groups, top questions and coverage gaps."""

from datetime import UTC, date, datetime

import pytest

from unichat_kapa.simulator.periods import Period, find_period

RETRIES = "How are retries configured?"
UNKNOWN = "Quantum chromodynamics?"
KINDS = pytest.mark.parametrize("kind", ["top-questions", "coverage-gaps"])


@pytest.fixture
def at(new_kapa):
    """Say what day it is."""

    def move(*day):
        new_kapa.simulator.clock = lambda: datetime(*day, 12, tzinfo=UTC).timestamp()

    return move


def periods(kapa, kind, **params):
    return kapa.get(f"{kind}/periods/", **params).json()


def clusters(kapa, kind, period, **params):
    return kapa.get(f"/query/v1/{kind}/periods/{period['id']}/", **params).json()


@pytest.mark.parametrize(
    ("day", "interval", "start", "end"),
    [
        ((2026, 1, 7), "weekly", (2026, 1, 5), (2026, 1, 11)),
        ((2026, 1, 1), "weekly", (2025, 12, 29), (2026, 1, 4)),
        ((2026, 2, 28), "monthly", (2026, 2, 1), (2026, 2, 28)),
        ((2024, 2, 29), "monthly", (2024, 2, 1), (2024, 2, 29)),
        ((2026, 12, 31), "monthly", (2026, 12, 1), (2026, 12, 31)),
        ((2026, 5, 5), "quarterly", (2026, 4, 1), (2026, 6, 30)),
        ((2026, 12, 1), "quarterly", (2026, 10, 1), (2026, 12, 31)),
    ],
)
def test_a_period_has_its_first_and_its_last_day(day, interval, start, end):
    assert find_period(date(*day), interval) == Period(interval, date(*start), date(*end))


def test_source_groups_are_folders_and_limit_a_retrieval(kapa):
    page = kapa.get(f"/ingestion/v1/projects/{kapa.project.id}/source-groups/").json()
    assert (page["count"], page["next"], page["previous"]) == (3, None, None)
    groups = {each["name"]: each["id"] for each in page["results"]}
    assert set(groups) == {"(top folder)", "reference", "internal"}
    found = kapa.post("retrieval/", query="boiler", source_group_ids_include=[groups["reference"]]).json()
    assert found
    assert all("/reference/" in each["source_url"] for each in found)
    first = kapa.get(f"/ingestion/v1/projects/{kapa.project.id}/source-groups/", page_size=1).json()
    assert len(first["results"]) == 1
    assert first["next"]


@KINDS
def test_periods_are_listed_newest_first_by_their_threads(new_kapa, at, kind):
    for day in ((2026, 1, 6), (2026, 1, 8), (2026, 1, 20)):
        at(*day)
        new_kapa.chat(UNKNOWN)
    found = periods(new_kapa, kind, interval="weekly")
    assert [(each["start_date"], each["end_date"], each["total_conversations"]) for each in found["periods"]] == [
        ("2026-01-19", "2026-01-25", 1),
        ("2026-01-05", "2026-01-11", 2),
    ]
    assert {each["interval"] for each in found["periods"]} == {"weekly"}
    assert found["next_cursor"] is None
    assert [each["start_date"] for each in periods(new_kapa, kind, interval="monthly")["periods"]] == ["2026-01-01"]


def test_the_current_period_is_left_out_by_the_quirk(new_kapa, at):
    at(2026, 1, 6)
    new_kapa.chat(RETRIES)
    new_kapa.simulator.quirks.current_period = False
    assert periods(new_kapa, "top-questions")["periods"] == []
    at(2026, 1, 11)
    assert periods(new_kapa, "top-questions")["periods"] == []
    at(2026, 1, 12)
    assert len(periods(new_kapa, "top-questions")["periods"]) == 1


@KINDS
def test_pages_follow_each_other_by_cursor(new_kapa, at, kind):
    for day in ((2026, 1, 6), (2026, 1, 13), (2026, 1, 20)):
        at(*day)
        new_kapa.chat(UNKNOWN)
    seen, cursor = [], ""
    while cursor is not None:
        page = periods(new_kapa, kind, page_size=1, cursor=cursor)
        seen += [each["start_date"] for each in page["periods"]]
        cursor = page["next_cursor"]
    assert seen == ["2026-01-19", "2026-01-12", "2026-01-05"]


def test_questions_about_the_same_passage_are_one_cluster(new_kapa):
    for user in ("a", "a", "b"):
        new_kapa.chat(RETRIES, user={"unique_client_id": user})
    new_kapa.chat("How do I descale the boiler?")
    (period,) = periods(new_kapa, "top-questions")["periods"]
    first, second = clusters(new_kapa, "top-questions", period)["clusters"]
    assert (first["thread_count"], first["num_unique_users"], len(first["threads"])) == (3, 2, 3)
    assert "Retries" in first["title"]
    assert set(first["threads"][0]) == {"id", "created_at", "initial_question", "initial_answer"}
    assert first["threads"][0]["initial_question"] == RETRIES
    assert "suggestion" not in first
    assert (second["thread_count"], second["num_unique_users"]) == (1, 0)
    page = clusters(new_kapa, "top-questions", period, page_size=1)
    assert [each["id"] for each in page["clusters"]] == [first["id"]]
    rest = clusters(new_kapa, "top-questions", period, cursor=page["next_cursor"])
    assert [each["id"] for each in rest["clusters"]] == [second["id"]]


def test_coverage_gaps_are_uncertain_answers_with_a_suggestion(new_kapa):
    new_kapa.chat(RETRIES)
    asked = new_kapa.chat(UNKNOWN)
    (period,) = periods(new_kapa, "coverage-gaps")["periods"]
    assert period["total_conversations"] == 1
    (cluster,) = clusters(new_kapa, "coverage-gaps", period)["clusters"]
    assert cluster["suggestion"]
    assert [each["id"] for each in cluster["threads"]] == [asked["thread_id"]]


def test_a_cluster_shows_at_most_100_threads_the_newest(new_kapa):
    threads = [new_kapa.chat(RETRIES)["thread_id"] for _ in range(101)]
    (period,) = periods(new_kapa, "top-questions")["periods"]
    (cluster,) = clusters(new_kapa, "top-questions", period)["clusters"]
    assert cluster["thread_count"] == 101
    assert [each["id"] for each in cluster["threads"]] == threads[:0:-1]


@KINDS
def test_another_project_and_another_kind_do_not_see_a_period(new_kapa, kind):
    new_kapa.chat(UNKNOWN)
    (period,) = periods(new_kapa, kind)["periods"]
    other = type(new_kapa)(new_kapa.simulator, new_kapa.simulator.projects[1])
    assert other.get(f"/query/v1/{kind}/periods/{period['id']}/").status_code == 404
    assert periods(other, kind)["periods"] == []
    another = "top-questions" if kind == "coverage-gaps" else "coverage-gaps"
    assert new_kapa.get(f"/query/v1/{another}/periods/{period['id']}/").status_code == 404
    other.session.close()


@KINDS
@pytest.mark.parametrize(
    ("params", "status"),
    [({"interval": "daily"}, 400), ({"cursor": "x"}, 404), ({"cursor": "cm93IC0x"}, 404)],
)
def test_an_invalid_list_of_periods_is_refused(kapa, kind, params, status):
    assert kapa.get(f"{kind}/periods/", **params).status_code == status
