"""Clients: many calls at a time, settings, closing, and the values that calls return."""

from __future__ import annotations

import asyncio
import copy
import pickle
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from unichat.errors import ConfigError, DeadlineExceeded, InvalidInput, InvalidResponse, UnichatError
from unichat.testing.blocking import BlockingClient
from unichat.testing.conformance.base import (
    OTHER_QUESTION,
    QUESTION,
    ConformanceCase,
    Connect,
    another,
    need,
    read_secrets,
    record_requests,
    with_fault,
)


class Clients(ConformanceCase):
    """What holds for a client whatever it is asked."""

    def test_many_questions_at_a_time_get_their_own_answers(self, client: Any, user: str | None) -> None:
        questions = {str(uuid.uuid4()): f"{QUESTION} ({number})" for number in range(12)}

        def ask(asker: str) -> tuple[str, Any]:
            return asker, client.chat(questions[asker], user=asker if user else None)

        async def ask_all(inner: Any) -> list[tuple[str, Any]]:
            async def one(asker: str) -> tuple[str, Any]:
                return asker, await inner.chat(questions[asker], user=asker if user else None)

            return list(await asyncio.gather(*map(one, questions)))

        if isinstance(client, BlockingClient):
            answers = client.loop.run(ask_all(client.asynchronous))
        else:
            with ThreadPoolExecutor(6) as pool:
                answers = list(pool.map(ask, questions))
        if client.capabilities.history and client.capabilities.history_by_user:
            for asker, answer in answers:
                rows = [(row.question, row.id) for row in client.history(user=asker)]
                assert rows == [(questions[asker], answer.id)]
        threads = [answer.thread for _, answer in answers if answer.thread is not None]
        assert len(set(threads)) == len(threads)

    def test_a_cancelled_call_leaves_the_client_usable(self, client: Any, user: str | None) -> None:
        if not isinstance(client, BlockingClient):
            pytest.skip("a sync call cannot be cancelled")

        async def cancel(inner: Any) -> None:
            for turns in range(1, 8):
                task = asyncio.ensure_future(inner.chat(QUESTION, user=another(user)))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        client.loop.run(cancel(client.asynchronous))
        assert client.chat(OTHER_QUESTION, user=user).text is not None

    def test_a_closed_client_sends_nothing(self, client: Any, user: str | None) -> None:
        bot, sent = record_requests(client)
        bot.close()
        bot.close()
        with pytest.raises(InvalidInput, match="closed"):
            bot.chat(QUESTION, user=user)
        assert not sent

    def test_the_deadline_of_a_call_holds(self, open_client: Connect, user: str | None) -> None:
        bot = with_fault(open_client(attempts=1), "silence")
        with pytest.raises(DeadlineExceeded) as caught:
            bot.chat(QUESTION, user=user, deadline=7.0)
        assert caught.value.deadline == 7.0
        with pytest.raises(DeadlineExceeded) as caught:
            with_fault(open_client(attempts=1, deadline=11.0), "silence").chat(QUESTION, user=user)
        assert caught.value.deadline == 11.0

    def test_the_number_of_attempts_holds(self, open_client: Connect, user: str | None) -> None:
        for attempts in (1, 2):
            with pytest.raises(UnichatError) as caught:
                with_fault(open_client(attempts=attempts, backoff=0.001), "503").chat(QUESTION, user=user)
            assert len(caught.value.attempts) == attempts

    def test_the_limit_of_a_body_holds(self, open_client: Connect, user: str | None) -> None:
        with pytest.raises(InvalidResponse):
            open_client(attempts=1, body_limit=1).chat(QUESTION, user=user)

    def test_an_unknown_setting_is_a_config_error(self, open_client: Connect) -> None:
        with pytest.raises(ConfigError, match="atempts"):
            open_client(atempts=1)

    def test_a_bad_setting_is_a_config_error_with_its_name(self, open_client: Connect) -> None:
        with pytest.raises(ConfigError, match="attempts") as caught:
            open_client(attempts=0)
        assert caught.value.hint

    def test_with_policy_changes_one_client_only(self, client: Any, user: str | None) -> None:
        sibling = client.with_policy(attempts=1)
        with pytest.raises(UnichatError) as caught:
            with_fault(sibling, "503").chat(QUESTION, user=user)
        assert len(caught.value.attempts) == 1
        assert client.chat(QUESTION, user=user).text is not None

    def test_the_client_shows_no_secret(self, client: Any, user: str | None) -> None:
        inner = getattr(client, "asynchronous", client)
        answer = client.chat(QUESTION, user=user)
        shown = repr(inner) + repr(inner._settings) + repr(answer) + repr(answer.call) + repr(answer.raw)
        assert not [secret for secret in read_secrets(client) if secret in shown]

    def test_every_operation_says_what_it_implements(self, client: Any) -> None:
        inner = getattr(client, "asynchronous", client)
        for endpoint in inner._endpoints:
            assert endpoint.reference
            assert endpoint.path.startswith("/")
            assert endpoint.function.__doc__


class Values(ConformanceCase):
    """What calls return."""

    def _values(self, client: Any, user: str | None) -> list[Any]:
        answer = client.chat(QUESTION, user=user)
        values = [answer, answer.thread, answer.call, *answer.sources]
        if client.capabilities.feedback:
            values.append(client.feedback(answer, "up", user=user))
        if client.capabilities.history and client.capabilities.history_by_user:
            values += client.history(user=user)
        return [value for value in values if value is not None]

    def test_models_are_frozen(self, client: Any, user: str | None) -> None:
        for value in self._values(client, user):
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                setattr(value, attrs.fields(type(value))[0].name, "changed")

    def test_models_can_be_pickled_and_copied(self, client: Any, user: str | None) -> None:
        for value in self._values(client, user):
            assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - its own
            assert copy.deepcopy(value) == value

    def test_texts_are_text_that_can_be_encoded(self, client: Any, user: str | None) -> None:
        need(client, "history", "history_by_user")
        client.chat(QUESTION, user=user)
        for row in client.history(user=user):
            (row.question + row.answer).encode()
