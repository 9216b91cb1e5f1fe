"""Mistakes in the config: collected one by one, each a line, and raised together as one `ConfigError`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from attrs import define, field, frozen

from unichat._text.printable import escaped, quoted
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

    @property
    def line(self) -> str:
        """The whole mistake in one printable line."""
        return escaped(f"{self.place}: {self._sentence()}" if self.place else self._sentence())

    def _sentence(self, *, hint: bool = True) -> str:
        return f"{self.text.rstrip('.')}. {self.hint}" if hint and self.hint else self.text


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
        message, hint = (f"{first.place}: {first.text}" if first.place else first.text), first.hint
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
        problems=tuple(problem.line for problem in problems),
    )


def _joined(problems: Sequence[Problem]) -> str:
    """Say a place that all share once, and a hint that several share once, with the last of them."""
    places = {problem.place for problem in problems}
    shared = problems[0].place if len(places) == 1 else ""
    later = [problem.hint for problem in problems[1:]]
    parts = []
    for number, problem in enumerate(problems, start=1):
        sentence = problem._sentence(hint=problem.hint not in later[number - 1 :])
        where = f"{problem.place}: " if problem.place and not shared else ""
        parts.append(f"({number}) {where}{sentence.rstrip('.')}")
    count = f"{len(problems)} mistakes: {'; '.join(parts)}."
    return f"{shared}: {count}" if shared else count
