"""Questions, answers, users, and what else a question can carry."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from unichat import Answer, User
from unichat.errors import InvalidInput, UnichatError, Unsupported
from unichat.models import Source
from unichat.testing.conformance.base import (
    OTHER_QUESTION,
    QUESTION,
    ConformanceCase,
    Connect,
    need,
    need_user,
    record_requests,
)


class Questions(ConformanceCase):
    """`chat`, and the arguments of every question."""

    def test_chat_returns_an_answer(self, client: Any, user: str | None) -> None:
        answer = client.chat(QUESTION, user=user)
        assert isinstance(answer, Answer)
        assert isinstance(answer.text, str)
        assert answer.id is None or isinstance(answer.id, str)
        assert answer.maybe_duplicated is False

    def test_chat_has_the_record_of_its_call(self, client: Any, user: str | None) -> None:
        call = client.chat(QUESTION, user=user).call
        assert call.backend == client.backend
        assert call.operation
        assert [attempt.outcome for attempt in call.attempts] == ["ok"]

    def test_chat_keeps_the_raw_answer(self, client: Any, user: str | None) -> None:
        assert client.chat(QUESTION, user=user).raw

    def test_chat_gives_each_answer_an_id_of_its_own(self, client: Any, user: str | None) -> None:
        first, second = client.chat(QUESTION, user=user), client.chat(QUESTION, user=user)
        if first.id is None:
            pytest.skip("the vendor gives answers no ids")
        assert first.id != second.id

    @pytest.mark.parametrize(
        "question", ["Grüße, 世界, 🙂👍🏽?", "e\u0301 שלום \u202eabc\u202c?", "a\tb\r\nc?", "'\"\\{}<&%20?"]
    )
    def test_chat_carries_any_text(self, client: Any, user: str | None, question: str) -> None:
        answer = client.chat(question, user=user)
        if client.capabilities.history and client.capabilities.history_by_user:
            assert [row.question for row in client.history(user=user)] == [question]
        assert answer.thread is None or client.continue_thread(answer, question).thread is not None

    @pytest.mark.parametrize("question", ["", " ", "\n\t"])
    def test_chat_rejects_an_empty_question_before_sending(self, client: Any, user: str | None, question: str) -> None:
        bot, sent = record_requests(client)
        with pytest.raises(InvalidInput):
            bot.chat(question, user=user)
        assert not sent

    @pytest.mark.parametrize("question", [None, 7, b"What?", ["What?"], "a\x00b?", "\ud800?"])
    def test_chat_rejects_what_is_not_text_before_sending(self, client: Any, user: str | None, question: Any) -> None:
        bot, sent = record_requests(client)
        with pytest.raises(InvalidInput):
            bot.chat(question, user=user)
        assert not sent

    def test_chat_takes_a_question_as_long_as_its_limit(self, client: Any, user: str | None) -> None:
        limit = client.capabilities.question_limit or 2000
        assert client.chat("?" * limit, user=user).text is not None

    def test_chat_rejects_a_question_over_its_limit_before_sending(self, client: Any, user: str | None) -> None:
        need(client, "question_limit")
        bot, sent = record_requests(client)
        with pytest.raises(InvalidInput) as caught:
            bot.chat("?" * (client.capabilities.question_limit + 1), user=user)
        assert caught.value.limit == client.capabilities.question_limit
        assert not sent

    def test_chat_takes_a_user_as_text_and_as_a_user(self, client: Any, user: str | None) -> None:
        assert client.chat(QUESTION, user=User(need_user(user))).text is not None
        assert client.chat(OTHER_QUESTION, user=user).text is not None

    def test_chat_without_a_user_is_as_the_capabilities_say(self, client: Any) -> None:
        if client.capabilities.needs_user:
            bot, sent = record_requests(client)
            with pytest.raises(InvalidInput) as caught:
                bot.chat(QUESTION)
            assert caught.value.argument == "user"
            assert not sent
        else:
            assert client.chat(QUESTION).text is not None

    @pytest.mark.parametrize("user", ["", " ", 7, "a\x00b"])
    def test_chat_rejects_what_is_not_a_user_before_sending(self, client: Any, user: Any) -> None:
        bot, sent = record_requests(client)
        with pytest.raises(InvalidInput):
            bot.chat(QUESTION, user=user)
        assert not sent

    def test_chat_of_a_vendor_without_users_refuses_one_by_name_or_drops_it(
        self, client: Any, user: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        if user is not None:
            pytest.skip("the vendor's questions carry a user")
        bot, sent = record_requests(client)
        with pytest.raises(Unsupported, match="user") as caught:
            bot.chat(QUESTION, user="ada")
        assert caught.value.argument == "user"
        assert not sent
        with caplog.at_level(logging.WARNING, "unichat"):
            assert bot.chat(QUESTION, user="ada", on_unsupported="drop").text is not None
        assert any("user" in record.getMessage() for record in caplog.records)

    def test_chat_carries_user_details_or_names_them(self, client: Any, user: str | None) -> None:
        ada = User(need_user(user), email="ada@example.com")
        if client.capabilities.user_details:
            assert client.chat(QUESTION, user=ada).text is not None
        else:
            bot, sent = record_requests(client)
            with pytest.raises(Unsupported, match="email"):
                bot.chat(QUESTION, user=ada)
            assert not sent

    def test_chat_carries_metadata_or_names_it(self, client: Any, user: str | None) -> None:
        if client.capabilities.metadata:
            assert client.chat(QUESTION, user=user, metadata={"page": "/start"}).text is not None
        else:
            bot, sent = record_requests(client)
            with pytest.raises(Unsupported, match="metadata") as caught:
                bot.chat(QUESTION, user=user, metadata={"page": "/start"})
            assert caught.value.argument == "metadata"
            assert not sent

    def test_chat_drops_what_it_cannot_carry_with_a_line_in_the_log(
        self, client: Any, user: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        if client.capabilities.metadata:
            pytest.skip("the vendor takes metadata")
        with caplog.at_level(logging.WARNING, "unichat"):
            client.chat(QUESTION, user=user, metadata={"page": "/start"}, on_unsupported="drop")
        assert any("metadata" in record.getMessage() for record in caplog.records)

    def test_chat_drops_by_setting_as_well(self, open_client: Connect, user: str | None) -> None:
        client = open_client(on_unsupported="drop")
        assert client.chat(QUESTION, user=user, metadata={"page": "/start"}).text is not None

    @pytest.mark.parametrize("metadata", ["page", {"page": object()}, {1: "page"}, {"page": float("nan")}])
    def test_chat_rejects_what_is_not_metadata_before_sending(
        self, client: Any, user: str | None, metadata: Any
    ) -> None:
        bot, sent = record_requests(client)
        with pytest.raises((InvalidInput, Unsupported)):
            bot.chat(QUESTION, user=user, metadata=metadata)
        assert not sent

    def test_chat_rejects_an_unknown_argument_before_sending(self, client: Any, user: str | None) -> None:
        bot, sent = record_requests(client)
        with pytest.raises(UnichatError, match="usr"):
            bot.chat(QUESTION, user=user, usr="ada")
        assert not sent

    def test_chat_gives_sources_as_sources(self, client: Any, user: str | None) -> None:
        need(client, "sources")
        sources = client.chat(QUESTION, user=user).sources
        assert isinstance(sources, tuple)
        if not sources:
            pytest.skip("the vendor's answer names no source")
        assert all(isinstance(source, Source) for source in sources)
        # What the vendor does not name is None, which an empty text would not tell.
        assert all(each is None or isinstance(each, str) for source in sources for each in (source.url, source.title))

    def test_chat_says_how_certain_the_vendor_is(self, client: Any, user: str | None) -> None:
        need(client, "uncertainty")
        assert client.chat(QUESTION, user=user).uncertain in (True, False)

    def test_chat_of_a_vendor_that_does_not_say_how_certain_it_is_says_nothing(
        self, client: Any, user: str | None
    ) -> None:
        if client.capabilities.uncertainty:
            pytest.skip("the vendor says it")
        assert client.chat(QUESTION, user=user).uncertain is None
