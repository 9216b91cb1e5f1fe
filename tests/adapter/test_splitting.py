"""Records cut out of a stream of bytes, wherever the network cut it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.adapter.splitting import DelimiterSplitter, LineSplitter

BYTES = st.lists(
    st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\r\n", b"\xe2", b"\x90\x9e", b"\xe2\x90\x9e"]), max_size=12
)


def split(splitter, pieces):
    return [record for piece in pieces for record in splitter.split(piece)]


def cut(data, places):
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(bounds)]


@given(BYTES, st.lists(st.integers(0, 50), max_size=5), st.sampled_from([b"\n", b"\r\n", b"\xe2\x90\x9e"]))
def test_a_delimiter_splitter_gives_the_same_records_wherever_the_bytes_are_cut(parts, places, delimiter):
    data = b"".join(parts)
    splitter = DelimiterSplitter(delimiter)
    records = split(splitter, cut(data, places))
    assert [*records, splitter.rest] == data.split(delimiter)


@given(BYTES, st.lists(st.integers(0, 50), max_size=5))
def test_a_line_splitter_gives_the_same_lines_wherever_the_bytes_are_cut(parts, places):
    data = b"".join(parts)
    whole, pieces = LineSplitter(), LineSplitter()
    lines = whole.split(data)
    assert split(pieces, cut(data, places)) == lines
    assert pieces.rest == whole.rest


@pytest.mark.parametrize(
    ("pieces", "lines", "rest"),
    [
        ([b"a\nb\rc\r\nd"], [b"a", b"b", b"c"], b"d"),
        ([b"a\r", b"\nb\n"], [b"a", b"b"], b""),
        ([b"a\r", b"b\r\r\n"], [b"a", b"b", b""], b""),
        ([b"\n\n"], [b"", b""], b""),
    ],
)
def test_a_line_splitter_ends_a_line_at_lf_cr_and_crlf(pieces, lines, rest):
    splitter = LineSplitter()
    assert split(splitter, pieces) == lines
    assert splitter.rest == rest


def test_pending_bytes_of_a_record_are_counted_but_for_what_may_begin_a_delimiter():
    splitter = DelimiterSplitter(b"||")
    assert splitter.split(b"abc|") == []
    assert (splitter.pending, splitter.rest) == (3, b"abc|")
    assert splitter.split(b"|d||") == [b"abc", b"d"]
    assert (splitter.pending, splitter.rest) == (0, b"")
