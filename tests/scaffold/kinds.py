"""The kinds of packages that `new_adapter` writes, and names of every length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KINDS: Mapping[str, Mapping[str, Any]] = {
    "plain": {"api": "plain", "streams": False},
    "plain-streams": {"api": "plain", "streams": True},
    "openai": {"api": "openai", "streams": False},
    "openai-streams": {"api": "openai", "streams": True},
}
NAMES = ("acme", "x", "a1b_the_longest_name_that_is_2")
