"""Row 52: histories whose pages repeat, lie about their number, lead elsewhere, move, or fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.faults import vendors
from tests.faults.injection import good
from tests.faults.neutral import Opens, new_nonce, no_wait
from tests.faults.server import FaultServer, HttpMessage
from unichat.errors import InvalidResponse, ServerError

BACKENDS = pytest.mark.parametrize("backend", ["kapa", "kadal"])
_NONCE = new_nonce()


def _number(received: HttpMessage) -> int:
    query = parse_qs(urlsplit(received.target).query)
    return int((query.get("page") or query["page_no"])[0])


def _row(backend: str, number: int) -> dict[str, Any]:
    return vendors.kapa_row(_NONCE, number) if backend == "kapa" else vendors.kadal_row(_NONCE, number)


def _page(backend: str, numbers: Any, total: int | None = None, **more: Any) -> bytes:
    rows = [_row(backend, number) for number in numbers]
    if backend == "kapa":
        return vendors.as_json({**({} if total is None else {"count": total}), "results": rows, **more})
    return vendors.as_json({"status_code": 200, "data": rows, **({} if total is None else {"total_count": total})})


def _ids(rows: Any) -> list[int]:
    return [int(str(row.id)[-4:], 16) if "-" in str(row.id) else int(row.id) - 16516 for row in rows]


def _read(
    client_on: Opens, backend: str, vendor: Callable[[HttpMessage], bytes], **settings: Any
) -> tuple[list[int], int]:
    with (
        FaultServer(vendor, (good,)) as server,
        client_on(backend, server.url, sleep=no_wait, **settings) as client,
    ):
        ids = _ids(client.history(page_size=2))
        return ids, len(server.log)


@BACKENDS
def test_a_page_that_repeats_for_ever_is_given_once(backend: str, client_on: Opens, count: Callable[..., None]) -> None:
    ids, sent = _read(client_on, backend, lambda _: _page(backend, [0, 1]))
    assert ids == [0, 1], "events were lost or doubled"
    assert sent <= 3
    count(52, f"a page that repeats for ever: {backend}")


@BACKENDS
def test_a_short_page_is_not_the_end(backend: str, client_on: Opens, count: Callable[..., None]) -> None:
    pages = {1: [0], 2: [1, 2], 3: [3]}
    ids, _ = _read(client_on, backend, lambda received: _page(backend, pages.get(_number(received), [])))
    assert ids == [0, 1, 2, 3], "events were lost or doubled"
    count(52, f"a short page in the middle: {backend}")


@BACKENDS
@pytest.mark.parametrize("total", [0, 1, 3, 99, -1])
def test_a_count_that_is_wrong_neither_cuts_nor_prolongs(
    backend: str, total: int, client_on: Opens, count: Callable[..., None]
) -> None:
    pages = {1: [0, 1], 2: [2, 3]}
    ids, sent = _read(client_on, backend, lambda received: _page(backend, pages.get(_number(received), []), total))
    assert ids == [0, 1, 2, 3], "events were lost or doubled"
    assert sent <= 3
    count(52, f"a count of {total} for four rows: {backend}")


@BACKENDS
def test_a_row_that_moved_between_pages_is_given_once(
    backend: str, client_on: Opens, count: Callable[..., None]
) -> None:
    pages = {1: [0, 1], 2: [1, 2], 3: [3]}
    ids, _ = _read(client_on, backend, lambda received: _page(backend, pages.get(_number(received), [])))
    assert ids == [0, 1, 2, 3], "events were lost or doubled"
    count(52, f"a row on two pages: {backend}")


@BACKENDS
def test_a_row_that_moved_by_two_pages_is_given_once(
    backend: str, client_on: Opens, count: Callable[..., None]
) -> None:
    pages = {1: [0, 1], 2: [2, 3], 3: [0, 4]}
    ids, _ = _read(client_on, backend, lambda received: _page(backend, pages.get(_number(received), [])))
    assert ids == [0, 1, 2, 3, 4], "events were lost or doubled"
    count(52, f"a row on the first and the third page: {backend}")


@BACKENDS
def test_two_pages_in_turn_for_ever_come_to_an_end(backend: str, client_on: Opens, count: Callable[..., None]) -> None:
    def vendor(received: HttpMessage) -> bytes:
        return _page(backend, [0, 1] if _number(received) % 2 else [2, 3])

    ids, sent = _read(client_on, backend, vendor, page_limit=20)
    assert ids == [0, 1, 2, 3], "events were lost or doubled"
    assert sent <= 4
    count(52, f"two pages in turn for ever: {backend}")


@BACKENDS
def test_a_history_without_end_stops_at_the_page_limit(
    backend: str, count: Callable[..., None], client_on: Opens
) -> None:
    numbers = itertools.count()
    with (
        FaultServer(lambda _: _page(backend, [next(numbers), next(numbers)]), (good,)) as server,
        client_on(backend, server.url, page_limit=5) as client,
    ):
        rows = client.history(page_size=2)
        given = list(itertools.islice(rows, 10))
        with pytest.raises(InvalidResponse, match="did not end after 5 pages"):
            next(rows)
    assert _ids(given) == list(range(10))
    count(52, f"pages without end: {backend}")


def test_a_next_page_on_another_host_is_never_asked(client_on: Opens, count: Callable[..., None]) -> None:
    with FaultServer(vendors.kapa, (good,)) as elsewhere:
        pages = {1: [0, 1], 2: [2]}

        def vendor(received: HttpMessage) -> bytes:
            number = _number(received)
            link = f"http://localhost:{elsewhere.port}/query/v1/steal" if number == 1 else None
            return _page("kapa", pages.get(number, []), next=link)

        ids, _ = _read(client_on, "kapa", vendor)
        assert ids == [0, 1, 2]
        assert elsewhere.accepted == 0, "the key went to another host"
    count(52, "a next page on another host: kapa")


@BACKENDS
def test_a_page_that_fails_leaves_the_rows_before_it_good(
    backend: str, count: Callable[..., None], client_on: Opens
) -> None:
    def vendor(received: HttpMessage) -> bytes:
        return _page(backend, [0, 1]) if _number(received) == 1 else vendors.as_json({"detail": "broken"}, 500)

    with FaultServer(vendor, (good,)) as server, client_on(backend, server.url, sleep=no_wait) as client:
        rows = client.history(page_size=2)
        assert _ids(itertools.islice(rows, 2)) == [0, 1]
        with pytest.raises(ServerError) as caught:
            next(rows)
        assert len(caught.value.attempts) == 3
        assert caught.value.retryable
    count(52, f"the second page fails: {backend}")


@BACKENDS
def test_a_page_that_fails_once_is_read_again_and_nothing_is_lost(
    backend: str, client_on: Opens, count: Callable[..., None]
) -> None:
    failed: list[int] = []

    def vendor(received: HttpMessage) -> bytes:
        number = _number(received)
        if number == 2 and not failed:
            failed.append(number)
            return vendors.as_json({"detail": "broken"}, 503)
        return _page(backend, {1: [0, 1], 2: [2]}.get(number, []))

    ids, _ = _read(client_on, backend, vendor)
    assert ids == [0, 1, 2], "events were lost or doubled"
    count(52, f"the second page fails once: {backend}")
