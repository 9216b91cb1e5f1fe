"""Times in the query parameters of Kapa's endpoints."""

from __future__ import annotations

from datetime import UTC, datetime

from unichat_kapa.simulator.errors import field_error
from unichat_kapa.simulator.projects import format_time

_WRONG = "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."


def parse_date_filter(field: str, text: str | None) -> str | None:
    """Return an ISO 8601 time in the form in which times are stored, UTC if it has no offset; None if it is empty.

    Raises:
        ApiError: 400 that names the field.
    """
    if not text:
        return None
    try:
        # A plus sign that was not percent-encoded arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return format_time(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise field_error(field, _WRONG) from None
