"""Mistakes in the config: collected one by one and raised together as one `ConfigError`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from attrs import field, frozen

from unichat._text.name_lists import list_names
from unichat._text.printable import escape_controls, format_value
from unichat._text.templates import Template, Words, python_words, render
from unichat.errors import ConfigError

_LISTS = {"setting": "`unichat profiles --schema`", "profile": "`unichat profiles`"}
"""What lists all names of a kind."""


@frozen
class Problem:
    """One mistake. It never holds a secret.

    Attributes:
        text: what is wrong, with which value.
        location: the file and profile, the URL, or the environment variable; empty if the text says so.
        hint: what to do, in whole sentences.
        key: the setting.
        accepted: what would have been accepted.
        nearest: the accepted name most like the one given.
    """

    text: str
    location: str = field(default="", kw_only=True)
    hint: str = field(default="", kw_only=True)
    key: str | None = field(default=None, kw_only=True)
    accepted: tuple[str, ...] = field(default=(), kw_only=True)
    nearest: str | None = field(default=None, kw_only=True)

    def line(self, words: Words = python_words) -> str:
        """Return the whole mistake in one printable line, in the words of a face."""
        return escape_controls(render(_at_location(self.location, self.sentence()), words))

    def sentence(self, *, hint: bool = True) -> str:
        """Return what is wrong, and what to do unless `hint` is false."""
        if not hint or not self.hint:
            return self.text
        # A hint that a face cannot word is left out with the full stop before it.
        parts = self.hint.parts if isinstance(self.hint, Template) else (self.hint,)
        return Template(self.text.rstrip("."), Template(". ", *parts))


def _at_location(location: str, text: str) -> str:
    return Template(location, ": ", text) if location else text


def problem_from_error(error: ConfigError, location: str) -> Problem:
    """Return the problem that `error` reports, found in `location`."""
    return Problem(
        error.message,
        location=location,
        hint=error.hint,
        key=error.key,
        accepted=error.accepted,
        nearest=error.nearest,
    )


def unknown_name(kind: str, name: str, accepted: Iterable[str], *, location: str = "", advice: str = "") -> Problem:
    """Return the problem of an unknown name. Its value is not shown: it may be a secret under a wrong name.

    Args:
        kind: what the name should be, such as `setting`.
        name: what was given.
        accepted: the known names.
        location: as in `Problem`.
        advice: replaces the nearest match where the user's intention is clear; no full stop.
    """
    known = tuple(accepted)
    closest = nearest(name, known)
    if not advice and closest:
        advice = f"did you mean {format_value(closest)}?"
    return Problem(
        f"there is no {kind} {format_value(name)}" + (f" ({advice})" if advice else ""),
        location=location,
        hint=list_names(name, known, label="Accepted", where=_LISTS.get(kind, "the documentation")),
        key=name,
        accepted=known,
        nearest=closest,
    )


def nearest(name: str, accepted: Iterable[str]) -> str | None:
    """Return the accepted name most like `name` (case, hyphens and underscores make no difference), if one is."""
    normalized = {_normalize(item): item for item in accepted}
    matches = get_close_matches(_normalize(name), normalized, n=1)
    return normalized[matches[0]] if matches else None


def _normalize(name: str) -> str:
    return name.lower().replace("-", "_")


def error_from_problems(
    problems: Sequence[Problem],
    *,
    path: Path | None = None,
    backend: str | None = None,
    error_class: type[ConfigError] = ConfigError,
) -> ConfigError:
    """Return one error for all `problems`, of which there must be at least one."""
    first = problems[0]
    if len(problems) == 1:
        message, hint = _at_location(first.location, first.text), first.hint
    else:
        message, hint = _join(problems), ""
    return error_class(
        message,
        hint=hint,
        backend=backend,
        path=None if path is None else str(path),
        key=first.key,
        accepted=first.accepted,
        nearest=first.nearest,
        problems=tuple(problem.line() for problem in problems),
    )


def _join(problems: Sequence[Problem]) -> str:
    """Return one message for all: a shared location is stated once, a shared hint with the last that has it."""
    locations = {problem.location for problem in problems}
    shared = problems[0].location if len(locations) == 1 else ""
    later = [problem.hint for problem in problems[1:]]
    parts = [f"{len(problems)} mistakes: "]
    for number, problem in enumerate(problems, start=1):
        sentence = problem.sentence(hint=problem.hint not in later[number - 1 :])
        where = "" if shared else problem.location
        parts += [f"({number}) ", _at_location(where, sentence.rstrip(".")), "; " if number < len(problems) else "."]
    return _at_location(shared, Template(*parts))
