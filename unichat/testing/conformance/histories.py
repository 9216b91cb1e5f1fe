"""Histories, and clearing them."""

from __future__ import annotations

from typing import Any

import pytest

from unichat import Exchange
from unichat.errors import InvalidInput, Unsupported
from unichat.models import ClearOutcome
from unichat.testing.conformance.base import (
    QUESTION,
    ConformanceCase,
    another,
    need,
    need_user,
    read_history,
    record_requests,
)


class Histories(ConformanceCase):
    """`history`: each row once, in order, and no more pages than are read."""

    def _ask(self, client: Any, user: str | None, count: int = 3) -> list[Any]:
        need(client, "history", "history_by_user")
        answers = [client.chat(f"{QUESTION} (1)", user=user)]
        for number in range(2, count + 1):
            question = f"{QUESTION} ({number})"
            last = answers[-1]
            answers.append(
                client.chat(question, user=user)
                if last.thread is None
                else client.continue_thread(last, question, user=user)
            )
        return answers

    def test_history_has_what_was_asked_and_answered(self, client: Any, user: str | None) -> None:
        (answer,) = self._ask(client, user, 1)
        (row,) = read_history(client, user=user)
        assert isinstance(row, Exchange)
        assert (row.question, row.answer, row.id) == (f"{QUESTION} (1)", answer.text, answer.id)
        assert row.raw

    def test_history_comes_oldest_first(self, client: Any, user: str | None) -> None:
        answers = self._ask(client, user)
        assert [row.id for row in read_history(client, user=user)] == [answer.id for answer in answers]

    def test_history_comes_newest_first_if_asked(self, client: Any, user: str | None) -> None:
        answers = self._ask(client, user)
        found = [row.id for row in read_history(client, user=user, newest_first=True)]
        assert found == [answer.id for answer in reversed(answers)]

    @pytest.mark.parametrize("page_size", [1, 2, 3, 100])
    def test_history_is_the_same_in_pages_of_any_size(self, client: Any, user: str | None, page_size: int) -> None:
        answers = self._ask(client, user)
        found = [row.id for row in read_history(client, user=user, page_size=page_size)]
        assert found == [answer.id for answer in answers]

    def test_history_ends_at_its_limit(self, client: Any, user: str | None) -> None:
        answers = self._ask(client, user)
        assert [row.id for row in read_history(client, user=user, limit=2)] == [answer.id for answer in answers[:2]]

    @pytest.mark.parametrize("newest_first", [False, True])
    def test_history_gives_each_row_once_while_new_ones_come(
        self, client: Any, user: str | None, newest_first: bool
    ) -> None:
        answers = self._ask(client, user)
        found = []
        for number, row in enumerate(client.history(user=user, page_size=1, newest_first=newest_first)):
            found.append(row.id)
            if number < 2 and answers[-1].thread is not None:
                client.continue_thread(answers[-1], f"{QUESTION} (later)", user=user)
        assert len(found) == len(set(found))
        assert {answer.id for answer in answers} <= set(found)

    def test_history_sends_nothing_before_it_is_read(self, client: Any, user: str | None) -> None:
        self._ask(client, user, 1)
        bot, sent = record_requests(client)
        rows = bot.history(user=user)
        assert not sent
        next(iter(rows))
        assert sent

    def test_history_of_a_thread_is_as_the_capabilities_say(self, client: Any, user: str | None) -> None:
        (answer,) = self._ask(client, user, 1)
        need(client, "history_by_thread")
        client.chat(QUESTION, user=user)
        assert [row.id for row in read_history(client, thread=answer.thread)] == [answer.id]

    def test_history_has_only_its_users_rows(self, client: Any, user: str | None) -> None:
        self._ask(client, user, 1)
        known = need_user(user)
        assert read_history(client, user=f"{known[:-1]}{'0' if known[-1] != '0' else '1'}") == []

    def test_history_has_times_as_the_capabilities_say(self, client: Any, user: str | None) -> None:
        self._ask(client, user, 1)
        (row,) = read_history(client, user=user)
        if client.capabilities.timestamps:
            assert row.created_at is not None
            assert row.created_at.tzinfo is not None
        else:
            assert row.created_at is None

    @pytest.mark.parametrize(
        "arguments", [{"limit": -1}, {"limit": 1.5}, {"page_size": 0}, {"page_size": "2"}, {"limit": True}]
    )
    def test_history_rejects_bad_numbers_before_sending(self, client: Any, user: str | None, arguments: Any) -> None:
        need(client, "history")
        bot, sent = record_requests(client)
        with pytest.raises(InvalidInput):
            read_history(bot, user=user, **arguments)
        assert not sent

    def test_history_of_a_vendor_without_it_is_unsupported_by_name(self, client: Any, user: str | None) -> None:
        if client.capabilities.history:
            pytest.skip("the vendor has a history")
        bot, sent = record_requests(client)
        with pytest.raises(Unsupported, match=r"history|exchanges"):
            read_history(bot, user=user)
        assert read_history(bot, user=user, on_unsupported="drop") == []
        assert not sent


class Clearing(ConformanceCase):
    """`clear_history`: what it clears, and nothing else."""

    def test_clear_history_clears_a_conversation_and_no_other(self, client: Any, user: str | None) -> None:
        need(client, "clear_history")
        mine, other = client.chat(QUESTION, user=user), client.chat(QUESTION, user=another(user))
        result = client.clear_history(mine.thread) if mine.thread else client.clear_history(user=user)
        assert result.outcome is ClearOutcome.CLEARED
        if client.capabilities.history and client.capabilities.history_by_user:
            assert all(row.cleared for row in read_history(client, user=user))
            assert [row.id for row in read_history(client, user=another(user))] == [other.id]

    def test_clear_history_of_a_vendor_without_it_is_unsupported_by_name(self, client: Any, user: str | None) -> None:
        if client.capabilities.clear_history:
            pytest.skip("the vendor clears")
        bot, sent = record_requests(client)
        with pytest.raises(Unsupported) as caught:
            bot.clear_history(user=user)
        assert caught.value.argument == "clear_history"
        assert bot.clear_history(user=user, on_unsupported="drop").outcome is ClearOutcome.DETACHED
        assert not sent
