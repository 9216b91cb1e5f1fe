"""Unichat's protections: for each, what takes it away, and the tests of the fault bench that must fail without it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from bench.mutants import protections, protections_asyncio, protections_requests, protections_routes


@frozen
class Mutant:
    """A protection, what takes it away, and the part of the bench that must fail without it.

    Attributes:
        where: a file of tests, and words to choose by (as `pytest -k`).
        hangs: whether calls wait for ever without it.
    """

    name: str
    take_away: Callable[[], None]
    where: tuple[str, str]
    hangs: bool = False


_CELLS, _KEYS, _THREADS = "test_cells.py", "test_keys.py", "test_threads.py"
_PASSED_ON = "test_shared_connections.py"
_ROUTES = "test_routes.py"
_AROUND, _ASYNCIO = "test_surroundings.py", "test_asyncio.py"

_SHARED: tuple[Mutant, ...] = (
    Mutant("reading on past 1xx", protections_requests.interim_answers, (_CELLS, "row30 or row31")),
    Mutant("heads that must end", protections_requests.head_ends, (_CELLS, "row29")),
    Mutant("header lines that must be some", protections_requests.header_lines, (_CELLS, "row29")),
    Mutant("refusing redirects", protections_requests.redirects, (_CELLS, "row39")),
    Mutant("not reading a redirect's body", protections_requests.redirects_bodies, (_CELLS, "row39 and zeros")),
    Mutant("keeping no cookies", protections_requests.cookies, (_KEYS, "cookie")),
    Mutant("counting bytes written", protections_requests.byte_counts, (_CELLS, "row06 or row07")),
    Mutant(
        "telling proxies from what breaks behind them", protections_requests.proxy_blame, (_CELLS, "row06 and through")
    ),
    Mutant("tracked connections through proxies", protections_requests.proxy_tracking, (_CELLS, "row08 and through")),
    Mutant("the deadline's timer", protections_requests.timer, (_CELLS, "row09 and kadal")),
    Mutant("ending a TLS handshake", protections_requests.handshakes, (_CELLS, "row16 and past")),
    Mutant(
        "the idle timeouts of streams",
        protections_requests.idle_timeout,
        (_CELLS, "row55 and deadline and unknown or row55 and between"),
    ),
    Mutant(
        "closing what runs when the client closes",
        protections_requests.client_close,
        ("test_closing.py", "running or stream"),
    ),
    Mutant("closing pools", protections_requests.pools, (_CELLS, "row06 or row01 or row04")),
    Mutant("the retry budget", protections.budget, (_CELLS, "row44")),
    Mutant("the number of attempts", protections.attempts, (_CELLS, "row01")),
    Mutant("no wait beyond the deadline", protections.waits_within_deadline, ("test_waits.py", "outlast")),
    Mutant("honouring Retry-After", protections.retry_after, (_CELLS, "row42")),
    Mutant("Retry-After's cap", protections.retry_after_cap, (_CELLS, "row42")),
    Mutant("507's slow backoff", protections.slow_backoff, ("test_waits.py", "double")),
    Mutant("full jitter", protections.jitter, ("test_waits.py", "spread")),
    Mutant(
        "withholding questions that may have been received", protections.ambiguous_questions, (_CELLS, "row06 or row07")
    ),
    Mutant("withholding ratings that make a second row", protections.ambiguous_inserts, (_CELLS, "row06 or row07")),
    Mutant("the replay class of Kadal's GET", protections.kadals_get, ("test_replay.py", "kadals_get")),
    Mutant("saying that an answer may be a duplicate", protections.duplicates, (_CELLS, "row43")),
    Mutant("avoiding stale connections", protections_requests.idle_connections, (_KEYS, "idle")),
    Mutant("the limit of a body", protections_requests.body_limit, (_CELLS, "row36 and megabytes")),
    Mutant("the limit of a record", protections.record_limit, (_CELLS, "row54 and record")),
    Mutant("noticing a body that was cut", protections_requests.cut_bodies, (_CELLS, "row33 or row34")),
    Mutant("the rule of a stream's end", protections.stream_ends, (_CELLS, "row54")),
    Mutant("streams without a length", protections_requests.undelimited_stream_ends, (_CELLS, "row54 and length")),
    Mutant("strict JSON", protections.strict_json, (_CELLS, "row49")),
    Mutant("the content type", protections.content_type, (_CELLS, "row48")),
    Mutant("Kadal's envelope", protections.envelope, (_CELLS, "row46 or row51")),
    Mutant("each row of a history once", protections.row_identity, ("test_history_pages.py", "")),
    Mutant("one question at a time in a conversation", protections.locks, (_THREADS, "one_after or slips or busy")),
    Mutant("Kapa's ids", protections.kapa_ids, ("test_ids.py", "kapa_id")),
    Mutant("ids that would change the path", protections.segments, ("test_ids.py", "")),
    Mutant("paths that would change the host", protections.origin, (_KEYS, "address")),
    Mutant("never using .netrc", protections_requests.netrc, (_KEYS, "netrc")),
    Mutant("verifying certificates", protections_requests.certificates, (_CELLS, "row18 or row19 or row20")),
    Mutant("errors without the library's in them", protections_requests.clean_errors, (_CELLS, "row18")),
    Mutant("frames without the answer in them", protections.clean_frames, ("test_numbers.py", "fetched")),
    Mutant("secrets that show as stars", protections.secrets, (_CELLS, "row01")),
    Mutant("freeing a connection of its call", protections_requests.pool_return, (_PASSED_ON, "slow_does_not_end")),
    Mutant("ending what follows an answer", protections_requests.surplus, (_PASSED_ON, "what_follows")),
    Mutant("not keeping a connection after a 204", protections_requests.connections_after_204, (_PASSED_ON, "late")),
    Mutant("the pool slots of forgotten streams", protections.pool_slots, (_PASSED_ON, "forgotten")),
    Mutant(
        "idle time of the vendor only", protections_requests.slow_readers, (_PASSED_ON, "does_not_count_as_silence")
    ),
    Mutant("taking echoed secrets out", protections.redaction, (_KEYS, "echoes")),
    Mutant("leaving the vendor's words out of the log", protections.quiet_log, (_KEYS, "quotes")),
    Mutant(
        "remembering a lost question", protections.lost_questions, ("test_replay.py", "cannot_read or may_be_received")
    ),
    Mutant("fresh connections after a fork", protections_requests.forks, ("test_processes.py", "fork")),
)

_ASYNCHRONOUS: tuple[Mutant, ...] = (
    Mutant("h11: sending once", protections_asyncio.single_sending, ("test_replay.py", "kadals_get and h11")),
    Mutant("h11: never using .netrc", protections_asyncio.netrc, (_KEYS, "netrc and h11")),
    Mutant("h11: keeping no cookies", protections_asyncio.cookies, (_KEYS, "cookie and h11")),
    Mutant("h11: refusing redirects", protections_asyncio.redirects, (_CELLS, "row39 and another and h11")),
    Mutant("h11: the environment's authorities", protections_asyncio.authorities, (_AROUND, "authorities")),
    Mutant("h11: proxies that cannot be used", protections_asyncio.proxies, (_AROUND, "cannot_be_used")),
    Mutant("h11: the deadline of a wait", protections_asyncio.deadline, (_CELLS, "row09 and kadal and h11")),
    Mutant("h11: idle timeouts", protections_asyncio.idle_timeout, (_CELLS, "row55 and between and h11")),
    Mutant("h11: the limit of a body", protections_asyncio.body_limit, (_CELLS, "row36 and megabytes and h11")),
    Mutant("h11: noting what was written", protections_asyncio.request_progress, (_CELLS, "row08 and h11")),
    Mutant("h11: telling handshakes apart", protections_asyncio.handshakes, (_CELLS, "row16 and h11")),
    Mutant("h11: one version of HTTP", protections_asyncio.heads, (_CELLS, "row26 and h11")),
    Mutant("h11: what came unasked", protections_asyncio.pending_input, (_ASYNCIO, "held_up")),
    Mutant("h11: what came while idle", protections_asyncio.while_idle, (_ASYNCIO, "came_between")),
    Mutant("h11: the end of a connection", protections_asyncio.ends, (_CELLS, "row07 and kapa and h11")),
    Mutant("h11: the end of a compressed body", protections_asyncio.compressed_ends, (_CELLS, "row35 and h11")),
    Mutant("h11: what follows an answer", protections_asyncio.surplus, (_PASSED_ON, "what_follows and h11")),
    Mutant("h11: closing after a 204", protections_asyncio.connections_after_204, (_PASSED_ON, "204 and h11")),
    Mutant(
        "h11: requests that nobody read", protections_asyncio.unread_requests, (_PASSED_ON, "before_the_end and h11")
    ),
    Mutant("h11: slots of cancelled tasks", protections_asyncio.slots, (_ASYNCIO, "leaves_its_slot")),
    Mutant("h11: errors without the library's", protections_asyncio.clean_errors, (_CELLS, "row18 and h11")),
    Mutant("h11: old connections", protections_asyncio.idle_connections, (_KEYS, "idle and h11")),
    Mutant("asyncio: closing what runs", protections_asyncio.client_close, ("test_closing.py", "connection and h11")),
    Mutant("asyncio: one question at a time", protections_asyncio.locks, (_THREADS, "one_after and h11")),
    Mutant("asyncio: one event loop", protections_asyncio.loop_affinity, (_ASYNCIO, "another_event_loop")),
    Mutant("asyncio: a cancelled retry's budget", protections_asyncio.refunds, (_ASYNCIO, "between and gives_up")),
    Mutant("asyncio: a cancelled probe", protections_asyncio.probes, (_ASYNCIO, "probe")),
    Mutant("asyncio: a cancelled reservation of the pacer", protections_asyncio.paces, (_ASYNCIO, "pace")),
    Mutant("asyncio: telling of a cancelled call", protections_asyncio.endings, (_ASYNCIO, "gives_up")),
    Mutant(
        "asyncio: a lock held by a cancelled task", protections_asyncio.lock_releases, (_ASYNCIO, "turn or gives_up")
    ),
    Mutant("asyncio: a cancelled stream", protections_asyncio.streams, (_ASYNCIO, "stream")),
)

_ROUTES_ONLY: tuple[Mutant, ...] = (
    Mutant("routes: time for the next member", protections_routes.shares, (_ROUTES, "row08 and kapa and requests")),
    Mutant("routes: the caller's mistakes", protections_routes.mistakes, (_ROUTES, "row40 and kapa and requests")),
    Mutant("routes: threads stay", protections_routes.owners, (_ROUTES, "row06 and kapa and requests")),
)


def _over_requests(mutant: Mutant) -> Mutant:
    """What both transports share is taken away where it is cheaper to notice."""
    file, words = mutant.where
    return evolve(mutant, where=(file, f"({words}) and not h11" if words else "not h11"))


MUTANTS: tuple[Mutant, ...] = (*map(_over_requests, _SHARED), *_ASYNCHRONOUS, *_ROUTES_ONLY)
