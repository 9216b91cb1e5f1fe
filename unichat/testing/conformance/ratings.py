"""Ratings."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from unichat import FeedbackReceipt, Rating
from unichat.errors import InvalidInput, Unsupported
from unichat.testing.conformance.base import QUESTION, ConformanceCase, need, need_user, record_requests


class Ratings(ConformanceCase):
    """`feedback`, from anybody."""

    def _answer(self, client: Any, user: str | None) -> Any:
        need(client, "feedback")
        answer = client.chat(QUESTION, user=user)
        assert answer.id is not None, "an answer that can be rated has an id"
        return answer

    @pytest.mark.parametrize("rating", [Rating.UP, Rating.DOWN, "up", "down"])
    def test_feedback_takes_each_rating(self, client: Any, user: str | None, rating: Any) -> None:
        answer = self._answer(client, user)
        receipt = client.feedback(answer, rating, user=user)
        assert isinstance(receipt, FeedbackReceipt)
        assert (receipt.answer_id, receipt.rating, receipt.sent) == (answer.id, Rating(rating), True)

    def test_feedback_takes_an_id_as_the_vendor_gave_it(self, client: Any, user: str | None) -> None:
        answer = self._answer(client, user)
        assert client.feedback(answer.id, "up", user=user).answer_id == answer.id

    def test_feedback_takes_an_exchange(self, client: Any, user: str | None) -> None:
        answer = self._answer(client, user)
        need(client, "history", "history_by_user")
        (exchange,) = client.history(user=user)
        assert client.feedback(exchange, "down", user=user).answer_id == answer.id

    def test_feedback_of_somebody_else_is_theirs(self, client: Any, user: str | None) -> None:
        answer = self._answer(client, need_user(user))
        assert client.feedback(answer, "up", user=str(uuid.uuid4())).answer_id == answer.id

    def test_feedback_can_be_given_again(self, client: Any, user: str | None) -> None:
        answer = self._answer(client, user)
        client.feedback(answer, "up", user=user)
        assert client.feedback(answer, "down", user=user).rating is Rating.DOWN

    def test_feedback_carries_a_comment_or_names_it(self, client: Any, user: str | None) -> None:
        answer = self._answer(client, user)
        refused, receipt = None, None
        try:
            receipt = client.feedback(answer, "down", user=user, comment="Not what I asked.")
        except Unsupported as error:
            refused = error.argument
        assert refused == "comment" or (receipt is not None and receipt.comment.text == "Not what I asked.")

    def test_feedback_carries_a_comment_on_an_upvote_as_the_capabilities_say(
        self, client: Any, user: str | None
    ) -> None:
        answer = self._answer(client, user)
        if client.capabilities.feedback_comment_on_up:
            assert client.feedback(answer, "up", user=user, comment="Good.").comment.text == "Good."
        else:
            with pytest.raises(Unsupported):
                client.feedback(answer, "up", user=user, comment="Good.")

    @pytest.mark.parametrize("rating", [None, "", "good", 1, True])
    def test_feedback_rejects_what_is_not_a_rating_before_sending(
        self, client: Any, user: str | None, rating: Any
    ) -> None:
        answer = self._answer(client, user)
        bot, sent = record_requests(client)
        with pytest.raises(InvalidInput):
            bot.feedback(answer, rating, user=user)
        assert not sent

    @pytest.mark.parametrize("answer", [None, "", b"1", 1.5, True])
    def test_feedback_rejects_what_is_not_an_answer_before_sending(
        self, client: Any, user: str | None, answer: Any
    ) -> None:
        need(client, "feedback")
        bot, sent = record_requests(client)
        with pytest.raises((InvalidInput, Unsupported)):
            bot.feedback(answer, "up", user=user)
        assert not sent

    def test_feedback_of_a_vendor_without_it_is_unsupported_by_name(self, client: Any, user: str | None) -> None:
        if client.capabilities.feedback:
            pytest.skip("the vendor takes ratings")
        bot, sent = record_requests(client)
        with pytest.raises(Unsupported, match=r"feedback|rat"):
            bot.feedback("1", "up", user=user)
        assert bot.feedback("1", "up", user=user, on_unsupported="drop").sent is False
        assert not sent
