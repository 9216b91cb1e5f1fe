"""Row 39: redirects, none of which is ever followed."""

from __future__ import annotations

from tests.faults.bench import Bench
from tests.faults.injection import Injection, good, send
from tests.faults.outcome import never, raises
from tests.faults.rows_bodies import LIMIT, zeros
from tests.faults.server import Connection, Fault, FaultServer, HttpMessage
from tests.faults.vendors import http
from unichat.errors import InvalidResponse


def redirect(status: int, target: str) -> Fault:
    """Send the client elsewhere; `{here}` and `{elsewhere}` are ports, `{path}` is what was asked for."""

    def fault(connection: Connection) -> bool:
        received = connection.read()
        server = connection.server
        to = target.format(here=server.port, elsewhere=server.elsewhere, path=received.target)
        body = b"" if status == 304 else b"moved"
        connection.write(http(status, body, content_type="text/html", location=to))
        return True

    return fault


def with_a_target(bench: Bench) -> None:
    """A second server, to which nothing may be sent: not the question, and not the key."""

    def unwelcome(_: HttpMessage) -> bytes:
        raise AssertionError("the target of a redirect was asked")

    target = bench.opened.enter_context(FaultServer(unwelcome, (good,)))
    bench.server.elsewhere = target.port

    def check_target() -> None:
        assert target.accepted == 0, "the target of a redirect was asked"

    bench.opened.callback(check_target)


_TARGETS = {
    "the same host": "{path}?again",
    "another port": "http://127.0.0.1:{elsewhere}{path}",
    "another host": "http://localhost:{elsewhere}{path}",
    "another scheme": "https://127.0.0.1:{elsewhere}{path}",
    "itself": "{path}",
    "a file": "file:///etc/passwd",
    "an invalid URL": "http://[",
}


def _redirect_row(status: int, where: str, target: str) -> Injection:
    return Injection(
        row=39,
        name=f"{status} to {where}",
        script=(redirect(status, target),),
        arrange=with_a_target,
        # A 303 answers a request that was acted on.
        expected=never(InvalidResponse, "redirect", delivered=status == 303),
    )


INJECTIONS = (
    *(_redirect_row(status, "another port", _TARGETS["another port"]) for status in range(300, 309)),
    *(
        _redirect_row(status, where, target)
        for status in (302, 307)
        for where, target in _TARGETS.items()
        if where != "another port"
    ),
    Injection(
        row=39,
        name="302 with ten megabytes of zeros in gzip",
        script=(send(http(302, zeros(), location="/elsewhere", content_encoding="gzip")),),
        settings={"body_limit": LIMIT},
        # Of a stream's refusal no more is read than says why.
        expected=never(InvalidResponse, "too_large", delivered=True).but(streamed=raises(InvalidResponse, "redirect")),
    ),
    Injection(
        row=39,
        name="302 without a Location",
        script=(send(http(302, b""), keep=True),),
        expected=never(InvalidResponse, "redirect"),
    ),
)
