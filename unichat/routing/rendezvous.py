"""Weighted rendezvous hashing: each user has one member, and moves only where weights or members make them move.

Every member gets a score for the user, `-weight / ln(h)` with `h` in (0, 1) from a hash of the member's name and the
user's id, and the highest score wins. A member's share is its weight among all weights. If its weight grows, users move
to it and to no other; if a member is added or leaves, only its own users move.

The hash is BLAKE2b, which is the same in every process and with every version of Python.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import blake2b


def choose_member(weights: Mapping[str, float], user: str) -> str:
    """Return the name of the member that a user belongs to.

    Args:
        weights: by the members' names, positive.
        user: the user's id.
    """
    return max(weights, key=lambda name: score(name, user, weights[name]))


def score(member: str, user: str, weight: float) -> float:
    """Return a member's score for a user: a positive number."""
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    text = f"{len(member)}:{member}{user}".encode("utf-8", "surrogatepass")
    number = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
    # Of 52 bits, so that a float holds the half as well: never 0, and never 1.
    return -weight / math.log(((number >> 12) + 0.5) / 2**52)
