"""Rows 36 to 38 at their real limits: answers that are small on the wire and huge in memory."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache

from tests.faults.injection import reply
from tests.faults.rows_bodies import endless_body, endless_chunks
from tests.faults.server import Fault, FaultServer
from tests.faults.vendors import VENDORS, encode_chunks, http

_MEBIBYTE = 1024 * 1024

# A process of its own, so that the memory is that of these calls. What it grows by is the most that any of them took.
_ASKING = """
import resource, sys
from functools import partial
from tests.blocking import Loop
from tests.faults.neutral import async_client_on, sync_client_on
from unichat.errors import UnichatError

transport, *cases = sys.argv[1:]
client_on = sync_client_on if transport == "requests" else partial(async_client_on, Loop())
with client_on("kapa", "http://127.0.0.1:1", attempts=1) as warm:
    try:
        warm.chat("Load everything that a call needs.")
    except UnichatError:
        pass
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for case in cases:
    call, url = case.split(" ")
    with client_on("kapa", url) as client:
        try:
            if call == "stream":
                with client.stream("How do I install it?") as pieces:
                    list(pieces)
            else:
                client.chat("How do I install it?")
        except UnichatError as error:
            print(type(error).__name__, getattr(error, "kind", ""), error.maybe_delivered)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@cache
def _gigabyte() -> bytes:
    """A gigabyte of zeros as a megabyte of deflate: one block of a mebibyte, a thousand times."""
    packer = zlib.compressobj(9)
    start = packer.compress(bytes(_MEBIBYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(_MEBIBYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * 1_000


@cache
def _gigabyte_in_members() -> bytes:
    """The same as a thousand members of gzip."""
    return gzip.compress(bytes(_MEBIBYTE)) * 1_000


_DEFLATE, _GZIP = {"content_encoding": "deflate"}, {"content_encoding": "gzip"}
_LARGE: dict[str, tuple[Fault, str]] = {
    "a gigabyte in deflate": (reply(lambda _: http(200, _gigabyte(), **_DEFLATE)), "InvalidResponse too_large True"),
    "a gigabyte in gzip": (
        reply(lambda _: http(200, _gigabyte_in_members(), **_GZIP)),
        "InvalidResponse too_large True",
    ),
    "a gigabyte in a gzip chunk": (
        reply(lambda _: encode_chunks([_gigabyte_in_members()], **_GZIP)),
        "InvalidResponse too_large True",
    ),
    "a gigabyte in a redirect": (
        reply(lambda _: http(302, _gigabyte_in_members(), location="/elsewhere", **_GZIP)),
        "InvalidResponse too_large True",
    ),
    "a gigabyte in a refusal": (
        # The status says what matters, whatever becomes of the body.
        reply(lambda _: http(403, _gigabyte_in_members(), **_GZIP)),
        "PermissionDenied  False",
    ),
    "a body without end": (endless_body, "InvalidResponse too_large True"),
    "chunks without end": (endless_chunks, "InvalidResponse too_large True"),
}
_STREAMED = ("a gigabyte in gzip", "a gigabyte in a gzip chunk", "a body without end", "a gigabyte in a refusal")


_CASES = [*(("chat", what) for what in _LARGE), *(("stream", what) for what in _STREAMED)]


def test_huge_answers_are_refused_at_the_limit_without_growing_in_memory(
    transport: str, count: Callable[..., None]
) -> None:
    with ExitStack() as opened:
        servers = [opened.enter_context(FaultServer(VENDORS["kapa"], (_LARGE[what][0],))) for _, what in _CASES]
        cases = [f"{call} {server.url}" for (call, _), server in zip(_CASES, servers, strict=True)]
        done = subprocess.run(
            [sys.executable, "-c", _ASKING, transport, *cases],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
            timeout=240,
            check=True,
        )
        assert [len(server.log) for server in servers] == [1] * len(_CASES)
    *outcomes, grown = done.stdout.splitlines()
    for (call, what), outcome in zip(_CASES, outcomes, strict=True):
        assert outcome == _LARGE[what][1], f"{what}: {call}"
        count(37 if "without end" in what else 36, f"{what}: {call}")
    assert int(grown) < 64, f"memory grew by {grown} MiB"
