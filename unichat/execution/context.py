"""The context that an operation runs in: transport, credential, policy, and what its client's calls share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from attrs import evolve, field, frozen

from unichat._text.templates import Argument, PythonOnly, Template
from unichat.adapter import CommonSettings, Credentials, NeutralCall, PolicySettings, Secret
from unichat.adapter.secrets import Signature
from unichat.adapter.setting_checks import split_base_url
from unichat.errors import DeadlineExceeded, InvalidInput
from unichat.execution.call import Call
from unichat.execution.locks import KeyedLocks
from unichat.execution.signing import Signing
from unichat.hooks import Hook, Hooks
from unichat.policy.breaker import Breaker
from unichat.policy.budget import Budget
from unichat.policy.pacing import Pacer, pacer_for
from unichat.policy.redaction import Redaction, redaction_for, secrets_in_settings
from unichat.transport.base import AsyncOpenReply, AsyncTransport, Clock, Deadline, OpenReply, Transport

DEFAULT_DEADLINES = {"question": 120.0, "other": 30.0}
"""Seconds for a call without a deadline of its own."""


@frozen(eq=False)
class Context:
    """What the operations of one client run in. One program can use several.

    Attributes:
        base_url: where its requests go, without a slash at the end.
        base_query: of `base_url`, added to each request's own; empty for none.
        secrets: those among the settings, which are redacted whatever the adapter does with them.
        clock: the time, in seconds.
        check_open: raises `InvalidInput` once the client is closed.
        discard: drops the connection of a forgotten stream, from any thread.
        call_soon: calls a function where the client's calls run, from any thread.
        caller: returns the thread or task that runs.
        profile: the name that a route has for its client; None otherwise.
    """

    transport: Transport | AsyncTransport
    base_url: str
    base_query: str = field(repr=False)
    policy: PolicySettings
    signing: Signing
    secrets: tuple[Secret, ...]
    budget: Budget
    breaker: Breaker | None
    pacer: Pacer | None
    hooks: Hooks
    locks: KeyedLocks
    clock: Callable[[], float]
    check_open: Callable[[], None]
    discard: Callable[[OpenReply | AsyncOpenReply], None] = field(repr=False)
    call_soon: Callable[[Callable[[], None]], None] = field(repr=False)
    caller: Callable[[], object] = field(repr=False)
    profile: str | None = None

    @classmethod
    def build(
        cls,
        transport: Transport | AsyncTransport,
        credentials: Credentials,
        settings: CommonSettings,
        performer: Performer,
        clock: Clock,
        hooks: Sequence[Hook] = (),
    ) -> Context:
        """Return the context of a new client."""
        breaker = pacer = None
        signing = Signing(credentials, clock.monotonic)
        secrets = secrets_in_settings(settings)
        base_url, base_query = split_base_url(settings.base_url)
        if settings.breaker_failures is not None:
            breaker = Breaker(settings.breaker_failures, settings.breaker_reset, clock.monotonic)
        if settings.rate is not None:
            pacer = pacer_for(signing.pace_key(settings.base_url, secrets), settings.rate, clock.monotonic)
        return cls(
            transport=transport,
            base_url=base_url,
            base_query=base_query,
            policy=settings,
            signing=signing,
            secrets=secrets,
            budget=Budget(settings.retry_budget),
            breaker=breaker,
            pacer=pacer,
            hooks=Hooks(hooks),
            locks=KeyedLocks(performer.make_lock),
            clock=clock.monotonic,
            check_open=performer.check_open,
            discard=performer.discard,
            call_soon=performer.call_soon,
            caller=performer.caller,
        )

    def redaction(self, signatures: tuple[Signature, ...] = (), more: Sequence[str] = ()) -> Redaction:
        """Return what takes the secrets out of a text: those of the settings, of a request's signatures, and `more`."""
        known = [secret.reveal() for secret in self.secrets]
        for signature in signatures:
            known += signature.secrets
        return redaction_for(*known, *more)

    def redact(self, text: str) -> str:
        """Return a text without the secrets of the settings."""
        return self.redaction()(text)

    def with_policy(self, policy: PolicySettings) -> Context:
        """Return a context with another policy that shares everything else: connections, token, budget, breaker."""
        return evolve(self, policy=policy)

    def call(
        self,
        deadline: float | Deadline | None = None,
        *,
        kind: Literal["question", "other"] = "other",
        call: NeutralCall | None = None,
    ) -> Call:
        """Begin a call.

        Args:
            deadline: seconds, or the deadline of the call that it is part of; None for the policy's own, which is 120
                seconds for a question and 30 for anything else unless it is set.
            call: the neutral call, if it is one.
        """
        if isinstance(deadline, Deadline):
            return Call(deadline, call, profile=self.profile)
        seconds = deadline or self.policy.deadline or DEFAULT_DEADLINES[kind]
        return Call(Deadline(seconds, self.clock), call, profile=self.profile)


class Performer(Protocol):
    """What a context needs of the performer that runs its programs."""

    @property
    def make_lock(self) -> Callable[[], Any]:
        """Makes locks that it can acquire."""
        ...

    def check_open(self) -> None:
        """Reject anything after the client was closed."""
        ...

    def discard(self, reply: Any) -> None:
        """Drop the connection of a forgotten stream."""
        ...

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call a function where the programs run, from any thread."""
        ...

    def caller(self) -> object:
        """Return the thread or task that runs; None where that is not known."""
        ...


def closed_client_error() -> InvalidInput:
    """Return the error for a call on a closed client."""
    return InvalidInput("the client is closed", hint=Template(PythonOnly("Create a new one with unichat.connect.")))


def wait_timeout(waiting_for: str, deadline: Deadline) -> DeadlineExceeded:
    """Return the error for a call that waited too long for something other than the vendor."""
    return DeadlineExceeded(
        f"{waiting_for} was still running after {deadline}",
        hint=Template("Wait for it to end, or allow more with ", Argument("deadline"), "."),
        deadline=deadline.seconds,
        maybe_delivered=False,
    )
