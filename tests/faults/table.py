"""The one table: every fault, what must come of it, and the tests that stand for what is no fault of one call."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults import rows_bodies, rows_connection, rows_heads, rows_redirects, rows_statuses, rows_streams, rows_tls
from tests.faults.injection import Injection, OwnTest
from tests.faults.neutral import OPERATIONS

INJECTIONS: tuple[Injection, ...] = tuple(
    sorted(
        (
            *rows_connection.INJECTIONS,
            *rows_tls.INJECTIONS,
            *rows_heads.INJECTIONS,
            *rows_bodies.INJECTIONS,
            *rows_redirects.INJECTIONS,
            *rows_statuses.INJECTIONS,
            *rows_streams.INJECTIONS,
        ),
        key=lambda injection: injection.row,
    )
)

_NEVER_PART = "never a part of an answer for the whole; sent again only where that does no harm"
_OWN_ANSWER = "each caller gets its own answer"

OWN_TESTS: tuple[OwnTest, ...] = (
    OwnTest(3, "a deadline shorter than connect_timeout", "DeadlineExceeded, not delivered", "test_numbers.py"),
    OwnTest(
        6, "a lost answer, with replay = always or reconcile", "asked again by leave, or looked for", "test_replay.py"
    ),
    OwnTest(6, "Kadal's question by GET, answer lost", "as any question: not sent twice", "test_replay.py"),
    OwnTest(13, "reset after any byte of the answer", _NEVER_PART, "test_cuts.py"),
    OwnTest(14, "connection idle for longer than servers keep them", "a question takes a new one", "test_keys.py"),
    OwnTest(
        6,
        "the same over a fresh and over a kept connection: aiohttp would send it again by itself",
        "as any question: not sent twice",
        "test_replay.py",
    ),
    OwnTest(
        19,
        "authorities of ca_bundle, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, or the usual ones",
        "trusted by both drivers alike; ConfigError if they cannot be read",
        "test_surroundings.py",
    ),
    OwnTest(
        22,
        "proxies of the environment: named in any form, with a password, excepted, unusable",
        "used, not used, or ConnectionFailed (proxy), by both drivers alike",
        "test_surroundings.py",
    ),
    OwnTest(31, "103 before every answer, 16 threads", _OWN_ANSWER, "test_threads.py"),
    OwnTest(31, "103 at once, the answer later, two callers", _OWN_ANSWER, "test_threads.py"),
    OwnTest(
        32, "a second answer that nobody asked for, on a kept connection", "never given to the next", "test_threads.py"
    ),
    OwnTest(
        36, "a gigabyte from a megabyte: answer, redirect, refusal, stream", "too_large; memory flat", "test_sizes.py"
    ),
    OwnTest(37, "bodies and chunks without end, at the real limit", "too_large; memory flat", "test_sizes.py"),
    OwnTest(42, "a wait beyond the deadline", "RateLimited at once", "test_waits.py"),
    OwnTest(
        43, "waits after 503, 500, 429 and 507", "doubling to the cap of their curve, full jitter", "test_waits.py"
    ),
    OwnTest(44, "503 for ever, 1 000 calls", "ten retries in all, then none", "test_threads.py"),
    OwnTest(
        50,
        "every field missing, null, wrong, empty, huge; unknown fields",
        "read past, or InvalidResponse (shape) with its pointer",
        "test_fields.py",
    ),
    OwnTest(
        52,
        "pages that repeat, lie, move, lead elsewhere, never end, fail",
        "each row once; it ends; rows before stay good",
        "test_history_pages.py",
    ),
    OwnTest(53, "stream cut at any byte", "StreamInterrupted with the right text so far", "test_cuts.py"),
    OwnTest(53, "stream in any two pieces, and byte by byte", "the same events", "test_cuts.py"),
    OwnTest(
        56,
        "stream left by break, exception, closing; not read at all",
        "connection given up; next answer right",
        "test_streams_left.py",
    ),
    OwnTest(
        57,
        "64 threads, 5 % of mixed faults",
        f"{_OWN_ANSWER}; no more connections than the pool has",
        "test_threads.py",
    ),
    OwnTest(
        56,
        "stream of 64 MiB whose reader has read one event",
        "the vendor's sending stops: nothing is read ahead",
        "test_streams_left.py",
    ),
    OwnTest(57, "256 calls at a time in one event loop", _OWN_ANSWER, "test_asyncio.py"),
    OwnTest(
        58,
        "questions and clearings of one Kadal conversation",
        "one after the other; other users side by side",
        "test_threads.py",
    ),
    OwnTest(
        59,
        "client closed while connecting, in a handshake, call, wait, stream",
        "ends at once with a UnichatError",
        "test_closing.py",
    ),
    OwnTest(59, "client used after closing; closed twice", "InvalidInput, nothing sent; nothing", "test_closing.py"),
    OwnTest(59, "client used in another event loop, or after a fork", "InvalidInput, nothing sent", "test_asyncio.py"),
    OwnTest(
        60,
        "fork while idle, with one call and with 64 in flight",
        "the child has its own connections, places and deadlines",
        "test_processes.py",
    ),
    OwnTest(61, "vendor killed before, during and after the answer", "as rows 1, 12 and 14", "test_processes.py"),
    OwnTest(
        62,
        "Ctrl-C while waiting, in head, body, stream, handshake, between attempts",
        "KeyboardInterrupt at once, nothing more sent, connection closed",
        "test_interrupts.py",
    ),
    OwnTest(
        62,
        "task cancelled while connecting, in handshake, head, body, stream, between attempts, waiting for its turn",
        "CancelledError at once; connection, turn, probe and budget are free",
        "test_asyncio.py",
    ),
    OwnTest(
        62,
        "asyncio.timeout around a call",
        "its own TimeoutError; a deadline of ours within it is ours",
        "test_asyncio.py",
    ),
    OwnTest(63, "the clock jumps by a day", "no effect on deadlines and waits", "test_interrupts.py"),
    OwnTest(64, "Set-Cookie on one call, or on a redirect", "never sent again", "test_keys.py"),
    OwnTest(
        64,
        ".netrc, proxies, odd paths, http.client's debugging",
        "the key goes to the vendor alone, and is not printed",
        "test_keys.py",
    ),
)


def as_markdown() -> str:
    """The table as the docs show it."""
    lines = ["| Row | Fault | Calls | Outcome |", "|---|---|---|---|"]
    lines += [f"| {row} | {_cell(name)} | {_cell(calls)} | {_cell(outcome)} |" for row, name, calls, outcome in _rows()]
    return "\n".join(lines) + "\n"


def _rows() -> Iterator[tuple[int, str, str, str]]:
    rows = [(each.row, each.name, _calls(each), _outcome(each)) for each in INJECTIONS]
    rows += [(own.row, own.name, f"`{own.test}`", own.expected) for own in OWN_TESTS]
    yield from sorted(rows, key=lambda row: row[0])


def _outcome(injection: Injection) -> str:
    different = injection.over_aiohttp
    words = injection.expected.words()
    return words if different is None else f"{words}. Over aiohttp: {different.expected.words()} ({different.because})"


def _calls(injection: Injection) -> str:
    names = [neutral.name for neutral in injection.operations]
    if len(names) == len(OPERATIONS):
        return "all"
    left = [neutral.name for neutral in OPERATIONS if neutral.name not in names]
    return f"all but {', '.join(left)}" if len(left) < 3 else ", ".join(names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
