"""Checks single values that callers pass: text, numbers, users, metadata, ratings and comments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unichat._text.encoding import check_encodable, encode_json
from unichat._text.printable import format_value
from unichat._text.templates import PythonOnly, Template, Term
from unichat.errors import InvalidInput
from unichat.models import Answer, AnswerRef, Comment, Exchange, Rating, User
from unichat.references import looks_like_reference

_COMMENT_LIMIT = 10_000


def check_text(argument: str, value: object) -> str:
    """Return `value`, which must be text that can be sent."""
    if not isinstance(value, str):
        raise InvalidInput(
            f"{argument} is {type(value).__name__}, not text",
            hint="Pass text.",
            argument=argument,
            value=format_value(value),
        )
    return check_encodable(argument, value)


def check_metadata(value: object, argument: str) -> Mapping[str, Any] | None:
    """Return `value` if it is a mapping that can be sent as JSON."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidInput(
            f"{argument} is {format_value(value)}, not a dict",
            argument=argument,
            hint=Template("Pass ", Term("a dict"), "."),
        )
    encode_json(dict(value), argument)
    return dict(value)


def check_answer(answer: object) -> tuple[str | int, AnswerRef | None]:
    """Return the id of the answer to rate, and its reference; only the id if nothing else was given."""
    if isinstance(answer, Answer | Exchange):
        if answer.id is None:
            raise InvalidInput("the answer has no id, so it cannot be rated", argument="answer", hint="Ask again.")
        return answer.id, answer.ref
    if isinstance(answer, str) and looks_like_reference(answer):
        answer = AnswerRef.parse(answer)
    if isinstance(answer, AnswerRef):
        return answer.id, answer
    if isinstance(answer, bool) or not isinstance(answer, str | int):
        raise InvalidInput(
            f"the answer to rate is {format_value(answer)}",
            hint=Template(
                "Pass ",
                Template(PythonOnly("an Answer, an Exchange, ")),
                Term("answer.ref or str(answer.ref)"),
                ", or the answer's id.",
            ),
            argument="answer",
            value=format_value(answer),
        )
    return (check_text("answer", answer) if isinstance(answer, str) else answer), None


def check_rating(rating: object) -> Rating:
    """Return `rating` as a `Rating`."""
    if isinstance(rating, Rating):
        return rating
    try:
        return Rating(rating)
    except ValueError:
        pass
    raise InvalidInput(
        f"the rating is {format_value(rating)}",
        hint=Template("Use ", Term("Rating.UP or Rating.DOWN"), "."),
        argument="rating",
        value=format_value(rating),
    )


def check_comment(comment: object) -> Comment | None:
    """Return `comment` as a `Comment`."""
    if comment is None:
        return None
    if isinstance(comment, str):
        comment = Comment(comment)
    if not isinstance(comment, Comment):
        raise InvalidInput(
            f"comment is {format_value(comment)}",
            hint=Template("Pass text", Template(PythonOnly(" or a Comment")), "."),
            argument="comment",
        )
    if comment.text is not None and len(check_text("comment", comment.text)) > _COMMENT_LIMIT:
        raise InvalidInput(
            f"the comment has {len(comment.text):,} characters, and {_COMMENT_LIMIT:,} is the most that unichat sends",
            hint="Shorten it.",
            argument="comment",
            limit=_COMMENT_LIMIT,
        )
    return comment


def check_integer(argument: str, value: object, minimum: int, maximum: int) -> int:
    """Return `value` if it is a whole number from `minimum` to `maximum`."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise InvalidInput(
            f"{argument} is {format_value(value)}",
            hint=f"Give a whole number from {minimum} to {maximum:,}.",
            argument=argument,
            value=format_value(value),
            limit=maximum,
        )
    return value


def check_user(user: object) -> User | None:
    """Return `user` as a `User`: it may be one, or an id."""
    if user is None:
        return None
    if isinstance(user, str):
        user = User(user)
    if not isinstance(user, User):
        raise InvalidInput(
            f"user is {format_value(user)}",
            hint=Template("Pass the person's id as text", Template(PythonOnly(", or a User")), "."),
            argument="user",
        )
    ids = user.ids
    for name, value in ids.items():
        if not check_text(f"user.{name}", value).strip():
            raise InvalidInput(f"user.{name} is empty", hint="Leave it out, or give the id.", argument=f"user.{name}")
    if user.metadata is None and not ids:
        raise InvalidInput("the user has no id", hint="Give the user an id, an e-mail or the like.", argument="user")
    check_metadata(user.metadata, "user.metadata")
    return user
