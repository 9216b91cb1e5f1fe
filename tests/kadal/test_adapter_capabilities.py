"""What the Kadal adapter says that it can do, by its settings."""

import pytest
from attrs import asdict

from tests.behaviour.doubles import connect_client

ALWAYS = {"feedback", "history", "clear_history", "feedback_comment_on_up"}


@pytest.mark.parametrize(
    ("settings", "depending"),
    [
        ({}, {"metadata", "history_by_user"}),
        ({"threads": "isolated"}, {"metadata", "history_by_thread", "parallel_threads"}),
        ({"history_version": "v7"}, {"metadata", "timestamps"}),
        ({"threads": "isolated", "history_version": "v7"}, {"metadata", "timestamps", "parallel_threads"}),
        ({"send_version": "v1"}, {"history_by_user"}),
        ({"message_encoding": "query"}, {"history_by_user"}),
        ({"require_user": True}, {"metadata", "history_by_user", "needs_user", "feedback_needs_user"}),
    ],
    ids=lambda value: repr(value) if isinstance(value, dict) else "",
)
def test_the_capabilities_follow_the_settings(settings, depending):
    with connect_client("kadal", **settings) as kadal:
        can = asdict(kadal.capabilities, recurse=False)
    assert {name for name, value in can.items() if value is True} == ALWAYS | depending
    assert can["options"] == {
        "feedback": ("rating_id",),
        "clear_history": ("missing_ok",),
        "history": ("created_by", "text") if settings.get("history_version") == "v7" else (),
    }
