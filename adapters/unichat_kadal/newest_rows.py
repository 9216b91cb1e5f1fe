"""Reads a user's newest rows: for an answer that was lost, and for a thread that has replaced another."""

from __future__ import annotations

from attrs import evolve, frozen

from unichat.adapter import ChatCall, ConversationCall, Flow, ask
from unichat.errors import InvalidInput, InvalidResponse, NotFound, PermissionDenied, RequestRejected
from unichat.models import Answer, ThreadRef
from unichat_kadal import operations
from unichat_kadal.conversations import CURRENT, Conversations, outdated_reference_error, stale_thread_error
from unichat_kadal.models import ChatList, ChatRow
from unichat_kadal.settings import KadalSettings

_ROWS_LOOKED_AT = 50
"""Rows in which a thread's last answer is looked for, newest first."""


@frozen
class NewestRows:
    """Reads the newest rows with a client's settings, and compares them with what the client has seen."""

    settings: KadalSettings
    conversations: Conversations

    def find_answer(self, call: ChatCall, thread: ThreadRef, reference: str | None) -> Flow[Answer | None]:
        """Look in the newest row for the answer to a question that may have been received.

        Rows have no times, so a row that this client has seen before does not count.
        """
        rows = yield from self._fetch(reference, 1)
        row = rows[0] if rows else None
        if row is None or row.id is None or row.user_query != call.question or not row.bot_response:
            return None
        if self.conversations.has_seen(thread, row.id):
            return None
        return Answer(text=row.bot_response, id=row.id, thread=evolve(thread, position=row.id), raw=row.raw)

    def _fetch(self, reference: str | None, count: int) -> Flow[tuple[ChatRow, ...]]:
        # Always version 1: only that one filters by the reference that the question is sent with.
        newest = operations.list_chats(
            chat_bot_id=self.settings.chat_bot_id, page_no=1, page_size=count, order="desc", ext_user_id_ref=reference
        )
        page = yield from ask(newest.default_if_not_found(ChatList(rows=())))
        return page.rows

    def check(self, call: ConversationCall, thread: ThreadRef, reference: str | None) -> Flow[None]:
        """Look in the newest rows for a thread that has replaced this one, as `check_thread` says.

        Raises:
            StaleThread: there is one.
        """
        if self.settings.check_thread == "first":
            # A row of the history names the user's current conversation, whichever that is.
            if thread.id != CURRENT and not self.conversations.is_known(thread):
                yield from self._check_position(call, thread, reference)
        elif self.settings.check_thread:
            for newest in (yield from self._fetch(reference, 1)):
                if newest.id is not None and not self.conversations.has_answer(thread, newest.id):
                    raise stale_thread_error(thread, None)

    def _check_position(self, call: ConversationCall, thread: ThreadRef, reference: str | None) -> Flow[None]:
        """Reject a thread only on proof: its last answer is listed, and is not the newest.

        Rows name no thread, and nothing says that a listed id is the id that the answer had. So where the answer is not
        listed, or the list is refused, nothing is known.
        """
        rows: tuple[ChatRow, ...] = ()
        if thread.position is not None:
            try:
                rows = yield from self._fetch(reference, _ROWS_LOOKED_AT)
            except (InvalidInput, InvalidResponse, NotFound, PermissionDenied, RequestRejected):
                # The question may succeed all the same: this server need not have that list.
                rows = ()
        ids = [row.id for row in rows]
        if thread.position is not None and thread.position in ids:
            if ids[0] != thread.position:
                raise outdated_reference_error(thread)
        elif self.conversations.should_warn():
            call.warn(
                "whether a newer thread has replaced this one could not be told: its last answer is not among the "
                "newest rows (said once)"
            )
