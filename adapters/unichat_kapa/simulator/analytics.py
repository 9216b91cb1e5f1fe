"""Source groups, top questions and coverage gaps, as Kapa's documentation and public connectors of 2026 show them.

Questions are about the same thing if the sandbox's search finds the same passage for them. A source group is a folder.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from sqlite3 import Row
from typing import Any

from starlette.responses import Response

from unichat.sandbox import Document
from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.errors import not_found_error
from unichat_kapa.simulator.lists import paginate
from unichat_kapa.simulator.periods import INTERVALS, Period, list_periods, paginate_by_cursor, read_interval

TOP_QUESTIONS = "top-questions"
COVERAGE_GAPS = "coverage-gaps"
_THREADS_SHOWN = 100
_TOP_FOLDER = "(top folder)"
_FIRST_ANSWERS = """
    SELECT t.id AS thread, t.created_at, a.* FROM kapa_threads AS t
    JOIN kapa_answers AS a ON a.seq = (SELECT min(seq) FROM kapa_answers WHERE thread = t.id)
    WHERE t.project = ? ORDER BY t.seq DESC
"""


def source_group(context: Context, document: Document) -> tuple[str, str]:
    """Return the id and the name of a document's group."""
    folder, _, _ = document.name.rpartition("/")
    name = folder or _TOP_FOLDER
    return str(uuid.uuid5(uuid.UUID(context.project.id), f"group {name}")), name


def list_source_groups(context: Context) -> Response:
    """List the groups of sources. Beyond the reference."""
    groups = dict(source_group(context, document) for document in context.simulator.manual.documents)
    rows = [{"id": group, "name": name} for group, name in groups.items()]
    return paginate(context, "next", len(rows), lambda limit, offset: rows[offset : offset + limit])


def list_kind_periods(kind: str) -> Callable[[Context], Response]:
    """Return the handler that lists the periods of one kind of clusters. Beyond the reference."""
    return partial(_list_periods, kind)


def retrieve_kind_period(kind: str) -> Callable[[Context], Response]:
    """Return the handler that returns the clusters of a period. Beyond the reference."""
    return partial(_retrieve_period, kind)


def _list_periods(kind: str, context: Context) -> Response:
    rows = _threads(context, kind)
    periods = list(_periods(context, rows, read_interval(context)))
    page, cursor = paginate_by_cursor(context, periods)
    described = [
        {
            "id": period.id(context.project.id, kind),
            "interval": period.interval,
            "start_date": str(period.start),
            "end_date": str(period.end),
            "total_conversations": sum(period.contains(row["created_at"]) for row in rows),
        }
        for period in page
    ]
    return context.ok({"periods": described, **cursor})


def _retrieve_period(kind: str, context: Context) -> Response:
    rows = _threads(context, kind)
    wanted = context.request.path_params["period_id"].lower()
    for interval in INTERVALS:
        for period in _periods(context, rows, interval):
            if period.id(context.project.id, kind) == wanted:
                inside = [row for row in rows if period.contains(row["created_at"])]
                page, cursor = paginate_by_cursor(context, _clusters(context, kind, wanted, inside))
                return context.ok({"clusters": page, **cursor})
    raise not_found_error()


def _threads(context: Context, kind: str) -> list[Row]:
    """Return the first answer of each thread, the newest thread first; for gaps, only uncertain ones."""
    rows = context.simulator.store.rows(_FIRST_ANSWERS, (context.project.id,))
    return [row for row in rows if kind == TOP_QUESTIONS or row["uncertain"]]


def _periods(context: Context, rows: Sequence[Row], interval: str) -> list[Period]:
    times = [row["created_at"] for row in rows]
    today = context.simulator.now().date()
    return list(list_periods(times, interval, today, with_current=context.quirks.current_period))


def _clusters(context: Context, kind: str, period_id: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the clusters of these threads, the largest first."""
    by_title: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found = context.simulator.manual.index.search(row["question"], limit=1)
        by_title[found[0].title if found else "Other questions"].append(row)
    clusters = [
        _serialize_cluster(kind, str(uuid.uuid5(uuid.UUID(period_id), title)), title, members)
        for title, members in by_title.items()
    ]
    return sorted(clusters, key=lambda each: -int(each["thread_count"]))


def _serialize_cluster(kind: str, cluster_id: str, title: str, rows: Sequence[Row]) -> dict[str, Any]:
    cluster = {
        "id": cluster_id,
        "title": title,
        "summary": f"{len(rows)} questions about the same passage: {title}",
        "thread_count": len(rows),
        "num_unique_users": len({row["user"] for row in rows if row["user"]}),
        "threads": [_serialize_thread(kind, row) for row in rows[:_THREADS_SHOWN]],
    }
    return cluster if kind == TOP_QUESTIONS else {**cluster, "suggestion": f"Write more about: {title}"}


def _serialize_thread(kind: str, row: Row) -> dict[str, Any]:
    thread = {
        "id": row["thread"],
        "created_at": row["created_at"],
        "initial_question": row["question"],
    }
    # Of a gap, it may be missing.
    is_shown = kind == TOP_QUESTIONS or not row["redacted"]
    return {**thread, "initial_answer": row["answer"]} if is_shown else thread
