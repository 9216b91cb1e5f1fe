"""Routes under a fault: the first member has it, and the second, a client of the other vendor, answers well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from attrs import define, evolve, field

from tests.blocking import BlockingClient, Runs
from tests.faults import vendors
from tests.faults.neutral import BACKENDS, CallResult, Neutral, Opens, settings_for, thread_for
from tests.faults.outcome import Outcome
from tests.faults.server import NONCE
from unichat import routing
from unichat.client.sync_client import Client
from unichat.connecting import async_client_for, client_for
from unichat.errors import StreamInterrupted
from unichat.execution.context import DEFAULT_DEADLINES
from unichat.hooks import Hook
from unichat.models import AnswerRef
from unichat.routing.outcomes import classify_failure
from unichat.testing import AsyncCannedTransport, CannedStream, CannedTransport, json_answer
from unichat.transport.base import HttpRequest

SCOPES = {"kapa": vendors.PROJECT, "kadal": vendors.BOT}
OTHER = {"kapa": "kadal", "kadal": "kapa"}
NEW_QUESTIONS = ("chat", "stream")
"""The calls that may be answered by another member; the rest belongs to a thread, and to its owner."""


def expect_on_route(neutral: Neutral, outcome: Outcome) -> Outcome:
    """What must come of a call on the route, from what must come of it on the first member alone."""
    if outcome.otherwise is not None:
        outcome = evolve(outcome, otherwise=expect_on_route(neutral, outcome.otherwise))
    if neutral.call not in NEW_QUESTIONS or outcome.error is None:
        return outcome
    if classify_failure(outcome.error("x")) not in ("unavailable", "rate_limited"):
        return outcome
    # What the first member may have received may be asked of the second: another vendor does not answer twice.
    return Outcome(attempts=outcome.attempts + 1, seen=outcome.seen, otherwise=outcome.otherwise)


@define
class OtherVendor:
    """The second member's vendor, which answers well, without a network.

    Attributes:
        seen: the nonces of the questions that it was asked.
    """

    backend: str
    seen: list[str] = field(factory=list)

    def answer(self, request: HttpRequest) -> Any:
        """Return the good answer to a request."""
        found = NONCE.search((request.body or b"").decode())
        nonce = found[0] if found else ""
        if "/chat" in request.path and request.method == "POST":
            self.seen.append(nonce)
        if self.backend == "kadal":
            is_question = request.path.endswith(vendors.BOT)
            return json_answer(
                vendors.kadal_answer(nonce) if is_question else {"status_code": 200, "data": [], "total_skill_count": 0}
            )
        if request.path.endswith("/stream/"):
            return CannedStream(vendors.kapa_records(nonce), headers={"content-type": vendors.STREAM["content_type"]})
        if request.path.endswith("/chat/"):
            return json_answer(vendors.kapa_answer(nonce))
        return json_answer({"count": 0, "results": []})

    def client(self) -> Client:
        return client_for(
            BACKENDS[self.backend],
            settings_for(self.backend, "https://other.invalid"),
            transport=CannedTransport(answer=self.answer),
        )

    def async_client(self) -> Any:
        return async_client_for(
            BACKENDS[self.backend],
            settings_for(self.backend, "https://other.invalid"),
            transport=AsyncCannedTransport(answer=self.answer),
        )


@define
class RouteOfBackend:
    """A route whose neutral calls are made as the bench makes them: those of a thread name its owner."""

    backend: str
    route: Any

    def __enter__(self) -> RouteOfBackend:
        return self

    def __exit__(self, *_: object) -> None:
        self.route.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.route, name)

    def feedback(self, answer: object, rating: str, **given: Any) -> Any:
        thread = thread_for(self.backend)
        ref = AnswerRef(
            self.backend, str(answer), thread=thread.id, user=thread.user, scope=SCOPES[self.backend].lower()
        )
        return self.route.feedback(ref, rating, **given)


def open_routes(neutral: Neutral, expected: Outcome, client_on: Opens, loop: Runs | None) -> Opens:
    """Return what opens a route instead of a client; its first member is what `client_on` opens."""

    def opens(
        backend: str,
        url: str,
        *,
        sleep: Callable[[float], None] | None = None,
        hooks: Sequence[Hook] = (),
        **given: Any,
    ) -> Client:
        first: Any = client_on(backend, url, sleep=sleep, hooks=hooks, **given)
        other = OtherVendor(OTHER[backend])
        limit = given.get("deadline")
        shared = expected.error is not StreamInterrupted and neutral.call in (*NEW_QUESTIONS, "clear")
        if shared:
            # So that the first member's equal share is what the fault is there to overrun.
            limit = 2 * (limit or DEFAULT_DEADLINES["question" if neutral.asks else "other"])
        if loop is None:
            route: Any = routing.fallback({"first": first, "second": other.client()}, deadline=limit)
        else:
            members = {"first": first.asynchronous, "second": other.async_client()}
            route = BlockingClient(loop, routing.fallback(members, deadline=limit))
        return cast(Client, RouteOfBackend(backend, route))

    return opens


def on_route(neutral: Neutral) -> Neutral:
    """The same call, which also checks who answered it."""
    run = neutral._run

    def check(client: Client, nonce: str) -> CallResult:
        result = run(client, nonce)
        if result.record is not None and result.record.attempts:
            last = result.record.attempts[-1]
            assert last.profile in ("first", "second")
            assert neutral.call in NEW_QUESTIONS or last.profile == "first"
        return result

    return evolve(neutral, run=check)
