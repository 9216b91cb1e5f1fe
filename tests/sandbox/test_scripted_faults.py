"""The faults that a simulated vendor was told to have."""

from __future__ import annotations

import pytest

import unichat.sandbox
from unichat.errors import ServerError
from unichat.sandbox import SandboxError
from unichat.sandbox.scripted_faults import ScriptedFaults, check_fault


def names(faults, count):
    return [None if fault is None else fault.name for fault in (faults.take() for _ in range(count))]


def test_faults_come_in_the_order_in_which_they_were_told_each_so_many_times():
    faults = ScriptedFaults()
    faults.add("503", 2)
    faults.add("418")
    assert faults.describe() == [{"fault": "503", "times": 2}, {"fault": "418", "times": 1}]
    assert names(faults, 4) == ["503", "503", "418", None]


def test_a_fault_without_an_end_lasts_until_it_is_cleared():
    faults = ScriptedFaults()
    faults.add("reset_after_send", None)
    assert names(faults, 3) == ["reset_after_send"] * 3
    faults.clear()
    assert names(faults, 1) == [None]


def test_a_fault_that_happens_once_happens_once():
    faults = ScriptedFaults()
    faults.add("503_once", None)
    assert names(faults, 2) == ["503_once", None]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("reset_after_sent", "did you mean reset_after_send?"),
        ("", "there are good"),
        ("600", "every status"),
        (5, "no fault is called 5"),
        ("dns", "needs another connection"),
        ("certificate", "needs another connection"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_the_nearest_name(name, words):
    with pytest.raises(SandboxError, match="fault") as caught:
        check_fault(name)
    assert words in str(caught.value)


@pytest.mark.parametrize("times", [0, -1, True, 1.5, "2"])
def test_times_is_a_whole_number(times):
    with pytest.raises(SandboxError, match="times is"):
        ScriptedFaults().add("503", times)


def test_a_box_has_faults_for_each_backend_until_it_is_reset():
    with unichat.sandbox.start() as box:
        box.fail("kapa", "503", times=2)
        with unichat.connect("kadal", **box.settings("kadal"), attempts=1) as kadal:
            assert kadal.chat("What is a thread?").text
        with unichat.connect("kapa", **box.settings("kapa"), attempts=1) as kapa:
            with pytest.raises(ServerError):
                kapa.chat("What is a thread?")
            assert [each.path.rpartition("/chat/")[1] for each in box.simulator("kapa").requests] == ["/chat/"]
            box.reset()
            assert kapa.chat("What is a thread?").text
        with pytest.raises(SandboxError, match="no simulator of 'kappa'"):
            box.fail("kappa", "503")
