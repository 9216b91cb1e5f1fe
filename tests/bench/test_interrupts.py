"""Ctrl-C at random moments; `tox -e stress` tries far more."""

import os

import pytest

from bench.interrupts import run


@pytest.mark.skipif(os.name == "nt", reason="a process cannot be sent Ctrl-C there")
def test_interrupts_at_random_moments_hang_nothing_and_take_nothing_away():
    tally = run(400)
    assert tally.good, tally
    assert tally.interrupts == 400
