"""Activity: how much was asked, by period and in all."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from sqlite3 import Row
from typing import Any

from starlette.responses import Response

from unichat_kapa.simulator.context import Context
from unichat_kapa.simulator.dates import parse_date_filter
from unichat_kapa.simulator.errors import field_error
from unichat_kapa.simulator.projects import format_time

PERIODS = ("HOUR", "DAY", "WEEK", "MONTH", "YEAR")
_ANSWERS = """
    SELECT a.*, (SELECT count(*) FROM kapa_feedback WHERE answer = a.id AND reaction = 'upvote') AS upvotes,
        (SELECT count(*) FROM kapa_feedback WHERE answer = a.id AND reaction = 'downvote') AS downvotes
    FROM kapa_answers AS a WHERE project = :project AND created_at >= :start AND created_at <= :end
        AND (:integration IS NULL OR integration = :integration) ORDER BY seq
"""


def activity(context: Context) -> Response:
    """Return counts over time and in all. Source: Kapa reference, 'Activity'."""
    query = context.request.query_params
    period = query.get("aggregation_period")
    if period is None:
        raise field_error("aggregation_period", "This field is required.")
    if period not in PERIODS:
        raise field_error("aggregation_period", f'"{period}" is not a valid choice.')
    rows = context.simulator.store.rows(
        _ANSWERS,
        {
            "project": context.project.id,
            "start": parse_date_filter("start_date_time", query.get("start_date_time")) or "",
            "end": parse_date_filter("end_date_time", query.get("end_date_time")) or "~",
            "integration": query.get("integration_filter") or None,
        },
    )
    by_period: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_period[format_time(period_start(datetime.fromisoformat(row["created_at"]), period))].append(row)
    series = [_count_period(context, start, group) for start, group in sorted(by_period.items())]
    return context.ok({"time_series": series, "aggregate_statistics": _count_all(rows)})


def period_start(moment: datetime, period: str) -> datetime:
    """Return the start of the hour, day, week (Monday), month or year that `moment` is in."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    month = day.replace(day=1)
    return {
        "HOUR": hour,
        "DAY": day,
        "WEEK": day - timedelta(days=day.weekday()),
        "MONTH": month,
        "YEAR": month.replace(month=1),
    }[period]


def _count_period(context: Context, start: str, rows: list[Row]) -> dict[str, Any]:
    by_integration = Counter(row["integration"] for row in rows)
    return {
        "period": start,
        "total_count": len(rows),
        "total_uncertain_count": sum(row["uncertain"] for row in rows),
        "count_by_integration": [
            {
                "integration_type": found.type if (found := context.project.integration(each)) else "UNKNOWN",
                "count": count,
                "description": found.name if found else "",
                "id": each or "",
            }
            for each, count in by_integration.items()
        ],
    }


def _count_all(rows: list[Row]) -> dict[str, int]:
    return {
        "total_questions": len(rows),
        "total_upvotes": sum(row["upvotes"] for row in rows),
        "total_downvotes": sum(row["downvotes"] for row in rows),
        "total_questions_uncertain": sum(row["uncertain"] for row in rows),
        "total_questions_uncertain_or_downvoted": sum(bool(row["uncertain"] or row["downvotes"]) for row in rows),
        "total_unique_users": len({row["user"] for row in rows if row["user"]}),
        # The sandbox has no support tickets.
        "total_support_tickets_deflected": 0,
        "total_support_tickets_not_deflected": 0,
    }
