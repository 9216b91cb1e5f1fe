"""Texts that each face (Python, the command line, a gateway) renders in its own words.

An error's hint names arguments, methods and settings, and every face calls those by other names: what is `deadline=` in
Python is `--deadline` on the command line. So a hint is a template, in which they are references:

    Template("Allow more with ", Argument("deadline"), ".")

A template is a `str`, worded for Python, that remembers its parts, as a `markupsafe.Markup` remembers what is
safe. Another face renders the parts with words of its own: a function from a reference to text. Where it has none for a
reference, the template that holds it is left out; so what only some faces can say is a template within the other:

    Template("Ask less", Template(", or raise ", Argument("limit")), ".")

Text in a template is never searched for references, so that a value of the caller's is shown as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from attrs import frozen


@frozen
class Argument:
    """An argument of a neutral call, of an operation or of `connect`; `value` is what to pass, if that is one value."""

    name: str
    value: str = ""


@frozen
class Method:
    """A method of the client, such as `chat`."""

    name: str


@frozen
class Setting:
    """A setting of the client, as the config calls it; `value` is what to set, written as in the config."""

    name: str
    value: str = ""


@frozen
class Term:
    """Anything else that each face calls by another name; `text` is Python's, such as `answer.thread`."""

    text: str


@frozen
class PythonOnly:
    """Text for Python programmers only: other faces leave it out."""

    text: str


Reference = Argument | Method | Setting | Term | PythonOnly
Words = Callable[[Reference], str | None]
"""A face: returns its words for a reference, or None where it has none."""


class Template(str):
    """A text with references; see the module's docstring. `parts` are texts, templates among them, and references."""

    __slots__ = ("parts",)
    parts: tuple[str | Reference, ...]

    def __new__(cls, *parts: str | Reference) -> Self:
        self = super().__new__(cls, "".join(part if isinstance(part, str) else python_words(part) for part in parts))
        self.parts = parts
        return self

    def rstrip(self, chars: str | None = None, /) -> str:
        """Do what `str.rstrip` does, and keep the references."""
        *before, last = self.parts or ("",)
        return Template(*before, last.rstrip(chars)) if isinstance(last, str) else self

    def __reduce__(self) -> tuple[Any, ...]:
        return Template, self.parts


def render(text: str, words: Words) -> str:
    """Return a text in the words of a face: a template with its references worded, any other text as it is."""
    if not isinstance(text, Template):
        return text
    texts: list[str] = []
    for part in text.parts:
        worded = render(part, words) if isinstance(part, str) else words(part)
        if worded is None:
            return ""
        texts.append(worded)
    return "".join(texts)


def python_words(reference: Reference) -> str:
    """Return the words of Python for a reference."""
    match reference:
        case Argument(name, value):
            return f"{name}={value}"
        case Method(name):
            return f"{name}()"
        case Setting(name, value):
            return f"{name} = {value}" if value else name
        case Term(text) | PythonOnly(text):
            return text
