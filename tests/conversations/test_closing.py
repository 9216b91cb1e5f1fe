"""Programs that are closed at each of their steps, as by the garbage collector: they end there, and let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from unichat import Conversations, routing
from unichat.conversations.stream import Background, open_stream
from unichat.errors import UnichatError
from unichat.execution.effects import Execute, Open, Send
from unichat.testing import FakeBackend

SCRIPTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), ()),
    (("503",), ()),
    (("404",), ("503",)),
    (("reset_after_send",), ("refused",)),
)
"""What the question meets at each vendor."""


def build_client(kind: str, script: tuple[tuple[str, ...], tuple[str, ...]]) -> Any:
    vendors = [FakeBackend(scope=scope) for scope in ("first", "second")]
    for vendor, faults in zip(vendors, script, strict=True):
        vendor.answers("1")
        for fault in faults:
            vendor.fails(fault)
        vendor.answers("2").answers("3")
    first, second = (vendor.client(attempts=2) for vendor in vendors)
    members = {"first": first, "second": second}
    client = first
    if kind != "plain":
        client = getattr(routing, kind)(members, **({"carry_over": True} if kind == "fallback" else {}))
    # What a shadow starts in the background is not of this test.
    client._performer.start = lambda program: None  # type: ignore[method-assign]
    return client


def ask(conversations: Conversations) -> Any:
    return arrive(conversations).ask()


def stream(conversations: Conversations) -> Any:
    def ask_and_read() -> Any:
        source = yield from open_stream(arrive(conversations), Background(lambda _: None, lambda _: None))
        while source.ready() is not None or (yield from source.more()):
            pass

    return ask_and_read()


def arrive(conversations: Conversations) -> Any:
    return conversations._arrive("c", "two", user="ada", event="e", metadata=None, deadline=None)()


def erase(conversations: Conversations) -> Any:
    return conversations._erase("ada")


def rate(conversations: Conversations) -> Any:
    return conversations._rate_latest("c", "up", user="ada", comment=None)


def run_steps(client: Any, program: Any) -> Iterator[Any]:
    """Run a program, and yield each of its effects before it is performed."""
    try:
        effect = next(program)
        while True:
            yield effect
            try:
                result = client._performer._perform(effect)
            except Exception as error:
                effect = program.throw(error)
            else:
                effect = program.send(result)
    except (StopIteration, UnichatError):
        # How it ends is not of this test.
        pass


@pytest.mark.parametrize(
    ("kind", "call", "script"),
    [
        *(("fallback", call, script) for call in (ask, stream) for script in SCRIPTS),
        *((kind, call, SCRIPTS[0]) for kind in ("plain", "shadow") for call in (ask, stream)),
        *(("fallback", call, SCRIPTS[0]) for call in (erase, rate)),
    ],
)
def test_a_program_can_be_closed_at_each_step(
    kind: str, call: Callable[[Conversations], Any], script: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    seen: list[Any] = []
    while True:
        client = build_client(kind, script)
        with Conversations(client) as conversations:
            conversations.get("c").ask("one", user="ada")
            program = call(conversations)
            effects = list(zip(range(len(seen) + 1), run_steps(client, program), strict=False))
            # Raises RuntimeError if it yields once more.
            program.close()
            assert not conversations._leases._held
        if len(effects) <= len(seen):
            break
        seen.append(effects[-1][1])
    assert any(isinstance(effect, Execute) for effect in seen)
    assert any(isinstance(effect, Send | Open) for effect in seen)
