"""Differences between the simulators and the vendors' frameworks that are meant, and why."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from bench.judges.frameworks.comparing import Difference


@frozen
class Explained:
    """A difference that is meant.

    Attributes:
        name: what is sent.
        backends: the vendors that it concerns.
        framework, simulator: what each does.
        why: why the simulator does it.
        applies: whether a difference is this one.
    """

    name: str
    backends: tuple[str, ...]
    framework: str
    simulator: str
    why: str
    applies: Callable[[Difference], bool]


def _case_ends_with(*words: str) -> Callable[[Difference], bool]:
    return lambda difference: difference.case.name.partition(": ")[2].endswith(words)


def _answers(status: int, words: str) -> Callable[[Difference], bool]:
    return lambda difference: difference.simulator.status == status and words in str(difference.simulator)


BOTH = ("kapa", "kadal")
EXPLAINED = (
    Explained(
        "a path without its slash",
        ("kapa",),
        "redirects to the one with it, a POST too",
        "404",
        "A project can switch this off. The adapter sends the slash, and follows no redirect.",
        _case_ends_with("the other slash"),
    ),
    Explained(
        "NaN, an infinity, or a number beyond floats",
        BOTH,
        "takes some of them",
        "the body is not JSON",
        "It could not write such a number back as JSON, and neither could they.",
        _case_ends_with("NaN", "Infinity", "a number beyond floats"),
    ),
    Explained(
        "100,000 brackets",
        ("kapa",),
        "500",
        "400, as for anything that is not JSON",
        "A simulator has no crash that a test could run into.",
        _case_ends_with("100,000 brackets"),
    ),
    Explained(
        "a NUL, or half a surrogate pair",
        BOTH,
        "takes it, or fails with 500",
        "the field is not valid",
        "No database takes such text, and no vendor shows what it answers then.",
        _case_ends_with("a NUL", "half a surrogate pair"),
    ),
    Explained(
        "a number beyond 64 bits",
        ("kadal",),
        "takes it",
        "the field is too large",
        "Its database has no larger numbers, as most have none.",
        _answers(422, str(2**63 - 1)),
    ),
    Explained(
        "a valid id of nothing that there is",
        BOTH,
        "takes it: it has no rows",
        "404",
        "Only what a vendor has stored can tell.",
        _answers(404, "ot found"),
    ),
)


def explanation(backend: str, difference: Difference) -> Explained | None:
    """Return what explains a difference, None if nothing does."""
    return next((each for each in EXPLAINED if backend in each.backends and each.applies(difference)), None)
