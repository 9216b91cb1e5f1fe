"""Earlier exchanges, sent along with a question to a thread that knows nothing of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from attrs import evolve

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
    for exchange in chain.from_iterable(map(_separate, newest_first)):
        text = f"Q: {exchange.question.strip()}\nA: {exchange.answer.strip()}"
        room -= len(text) + 2
        if room < 0:
            break
        kept.append(text)
    if not kept:
        return question, 0
    return "\n\n".join([_INTRODUCTION, *reversed(kept), _QUESTION, question]), len(kept)


def _separate(exchange: Exchange) -> Iterator[Exchange]:
    """Yield an exchange without the earlier ones that stand before its question, and then those, newest first.

    A vendor's history has the question as it was sent.
    """
    earlier, separator, question = exchange.question.rpartition(f"\n\n{_QUESTION}\n\n")
    if not separator or not earlier.startswith(f"{_INTRODUCTION}\n\nQ: "):
        yield exchange
        return
    yield evolve(exchange, question=question)
    for text in reversed(re.split(r"\n\n(?=Q: )", earlier)[1:]):
        asked, _, answer = text.removeprefix("Q: ").partition("\nA: ")
        yield Exchange(question=asked, answer=answer)
