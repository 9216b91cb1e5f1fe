"""The neutral calls as programs, for both clients: check the arguments, and run the adapter's flow to its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from unichat.adapter import Adapter, Capabilities, ChatCall, CommonSettings, EventSource, Flow, NeutralCall
from unichat.client.adapter_calls import begin_flow, wrong_result
from unichat.client.arguments import ArgumentChecker, check_deadline, check_limit
from unichat.client.call_records import attach_record
from unichat.client.paging import PagedReader, RowReader
from unichat.client.streams import SingleEventStream
from unichat.client.support import replace_clearing, replace_feedback, replace_history, require_user
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.execution.effects import Program
from unichat.execution.program import complete
from unichat.models import Answer, ClearResult, Exchange, FeedbackReceipt
from unichat.transport.base import Deadline

M = TypeVar("M")

StartStream = Callable[..., Program[EventSource[Answer]]]
"""Makes the program that asks a streamed question; takes the deadline of the call that it is part of, if any."""


class NeutralCalls:
    """One backend's neutral calls. Each returns its program; nothing is sent before a performer runs that."""

    _adapter: Adapter
    _arguments: ArgumentChecker
    _context: Context
    _settings: CommonSettings

    @property
    def capabilities(self) -> Capabilities:
        """What the backend can do, known before anything is sent."""
        return self._arguments.capabilities

    def _ask(
        self,
        operation: str,
        question: object,
        *,
        thread: object = None,
        deadline: object,
        **arguments: Any,
    ) -> Program[Answer]:
        """Check the arguments of a question, and return the program that asks it."""
        checked = self._arguments.chat(operation, question, thread=thread, **arguments)
        call = self._context.call(check_deadline(deadline), kind="question", call=checked)
        flow = self._begin(lambda call: self._adapter.chat(call), checked)
        return self._complete(flow, call, Answer)

    def _open_stream(
        self, question: object, *, deadline: object, **arguments: Any
    ) -> tuple[StartStream, Callable[[Answer], Answer]]:
        """Check the arguments of a streamed question.

        Returns:
            A function that makes the program that asks it, within a deadline if it is given one, and one that turns the
            stream's answer into the caller's.
        """
        checked = self._arguments.chat("stream", question, **arguments)
        seconds = check_deadline(deadline)
        call: Call | None = None
        streaming = self.capabilities.streaming
        method: Callable[[ChatCall], Flow[EventSource[Answer] | Answer]] = (
            (lambda call: self._adapter.stream(call)) if streaming else lambda call: self._adapter.chat(call)
        )
        flow = self._begin(method, checked)

        def start(within: Deadline | None = None) -> Program[EventSource[Answer]]:
            nonlocal call
            # The deadline starts when it is sent.
            call = self._context.call(within or seconds, kind="question", call=checked)
            answer: Any = yield from complete(flow, call, self._context)
            if not (isinstance(answer, Answer) or hasattr(answer, "ready")):
                found, answer = type(answer).__name__, None
                raise wrong_result(found, call, self._context)
            return SingleEventStream(answer) if isinstance(answer, Answer) else answer

        return start, lambda result: attach_record(result, call) if isinstance(result, Answer) else result

    def _rate(self, answer: object, rating: object, *, deadline: object, **arguments: Any) -> Program[FeedbackReceipt]:
        """Check the arguments of `feedback`, and return the program that sends it."""
        self._context.check_open()
        checked = self._arguments.feedback(answer, rating, **arguments)
        seconds = check_deadline(deadline)
        if (substitute := replace_feedback(self.capabilities, checked)) is not None:
            return substitute
        call = self._context.call(seconds, call=checked)
        flow = self._begin(lambda call: self._adapter.feedback(call), checked)
        return self._complete(flow, call, FeedbackReceipt)

    def _read_history(
        self, thread: object, *, deadline: object, limit: object, **arguments: Any
    ) -> RowReader[Exchange]:
        """Check the arguments of `history`, and return its reader."""
        self._context.check_open()
        checked = self._arguments.history(thread, **arguments)
        max_rows = check_limit(limit)
        seconds = check_deadline(deadline)

        def begin_call(preparing: bool) -> Call:
            return self._context.call(seconds, call=checked if preparing else None)

        flow = replace_history(self.capabilities, checked) or self._begin(
            lambda call: self._adapter.history(call), checked
        )
        return PagedReader(
            flow,
            begin_call,
            self._context,
            limit=max_rows,
            page_limit=self._settings.page_limit,
        )

    def _clear(self, thread: object, *, deadline: object, **arguments: Any) -> Program[ClearResult]:
        """Check the arguments of `clear_history`, and return the program that clears, or its substitute."""
        self._context.check_open()
        checked = self._arguments.clear_history(thread, **arguments)
        seconds = check_deadline(deadline)
        if (substitute := replace_clearing(self.capabilities, checked)) is not None:
            return substitute
        call = self._context.call(seconds, call=checked)
        flow = self._begin(lambda call: self._adapter.clear_history(call), checked)
        return self._complete(flow, call, ClearResult)

    def _begin(self, method: Callable[[Any], Flow[M]], checked: NeutralCall) -> Flow[M]:
        """Return the flow of one of the adapter's methods: nothing of it has run."""
        flow = begin_flow(method, checked, self._context)
        # After the adapter's own check, which can say why its vendor needs one.
        require_user(self.capabilities, checked)
        return flow

    def _complete(self, flow: Flow[M], call: Call, kind: type[M]) -> Program[M]:
        """Run a neutral call's flow, and give its result, which must be of this kind, the record of the call."""
        result: Any = yield from complete(flow, call, self._context)
        if not isinstance(result, kind):
            found, result = type(result).__name__, None
            raise wrong_result(found, call, self._context)
        return attach_record(result, call)  # type: ignore[no-any-return]
