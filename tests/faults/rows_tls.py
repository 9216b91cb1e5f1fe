"""Rows 16 to 24: TLS that fails, and proxies."""

from __future__ import annotations

from tests.faults.bench import Bench
from tests.faults.certificates import authority_file, context_for
from tests.faults.injection import DEADLINE, Injection, good, send
from tests.faults.outcome import Expected, every, exhausts, loses, never, raises, withholds
from tests.faults.rows_connection import close_after_reading, drip_the_head, reset_after_reading, say_nothing
from tests.faults.server import Connection, Fault, FaultServer
from tests.faults.vendors import http
from unichat.errors import ConnectionFailed, DeadlineExceeded, ServerError

# Faults. A server without TLS stands in where the handshake itself fails.


def never_shake_hands(connection: Connection) -> bool:
    """Take the client's hello and keep silent."""
    connection.receive()
    connection.wait()
    return False


def reset_the_handshake(connection: Connection) -> bool:
    """Take the client's hello and reset."""
    connection.receive()
    connection.reset()
    return False


def close_the_handshake(connection: Connection) -> bool:
    """Take the client's hello and close."""
    connection.receive()
    return False


def refuse_in_plain_http(connection: Connection) -> bool:
    """Answer the client's hello in plain HTTP."""
    connection.receive()
    connection.write(http(400, b"plain HTTP", content_type="text/plain"))
    return False


def refuse_the_tunnel(status: int) -> Fault:
    """As a proxy: answer CONNECT with a refusal."""

    def fault(connection: Connection) -> bool:
        connection.read()
        connection.write(http(status, b"<html>no</html>", content_type="text/html"))
        return False

    return fault


def through(fault: Fault) -> Fault:
    """As a proxy: make the tunnel, and be the vendor at its end too."""

    def tunnel(connection: Connection) -> bool:
        connection.read()
        connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.socket = context_for("good").wrap_socket(connection.socket, server_side=True)
        return fault(connection)

    return tunnel


# Surroundings


def over_tls(bench: Bench) -> None:
    """The client speaks TLS, and trusts the bench's authority."""
    bench.url = bench.server.url.replace("http:", "https:")
    bench.settings["ca_bundle"] = authority_file()


def in_the_clear(bench: Bench) -> None:
    """The client speaks plain HTTP to a port that speaks TLS."""
    bench.url = bench.server.url.replace("https:", "http:")


def through_a_proxy(bench: Bench) -> None:
    """The server is the proxy, and the vendor is behind it."""
    bench.url = "http://vendor.invalid"
    bench.settings["allow_insecure"] = True
    bench.patch.setenv("HTTP_PROXY", bench.server.url)


def through_a_tunnel(bench: Bench) -> None:
    """The server is the proxy, and the vendor is behind it, with TLS."""
    bench.url = "https://vendor.invalid"
    bench.patch.setenv("HTTPS_PROXY", bench.server.url)


def through_a_good_tunnel(bench: Bench) -> None:
    """The server is the proxy, makes the tunnel, and is the vendor as well."""
    over_tls(bench)
    # A proxy is never asked for this machine.
    bench.url = bench.url.replace("127.0.0.1", "vendor.invalid")
    bench.patch.setenv("HTTPS_PROXY", bench.server.url)


def through_a_closed_proxy(bench: Bench) -> None:
    """The proxy's port is closed."""
    through_a_tunnel(bench)
    with FaultServer(bench.server.vendor, (good,), listening=False) as closed:
        bench.patch.setenv("HTTPS_PROXY", closed.url)


_PATIENCE = {"connect_timeout": 0.08}


def _certificate_row(row: int, kind: str) -> Injection:
    return Injection(
        row=row,
        name=f"certificate {kind}",
        server={"tls": kind},
        arrange=over_tls,
        expected=never(ConnectionFailed, "certificate", seen=0),
    )


def _lost_answer_row(row: int, fault: Fault, *kinds: str) -> tuple[Injection, ...]:
    """The answer is lost between a proxy and the client: the question was received all the same."""
    what = (fault.__doc__ or "").partition("\n")[0].lower().rstrip(".")
    return (
        Injection(
            row=row,
            name=f"through a plain proxy: {what}",
            script=(fault, good),
            arrange=through_a_proxy,
            expected=withholds(ConnectionFailed, *kinds),
        ),
        Injection(
            row=row,
            name=f"through a tunnel: {what}",
            script=(through(fault), through(good)),
            arrange=through_a_good_tunnel,
            expected=withholds(ConnectionFailed, *kinds),
        ),
    )


