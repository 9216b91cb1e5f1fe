"""Weighted rendezvous hashing: shares, and who moves when weights or members change."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.routing.rendezvous import choose_member, score

USERS = [f"user-{number}" for number in range(4000)]

weights = st.dictionaries(st.text(min_size=1, max_size=8), st.floats(0.001, 1000), min_size=1, max_size=5)


def test_choose_member_is_the_same_in_every_process_and_python() -> None:
    shares = {"kapa": 70.0, "kadal": 30.0}
    assert [choose_member(shares, user) for user in ("ada", "bob", "eve", "slack:U1", "é", "")] == PINNED
    assert score("kapa", "ada", 70) == pytest.approx(PINNED_SCORE, rel=1e-12)


@pytest.mark.parametrize("digest", [b"\0" * 8, b"\xff" * 8])
def test_score_of_the_least_and_the_greatest_hash_is_a_positive_number(
    monkeypatch: pytest.MonkeyPatch, digest: bytes
) -> None:
    monkeypatch.setattr("unichat.routing.rendezvous.blake2b", lambda *_, **__: SimpleNamespace(digest=lambda: digest))
    assert 0 < score("kapa", "ada", 1) < math.inf


@pytest.mark.parametrize("shares", [{"a": 70, "b": 30}, {"a": 1, "b": 1, "c": 2}, {"a": 0.05, "b": 0.95}])
def test_choose_member_gives_each_member_its_share_of_the_users(shares: dict[str, float]) -> None:
    chosen = [choose_member(shares, user) for user in USERS]
    for name, weight in shares.items():
        assert chosen.count(name) / len(USERS) == pytest.approx(weight / sum(shares.values()), abs=0.03)


@given(weights, st.text(max_size=20), st.floats(0.5, 20))
def test_choose_member_does_not_depend_on_scale_or_order(shares: dict[str, float], user: str, factor: float) -> None:
    chosen = choose_member(shares, user)
    assert choose_member(dict(reversed(shares.items())), user) == chosen
    best = sorted(score(name, user, weight) for name, weight in shares.items())
    if len(best) < 2 or best[-1] > best[-2] * (1 + 1e-9):
        assert choose_member({name: weight * factor for name, weight in shares.items()}, user) == chosen


@given(weights, st.text(max_size=20), st.data())
def test_a_weight_that_grows_draws_users_to_its_member_only(
    shares: dict[str, float], user: str, data: st.DataObject
) -> None:
    grown = data.draw(st.sampled_from(sorted(shares)))
    before = choose_member(shares, user)
    assert choose_member({**shares, grown: shares[grown] * 2}, user) in (before, grown)


@given(weights, st.text(max_size=20), st.text(min_size=1, max_size=8), st.floats(0.001, 1000))
def test_a_member_that_is_added_draws_users_to_itself_only(
    shares: dict[str, float], user: str, added: str, weight: float
) -> None:
    before = choose_member(shares, user)
    assert choose_member({**shares, added: weight} if added not in shares else shares, user) in (before, added)


@given(weights, st.text(max_size=20), st.data())
def test_a_member_that_leaves_moves_its_own_users_only(
    shares: dict[str, float], user: str, data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(sorted(shares)))
    before = choose_member(shares, user)
    rest = {name: weight for name, weight in shares.items() if name != gone}
    if rest and before != gone:
        assert choose_member(rest, user) == before


def test_exactly_the_share_moves_that_must() -> None:
    before = [choose_member({"a": 70, "b": 30}, user) for user in USERS]
    after = [choose_member({"a": 60, "b": 40}, user) for user in USERS]
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {("a", "b")}
    assert len(moved) / len(USERS) == pytest.approx(0.10, abs=0.02)


def test_names_and_users_are_kept_apart() -> None:
    assert score("ab", "c", 1) != score("a", "bc", 1)


PINNED = ["kapa", "kapa", "kadal", "kapa", "kadal", "kapa"]
PINNED_SCORE = 270.14549746301606
