"""The history of a user, or of all of a bot's users, page by page."""

from __future__ import annotations

from attrs import evolve, frozen

from unichat.adapter import Flow, HistoryCall, Operation, Page, Paged
from unichat.models import Exchange, Feedback, Rating, ThreadRef
from unichat_kadal import operations
from unichat_kadal.models import ChatList, ChatRow
from unichat_kadal.settings import KadalSettings

PAGE_SIZE = 50
"""Rows per request by default: modest, since no maximum is documented."""
_RATINGS: dict[bool | None, Rating] = {True: Rating.UP, False: Rating.DOWN}


@frozen
class History:
    """Reads histories with a client's settings."""

    settings: KadalSettings

    def read(self, call: HistoryCall, thread: ThreadRef | None, reference: str | None) -> Flow[Paged[Exchange]]:
        """Return the exchanges of the user whose reference is given, or of all users; `thread` is what they are of."""
        first = self._list_exchanges(call, thread, reference, 1, 0)
        keep = None if self.settings.include_events else _is_not_event
        return Paged(first, lambda exchange: exchange.id, keep)
        yield

    def _list_exchanges(
        self, call: HistoryCall, thread: ThreadRef | None, reference: str | None, page: int, seen: int
    ) -> Operation[Page[Exchange]]:
        size = call.page_size or PAGE_SIZE
        operation = self._list_chats(call, page, size, reference)
        if page > 1:
            operation = operation.default_if_not_found(ChatList(rows=()), route_exists=True)

        belongs_to = ("kadal", self.settings.chat_bot_id)

        def read(listing: ChatList) -> Page[Exchange]:
            seen_so_far = seen + len(listing.rows)
            return Page(
                tuple([_row_to_exchange(row, thread, belongs_to) for row in listing.rows]),
                None
                if listing.is_last(seen_so_far, size)
                else self._list_exchanges(call, thread, reference, page + 1, seen_so_far),
                raw=listing.raw,
            )

        return operation.map(read)

    def _list_chats(self, call: HistoryCall, page: int, size: int, reference: str | None) -> Operation[ChatList]:
        settings = self.settings
        order = "desc" if call.newest_first else "asc"
        if settings.history_version == "v7":
            return operations.list_chats_v7(
                chat_bot_id=settings.chat_bot_id,
                page_no=page,
                page_size=size,
                order=order,
                exclude_tool_verbose=settings.exclude_tool_verbose,
                text=call.options.get("text"),
                created_by=call.options.get("created_by"),
            )
        return operations.list_chats(
            chat_bot_id=settings.chat_bot_id, page_no=page, page_size=size, order=order, ext_user_id_ref=reference
        )


def _row_to_exchange(row: ChatRow, thread: ThreadRef | None, belongs_to: tuple[str, str]) -> Exchange:
    rating = _RATINGS.get(row.is_positive)
    return Exchange(
        question=row.user_query,
        answer=row.bot_response,
        id=row.id,
        thread=None if thread is None else evolve(thread, position=row.id),
        created_at=row.created_at,
        feedback=() if rating is None else (Feedback(rating=rating, raw=row.raw),),
        cleared=row.is_cleared,
        raw=row.raw,
        belongs_to=belongs_to,
    )


def _is_not_event(exchange: Exchange) -> bool:
    metadata = exchange.raw.get("metadata")
    return not isinstance(metadata, dict) or metadata.get("category") != "event"
