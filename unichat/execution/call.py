"""One call of a client: its deadline, and what its operations did."""

from __future__ import annotations

from attrs import define, field

from unichat.adapter import NeutralCall
from unichat.adapter.secrets import Signature
from unichat.errors import UnichatError
from unichat.record import Attempt, CallRecord
from unichat.transport.base import Deadline


@define
class Call:
    """One neutral call, or one `run`. A call within a call shares its deadline: `Call(outer.deadline)`.

    Attributes:
        neutral: the neutral call, if it is one.
        record: of its question if it asked one, otherwise of its last operation.
        maybe_duplicated: whether an attempt that failed may have asked the question already.
        lost: the attempts of a question that may have been received, but whose answer was lost.
        signatures: how its last request was signed.
        profile: the name of the route's member that it is of; None on a plain client.
        has_question: whether `record` is that of a question.
    """

    deadline: Deadline
    neutral: NeutralCall | None = None
    record: CallRecord | None = None
    maybe_duplicated: bool = False
    lost: tuple[Attempt, ...] = ()
    signatures: tuple[Signature, ...] = field(default=(), repr=False)
    profile: str | None = None
    has_question: bool = field(default=False, init=False)

    def keep(self, record: CallRecord, *, is_question: bool) -> None:
        """Keep the record of an operation, unless that of a question is kept already."""
        if is_question or not self.has_question:
            self.record = record
        self.has_question = self.has_question or is_question

    def locate(self, error: UnichatError) -> UnichatError:
        """Return an error with the backend and operation of this call, where it names none itself."""
        if self.neutral is not None:
            error.backend = error.backend or self.neutral.backend
            error.operation = error.operation or self.neutral.operation
        return error

    def begin_whole_deadline(self) -> None:
        """Let the whole deadline count, now that the stream has its first event; see `Deadline.whole`."""
        whole = self.deadline.whole
        if whole is not None:
            self.deadline = whole
