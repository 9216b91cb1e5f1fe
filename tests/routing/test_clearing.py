"""Clearing on a route: wherever it can be done, with what each member did."""

from __future__ import annotations

import pytest

from tests.routing.conftest import Vendors
from unichat.errors import InvalidInput, ServerError, Unsupported
from unichat.models import ClearOutcome, ClearResult


def test_clear_history_of_a_user_clears_with_every_member(vendors: Vendors) -> None:
    client = vendors.fallback()
    vendors.kapa.answers("one").fails("503")
    vendors.kadal.answers("two")
    client.chat("one", user="ada")
    client.chat("two", user="ada")
    result = client.clear_history(user="ada")
    assert (result.outcome, result.user, list(result.parts)) == (ClearOutcome.CLEARED, "ada", ["kapa", "kadal"])
    assert [attempt.profile for attempt in result.call.attempts] == ["kapa", "kadal"]
    assert list(client.history(user="ada")) == []


def test_clear_history_of_a_thread_is_its_owners_alone(vendors: Vendors) -> None:
    client = vendors.fallback()
    vendors.kapa.answers("one")
    result = client.clear_history(client.chat("one"))
    assert result.outcome is ClearOutcome.CLEARED
    assert list(result.parts) == ["kapa"]
    assert vendors.kadal.calls == []


@pytest.mark.parametrize("fault", ["503", "401", "404", "silence"])
def test_a_member_that_could_not_clear_is_a_part_with_its_error(vendors: Vendors, fault: str) -> None:
    client = vendors.fallback(deadline=8)
    vendors.kapa.fails(fault)
    result = client.clear_history(user="ada")
    assert result.outcome is ClearOutcome.CLEARED
    assert isinstance(result.parts["kapa"], Exception)
    assert isinstance(result.parts["kadal"], ClearResult)
    assert [attempt.profile for attempt in result.call.attempts] == ["kapa", "kadal"]


def test_a_member_that_cannot_clear_at_all_says_so_in_its_part(vendors: Vendors) -> None:
    vendors.kapa.capabilities(clear_history=False)
    client = vendors.fallback()
    result = client.clear_history(user="ada")
    assert result.outcome is ClearOutcome.CLEARED
    assert isinstance(result.parts["kapa"], Unsupported)
    dropped = client.clear_history(user="ada", on_unsupported="drop")
    assert dropped.outcome is ClearOutcome.CLEARED
    assert dropped.parts["kapa"].outcome is ClearOutcome.DETACHED  # type: ignore[union-attr]


def test_what_no_member_could_clear_is_an_error_that_names_each(vendors: Vendors) -> None:
    vendors.kapa.capabilities(clear_history=False)
    client = vendors.fallback()
    vendors.kadal.fails("503")
    with pytest.raises(ServerError, match=r"kapa: .*no call that clears.*kadal: HTTP 503"):
        client.clear_history(user="ada")


def test_a_mistake_of_the_callers_is_raised_before_anything_is_cleared(vendors: Vendors) -> None:
    client = vendors.fallback()
    with pytest.raises(InvalidInput):
        client.clear_history(user="")
    with pytest.raises(Unsupported):
        client.clear_history(user="ada", unknown=True)
    assert vendors.kapa.calls == vendors.kadal.calls == []
