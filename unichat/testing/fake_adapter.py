"""The adapter of a `FakeBackend`: an adapter like any other, whose vendor is a script."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from unichat.adapter import (
    Adapter,
    Backend,
    Capabilities,
    ChatCall,
    ClearCall,
    CommonSettings,
    ConversationCall,
    Endpoints,
    EventSource,
    FeedbackCall,
    Fields,
    Flow,
    HistoryCall,
    Page,
    Paged,
    Replay,
    Reply,
    ask,
    drop_unsupported,
    http_url,
    open_stream,
    resolve_user_id,
    setting,
)
from unichat.errors import StaleThread
from unichat.models import (
    Answer,
    ClearOutcome,
    ClearResult,
    Exchange,
    FeedbackReceipt,
    Rating,
    ThreadRef,
)
from unichat.testing.fake_operations import (
    NAME,
    build_operation,
    build_stream_operation,
    detect_error,
    read_answer,
    read_row,
)
from unichat.testing.fake_vendor import FakeCall, FakeVendor


@frozen(kw_only=True)
class FakeSettings(CommonSettings):
    """Those that every backend has."""

    base_url: str = setting(default="https://fake.invalid", check=http_url, help="Nothing is sent there.")


def fake_backend(vendor: FakeVendor) -> Backend[FakeSettings]:
    """Return the backend that asks a vendor of a test's own."""
    return Backend(
        name=NAME,
        title="Fake",
        settings=FakeSettings,
        build=lambda _: FakeAdapter(vendor),
        endpoints=Endpoints(NAME, detect_error),
    )


class FakeAdapter(Adapter):
    """Turns neutral calls into the requests that a `FakeVendor` understands."""

    def __init__(self, vendor: FakeVendor) -> None:
        self._vendor = vendor

    @property
    def capabilities(self) -> Capabilities:
        """What the vendor is said to be able to do."""
        return self._vendor.capabilities

    @property
    def credential(self) -> None:
        """There is no key."""

    @property
    def scope(self) -> str | None:
        """The bot that it was said to be."""
        return self._vendor.scope

    def chat(self, call: ChatCall) -> Flow[Answer]:
        """Ask."""
        return self._question(call, streamed=False)

    def stream(self, call: ChatCall) -> Flow[EventSource[Answer] | Answer]:
        """Ask, streamed."""
        return self._question(call, streamed=True)

    def _question(self, call: ChatCall, *, streamed: bool) -> Flow[Any]:
        can = self.capabilities
        if not can.metadata:
            call = drop_unsupported(call, "metadata", reason="the fake backend's capabilities are without it")
        user = self._user_id(call)

        def flow() -> Flow[Any]:
            number = self._vendor.begin(
                FakeCall(
                    name=call.operation, question=call.question, user=user, thread=call.thread, metadata=call.metadata
                )
            )
            self._check_newest(call, user)
            body = {
                "question": call.question,
                "thread": None if call.thread is None else call.thread.id,
                "user": user,
                "metadata": call.metadata,
            }
            if streamed:
                return (yield from open_stream(build_stream_operation(number, body)))
            return (yield from ask(build_operation("chat", Replay.ASK, number, body, read_answer)))

        return flow()

    def _user_id(self, call: ConversationCall) -> str | None:
        if self.capabilities.user_details:
            return None if call.user is None else call.user.id or call.user.email
        return resolve_user_id(call)

    def _check_newest(self, call: ChatCall, user: str | None) -> None:
        if call.thread is None or self.capabilities.parallel_threads:
            return
        newest = self._vendor.newest_thread(user)
        if newest not in (None, call.thread.id):
            raise StaleThread(
                "a newer thread of the same user replaced this one",
                hint="Continue the newer thread, or start another.",
                backend=NAME,
                operation=call.operation,
                thread=call.thread,
                newer=ThreadRef(NAME, newest),
            )

    def feedback(self, call: FeedbackCall) -> Flow[FeedbackReceipt]:
        """Rate an answer."""
        user = self._user_id(call)
        if call.rating is Rating.UP and not self.capabilities.feedback_comment_on_up:
            call = drop_unsupported(
                call, "comment", reason="the fake backend's capabilities are without it on an upvote"
            )

        def flow() -> Flow[FeedbackReceipt]:
            answer = str(call.answer_id)
            number = self._vendor.begin(
                FakeCall(
                    name="feedback",
                    user=user,
                    thread=call.thread,
                    answer=answer,
                    rating=call.rating,
                    comment=call.comment,
                )
            )
            text = None if call.comment is None else call.comment.text
            body = {"answer": answer, "rating": call.rating.value, "comment": text, "user": user}

            def read(reply: Reply) -> FeedbackReceipt:
                fields = Fields(reply.json())
                return FeedbackReceipt(
                    answer_id=answer, rating=call.rating, comment=call.comment, id=fields.id("id"), raw=fields.raw
                )

            receipt: FeedbackReceipt = yield from ask(build_operation("feedback", Replay.UPSERT, number, body, read))
            return receipt

        return flow()

    def history(self, call: HistoryCall) -> Flow[Paged[Exchange]]:
        """Return what was asked and answered."""
        user = self._user_id(call)
        empty = False
        for name, can in (("thread", "history_by_thread"), ("user", "history_by_user")):
            if getattr(call, name) is not None and not getattr(self.capabilities, can):
                call = drop_unsupported(call, name, reason="the fake backend's capabilities are without it")
                empty = True

        def flow() -> Flow[Paged[Exchange]]:
            number = self._vendor.begin(FakeCall(name="history", user=user, thread=call.thread))
            body = {
                "thread": None if call.thread is None else call.thread.id,
                "user": user,
                "newest_first": call.newest_first,
            }
            page = yield from ask(build_operation("history", Replay.READ, number, body, self._read_page))
            return Paged(Page(()) if empty else page, lambda exchange: exchange.id)

        return flow()

    def _read_page(self, reply: Reply) -> Page[Exchange]:
        timestamps = self.capabilities.timestamps
        return Page(Fields(reply.json()).objects("rows", lambda row: read_row(row, timestamps=timestamps)))

    def clear_history(self, call: ClearCall) -> Flow[ClearResult]:
        """Forget a conversation."""
        user = self._user_id(call)

        def flow() -> Flow[ClearResult]:
            number = self._vendor.begin(FakeCall(name="clear_history", user=user, thread=call.thread))
            body = {"thread": None if call.thread is None else call.thread.id, "user": user}

            def read(reply: Reply) -> ClearResult:
                fields = Fields(reply.json())
                return ClearResult(outcome=ClearOutcome.CLEARED, user=user, raw=fields.raw)

            result: ClearResult = yield from ask(build_operation("clear", Replay.CLEAR, number, body, read))
            return result

        return flow()
