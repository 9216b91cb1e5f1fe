"""What is the same whichever way operations are run: policy, record, budget, breaker, pace, hooks and token. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any, Self, TypeVar

from attrs import define

from unichat._text.templates import Argument, PythonOnly, Template
from unichat.adapter import Credential, NeutralCall, Operation, PolicySettings, Replay, StreamOperation
from unichat.errors import DeadlineExceeded, InvalidInput, RateLimited, StreamInterrupted, UnichatError
from unichat.execution.tokens import Tokens
from unichat.hooks import Hook, Hooks
from unichat.policy.breaker import Breaker
from unichat.policy.budget import Budget
from unichat.policy.pacing import Pacer
from unichat.policy.retrying import Attempts, Done, Failed
from unichat.record import Attempt, CallRecord
from unichat.transport.base import Deadline, TransportFailure

T = TypeVar("T")


@define
class Call:
    """One neutral call, or one `run`: its deadline, and what its operations did.

    Attributes:
        about: the neutral call, if it is one.
        record: of its question if it asked one, otherwise of its last operation.
        maybe_duplicated: whether an attempt that failed may have asked the question already.
    """

    deadline: Deadline
    about: NeutralCall | None = None
    record: CallRecord | None = None
    maybe_duplicated: bool = False
    _asked: bool = False
    lost: tuple[Attempt, ...] = ()
    """The attempts of a question that may have been received, but whose answer was lost."""

    def note(self, attempts: Attempts[Any]) -> None:
        """Keep the record of an operation that succeeded, or of a question whose answer is looked for now."""
        asking = attempts.operation.replay is Replay.ASK
        if asking or not self._asked:
            self.record = attempts.record()
        self._asked = self._asked or asking
        self.doubt(attempts)

    def doubt(self, attempts: Attempts[Any]) -> None:
        """Remember whether an attempt that failed may have asked the question."""
        asking = attempts.operation.replay is Replay.ASK
        self.maybe_duplicated = self.maybe_duplicated or (asking and attempts.maybe_duplicated)

    def lose(self, attempts: Attempts[Any]) -> None:
        """Remember a question that failed and may have been received all the same."""
        if attempts.operation.replay is Replay.ASK and attempts.stopped_by == "maybe_delivered":
            self.note(attempts)
            self.lost = tuple(attempts.made)

    def name(self, error: UnichatError) -> UnichatError:
        """Return an error that says of which call it is, if it did not say so itself."""
        if self.about is not None:
            error.backend = error.backend or self.about.backend
            error.operation = error.operation or self.about.operation
        return error


class Engine:
    """The part of a driver that does no I/O. A driver adds how to send, how to wait and how to run a flow."""

    def __init__(
        self,
        credential: Credential,
        policy: PolicySettings,
        clock: Callable[[], float],
        *,
        pacer: Pacer | None = None,
        hooks: Sequence[Hook] = (),
    ) -> None:
        self.policy = policy
        self.tokens = Tokens(credential, clock)
        self._clock = clock
        self._budget = Budget(policy.retry_budget)
        self._breaker = None
        if policy.breaker_failures is not None:
            self._breaker = Breaker(policy.breaker_failures, policy.breaker_reset, clock)
        self._pacer = pacer
        self._hooks = Hooks(hooks)

    def with_policy(self, policy: PolicySettings) -> Self:
        """Return an engine with another policy that shares everything else: token, budget, breaker, pace, hooks."""
        sibling = copy(self)
        sibling.policy = policy
        return sibling

    def call(self, deadline: float | None, *, asking: bool, call: NeutralCall | None = None) -> Call:
        """Begin a call: `deadline` in seconds, else the policy's, else 120 for questions and 30 for the rest."""
        seconds = deadline or self.policy.deadline or (120.0 if asking else 30.0)
        return Call(Deadline(seconds, self._clock), call)

    def begin(self, operation: Operation[T] | StreamOperation[T], call: Call) -> Attempts[T]:
        """Begin an operation within a call."""
        attempts = Attempts(
            operation,
            self.policy,
            call.deadline,
            self._budget,
            refreshable=operation.signed and self.tokens.renewable,
        )
        if call.lost and operation.replay is Replay.ASK:
            # Asked again within one call: the record tells both, and what comes of it may be the second answer.
            attempts.made, attempts.maybe_duplicated = list(call.lost), True
        if self._hooks:
            self._hooks.tell("started", attempts.record())
        return attempts

    def turn(self, attempts: Attempts[Any], call: Call) -> float | Failed:
        """Return how many seconds to wait before the next attempt, or why there will be none in time."""
        if self._pacer is None:
            return 0.0
        attempts.turn = self._pacer.reserve(call.deadline.remaining())
        if attempts.turn is None:
            return attempts.broken(TransportFailure("paced", f"the rate of {self.policy.rate} leaves no turn in time"))
        return attempts.turn.wait

    def admit(self, attempts: Attempts[Any]) -> Failed | None:
        """Return None if the breaker lets an attempt through; `learn` or `abandon` must follow it."""
        if self._breaker is not None:
            attempts.era, reopens_in = self._breaker.admit()
            if reopens_in is not None:
                return attempts.circuit_open(reopens_in)
        attempts.handed_over()
        return None

    def _settle(self, attempts: Attempts[Any]) -> None:
        """Give back what was taken for an attempt that will not be made."""
        attempts.withdraw()
        turn, attempts.turn = attempts.turn, None
        if turn is not None and self._pacer is not None:
            self._pacer.give_back(turn)

    def learn(self, attempts: Attempts[Any], began: float, outcome: Done[Any] | Failed) -> None:
        """Note how an attempt ended that began `began` seconds into the call."""
        error = outcome.error if isinstance(outcome, Failed) else None
        attempts.finished(began, _outcome(error))
        if self._breaker is not None:
            self._breaker.report(error, attempts.era)
        if self._pacer is not None:
            if isinstance(error, RateLimited):
                self._pacer.refused()
            elif error is None:
                self._pacer.passed()
        if isinstance(outcome, Failed) and outcome.refresh:
            self.tokens.forget(attempts.signature)
        if self._hooks:
            self._hooks.tell("attempted", attempts.record())

    def abandon(self, attempts: Attempts[Any], began: float) -> None:
        """Note an attempt that was broken off without a verdict on the vendor: interrupted, or cancelled."""
        attempts.finished(began, "cancelled")
        if self._breaker is not None:
            self._breaker.abandon(attempts.era)
        if self._hooks:
            self._hooks.tell("attempted", attempts.record())

    def gave_up(self, attempts: Attempts[Any], error: BaseException) -> None:
        """Note that whoever asked does not wait any longer: a task that was cancelled, or Ctrl-C."""
        self._settle(attempts)
        attempts.stopped_by = "cancelled"
        if self._hooks:
            self._hooks.tell("finished", attempts.record(), error)

    def broke_off(self, attempts: Attempts[Any], error: UnichatError) -> UnichatError:
        """Return the error of an operation whose last attempt was not made: the client was closed, or no token came."""
        self._settle(attempts)
        error = attempts.broke_off(error)
        if self._hooks:
            self._hooks.tell("finished", attempts.record(error), error)
        return error

    def conclude(self, attempts: Attempts[Any], call: Call, outcome: Done[T] | Failed) -> T:
        """Return what the last attempt brought, or raise its error with the record of all."""
        if isinstance(outcome, Failed):
            self._settle(attempts)
            call.doubt(attempts)
            error = attempts.final(outcome)
            call.lose(attempts)
            if self._hooks:
                self._hooks.tell("finished", error.call, error)
            raise error
        attempts.succeeded()
        if isinstance(attempts.operation, StreamOperation):
            attempts.at_end = partial(self._stream_ended, attempts, call)
        else:
            call.note(attempts)
            if self._hooks:
                self._hooks.tell("finished", attempts.record(), None)
        return outcome.value

    def _stream_ended(self, attempts: Attempts[Any], call: Call, error: BaseException | None) -> None:
        """Note how a stream ended, however long after its first event: by itself, left by its reader, or broken."""
        call.note(attempts)
        ours = error if isinstance(error, StreamInterrupted) else None
        if ours is not None and self._breaker is not None and attempts.stopped_by != "cancelled":
            self._breaker.report(ours, attempts.era)
        if self._hooks:
            self._hooks.tell("finished", attempts.record(ours), error)


def is_careful(operation: Operation[Any]) -> bool:
    """Whether a connection that the server may be about to close must not carry the operation."""
    return operation.replay in (Replay.ASK, Replay.INSERT)


def closed() -> InvalidInput:
    """Return the error for a call on a closed client."""
    return InvalidInput("the client is closed", hint=Template(PythonOnly("Make a new one with unichat.connect.")))


def busy(what: str, deadline: Deadline) -> DeadlineExceeded:
    """Return the error for a call that waited too long for something else than the vendor."""
    return DeadlineExceeded(
        f"{what} was still running after {deadline.seconds:g} s",
        hint=Template("Wait for its end, or allow more with ", Argument("deadline"), "."),
        deadline=deadline.seconds,
        maybe_delivered=False,
    )


def _outcome(error: UnichatError | None) -> str:
    if error is None:
        return "ok"
    kind = getattr(error, "kind", None)
    return f"HTTP {error.status}" if error.status and kind is None else kind or type(error).__name__
