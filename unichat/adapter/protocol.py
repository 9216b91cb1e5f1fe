"""What an adapter is: settings and neutral calls in, operations and shared models out; no I/O.

An adapter's package names its `Backend` in the entry-point group `unichat.adapters`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, Protocol, TypeVar

from attrs import Factory, field, frozen

from unichat._text.log import log
from unichat._text.templates import Argument, Template
from unichat.adapter.contracts import Contracts
from unichat.adapter.endpoints import Endpoints
from unichat.adapter.flows import Flow
from unichat.adapter.messages import check_header_name
from unichat.adapter.operations import Operation, Paged
from unichat.adapter.secrets import RequestSigner, Secret, Token, TokenProvider
from unichat.adapter.settings import CommonSettings
from unichat.adapter.streaming import EventSource
from unichat.errors import Unsupported
from unichat.models import Answer, ClearResult, Comment, Exchange, FeedbackReceipt, Rating, ThreadRef, User

S = TypeVar("S", bound=CommonSettings)

OnUnsupported = Literal["raise", "drop"]
"""What to do with an argument that the backend does not support."""


@frozen(kw_only=True)
class Capabilities:
    """What a backend can do; known before anything is sent.

    An adapter says what it knows of. The default of a capability is what every adapter did before there was one: it
    claims nothing, and takes no call away. So a new capability changes nothing for an adapter that does not know it.

    Attributes:
        streaming: answers can be streamed; without it, `stream` yields the whole answer as one event.
        feedback: answers can be rated.
        history: past exchanges can be read.
        clear_history: conversations can be cleared.
        parallel_threads: one user can have several conversations at a time.
        history_by_thread: `history(thread)` yields only that thread, not all of its user's.
        history_by_user: `history(user=...)` works.
        sources: answers name their sources.
        uncertainty: answers say whether the vendor is uncertain.
        timestamps: exchanges of the history have times.
        metadata: questions accept `metadata`.
        user_details: questions accept user details beyond the id.
        needs_user: every call needs `user`, or a thread, which remembers its user.
        feedback_needs_user: `feedback` needs `user`.
        feedback_comment_on_up: an upvote accepts a comment.
        question_limit: maximum length of a question, in Unicode code points; None for no stated limit.
        options: by call, the backend's own keyword arguments.
    """

    streaming: bool = False
    feedback: bool = True
    history: bool = True
    clear_history: bool = False
    parallel_threads: bool = False
    history_by_thread: bool = False
    history_by_user: bool = False
    sources: bool = False
    uncertainty: bool = False
    timestamps: bool = False
    metadata: bool = False
    user_details: bool = False
    needs_user: bool = False
    feedback_needs_user: bool = field(default=Factory(lambda self: self.needs_user, takes_self=True))
    feedback_comment_on_up: bool = False
    question_limit: int | None = None
    options: Mapping[str, tuple[str, ...]] = field(factory=dict, hash=False)


@frozen(kw_only=True)
class NeutralCall:
    """What every neutral call has: the backend's and the operation's names, and the backend's own keyword arguments."""

    backend: str
    operation: str
    on_unsupported: OnUnsupported = "raise"
    options: Mapping[str, Any] = field(factory=dict)

    def reject_or_drop(self, argument: str, reason: str, alternative: str) -> None:
        """Report an argument that the backend does not support: raise, or log that it is dropped, as the caller chose.

        Raises:
            Unsupported: unless the caller chose `on_unsupported="drop"`.
        """
        if self.on_unsupported == "raise":
            raise Unsupported(
                reason if argument == self.operation else f"{argument}: {reason}",
                hint=Template(
                    alternative,
                    Template(" Or pass ", Argument("on_unsupported", "'drop'"), " to continue without it."),
                ),
                backend=self.backend,
                operation=self.operation,
                argument=argument,
                alternative=alternative,
            )
        self.warn(f"dropped {argument}: {reason}")

    def warn(self, message: str) -> None:
        """Log a warning about the call. `message` must hold nothing that was asked or answered."""
        log.warning("%s %s: %s", self.backend, self.operation, message)


@frozen(kw_only=True)
class ConversationCall(NeutralCall):
    """What the calls about a conversation have besides: its thread and the person, as far as the caller names them."""

    thread: ThreadRef | None = None
    user: User | None = None


@frozen(kw_only=True)
class ChatCall(ConversationCall):
    """The arguments of `chat` (without a thread), `continue_thread` and `stream`.

    Attributes:
        reconcile: whether to look for the answer before asking again, if the question may have been received.
    """

    question: str
    reconcile: bool = False
    metadata: Mapping[str, Any] | None = None


