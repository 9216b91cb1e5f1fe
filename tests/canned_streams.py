"""A stream of one answer, for the tests of whatever reads it."""

from tests.canned import CannedStream, bench, records

WHOLE = records(
    {"sources": ["https://x.org"]},
    {"text": "Hel"},
    {"text": "lo"},
    {"id": "a1", "thread": "t1"},
    {"end": True},
)


def respond(*pieces):
    """A client whose stream has these pieces, the body that they come from, and the stream, which nobody has read."""
    opening = CannedStream(pieces)
    made = bench(opening)
    return made, opening, made.client.stream("Hi?")
