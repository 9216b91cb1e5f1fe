"""The faults that are scripted for a simulated vendor: by name, in order, each so many times."""

from __future__ import annotations

import threading
from difflib import get_close_matches

from attrs import define

from unichat._text.printable import format_value
from unichat.sandbox.errors import SandboxError
from unichat.testing.faults import FAULTS, Fault, find_fault


@define
class PlannedFault:
    """A fault, and how many requests it is still to meet; None for all until the sandbox is reset."""

    fault: Fault
    times: int | None


class ScriptedFaults:
    """The faults of one simulator. Usable from any thread."""

    def __init__(self) -> None:
        self._planned: list[PlannedFault] = []
        self._lock = threading.Lock()

    def add(self, name: str, times: int | None = 1) -> None:
        """Plan a fault, after those that are planned already.

        Args:
            name: a key of `unichat.testing.FAULTS` that a connection can show, or a status.
            times: how many requests it meets, from 1; None for all.

        Raises:
            SandboxError: there is no such fault, or it needs another connection than one to a sandbox.
        """
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            raise SandboxError(f"times is {format_value(times)}: give a whole number from 1, or None for all requests")
        fault = check_fault(name)
        with self._lock:
            self._planned.append(PlannedFault(fault, 1 if fault.once else times))

    def take(self) -> Fault | None:
        """Return the fault that the next request meets, which counts as met; None if it meets none."""
        with self._lock:
            if not self._planned:
                return None
            first = self._planned[0]
            if first.times is not None:
                first.times -= 1
                if first.times == 0:
                    self._planned.pop(0)
            return first.fault

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._planned.clear()

    def describe(self) -> list[dict[str, str | int | None]]:
        """Return what is planned, in order, as JSON."""
        with self._lock:
            return [{"fault": each.fault.name, "times": each.times} for each in self._planned]


def check_fault(name: object) -> Fault:
    """Return the fault of that name.

    Raises:
        SandboxError: there is none, or an accepted connection cannot show it.
    """
    possible = [each.name for each in FAULTS.values() if each.serve is not None]
    problem = f"no fault is called {format_value(name)}"
    try:
        fault = find_fault(str(name))
    except ValueError:
        nearest = get_close_matches(str(name), possible, n=1)
        meant = f" (did you mean {nearest[0]}?)" if nearest else ""
        raise SandboxError(f"{problem}{meant}; there are {', '.join(possible)}, and every status") from None
    if fault.serve is None:
        raise SandboxError(
            f"the fault {fault.name} needs another connection than one to a sandbox; there are {', '.join(possible)}"
        )
    return fault
