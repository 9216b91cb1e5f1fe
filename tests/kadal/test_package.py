"""What the package unichat_kadal offers."""

import pytest

import unichat_kadal
from tests.behaviour.doubles import (
    connect_client,
    read_query,
)


def test_the_probes_are_the_health_check_and_one_row_of_the_bot():
    health, rows = connect_client("kadal").probes()
    assert (health.name, rows.name) == ("health", "list_chats")
    assert read_query(rows.request)["page_size"] == "1"


def test_the_package_has_its_two_names_and_no_other():
    assert unichat_kadal.operations.endpoints is unichat_kadal.backend.endpoints
    assert unichat_kadal.backend.identity == "chat_bot_id"
    with pytest.raises(AttributeError, match="nonsense"):
        _ = unichat_kadal.nonsense
