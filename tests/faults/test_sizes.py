"""Rows 36 to 38 at their real limits: answers that are small on the wire and huge in memory."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import cache

import pytest

from faults.injection import reply
from faults.rows_bodies import endless_body, endless_chunks
from faults.server import Fault, FaultServer
from faults.vendors import VENDORS, chunked, http

_MEBIBYTE = 1024 * 1024

# A process of its own, so that the memory is that of one call.
_ASKING = """
import resource, sys
from faults.neutral import client_on
from unichat.errors import UnichatError

backend, url, call = sys.argv[1:]
client = client_on(backend, url)
with client_on(backend, "http://127.0.0.1:1", attempts=1) as warm:
    try:
        warm.chat("Load everything that a call needs.")
    except UnichatError:
        pass
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
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
        reply(lambda _: chunked([_gigabyte_in_members()], **_GZIP)),
        "InvalidResponse too_large True",
    ),
    "a gigabyte in a redirect": (
        reply(lambda _: http(302, _gigabyte_in_members(), location="/elsewhere", **_GZIP)),
        "InvalidResponse too_large True",
    ),
    "a gigabyte in a refusal": (
        reply(lambda _: http(403, _gigabyte_in_members(), **_GZIP)),
        "InvalidResponse too_large True",
    ),
    "a body without end": (endless_body, "InvalidResponse too_large True"),
    "chunks without end": (endless_chunks, "InvalidResponse too_large True"),
}
_STREAMED = ("a gigabyte in gzip", "a gigabyte in a gzip chunk", "a body without end", "a gigabyte in a refusal")


@pytest.mark.parametrize(
    ("call", "what"), [*(("chat", what) for what in _LARGE), *(("stream", what) for what in _STREAMED)]
)
def test_a_huge_answer_is_refused_at_the_limit_without_growing_in_memory(
    call: str, what: str, count: Callable[..., None]
) -> None:
    fault, expected = _LARGE[what]
    with FaultServer(VENDORS["kapa"], (fault,)) as server:
        done = subprocess.run(
            [sys.executable, "-c", _ASKING, "kapa", server.url, call],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=True,
        )
        *outcome, grown = done.stdout.splitlines()
        assert len(server.log) == 1
    if "refusal" in what and call == "stream":
        # Of a stream's refusal no more is read than is needed to say why.
        expected = "PermissionDenied  False"
    assert outcome == [expected]
    assert int(grown) < 64, f"memory grew by {grown} MiB"
    count(37 if "without end" in what else 36, f"{what}: {call}")
