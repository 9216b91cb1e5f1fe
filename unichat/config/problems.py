"""Mistakes in the config: collected one by one, each a line, and raised together as one `ConfigError`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from attrs import define, field, frozen

from unichat._text.printable import escaped, quoted
from unichat._text.templates import Template, Words, python_words, render
from unichat.errors import ConfigError


@define(slots=False, kw_only=True, eq=False, repr=False, str=False)
class NoConfig(ConfigError):
    """No backend was named, and there is no config file that could name one."""


@frozen(kw_only=True)
class Problem:
    """One mistake. It never holds a secret.

    Attributes:
        text: what is wrong, with which value.
        place: where it stands: the file and profile, the URL, or the environment variable; empty if the text says so.
        hint: what to do, in whole sentences.
        key: the setting.
        accepted: what would have been accepted.
        nearest: the accepted name most like the one given.
    """

    text: str = field(kw_only=False)
    place: str = ""
    hint: str = ""
    key: str | None = None
    accepted: tuple[str, ...] = ()
    nearest: str | None = None

    def line(self, words: Words = python_words) -> str:
        """Return the whole mistake in one printable line, in the words of a face."""
        return escaped(render(_with_place(self.place, self.sentence()), words))

    def sentence(self, *, hint: bool = True) -> str:
        """Return what is wrong, and what to do unless `hint` is false."""
        if not hint or not self.hint:
            return self.text
        # A hint that a face cannot word goes with the full stop before it.
        parts = self.hint.parts if isinstance(self.hint, Template) else (self.hint,)
        return Template(self.text.rstrip("."), Template(". ", *parts))


def _with_place(place: str, text: str) -> str:
    return Template(place, ": ", text) if place else text


def from_error(error: ConfigError, place: str) -> Problem:
    """Return the problem that `error` tells of, found in `place`."""
    return Problem(
        error.message,
        place=place,
        hint=error.hint,
        key=error.key,
        accepted=error.accepted,
        nearest=error.nearest,
    )


def unknown(kind: str, name: str, accepted: Iterable[str], *, place: str = "", advice: str = "") -> Problem:
    """Return the problem of a name that nobody knows. Its value is not shown: it may be a secret under a wrong name.

    Args:
        kind: what the name should be, such as `setting`.
        name: what was given.
        accepted: the names that there are.
        place: as in `Problem`.
        advice: said in place of the nearest match, where the writer's intention is known; no full stop.
    """
    known = tuple(accepted)
    like = nearest(name, known)
    if not advice and like:
        advice = f"did you mean {quoted(like)}?"
    return Problem(
        f"there is no {kind} {quoted(name)}" + (f" ({advice})" if advice else ""),
        place=place,
        hint=f"Accepted: {', '.join(known) or 'none'}.",
        key=name,
        accepted=known,
        nearest=like,
    )


def nearest(name: str, accepted: Iterable[str]) -> str | None:
    """Return the accepted name most like `name` (case, hyphens and underscores make no difference), if one is."""
    plain = {_plain(item): item for item in accepted}
    matches = get_close_matches(_plain(name), plain, n=1)
    return plain[matches[0]] if matches else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def as_error(
    problems: Sequence[Problem],
    *,
    path: Path | None = None,
    backend: str | None = None,
    kind: type[ConfigError] = ConfigError,
) -> ConfigError:
    """Return one error for all `problems`, of which there must be one at least."""
    first = problems[0]
    if len(problems) == 1:
        message, hint = _with_place(first.place, first.text), first.hint
    else:
        message, hint = _joined(problems), ""
    return kind(
        message,
        hint=hint,
        backend=backend,
        path=None if path is None else str(path),
        key=first.key,
        accepted=first.accepted,
        nearest=first.nearest,
        problems=tuple(problem.line() for problem in problems),
    )


def _joined(problems: Sequence[Problem]) -> str:
    """Say a place that all share once, and a hint that several share once, with the last of them."""
    places = {problem.place for problem in problems}
    shared = problems[0].place if len(places) == 1 else ""
    later = [problem.hint for problem in problems[1:]]
    parts = [f"{len(problems)} mistakes: "]
    for number, problem in enumerate(problems, start=1):
        sentence = problem.sentence(hint=problem.hint not in later[number - 1 :])
        where = "" if shared else problem.place
        parts += [f"({number}) ", _with_place(where, sentence.rstrip(".")), "; " if number < len(problems) else "."]
    return _with_place(shared, Template(*parts))
