"""Leases: renewed in the background, which ends in silence when the conversations are closed."""

import logging

import pytest

from unichat.conversations.entries import Message
from unichat.conversations.leases import Leases
from unichat.conversations.messages import Part
from unichat.conversations.stores.address import open_store

from .stepping import Worker


@pytest.fixture
def message():
    return Message(
        conversation="c", part=Part(None, None, "one"), token="t", overlap="wait", lease=30, event_ttl=60,
        gives_up_after=60, question_limit=None,
    )  # fmt: skip


@pytest.mark.parametrize("closes", [True, False], ids=["closed", "broken"])
def test_what_runs_in_the_background_says_nothing_of_a_store_that_was_closed(message, closes, caplog):
    store, started = open_store("memory:"), []
    leases = Leases(store, 30, started.append)
    leases.hold(message)
    leases._go_off()
    renewing, cleaning = started
    if closes:
        leases.close()
    store.close()
    with caplog.at_level(logging.WARNING):
        for program in (renewing, cleaning):
            worker = Worker(program)
            assert worker.done
            assert worker.error is None
    assert [record.getMessage().split(" could not")[0] for record in caplog.records] == (
        [] if closes else ["the leases of 1 conversations", "events that have expired"]
    )
    leases.close()


def test_a_timer_that_goes_off_after_the_end_starts_nothing(message):
    store, started = open_store("memory:"), []
    leases = Leases(store, 30, started.append)
    leases.hold(message)
    leases.close()
    leases._go_off()
    assert started == []
    store.close()
