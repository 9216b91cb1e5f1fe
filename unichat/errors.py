"""The one error tree: every failure that leaves unichat is a `UnichatError`.

`str(error)` is one printable line: what was wrong, with which value, and what to do. Errors hold no request, no
response and no secret; they can be pickled and copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attrs import Attribute, define, field, fields

from unichat._text.printable import escape_controls
from unichat._text.templates import Words, python_words, render

if TYPE_CHECKING:
    from unichat.models import Source, ThreadRef
    from unichat.record import Attempt, CallRecord

E = TypeVar("E", bound="UnichatError")


def _restore(kind: type[E], state: dict[str, Any]) -> E:
    return kind(**state)


def _message_first(_: type[Any], attributes: list[Attribute[Any]]) -> list[Attribute[Any]]:
    # attrs before 25.4 makes each attribute of such a class keyword-only: inherited ones, and those that say otherwise.
    return [item.evolve(kw_only=item.name != "message") for item in attributes]


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class UnichatError(Exception):
    """Anything that went wrong. Catch this to catch everything that unichat raises.

    Attributes:
        message: what was wrong, with which value.
        hint: what to do about it, worded for Python.
        backend, operation: where it happened, as far as that is known.
        status: the HTTP status (or the status in a vendor's envelope), None where there was none.
        retry_after: seconds that the vendor asks to wait, None where it did not say.
        retryable: whether the same call may succeed later without any change.
        maybe_delivered: whether the vendor may have acted on the request; None where that is not known.
        call: the record of the call, None if nothing was sent. The error has its fields, too.
    """

    message: str = field(kw_only=False)
    hint: str = ""
    backend: str | None = None
    operation: str | None = None
    status: int | None = None
    retry_after: float | None = None
    retryable: bool = False
    maybe_delivered: bool | None = None
    call: CallRecord | None = None

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts made, oldest first; empty if nothing was sent."""
        return self.call.attempts if self.call else ()

    @property
    def call_id(self) -> str | None:
        """Our id for the call, which is in each of its log lines; None if nothing was sent."""
        return self.call.call_id if self.call else None

    @property
    def request_id(self) -> str | None:
        """The vendor's id for the request; None where it gave none."""
        return self.call.request_id if self.call else None

    @property
    def envelope_status(self) -> int | None:
        """The status in the answer's body; None if it has none."""
        return self.call.envelope_status if self.call else None

    @property
    def vendor_code(self) -> str | None:
        """The vendor's own code for the failure; None where it gave none."""
        return self.call.vendor_code if self.call else None

    @property
    def vendor_message(self) -> str:
        """The vendor's own message about the failure, trimmed and escaped; empty where it gave none."""
        return self.call.vendor_message if self.call else ""

    @property
    def elapsed(self) -> float:
        """Seconds that the call took, including waits; 0 if nothing was sent."""
        return self.call.elapsed if self.call else 0.0

    @property
    def phase(self) -> str:
        """How far the last attempt got: `connecting`, `waiting`, `body` and the like; empty if there was none."""
        return self.call.phase if self.call else ""

    @property
    def stopped_by(self) -> str | None:
        """Why no further attempt was made: `attempts`, `budget` and the like; None if nothing was sent."""
        return self.call.stopped_by if self.call else None

    def describe(self, words: Words = python_words) -> str:
        """Return the error in one printable line, in the words of a face for arguments, methods and settings."""
        where = " ".join(part for part in (self.backend, self.operation) if part)
        line = render(self.message, words)
        if where:
            line = f"{where}: {line}"
        if self.call and len(self.attempts) > 1:
            line += f" ({len(self.attempts)} attempts in {self.call.elapsed:.1f} s)"
        if hint := render(self.hint, words):
            line = f"{line.rstrip('.')}. {hint}"
        return escape_controls(line)

    def __str__(self) -> str:
        return self.describe()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {item.name: getattr(self, item.name) for item in fields(type(self))}
        # What a caller has added: attributes of their own, and notes.
        own = {name: value for name, value in vars(self).items() if name not in state}
        if "__notes__" in own:
            own["__notes__"] = list(own["__notes__"])
        return _restore, (type(self), state), own or None


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class ConfigError(UnichatError):
    """The settings are wrong: a file, a profile, a URL, a keyword of `connect`, or the environment.

    Attributes:
        path: the file, where one was read.
        key: the setting.
        accepted: what would have been accepted.
        nearest: the accepted name most like the one given.
        problems: every mistake found, one line each; the message joins them.
    """

    path: str | None = None
    key: str | None = None
    accepted: tuple[str, ...] = ()
    nearest: str | None = None
    problems: tuple[str, ...] = ()
    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class NoConfig(ConfigError):
    """No backend was named, and no config file was found; `nearest` is a file whose name is nearly right."""


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class InvalidInput(UnichatError):
    """An argument is not acceptable: to unichat (`source="local"`, nothing was sent), or to the vendor.

    Attributes:
        argument: its name.
        value: what was given, trimmed.
        limit: the size limit that it exceeded, if any.
        source: `local`, or `vendor` (HTTP 400, 413, 414, 422 or 431).
    """

    argument: str | None = None
    value: str | None = None
    limit: int | None = None
    source: str = "local"
    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class Unsupported(UnichatError):
    """The backend cannot do this, or does not support this argument. Nothing was sent.

    Attributes:
        argument: the argument or feature.
        alternative: what would work instead.
    """

    argument: str | None = None
    alternative: str = ""
    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class ThreadMismatch(UnichatError):
    """A thread of another backend, or of another bot, was given. Nothing was sent."""

    expected: str | None = None
    found: str | None = None
    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class StaleThread(ThreadMismatch):
    """A newer thread of the same user replaced this one, and the vendor keeps only one per user. Nothing was asked.

    Attributes:
        thread: the thread that was given.
        newer: the thread that replaced it, where known.
    """

    thread: ThreadRef | None = None
    newer: ThreadRef | None = None


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class ConversationBusy(UnichatError):
    """Another message of the conversation is being answered, and `overlap="refuse"` was chosen. Nothing was asked.

    Attributes:
        conversation: the conversation's key.
    """

    conversation: str | None = None
    retryable: bool = True
    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class StoreError(UnichatError):
    """The store of conversations cannot be read or written, such as a database on a full disk. Nothing was asked.

    Attributes:
        store: which store, without what its address may hold of secrets.
    """

    store: str | None = None
    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class AccessDenied(UnichatError):
    """The vendor rejected the credentials. The base of the two classes below, since vendors' 401 and 403 overlap."""

    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class AuthenticationError(AccessDenied):
    """The key or token is missing, wrong or expired."""


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class PermissionDenied(AccessDenied):
    """The key or token is valid, but not authorised for this."""


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class NotFound(UnichatError):
    """The vendor does not know the requested object.

    Attributes:
        what: `bot`, `project`, `thread`, `answer` or `route`, if that is known.
    """

    what: str | None = None
    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class RequestRejected(UnichatError):
    """The vendor rejected the request with a 4xx status that no other class covers."""

    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class RateLimited(UnichatError):
    """Too many requests (HTTP 429); `retry_after` has the seconds that the vendor asks to wait."""

    retryable: bool = True
    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class ServerError(UnichatError):
    """The vendor failed: a 5xx status, a 408 or 425, or an error record at the start of a stream."""

    retryable: bool = True


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class InsufficientTokens(ServerError):
    """The account's token allowance is used up (507); it refills slowly."""

    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class ConnectionFailed(UnichatError):
    """The connection could not be made, or it broke.

    Attributes:
        kind: `dns`, `refused`, `connect_timeout`, `exhausted` (this process cannot open another connection or thread),
            `tls`, `certificate`, `proxy`, `reset`, `closed` or `read_timeout`.
    """

    kind: str = "closed"
    retryable: bool = True


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class CircuitOpen(ConnectionFailed):
    """The circuit breaker is open: nothing was sent.

    Attributes:
        reopens_in: seconds until one call is let through as a probe.
    """

    kind: str = "circuit"
    reopens_in: float = 0.0
    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class DeadlineExceeded(UnichatError):
    """The call's deadline passed.

    Attributes:
        deadline: seconds that were allowed.
    """

    deadline: float | None = None
    retryable: bool = True


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class InvalidResponse(UnichatError):
    """The vendor's answer is not what its reference describes.

    Attributes:
        kind: `head`, `truncated`, `too_large`, `content_type`, `encoding`, `json`, `shape` or `redirect`.
        pointer: the JSON pointer of the field that is wrong, for `shape`.
        excerpt: the start of the response, trimmed and escaped.
    """

    kind: str = "shape"
    pointer: str = ""
    excerpt: str = ""


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class AdapterError(UnichatError):
    """The backend's adapter has a mistake: `__cause__` is the exception that it raised, without what it worked on."""

    maybe_delivered: bool | None = False


@define(slots=False, kw_only=True, eq=False, repr=False, str=False, field_transformer=_message_first)
class StreamInterrupted(UnichatError):
    """A stream broke after its first event. It is never retried automatically.

    Attributes:
        text: the answer so far.
        sources, thread, answer_id: as far as received.
        events: the number of events received.
    """

    text: str = ""
    sources: tuple[Source, ...] = ()
    thread: ThreadRef | None = None
    answer_id: str | None = None
    events: int = 0
    maybe_delivered: bool | None = True
