"""The one table: every fault, what must come of it, and the tests that stand for what is not a fault of one call."""

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

_FIRST = {injection.row: injection for injection in reversed(INJECTIONS)}


def is_first_of_row(injection: Injection) -> bool:
    """Whether it stands for the faults of its row where there is no time for all of them."""
    return _FIRST[injection.row] is injection


_NEVER_PART = "a partial answer is never taken for the whole; retried only where that is safe"
_OWN_ANSWER = "each caller gets its own answer"

OWN_TESTS: tuple[OwnTest, ...] = (
    OwnTest(3, "a deadline shorter than connect_timeout", "DeadlineExceeded, not delivered", "test_numbers.py"),
    OwnTest(
        6,
        "a lost answer, with replay = always or reconcile",
        "asked again as configured, or the answer is looked up",
        "test_replay.py",
    ),
    OwnTest(6, "Kadal's question by GET, answer lost", "not sent twice, like any question", "test_replay.py"),
    OwnTest(13, "reset after any byte of the answer", _NEVER_PART, "test_cuts.py"),
    OwnTest(
        14, "connection idle for longer than servers keep it open", "a question uses a new connection", "test_keys.py"
    ),
    OwnTest(
        6,
        "the same over a new and a reused connection: some libraries resend it on their own",
        "not sent twice, like any question",
        "test_replay.py",
    ),
    OwnTest(
        19,
        "authorities of ca_bundle, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, or the default ones",
        "trusted by both transports; ConfigError if they cannot be read",
        "test_surroundings.py",
    ),
    OwnTest(
        22,
        "proxies from the environment: in any form, with a password, excluded, unusable",
        "used, not used, or ConnectionFailed (proxy), the same in both transports",
        "test_surroundings.py",
    ),
    OwnTest(31, "103 before every answer, 16 threads", _OWN_ANSWER, "test_threads.py"),
    OwnTest(31, "103 immediately, the answer later, two callers", _OWN_ANSWER, "test_threads.py"),
    OwnTest(
        32, "an unrequested second response on a reused connection", "never given to the next caller", "test_threads.py"
    ),
    OwnTest(
        36,
        "a gigabyte from a megabyte: answer, redirect, error, stream",
        "too_large; memory stays flat",
        "test_sizes.py",
    ),
    OwnTest(37, "endless bodies and chunks, at the real limit", "too_large; memory stays flat", "test_sizes.py"),
    OwnTest(42, "a wait beyond the deadline", "RateLimited immediately", "test_waits.py"),
    OwnTest(43, "waits after 503, 500, 429 and 507", "doubling up to their cap, with full jitter", "test_waits.py"),
    OwnTest(44, "503 forever, 1,000 calls", "ten retries in all, then none", "test_threads.py"),
    OwnTest(
        50,
        "every field missing, null, wrong, empty or huge; unknown fields",
        "ignored, or InvalidResponse (shape) with its pointer",
        "test_fields.py",
    ),
    OwnTest(
        52,
        "pages that repeat, lie, move, point elsewhere, never end or fail",
        "each row once; it ends; earlier rows stay valid",
        "test_history_pages.py",
    ),
    OwnTest(53, "stream cut at any byte", "StreamInterrupted with the right text so far", "test_cuts.py"),
    OwnTest(53, "stream split in two at any byte, and byte by byte", "the same events", "test_cuts.py"),
    OwnTest(
        56,
        "stream abandoned by break, exception or closing; never read",
        "connection discarded; next answer correct",
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
        "stream of 64 MiB whose consumer has read one event",
        "the vendor has to stop sending: nothing is read ahead",
        "test_streams_left.py",
    ),
    OwnTest(57, "256 calls at a time in one event loop", _OWN_ANSWER, "test_asyncio.py"),
    OwnTest(
        58,
        "questions and clears in one Kadal conversation",
        "one at a time; other users concurrently",
        "test_threads.py",
    ),
    OwnTest(
        59,
        "client closed while connecting, or during a handshake, call, wait or stream",
        "ends immediately with a UnichatError",
        "test_closing.py",
    ),
    OwnTest(59, "client used after closing; closed twice", "InvalidInput, nothing sent; no effect", "test_closing.py"),
    OwnTest(59, "client used in another event loop, or after a fork", "InvalidInput, nothing sent", "test_asyncio.py"),
    OwnTest(
        60,
        "fork while idle, with one call and with 64 in flight",
        "the child has its own connections, pool slots and deadlines",
        "test_processes.py",
    ),
    OwnTest(61, "vendor killed before, during and after the answer", "as rows 1, 12 and 14", "test_processes.py"),
    OwnTest(
        62,
        "Ctrl-C while waiting, during head, body, stream or handshake, between attempts",
        "KeyboardInterrupt immediately, nothing more sent, connection closed",
        "test_interrupts.py",
    ),
    OwnTest(
        62,
        "task cancelled while connecting, during handshake, head, body or stream, between attempts, in a queue",
        "CancelledError immediately; connection, reservation, probe and budget are released",
        "test_asyncio.py",
    ),
    OwnTest(
        62,
        "asyncio.timeout around a call",
        "its own TimeoutError; DeadlineExceeded if the call's deadline passes first",
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
    different = injection.over_h11
    words = injection.expected.words()
    return words if different is None else f"{words}. Over h11: {different.expected.words()} ({different.because})"


def _calls(injection: Injection) -> str:
    names = [neutral.name for neutral in injection.operations]
    if len(names) == len(OPERATIONS):
        return "all"
    left = [neutral.name for neutral in OPERATIONS if neutral.name not in names]
    return f"all but {', '.join(left)}" if len(left) < 3 else ", ".join(names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