@frozen(kw_only=True)
class FeedbackCall(ConversationCall):
    """The arguments of `feedback`. `user` is the person who rates, who need not be the one who asked.

    Attributes:
        thread: that of the answer, None if only an id was given.
        answer_scope: the bot or project that the answer belongs to, None if only an id was given.
    """

    answer_id: str | int
    rating: Rating
    answer_scope: str | None = None
    comment: Comment | None = None

    def receipt(self, *, id: str | None = None, raw: Any) -> FeedbackReceipt:
        """Return the receipt for it, with the vendor's own id and JSON."""
        return FeedbackReceipt(
            id=id,
            answer_id=str(self.answer_id),
            rating=self.rating,
            comment=self.comment,
            raw={} if raw is None else raw,
        )


@frozen(kw_only=True)
class HistoryCall(ConversationCall):
    """The arguments of `history`. `page_size` is None if the caller leaves it to the adapter."""

    newest_first: bool = False
    page_size: int | None = None


@frozen(kw_only=True)
class ClearCall(ConversationCall):
    """The arguments of `clear_history`."""


@frozen
class Credential:
    """How requests are signed: `header: scheme secret`.

    Attributes:
        source: the secret; a function that returns one, called before each request; or an operation that fetches a
            token, which is kept until shortly before it expires.
    """

    header: str = field()
    scheme: str
    source: Secret | TokenProvider | Operation[Token]

    @header.validator
    def _check_header(self, _: object, header: str) -> None:
        check_header_name(header)


Credentials = Credential | RequestSigner | tuple[Credential | RequestSigner, ...] | None
"""How a backend's requests are signed: by one header, by a function that returns headers, by several of these, or not
at all, for a server without a key."""


class Adapter(Protocol):
    """One vendor behind the neutral calls. Every method returns a flow and sends nothing.

    The client has checked the arguments for what every backend requires, and for what the capabilities say. An adapter
    checks what its vendor requires besides as soon as the method is called, before it returns the flow, so that a
    mistake is raised at once.

    Derive from this class, and leave out the calls that the capabilities rule out.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What the backend can do, with the settings given."""
        ...

    @property
    def credential(self) -> Credentials:
        """How its requests are signed; None for a server without a key."""
        ...

    @property
    def scope(self) -> str | None:
        """The bot or project that its threads belong to, as `ThreadRef.scope` has it; None where there is none.

        By it a route tells two projects of one vendor apart.
        """
        return None

    def chat(self, call: ChatCall) -> Flow[Answer]:
        """Ask in `call.thread`, or in a new thread if there is none."""
        ...

    def stream(self, call: ChatCall) -> Flow[EventSource[Answer] | Answer]:
        """Ask, streamed, by `open_stream` or `relay_stream`. Only called if `capabilities.streaming`.

        May return a whole answer instead.
        """
        raise _missing_method(call)

    def feedback(self, call: FeedbackCall) -> Flow[FeedbackReceipt]:
        """Rate an answer. Only called if `capabilities.feedback`."""
        raise _missing_method(call)

    def history(self, call: HistoryCall) -> Flow[Paged[Exchange]]:
        """Return the past exchanges, page by page. Only called if `capabilities.history`.

        `call.user` and `call.thread` say whose: where the vendor cannot filter by one of them, the list is empty if
        `reject_or_drop` drops it, and never somebody else's.
        """
        raise _missing_method(call)

    def clear_history(self, call: ClearCall) -> Flow[ClearResult]:
        """Clear a conversation. Only called if `capabilities.clear_history`.

        Without `call.user` and `call.thread`, the conversation of the questions that were asked without a user, and
        never all conversations. Where there is none, `require_thread(call)` rejects the call.
        """
        raise _missing_method(call)

    def probes(self) -> tuple[Operation[Any], ...]:
        """Return harmless operations that together show whether the address, the credential and the ids are right."""
        return ()


def _missing_method(call: NeutralCall) -> NotImplementedError:
    return NotImplementedError(f"there is no method {call.operation}, and the capabilities do not say so")


@frozen(kw_only=True)
class Backend(Generic[S]):
    """What an adapter's package registers in the entry-point group `unichat.adapters`.

    Attributes:
        name: its name for `connect` and in profiles.
        title: the vendor's name.
        settings: the attrs class of its settings.
        build: makes the adapter.
        endpoints: the vendor's endpoints as operations.
        identity: the setting that comes first in the URL form, as in `vendor://IDENTITY`; None if there is none.
        contracts: the documents that describe the vendor's API, for `unichat contract`; None if there are none.
    """

    name: str
    title: str
    settings: type[S]
    build: Callable[[S], Adapter]
    endpoints: Endpoints
    identity: str | None = None
    contracts: Contracts | None = None
