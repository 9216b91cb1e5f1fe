"""What was packed comes out whole, however it is cut, and never more of it at a time than was asked for."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.transport.h11.decompression import (
    DecompressionError,
    Decompressor,
    Identity,
    ZlibDecompressor,
    decompressor_for,
)

MOST = 1_000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def in_members(data: bytes) -> bytes:
    return b"".join(gzip.compress(data[at : at + 100]) for at in range(0, len(data), 100)) or gzip.compress(b"")


PACKED = {
    "gzip": ("gzip", gzip.compress),
    "gzip in members": ("gzip", in_members),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "identity": ("", lambda data: data),
}


def unpack(decompressor: Decompressor, pieces: list[bytes], most: int = MOST) -> bytes:
    unpacked = bytearray()
    for piece in pieces:
        decompressor.feed(piece)
        while taken := decompressor.take(most):
            assert len(taken) <= most
            unpacked += taken
    decompressor.finish()
    return bytes(unpacked)


def fresh(encoding: str) -> Decompressor:
    decompressor = decompressor_for(encoding)
    assert decompressor is not None
    return decompressor


@pytest.mark.parametrize("way", PACKED)
@given(
    data=st.one_of(st.binary(max_size=3_000), st.binary(min_size=1, max_size=3).map(lambda part: part * 20_000)),
    size=st.integers(1, 5_000),
    most=st.sampled_from([1, 7, 1_000, 65_536]),
)
def test_what_was_packed_comes_out_however_it_is_cut(way: str, data: bytes, size: int, most: int) -> None:
    encoding, pack = PACKED[way]
    data = data[: most * 500]
    packed = pack(data)
    # Every byte by itself only where there are few.
    size = max(size, len(packed) // 500)
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert unpack(fresh(encoding), pieces, most) == data


@pytest.mark.parametrize("way", ["gzip", "deflate", "raw deflate"])
@given(data=st.binary(min_size=1, max_size=500), cut=st.floats(0, 1, exclude_max=True))
def test_what_was_cut_anywhere_is_noticed(way: str, data: bytes, cut: float) -> None:
    encoding, pack = PACKED[way]
    packed = pack(data)
    with pytest.raises(DecompressionError):
        unpack(fresh(encoding), [packed[: max(1, int(len(packed) * cut))]])


@given(data=st.binary(min_size=1, max_size=200), encoding=st.sampled_from(["gzip", "deflate"]))
def test_what_was_never_packed_is_refused_or_cut_but_no_other_error(data: bytes, encoding: str) -> None:
    with suppress(DecompressionError):
        unpack(fresh(encoding), [data])


@pytest.mark.parametrize("encoding", ["gzip", "deflate", ""])
def test_an_empty_body_is_empty_whatever_its_encoding(encoding: str) -> None:
    assert unpack(fresh(encoding), []) == unpack(fresh(encoding), [b""]) == b""


@pytest.mark.parametrize("behind", [b"\0" * 40, b"garbage", b"\x1f", b"\x1fx"])
@pytest.mark.parametrize("size", [1, 10_000])
def test_what_follows_the_last_member_and_is_not_one_is_ignored(behind: bytes, size: int) -> None:
    packed = gzip.compress(b"whole") + behind
    assert unpack(fresh("gzip"), [packed[at : at + size] for at in range(0, len(packed), size)]) == b"whole"


def test_what_follows_a_deflated_body_is_ignored() -> None:
    assert unpack(fresh("deflate"), [zlib.compress(b"whole") + gzip.compress(b"other"), b"more"]) == b"whole"


def test_a_bomb_is_unpacked_only_as_far_as_it_is_taken() -> None:
    packer = zlib.compressobj(9)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = block + (packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)) * 200
    decompressor = fresh("deflate")
    tracemalloc.start()
    try:
        decompressor.feed(bomb)
        for _ in range(16):
            assert len(decompressor.take(65_536)) == 65_536
        assert tracemalloc.get_traced_memory()[1] < 2 * len(bomb) + 2**20
    finally:
        tracemalloc.stop()


def test_thousands_of_empty_members_are_passed_over_without_copying_the_rest_for_each() -> None:
    decompressor = fresh("gzip")
    tracemalloc.start()
    try:
        decompressor.feed(gzip.compress(b"") * 10_000)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        assert decompressor.take(65_536) == b""
        assert tracemalloc.get_traced_memory()[1] - before < 100_000
    finally:
        tracemalloc.stop()
    decompressor.finish()


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [
        ("gzip", ZlibDecompressor),
        ("X-GZIP", ZlibDecompressor),
        (" Deflate ", ZlibDecompressor),
        ("identity", Identity),
        ("", Identity),
        ("br", Identity),
        ("sdch", Identity),
        ("gzip, gzip", type(None)),
        ("gzip,", type(None)),
    ],
)
def test_an_encoding_is_known_by_its_name(encoding: str, kind: type) -> None:
    assert type(decompressor_for(encoding)) is kind
