"""Earlier exchanges, sent along with a question to a thread that knows nothing of them."""

from __future__ import annotations

from collections.abc import Iterable

from unichat.models import Exchange
from unichat.routing.settings import CARRY_OVER_LIMIT

_INTRODUCTION = "Earlier in this conversation:"
_QUESTION = "Now the question is:"


def prepend_exchanges(
    question: str, newest_first: Iterable[Exchange], *, question_limit: int | None, limit: int = CARRY_OVER_LIMIT
) -> tuple[str, int]:
    """Return a question with as many earlier exchanges before it as there is room for, and their number.

    The newest are kept, and stand in their order, as a person would write them down:

        Earlier in this conversation:

        Q: How do I start?
        A: Install it.

        Now the question is:

        And then?

    Args:
        question: the question; it stands at the end, after a blank line.
        newest_first: the exchanges; read only as far as there is room.
        question_limit: the most characters that the vendor takes, the question's included; None for any number.
        limit: the most characters that may stand before the question.
    """
    room = limit
    if question_limit is not None:
        room = min(room, question_limit - len(question))
    room -= len(f"{_INTRODUCTION}\n\n{_QUESTION}\n\n")
    kept: list[str] = []
    for exchange in newest_first:
        text = f"Q: {exchange.question.strip()}\nA: {exchange.answer.strip()}"
        room -= len(text) + 2
        if room < 0:
            break
        kept.append(text)
    if not kept:
        return question, 0
    return "\n\n".join([_INTRODUCTION, *reversed(kept), _QUESTION, question]), len(kept)
