"""Times in Kapa's queries."""

from __future__ import annotations

from datetime import UTC, datetime

from unichat_kapa.simulator.projects import timestamp
from unichat_kapa.simulator.refusals import field_error

_WRONG = "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."


def date_filter(field: str, text: str | None) -> str | None:
    """Return an ISO 8601 time of a query as it is kept, taken as UTC where it has no offset; None if none was given.

    Raises:
        Refused: 400 that names the field.
    """
    if not text:
        return None
    try:
        # A plus sign that was not percent-encoded arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise field_error(field, _WRONG) from None
