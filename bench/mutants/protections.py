"""What takes the protections away that both transports have, or that are not of a transport: each function, one."""

from __future__ import annotations

import json
import random
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from attrs import evolve

import unichat.adapter.endpoint_context
import unichat.adapter.messages
import unichat.execution.context
import unichat.transport.timers
import unichat_kadal.operations
import unichat_kadal.operations.errors
import unichat_kapa.history
import unichat_kapa.operations.arguments
import unichat_kapa.stream
from unichat.adapter import Replay, Reply, Secret
from unichat.client import neutral_calls
from unichat.execution import attempt
from unichat.execution.call import Call
from unichat.execution.sync_performer import SyncPerformer
from unichat.policy import failures, judge, retry
from unichat.policy.backoff import Backoff
from unichat.policy.budget import Budget
from unichat.policy.failures import Retry
from unichat.policy.judge import Judge
from unichat.transport.weak_semaphore import WeakSemaphore

# Retrying


def budget() -> None:
    """Retries are unlimited."""
    Budget.take = lambda self, cost: True  # type: ignore[method-assign]


def _without_reason(reason: str) -> None:
    stop_reason = retry.stop_reason
    retry.stop_reason = lambda *given: None if (found := stop_reason(*given)) == reason else found


def attempts() -> None:
    """Only the budget ends them."""
    _without_reason("attempts")


def waits_within_deadline() -> None:
    """A wait may outlast the deadline."""
    _without_reason("deadline")


def retry_after() -> None:
    """The vendor's Retry-After is ignored."""
    judge.retry_after = lambda headers: None


def retry_after_cap() -> None:
    """A day's wait is waited for."""
    _without_reason("retry_after")


def _rules(change: Any) -> None:
    failures._BY_KIND = {kind: change(rule) for kind, rule in failures._BY_KIND.items()}


def slow_backoff() -> None:
    """A 507 is retried as fast as a 503."""
    _rules(lambda rule: evolve(rule, backoff=Backoff.SERVER) if rule.kind == "507" else rule)


def jitter() -> None:
    """All clients come back at the same time."""
    retry.random = SimpleNamespace(uniform=lambda least, most: most)  # type: ignore[attr-defined]
    assert random.uniform(0, 1) <= 1


def ambiguous_questions() -> None:
    """Whatever failed is sent again."""
    always = dict.fromkeys(Replay, Retry.YES)
    _rules(lambda rule: evolve(rule, retry=always) if Retry.AMBIGUOUS in rule.retry.values() else rule)


def ambiguous_inserts() -> None:
    """A rating is sent again like an upsert."""
    asking = {**dict.fromkeys(Replay, Retry.YES), Replay.ASK: Retry.AMBIGUOUS}
    _rules(lambda rule: evolve(rule, retry=asking) if Retry.AMBIGUOUS in rule.retry.values() else rule)


def kadals_get() -> None:
    """A question by GET passes for a reading."""
    get_chat = unichat_kadal.operations.get_chat
    unichat_kadal.operations.get_chat = lambda **given: evolve(get_chat(**given), replay=Replay.READ)


def duplicates() -> None:
    """An answer after a 500 looks like any other."""
    attach_record = neutral_calls.attach_record
    neutral_calls.attach_record = lambda result, call: attach_record(result, evolve(call, maybe_duplicated=False))


# Bodies


def record_limit() -> None:
    """A record may have any size."""
    begin = unichat_kapa.stream.Decoder.__init__
    unichat_kapa.stream.Decoder.__init__ = (  # type: ignore[method-assign]
        lambda self, limit, thread_id=None: begin(self, 2**60, thread_id)
    )


def stream_ends() -> None:
    """A stream may end anywhere."""
    unichat_kapa.stream.Decoder.end = lambda self: None  # type: ignore[method-assign]


def strict_json() -> None:
    """JSON as the standard library reads it."""
    unichat.adapter.messages.decode_json = lambda body: json.loads(body)  # type: ignore[attr-defined]


def content_type() -> None:
    """Whatever comes is JSON."""
    Reply.is_json = True  # type: ignore[assignment, method-assign]


def envelope() -> None:
    """The status in the body does not count."""
    unichat_kadal.operations.errors._parse_status = lambda status, strict: None


# Histories and conversations


def row_identity() -> None:
    """Rows have no identity."""
    unichat_kapa.history._exchange_id = lambda exchange: None


def locks() -> None:
    """Nobody waits for a turn."""

    SyncPerformer.make_lock = partial(WeakSemaphore, 1000)


# Ids, keys and what is shown


def kapa_ids() -> None:
    """Anything is an id."""
    # Its code, since the modules of the operations have the function by its name.
    unichat_kapa.operations.arguments.check_id.__code__ = (lambda name, value: str(value)).__code__


def segments() -> None:
    """Two dots walk up the path."""
    unichat.adapter.endpoint_context._encode_segment = lambda value, name: quote(value, safe="")


def origin() -> None:
    """A path may begin with anything, a host included."""
    unichat.adapter.messages.Request.__attrs_post_init__ = lambda self: None  # type: ignore[method-assign]


def clean_frames() -> None:
    """An error keeps the frames of the function that read the answer."""
    unreadable = Judge._judge_unreadable

    def keep(self: Judge[Any], error: Any, status: int) -> Any:
        frames = error.__traceback__
        failed = unreadable(self, error, status)
        error.__traceback__ = frames
        return failed

    Judge._judge_unreadable = keep  # type: ignore[method-assign]


def pool_slots() -> None:
    """A stream that is forgotten is not closed, and its slot is not known by a weak reference."""
    acquire = WeakSemaphore.acquire
    kept = []

    def keep(self: WeakSemaphore, timeout: float) -> Any:
        kept.append(acquire(self, timeout))
        return kept[-1]

    WeakSemaphore.acquire = keep  # type: ignore[method-assign]
    SyncPerformer.discard = lambda self, reply: None  # type: ignore[method-assign]


def redaction() -> None:
    """A vendor's words are repeated as they are."""
    unichat.execution.context.redaction_for = lambda *secrets: str  # type: ignore[assignment]


def quiet_log() -> None:
    """The log repeats the vendor's words."""
    log_error = attempt.log_error
    attempt.log_error = lambda error, facts, **_: log_error(error, facts, with_content=True)  # type: ignore[assignment]


def lost_questions() -> None:
    """What became of the look, or of the second asking, is all that counts."""
    Call.lost = property(lambda self: (), lambda self, attempts: None)  # type: ignore[assignment]


def secrets() -> None:
    """A secret shows itself."""
    Secret.__repr__ = Secret.reveal  # type: ignore[method-assign, assignment]
    Secret.__str__ = Secret.reveal  # type: ignore[method-assign, assignment]
