"""What a call under a fault must come to: by replay class, since a question may not be sent twice and a reading may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from unichat.adapter import Replay
from unichat.errors import StreamInterrupted, UnichatError

if TYPE_CHECKING:
    from tests.faults.neutral import Neutral

_ORDER = (Replay.ASK, Replay.INSERT, Replay.UPSERT, Replay.READ, Replay.CLEAR)
ONCE_ONLY = (Replay.ASK, Replay.INSERT)
"""Classes of which a second sending does harm."""


@frozen
class Outcome:
    """How one call must end.

    Attributes:
        error: its class; None for an answer.
        kind: its kind, or several of which the network decides; empty where the class has none.
        attempts: how many its record must show.
        seen: how often its nonce may reach the vendor at most.
        delivered: what the error must say in `maybe_delivered`.
        stopped_by: what its record must say.
        duplicated: whether an answer must say that it may have been asked twice.
        otherwise: another outcome that is as right, where it is a matter of moments which of the two it is.
    """

    error: type[UnichatError] | None = None
    kind: tuple[str, ...] = ()
    attempts: int = 1
    seen: int = 1
    delivered: bool | None = False
    stopped_by: str | None = None
    duplicated: bool = False
    otherwise: Outcome | None = None

    def words(self) -> str:
        """The outcome as the docs show it."""
        return self._own_words() + (f", or {self.otherwise.words()}" if self.otherwise is not None else "")

    def _own_words(self) -> str:
        sends = "" if self.attempts == 1 else f", {self.attempts} attempts"
        if self.error is None:
            return f"answer{sends}" + (", maybe duplicated" if self.duplicated else "")
        kind = f" ({' or '.join(self.kind)})" if self.kind else ""
        return f"{self.error.__name__}{kind}{sends}" + (", maybe delivered" if self.delivered else "")


@frozen
class Expected:
    """The outcome for each replay class, and where one operation differs from its class.

    Attributes:
        streamed: for a stream in pieces; None: as its class.
        special: by backend and call, such as `kadal chat`.
    """

    classes: Mapping[Replay, Outcome]
    streamed: Outcome | None = None
    special: Mapping[str, Outcome] = field(factory=dict)

    def for_operation(self, neutral: Neutral) -> Outcome:
        """The outcome for one operation."""
        if neutral.name in self.special:
            return self.special[neutral.name]
        if neutral.streamed and self.streamed is not None:
            return self.streamed
        return self.classes[neutral.replay]

    def words(self) -> str:
        """All of it in one line, classes with the same outcome together."""
        groups: dict[Outcome, list[str]] = {}
        for replay in _ORDER:
            groups.setdefault(self.classes[replay], []).append(replay.name)
        one = len(groups) == 1 and self.streamed is None and not self.special
        parts = [
            outcome.words() if one else f"{', '.join(names)}: {outcome.words()}" for outcome, names in groups.items()
        ]
        if self.streamed is not None:
            parts.append(f"stream: {self.streamed.words()}")
        parts += [f"{name}: {outcome.words()}" for name, outcome in self.special.items()]
        return "; ".join(parts)

    def but(self, *, streamed: Outcome | None = None, **special: Outcome) -> Expected:
        """The same, with exceptions; an operation's name has an underscore for the blank."""
        named = {name.replace("_", " ", 1): outcome for name, outcome in special.items()}
        return evolve(self, streamed=streamed or self.streamed, special={**self.special, **named})


def every(outcome: Outcome) -> Expected:
    """The same for all classes."""
    return Expected(dict.fromkeys(Replay, outcome))


def answer(attempts: int = 1, *, seen: int | None = None, duplicated: bool = False) -> Outcome:
    """An answer after so many attempts; each may have reached the vendor unless `seen` says less."""
    return Outcome(attempts=attempts, seen=attempts if seen is None else seen, duplicated=duplicated)


def raises(
    error: type[UnichatError],
    *kind: str,
    attempts: int = 1,
    seen: int | None = None,
    delivered: bool | None = False,
    stopped_by: str = "not_retryable",
) -> Outcome:
    """An error after so many attempts."""
    return Outcome(error, kind, attempts, attempts if seen is None else seen, delivered, stopped_by)


def never(error: type[UnichatError], *kind: str, delivered: bool | None = False, seen: int = 1) -> Expected:
    """N in the failure table: raised at once, whatever the class."""
    return every(raises(error, *kind, delivered=delivered, seen=seen))


def exhausts(
    error: type[UnichatError], *kind: str, delivered: bool | None = False, seen: int = 3, attempts: int = 3
) -> Expected:
    """Y in the failure table, and it lasts: raised after all attempts."""
    outcome = raises(error, *kind, attempts=attempts, seen=seen, delivered=delivered, stopped_by="attempts")
    return every(outcome)


def withholds(error: type[UnichatError], *kind: str, seen: int = 1, otherwise: Outcome | None = None) -> Expected:
    """C in the failure table, once: what may not be sent twice is raised; the rest is sent again and answered."""
    once = raises(error, *kind, delivered=True, stopped_by="maybe_delivered", seen=seen)
    once = evolve(once, otherwise=otherwise)
    return Expected({replay: once if replay in ONCE_ONLY else answer(2) for replay in Replay})


def loses(attempts: int, error: type[UnichatError], *kind: str, seen: int | None = None) -> Expected:
    """C in the failure table, each time: raised at once, or after all attempts where more than one is allowed."""
    once = raises(error, *kind, delivered=True, stopped_by="maybe_delivered", seen=seen)
    often = raises(error, *kind, attempts=attempts, delivered=True, stopped_by="attempts", seen=seen)
    return Expected({replay: once if replay in ONCE_ONLY else often for replay in Replay})


def answers(attempts: int, *, seen: int | None = None, duplicated: bool = False) -> Expected:
    """Y in the failure table, and it passes: answered in the end. Only a question can be a duplicate."""
    plain = answer(attempts, seen=seen)
    asked = answer(attempts, seen=seen, duplicated=duplicated)
    return Expected({replay: asked if replay is Replay.ASK else plain for replay in Replay})


def interrupts(*, seen: int = 1, stopped_by: str = "not_retryable") -> Outcome:
    """A stream that broke after its first event."""
    return Outcome(StreamInterrupted, (), 1, seen, True, stopped_by)
