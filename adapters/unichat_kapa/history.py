"""The history of a thread, a user or a project, page by page."""

from __future__ import annotations

from attrs import frozen

from unichat.adapter import Flow, HistoryCall, Operation, Page, Paged, ask
from unichat.models import Exchange, User
from unichat_kapa import operations
from unichat_kapa.exchanges import rows_to_exchanges, sort_by_time
from unichat_kapa.models import EndUser, Listing, QuestionAnswer, Thread
from unichat_kapa.settings import KapaSettings

PAGE_SIZE = 100
"""Rows per request by default."""


@frozen
class History:
    """Reads histories with a client's settings."""

    settings: KapaSettings

    def read(self, call: HistoryCall, thread: Operation[Thread] | None) -> Flow[Paged[Exchange]]:
        """Return the exchanges of the thread that the operation retrieves, or else of the project.

        Source: Kapa reference, 'Retrieve a thread', 'List Question Answers', 'List End Users'.
        """
        first = (
            self._list_exchanges(call, 1, 0)
            if thread is None
            else thread.map(lambda found: self._thread_to_page(found, call))
        )
        if call.user is None:
            return Paged(first, _exchange_id)
        end_user_id = yield from self._find_end_user_id(call.user)
        # A user whom Kapa does not know has asked nothing.
        return Paged(
            first,
            _exchange_id,
            lambda exchange: end_user_id is not None and exchange.raw.get("end_user_id") == end_user_id,
        )

    def _list_exchanges(self, call: HistoryCall, page: int, seen: int) -> Operation[Page[Exchange]]:
        page_size = call.page_size or PAGE_SIZE
        operation = operations.list_question_answers(
            project_id=self.settings.project_id,
            ordering="-created_at" if call.newest_first else "created_at",
            page=page,
            page_size=page_size,
        )
        if page > 1:
            # A bare list ends with an empty page, or with a 404 for the page after the last.
            operation = operation.default_if_not_found(Listing(items=()), route_exists=True)

        def read(listing: Listing[QuestionAnswer]) -> Page[Exchange]:
            seen_so_far = seen + len(listing.items)
            return Page(
                rows_to_exchanges(listing.items, self.settings.scope),
                None if listing.is_last(seen_so_far, page_size) else self._list_exchanges(call, page + 1, seen_so_far),
                raw=listing.raw,
            )

        return operation.map(read)

    def _find_end_user_id(self, user: User) -> Flow[str | None]:
        seen = 0
        ids: set[str | None] = set()
        for page in range(1, self.settings.page_limit + 1):
            operation = operations.list_end_users(
                project_id=self.settings.project_id, search=user.id or user.email, page=page, page_size=PAGE_SIZE
            )
            if page > 1:
                operation = operation.default_if_not_found(Listing(items=()), route_exists=True)
            listing = yield from ask(operation)
            for row in listing.items:
                if _is_same_user(row, user):
                    return row.id
            seen += len(listing.items)
            new_ids = {row.id for row in listing.items} - ids
            if listing.is_last(seen, PAGE_SIZE) or not new_ids:
                # A page without a new row: the vendor repeats a page, and would do so forever.
                return None
            ids |= new_ids
        return None

    def _thread_to_page(self, thread: Thread, call: HistoryCall) -> Page[Exchange]:
        rows = sort_by_time(thread.question_answers)
        if call.newest_first:
            rows.reverse()
        return Page(rows_to_exchanges(rows, self.settings.scope, call.thread), raw=thread.raw)


def _exchange_id(exchange: Exchange) -> str | None:
    return exchange.id


def _is_same_user(row: EndUser, user: User) -> bool:
    if user.id is not None:
        return row.unique_client_id == user.id
    return row.email is not None and row.email == user.email