_BAD_GATEWAY = http(502, b"<html><h1>Bad gateway</h1></html>", content_type="text/html")
_NO_TUNNEL: Expected = exhausts(ConnectionFailed, "proxy", seen=0)

INJECTIONS = (
    # Through TLS, a reset and an end look alike.
    *_lost_answer_row(6, reset_after_reading, "reset", "closed"),
    *_lost_answer_row(7, close_after_reading, "closed"),
    Injection(
        row=8,
        name="through a tunnel: silence",
        script=(through(say_nothing),),
        arrange=through_a_good_tunnel,
        settings={"deadline": DEADLINE},
        expected=every(raises(DeadlineExceeded, delivered=True, stopped_by="deadline")),
    ),
    Injection(
        row=8,
        name="silence over TLS",
        script=(say_nothing,),
        server={"tls": "good"},
        arrange=over_tls,
        settings={"deadline": DEADLINE},
        expected=every(raises(DeadlineExceeded, delivered=True, stopped_by="deadline")),
    ),
    Injection(
        row=9,
        name="head sent byte by byte over TLS",
        script=(drip_the_head,),
        server={"tls": "good"},
        arrange=over_tls,
        settings={"deadline": DEADLINE},
        expected=every(raises(DeadlineExceeded, delivered=True, stopped_by="deadline")),
    ),
    Injection(
        row=16,
        name="TLS handshake never answered, past the deadline",
        script=(never_shake_hands,),
        arrange=over_tls,
        settings={"deadline": DEADLINE},
        expected=every(raises(DeadlineExceeded, delivered=False, stopped_by="deadline", seen=0)),
    ),
    Injection(
        row=16,
        name="TLS handshake never answered",
        script=(never_shake_hands,),
        arrange=over_tls,
        settings=_PATIENCE,
        expected=exhausts(ConnectionFailed, "tls", seen=0),
    ),
    Injection(
        row=17,
        name="TLS handshake reset",
        script=(reset_the_handshake,),
        arrange=over_tls,
        expected=exhausts(ConnectionFailed, "tls", seen=0),
    ),
    Injection(
        row=17,
        name="TLS handshake closed",
        script=(close_the_handshake,),
        arrange=over_tls,
        expected=exhausts(ConnectionFailed, "tls", seen=0),
    ),
    _certificate_row(18, "expired"),
    _certificate_row(19, "untrusted"),
    _certificate_row(20, "wrong host"),
    Injection(
        row=21,
        name="TLS to a plain port",
        script=(refuse_in_plain_http,),
        arrange=over_tls,
        expected=exhausts(ConnectionFailed, "tls", seen=0),
    ),
    Injection(
        row=21,
        name="plain HTTP to a TLS port",
        server={"tls": "good"},
        arrange=in_the_clear,
        # Such a server only closes: by what it sees, a client cannot tell that nobody read the question.
        expected=loses(3, ConnectionFailed, "closed", "reset", seen=0),
    ),
    Injection(row=22, name="proxy's port closed", arrange=through_a_closed_proxy, expected=_NO_TUNNEL),
    Injection(
        row=22,
        name="proxy refuses the tunnel",
        script=(refuse_the_tunnel(403),),
        arrange=through_a_tunnel,
        expected=_NO_TUNNEL,
    ),
    Injection(
        row=23,
        name="407 to the tunnel",
        script=(refuse_the_tunnel(407),),
        arrange=through_a_tunnel,
        expected=never(ConnectionFailed, "proxy", seen=0),
    ),
    Injection(
        row=23,
        name="407 from a plain proxy",
        script=(send(http(407, b"<html>who?</html>", content_type="text/html")),),
        arrange=through_a_proxy,
        expected=never(ConnectionFailed, "proxy"),
    ),
    Injection(
        row=24,
        name="HTML 502 from a plain proxy",
        script=(send(_BAD_GATEWAY, keep=True),),
        arrange=through_a_proxy,
        expected=exhausts(ServerError, delivered=True),
    ),
    Injection(
        row=24,
        name="HTML 502 to the tunnel",
        script=(refuse_the_tunnel(502),),
        arrange=through_a_tunnel,
        # It was the proxy that answered, and the vendor has not heard of the question.
        expected=_NO_TUNNEL,
    ),
)
