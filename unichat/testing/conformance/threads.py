"""Threads, and their references."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from unichat import ThreadRef
from unichat.errors import InvalidInput, NotFound, StaleThread, ThreadMismatch, UnichatError
from unichat.testing.conformance.base import OTHER_QUESTION, QUESTION, ConformanceCase, need, record_requests


class Threads(ConformanceCase):
    """`continue_thread`, in whatever form the thread is given."""

    def _begin(self, client: Any, user: str | None) -> Any:
        answer = client.chat(QUESTION, user=user)
        if answer.thread is None:
            pytest.skip("the vendor's answers cannot be continued")
        return answer

    def test_thread_names_its_backend(self, client: Any, user: str | None) -> None:
        assert self._begin(client, user).thread.backend == client.backend

    def test_thread_round_trips_as_text_and_by_pickle(self, client: Any, user: str | None) -> None:
        thread = self._begin(client, user).thread
        assert ThreadRef.parse(str(thread)) == thread
        assert pickle.loads(pickle.dumps(thread)) == thread  # noqa: S301 - its own

    @pytest.mark.parametrize("form", ["answer", "reference", "text"])
    def test_continue_thread_takes_each_form_of_a_thread(self, client: Any, user: str | None, form: str) -> None:
        answer = self._begin(client, user)
        given = {"answer": answer, "reference": answer.thread, "text": str(answer.thread)}[form]
        assert client.continue_thread(given, OTHER_QUESTION).thread == answer.thread

    def test_continue_thread_takes_a_thread_that_another_client_began(
        self, open_client: Any, client: Any, user: str | None
    ) -> None:
        thread = str(self._begin(client, user).thread)
        other = open_client()
        try:
            assert other.continue_thread(thread, OTHER_QUESTION).text is not None
        except (ThreadMismatch, InvalidInput, NotFound):
            # A vendor without a memory, whose turns are with the client.
            assert not client.capabilities.history

    def test_continue_thread_goes_on_for_long(self, client: Any, user: str | None) -> None:
        answer = first = self._begin(client, user)
        for _ in range(4):
            answer = client.continue_thread(answer, OTHER_QUESTION)
        assert answer.thread == first.thread

    def test_chat_begins_another_thread(self, client: Any, user: str | None) -> None:
        first, second = self._begin(client, user), client.chat(OTHER_QUESTION, user=user)
        assert first.thread != second.thread

    def test_parallel_threads_are_as_the_capabilities_say(self, client: Any, user: str | None) -> None:
        first, second = self._begin(client, user), client.chat(OTHER_QUESTION, user=user)
        assert client.continue_thread(second, QUESTION).thread == second.thread
        if client.capabilities.parallel_threads:
            assert client.continue_thread(first, QUESTION).thread == first.thread
        else:
            with pytest.raises(StaleThread):
                client.continue_thread(first, QUESTION)

    def test_continue_thread_rejects_another_backends_thread_before_sending(self, client: Any) -> None:
        bot, sent = record_requests(client)
        with pytest.raises(ThreadMismatch):
            bot.continue_thread(ThreadRef("another-vendor", "1"), QUESTION)
        assert not sent

    @pytest.mark.parametrize("thread", [None, "", "thread-1", 7, "x:1:abc~00000000"])
    def test_continue_thread_rejects_what_is_not_a_thread_before_sending(self, client: Any, thread: Any) -> None:
        bot, sent = record_requests(client)
        with pytest.raises(InvalidInput):
            bot.continue_thread(thread, QUESTION)
        assert not sent

    def test_continue_thread_rejects_a_text_that_was_altered(self, client: Any, user: str | None) -> None:
        text = str(self._begin(client, user).thread)
        bot, sent = record_requests(client)
        for altered in (text[:-1], text + "0", text.replace("~", "a~", 1)):
            with pytest.raises(InvalidInput):
                bot.continue_thread(altered, QUESTION)
        assert not sent

    def test_continue_thread_rejects_a_thread_that_is_not_there(self, client: Any) -> None:
        # A vendor that keeps one conversation per user has no threads of its own.
        need(client, "parallel_threads")
        with pytest.raises(UnichatError):
            client.continue_thread(ThreadRef(client.backend, "not-a-thread-of-this-vendor"), QUESTION)
